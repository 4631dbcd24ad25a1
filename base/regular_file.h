// Files that users name, opened for reading.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace quartet {

/// A regular file that is open for reading; closed at the end.
class RegularFile {
 public:
  /// An error (User, `where`: "file 'path'") when it cannot be opened or is no regular file: a
  /// folder, a pipe or a device has no size, may block and need not end. Never blocks.
  static Result<RegularFile> open(const std::string& path);
  RegularFile(RegularFile&& other) noexcept;
  RegularFile& operator=(RegularFile&& other) noexcept;
  ~RegularFile();

  int descriptor() const { return descriptor_; }
  int64_t size() const { return size_; }
  /// Gives the descriptor away: the caller closes it.
  int release();

 private:
  RegularFile(int descriptor, int64_t size) : descriptor_(descriptor), size_(size) {}
  int descriptor_ = -1;
  int64_t size_ = 0;  // bytes
};

}  // namespace quartet
