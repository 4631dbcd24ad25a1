#include "backends/cpu/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>

namespace quartet::cpu {

namespace {

constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();
constexpr size_t kLine = 64;
constexpr size_t kPage = 4096;
constexpr size_t kHugePage = size_t{2} << 20;  // of x86-64, and of ARM with pages of 4 KiB

// A number alone in a file; nothing when the file is not there or says "max".
std::optional<int64_t> numberIn(const std::string& path) {
  std::ifstream file(path);
  int64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

// A line of /proc/meminfo, in bytes.
std::optional<int64_t> meminfo(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string name;
  int64_t kibibytes = 0;
  std::string unit;
  while (file >> name >> kibibytes) {
    std::getline(file, unit);
    if (name == key + ":") return kibibytes * 1024;
  }
  return std::nullopt;
}

struct GroupMemory {
  int64_t limit = kUnknown;
  int64_t used = 0;
};

void tighten(GroupMemory& memory, const std::string& limitFile, const std::string& usedFile) {
  const std::optional<int64_t> limit = numberIn(limitFile);
  const std::optional<int64_t> used = numberIn(usedFile);
  if (!limit || !used || *limit - *used >= memory.limit - memory.used) return;
  memory = {*limit, *used};
}

// The tightest limit of the control groups around this process (both versions).
GroupMemory groupMemory() {
  GroupMemory memory;
  const std::string root = "/sys/fs/cgroup";
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    const size_t controllers = line.find(':');
    const size_t path = line.find(':', controllers + 1);
    if (controllers == std::string::npos || path == std::string::npos) continue;
    const std::string names = line.substr(controllers + 1, path - controllers - 1);
    const bool second = names.empty();
    if (!second && names.find("memory") == std::string::npos) continue;
    std::string group = line.substr(path + 1);
    while (true) {
      const std::string folder = root + (second ? "" : "/memory") + group;
      if (second) {
        tighten(memory, folder + "/memory.max", folder + "/memory.current");
      } else {
        tighten(memory, folder + "/memory.limit_in_bytes", folder + "/memory.usage_in_bytes");
      }
      if (group.empty() || group == "/") break;
      group.resize(group.rfind('/'));
    }
  }
  return memory;
}

std::string mebibytes(int64_t bytes) { return std::to_string(bytes / (int64_t{1} << 20)) + " MiB"; }

tl::unexpected<Diagnostic> refused(int64_t bytes, const std::string& purpose) {
  return resourceError("not enough memory for " + purpose + ": the allocation of " +
                       mebibytes(bytes) + " was refused");
}

}  // namespace

int64_t availableMemory() {
  const GroupMemory group = groupMemory();
  const int64_t host = meminfo("MemAvailable").value_or(kUnknown);
  if (group.limit == kUnknown) return host;
  return std::min(host, std::max<int64_t>(0, group.limit - group.used));
}

int64_t totalMemory() {
  return std::min(groupMemory().limit, meminfo("MemTotal").value_or(kUnknown));
}

Status checkMemory(int64_t bytes, const std::string& purpose) {
  // Small requests are not worth reading /proc for.
  if (bytes < (int64_t{16} << 20)) return {};
  const int64_t available = availableMemory();
  if (bytes <= available) return {};
  return resourceError("not enough memory for " + purpose + ": " + mebibytes(bytes) + " needed, " +
                           mebibytes(available) + " available",
                       {}, "use smaller input shapes or a machine with more memory");
}

Result<Block> Block::allocate(int64_t bytes, const std::string& purpose, Placement placement) {
  QT_ASSERT(bytes >= 0, "a block of negative size");
  QT_CHECK(checkMemory(bytes, purpose));
  const auto size = static_cast<size_t>(bytes);
  if (placement != Placement::Heap) return allocateApart(size, purpose, placement);
  const bool huge = size >= kHugePage;
  const size_t align = huge ? kHugePage : size >= kPage ? kPage : kLine;
  const size_t unit = std::min(align, kPage);
  const size_t rounded = std::max(unit, (size + unit - 1) / unit * unit);
  Block block;
  void* data = nullptr;
  if (::posix_memalign(&data, align, rounded) != 0) return refused(bytes, purpose);
  block.data_.reset(static_cast<std::byte*>(data));
  // Touching weights page by page takes a large part of loading a model. Where the system refuses,
  // and for the rest that is less than a huge page, ordinary pages serve.
  if (huge) ::madvise(data, size / kHugePage * kHugePage, MADV_HUGEPAGE);
  std::memset(data, 0, rounded);
  block.size_ = bytes;
  return block;
}

// An unmapped page, the block's pages, an unmapped page.
Result<Block> Block::allocateApart(size_t bytes, const std::string& purpose, Placement placement) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t inner = (bytes + page - 1) / page * page;
  const size_t length = inner + 2 * page;
  void* pages = ::mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return refused(static_cast<int64_t>(bytes), purpose);
  std::byte* first = static_cast<std::byte*>(pages) + page;
  const size_t before = placement == Placement::EndsAtUnmapped ? inner - bytes : 0;
  Block block;
  block.data_ = {first + before, Release(pages, length)};
  if (inner > 0 && ::mprotect(first, inner, PROT_READ | PROT_WRITE) != 0) {
    return refused(static_cast<int64_t>(bytes), purpose);
  }
  std::memset(first, 0xff, inner);
  block.size_ = static_cast<int64_t>(bytes);
  return block;
}

void Block::Release::operator()(std::byte* data) const {
  if (pages != nullptr) {
    ::munmap(pages, length);
  } else {
    std::free(data);
  }
}

}  // namespace quartet::cpu
