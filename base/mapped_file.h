// Files that are read through the page cache instead of being copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/regular_file.h"
#include "base/result.h"

namespace quartet {

/// A regular file, mapped for reading. Its pages come into memory when they are touched and are
/// the system's again after `release`, so that large files need little memory.
///
/// The price: the bytes are the file's own as long as the mapping lives. Who replaces the file by
/// another (a rename, as installers and downloads do) changes nothing here; who writes into it
/// changes the bytes under us, which `checkUnchanged` tells; who shortens it makes the pages beyond
/// its end unreadable, and touching one ends the process with SIGBUS.
class MappedFile {
 public:
  /// Who reads a lot once releases it in steps of this size.
  static constexpr size_t kWindow = size_t{4} << 20;

  /// The errors of RegularFile::open, and Resource when the file cannot be mapped.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  /// Gives the memory of `part` back, and that of its neighbours that came in with it; what is
  /// touched again is read again. Any thread may do so while others read.
  void release(std::span<const std::byte> part) const;
  /// An error (User, `where`: "file 'path'") when the file was written to since it was opened.
  Status checkUnchanged() const;

 private:
  /// What tells that a file was written to: its size and the time of the last change.
  struct Stamp {
    int64_t bytes = 0;
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };

  MappedFile(RegularFile file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Result<Stamp> stamp() const;

  RegularFile file_;
  std::string path_;
  Stamp opened_;
  std::span<const std::byte> bytes_;
};

}  // namespace quartet
