#include "base/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace quartet {

namespace {

// Linux brings the pages around the one that is touched in as well, up to this much, aligned.
constexpr uintptr_t kNeighbourhood = uintptr_t{64} << 10;

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  RegularFile file = QT_TRY(RegularFile::open(path));
  std::shared_ptr<MappedFile> mapped(new MappedFile(std::move(file), path));
  mapped->opened_ = QT_TRY(mapped->stamp());
  const auto size = static_cast<size_t>(mapped->opened_.bytes);
  if (size == 0) return mapped;  // nothing to map: the system would refuse
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, mapped->file_.descriptor(), 0);
  if (data == MAP_FAILED) {
    return resourceError(std::string("cannot be mapped into memory: ") + std::strerror(errno),
                         "file '" + path + "'", "copy it to a local disk");
  }
  mapped->bytes_ = {static_cast<const std::byte*>(data), size};
  return mapped;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.empty()) return;
  const auto base = reinterpret_cast<uintptr_t>(bytes_.data());
  const auto from = reinterpret_cast<uintptr_t>(part.data());
  const uintptr_t end = base + bytes_.size();
  QT_ASSERT(base <= from && from + part.size() <= end, "bytes outside of a file are given back");
  const uintptr_t first = std::max(base, from / kNeighbourhood * kNeighbourhood);
  const uintptr_t last =
      std::min(end, (from + part.size() + kNeighbourhood - 1) / kNeighbourhood * kNeighbourhood);
  // Advice: what the system does not take stays in memory, and is right all the same.
  ::madvise(const_cast<std::byte*>(bytes_.data()) + (first - base), last - first, MADV_DONTNEED);
}

Result<MappedFile::Stamp> MappedFile::stamp() const {
  struct stat status {};
  if (::fstat(file_.descriptor(), &status) != 0) {
    return resourceError(std::string("cannot be looked at: ") + std::strerror(errno),
                         "file '" + path_ + "'");
  }
  return Stamp{status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

Status MappedFile::checkUnchanged() const {
  if (QT_TRY(stamp()) == opened_) return {};
  return userError("found it changed, required as it was when it was opened",
                   "file '" + path_ + "'",
                   "load the model again; to replace a model that is in use, write another file "
                   "and rename it over the old one");
}

}  // namespace quartet
