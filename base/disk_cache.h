// A cache of bytes on disk, shared by the processes of one user.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quartet {

/// Entries are files of one folder, named by the hash of their key. Whatever happens to the folder,
/// `get` gives back exactly what `put` was given for the same key, or nothing:
///
/// - An entry is written to a temporary file and renamed, so that other processes, and a process
///   that is killed, leave no half entry under its name.
/// - It carries a magic number, the version of the format, the hash and the length of its key, its
///   length, and a checksum of all that. One that does not fit (damaged, cut off, from another
///   version) is removed.
/// - When the entries take more than the bound, those not used for longest go, until a quarter of
///   the bound is free. One process at a time does that, under a lock that nobody waits for; the
///   bound may be passed by what others write meanwhile, a sixteenth of it each. Temporaries that
///   killed processes left go with it when they are an hour old. Files of other names are left
///   alone.
/// - What cannot be stored (a full disk, a folder without write permission) ends the storing for as
///   long as this object lives; `problem` says why.
///
/// The checksum finds damage, not attacks: who may write entries decides what programs read, and
/// with cached machine code what they execute. So the folder must belong to the user who runs the
/// process, and nobody else may have permission to write to it.
///
/// Thread-safe.
class DiskCache {
 public:
  /// Makes the folder, with those above it, where it is missing: for its owner only. `maxBytes`
  /// bounds what the entries take on disk. An error (Resource) says why the folder does not serve.
  static Result<std::shared_ptr<DiskCache>> open(const std::string& folder, int64_t maxBytes);
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;
  ~DiskCache();

  /// What was stored for `key`, which then counts as used now.
  std::optional<std::vector<std::byte>> get(std::string_view key);
  /// Stores or replaces; more than the bound is not stored.
  void put(std::string_view key, std::span<const std::byte> payload);

  /// Why nothing is stored any more: empty as long as all is well.
  std::string problem() const;

 private:
  DiskCache(std::string folder, int descriptor, int64_t maxBytes)
      : folder_(std::move(folder)), descriptor_(descriptor), maxBytes_(maxBytes) {}
  void makeRoom(int64_t bytes);
  void evict(int64_t bytes);
  int write(const std::string& temporary, std::span<const std::byte> header,
            std::span<const std::byte> payload);
  void stopStoring(const std::string& what, int error);

  std::string folder_;
  int descriptor_;  // of the folder
  int64_t maxBytes_;
  std::atomic<bool> storing_ = true;
  std::mutex evicting_;
  int64_t allowance_ = -1;  // bytes to store before the folder is looked at again
  mutable std::mutex problemMutex_;
  std::string problem_;
};

}  // namespace quartet
