#include "api/tuning_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace quartet::api {
namespace {

std::optional<std::pair<TuningKey, double>> parseLine(const std::string& line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto text = [&](const char* key) -> std::optional<std::string> {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
  };
  const auto kernels = text("kernels");
  const auto device = text("device");
  const auto driver = text("driver");
  const auto time = json.find("microseconds");
  if (!kernels || !device || !driver || time == json.end() || !time->is_number()) {
    return std::nullopt;
  }
  const auto microseconds = time->get<double>();
  if (!std::isfinite(microseconds) || microseconds <= 0) return std::nullopt;
  return std::pair(TuningKey{*kernels, *device, *driver}, microseconds);
}

/// Whether the file ends in the middle of a line.
bool endsInside(int file) {
  const off_t end = ::lseek(file, 0, SEEK_END);
  char last = '\n';
  return end > 0 && ::pread(file, &last, 1, end - 1) == 1 && last != '\n';
}

/// One write, at the end of the file whatever others append: lines do not mix.
int appendLine(const std::string& path, std::string line) {
  constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  const int file = ::open(path.c_str(), kFlags, 0600);
  if (file < 0) return errno;
  if (endsInside(file)) line.insert(0, 1, '\n');
  const ssize_t written = ::write(file, line.data(), line.size());
  const int error = written < 0 ? errno : 0;
  ::close(file);
  return error != 0 ? error : static_cast<size_t>(written) == line.size() ? 0 : ENOSPC;
}

}  // namespace

Result<std::shared_ptr<TuningStore>> TuningStore::open(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::exists(folder, error)) {
    fs::create_directories(folder, error);
    if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  }
  if (error) {
    return resourceError("the folder of measured times cannot be made: " + error.message(), folder,
                         "name another (QUARTET_TUNING), or off");
  }
  const std::string path = folder + "/" + kFile;
  std::shared_ptr<TuningStore> store(new TuningStore(path));
  if (!fs::exists(path, error)) return store;
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!fs::is_regular_file(path, error) || !file || (text.fail() && fs::file_size(path) > 0)) {
    return resourceError("the measured times cannot be read", path,
                         "name another folder (QUARTET_TUNING), or off");
  }
  store->read(text.str());
  return store;
}

std::shared_ptr<TuningStore> TuningStore::inMemory(std::string problem) {
  std::shared_ptr<TuningStore> store(new TuningStore(""));
  store->problem_ = std::move(problem);
  return store;
}

void TuningStore::read(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto entry = parseLine(line);
    if (!entry) continue;
    const auto [found, fresh] = times_.insert(*entry);
    if (!fresh) found->second = std::min(found->second, entry->second);
  }
}

std::optional<double> TuningStore::find(const TuningKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = times_.find(key);
  if (found == times_.end()) return std::nullopt;
  return found->second;
}

void TuningStore::add(const TuningKey& key, double microseconds) {
  const std::lock_guard lock(mutex_);
  const auto [found, fresh] = times_.emplace(key, microseconds);
  if (!fresh) found->second = std::min(found->second, microseconds);
  if (path_.empty() || !problem_.empty()) return;
  const nlohmann::json json{{"kernels", key.kernels},
                            {"device", key.device},
                            {"driver", key.driver},
                            {"microseconds", microseconds}};
  constexpr auto kReplace = nlohmann::json::error_handler_t::replace;  // names that are not UTF-8
  if (const int error = appendLine(path_, json.dump(-1, ' ', false, kReplace) + "\n")) {
    problem_ = path_ + ": " + std::strerror(error);
  }
}

std::string TuningStore::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace quartet::api
