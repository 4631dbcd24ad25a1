#include "api/code_cache.h"

#include <cstdlib>

#include "base/env.h"

namespace quartet::api {
namespace {

constexpr int64_t kMebibytes = 256;

/// The user's folder for caches, as the XDG base directory specification has it.
std::string defaultFolder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr && value[0] == '/' ? value : "");
  };
  if (const std::string caches = variable("XDG_CACHE_HOME"); !caches.empty()) {
    return caches + "/quartet";
  }
  const std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.cache/quartet";
}

std::string folderOf(const std::optional<std::string>& named) {
  return named ? *named : defaultFolder();
}

}  // namespace

std::string CodeCache::note() const {
  const std::string what = disk ? disk->problem() : problem;
  return what.empty() ? what : "compiled code is not kept: " + what;
}

Result<CodeCache> openCodeCache(bool wanted) {
  const auto named = QT_TRY(envPath(EnvSwitch::Cache));
  const auto mebibytes = QT_TRY(envNumber(EnvSwitch::CacheMebibytes));
  CodeCache cache;
  if (!wanted || named == "off") return cache;
  const std::string folder = folderOf(named);
  if (folder.empty()) {
    cache.problem = "none of QUARTET_CACHE, XDG_CACHE_HOME and HOME names a folder for it";
    return cache;
  }
  constexpr int64_t kMost = INT64_MAX >> 20;
  auto disk =
      runtime::CodeCache::open(folder, std::min(mebibytes.value_or(kMebibytes), kMost) << 20);
  if (disk) {
    cache.disk = *std::move(disk);
  } else {
    cache.problem = disk.error().where + ": " + disk.error().message;
  }
  return cache;
}

Result<std::shared_ptr<TuningStore>> openTuningStore() {
  const auto named = QT_TRY(envPath(EnvSwitch::Tuning));
  const std::string folder = folderOf(named ? named : QT_TRY(envPath(EnvSwitch::Cache)));
  if (folder.empty() || folder == "off") return TuningStore::inMemory();
  auto store = TuningStore::open(folder);
  if (store || named) return store;
  return TuningStore::inMemory(store.error().where + ": " + store.error().message);
}

}  // namespace quartet::api
