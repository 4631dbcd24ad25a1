// Generated code on disk, for the next compilation of the same kernels.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk_cache.h"

namespace quartet::runtime {

/// What backends keep between processes. An entry belongs to the build of Quartet that made it
/// (base/build_id.h), since the code generators are a part of what code depends on: a rebuilt
/// program finds nothing of another's, and no version has to be raised by hand. Thread-safe.
class CodeCache {
 public:
  /// An error (Resource) says why there is none: the folder does not serve (DiskCache::open), or
  /// this program has no build id.
  static Result<std::shared_ptr<CodeCache>> open(const std::string& folder, int64_t maxBytes);

  /// `kind` names the generator and its product; `key` is all else that the code depends on: the
  /// kernel, the target, the tools.
  std::optional<std::vector<std::byte>> get(std::string_view kind, std::string_view key);
  void put(std::string_view kind, std::string_view key, std::span<const std::byte> code);

  /// Why nothing is stored any more: empty as long as all is well.
  std::string problem() const { return disk_->problem(); }

 private:
  CodeCache(std::shared_ptr<DiskCache> disk, std::string build)
      : disk_(std::move(disk)), build_(std::move(build)) {}
  std::string fullKey(std::string_view kind, std::string_view key) const;

  std::shared_ptr<DiskCache> disk_;
  std::string build_;
};

}  // namespace quartet::runtime
