#include "runtime/code_cache.h"

#include "base/build_id.h"

namespace quartet::runtime {

Result<std::shared_ptr<CodeCache>> CodeCache::open(const std::string& folder, int64_t maxBytes) {
  std::string build = buildId();
  if (build.empty()) {
    return resourceError("this program has no build id, by which it would know its own code",
                         "compiled code", "link it with -Wl,--build-id");
  }
  auto disk = QT_TRY(DiskCache::open(folder, maxBytes));
  return std::shared_ptr<CodeCache>(new CodeCache(std::move(disk), std::move(build)));
}

std::string CodeCache::fullKey(std::string_view kind, std::string_view key) const {
  std::string full(kind);
  full += '\n';
  full += build_;
  full += '\n';
  full += key;
  return full;
}

std::optional<std::vector<std::byte>> CodeCache::get(std::string_view kind, std::string_view key) {
  return disk_->get(fullKey(kind, key));
}

void CodeCache::put(std::string_view kind, std::string_view key, std::span<const std::byte> code) {
  disk_->put(fullKey(kind, key), code);
}

}  // namespace quartet::runtime
