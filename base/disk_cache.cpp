#include "base/disk_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/content_hash.h"

namespace quartet {

namespace {

constexpr std::string_view kEntrySuffix = ".entry";
constexpr std::string_view kTemporarySuffix = ".temporary";
constexpr const char* kLockName = "lock";
constexpr size_t kHashDigits = 32;
constexpr int64_t kTemporarySeconds = 3600;  // no process takes that long over one entry

constexpr uint64_t kMagic = 0x6568636163745171;  // "qQtcache"
constexpr uint64_t kVersion = 1;

// What stands before the payload. All words, so that no byte is left undefined.
struct Header {
  uint64_t magic = kMagic;
  uint64_t version = kVersion;
  ContentHash key;
  uint64_t keyBytes = 0;
  uint64_t payloadBytes = 0;
  ContentHash checksum;  // of all words before it and the payload
};
static_assert(sizeof(Header) == 64);

std::span<const std::byte> bytesOf(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

ContentHash checksumOf(const Header& header, std::span<const std::byte> payload) {
  ContentHasher hasher;
  hasher.addBytes(std::as_bytes(std::span(&header, 1)).first(offsetof(Header, checksum)));
  hasher.addBytes(payload);
  return hasher.finish();
}

Header headerFor(std::string_view key, std::span<const std::byte> payload) {
  Header header;
  header.key = contentHash(bytesOf(key));
  header.keyBytes = key.size();
  header.payloadBytes = payload.size();
  header.checksum = checksumOf(header, payload);
  return header;
}

// The payload of an entry, if it is one for `key` and whole.
std::optional<std::vector<std::byte>> payloadOf(std::vector<std::byte> entry,
                                                std::string_view key) {
  if (entry.size() < sizeof(Header)) return std::nullopt;
  const std::span<const std::byte> payload = std::span(entry).subspan(sizeof(Header));
  const Header expected = headerFor(key, payload);
  if (std::memcmp(entry.data(), &expected, sizeof expected) != 0) return std::nullopt;
  entry.erase(entry.begin(), entry.begin() + sizeof(Header));
  return entry;
}

std::string entryName(std::string_view key) {
  return contentHash(bytesOf(key)).hex() + std::string(kEntrySuffix);
}

bool isNamed(std::string_view name, size_t digits, std::string_view suffix) {
  return name.size() == digits + suffix.size() && name.ends_with(suffix) &&
         name.find_first_not_of("0123456789abcdef") >= digits;
}

// A name that no other process takes; the file is made anew, so that a clash would be an error.
std::string temporaryName() {
  ContentHash random;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) random.high = ::getpid();
  return random.hex() + std::string(kTemporarySuffix);
}

// What a file takes on disk.
int64_t diskBytes(int64_t bytes) {
  constexpr int64_t kBlock = 4096;
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

// A file descriptor that is closed at the end.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  explicit operator bool() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  /// False, with errno set, when what was written did not get there.
  bool close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

 private:
  int descriptor_;
};

// As many bytes as there are, up to the size of `to`.
size_t readAll(const File& file, std::span<std::byte> to) {
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t count = ::read(file.descriptor(), to.data() + done, to.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

bool writeAll(const File& file, std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t count = ::write(file.descriptor(), from.data(), from.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    from = from.subspan(static_cast<size_t>(count));
  }
  return true;
}

// A file over the limit of the process would end it with a signal.
bool withinFileLimit(size_t bytes) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
         bytes <= limit.rlim_cur;
}

Status makeFolder(const std::string& folder) {
  for (size_t at = folder.find('/', 1);; at = folder.find('/', at + 1)) {
    const std::string part = folder.substr(0, at);
    if (::mkdir(part.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
      return resourceError(std::string("cannot make it: ") + std::strerror(errno),
                           "folder '" + part + "'");
    }
    if (at == std::string::npos) return {};
  }
}

Status checkFolder(int descriptor, const std::string& where) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) {
    return resourceError(std::string("cannot look at it: ") + std::strerror(errno), where);
  }
  if (status.st_uid != ::geteuid()) {
    return resourceError("it belongs to user " + std::to_string(status.st_uid) +
                             ", required: user " + std::to_string(::geteuid()) +
                             ", who runs this process",
                         where);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return resourceError("other users may write to it, required: its owner only (chmod go-w)",
                         where);
  }
  return {};
}

struct Found {
  std::string name;
  int64_t bytes = 0;
  int64_t used = 0;  // nanoseconds since 1970
};

struct Contents {
  std::vector<Found> entries;
  std::vector<std::string> abandoned;  // temporaries of processes that are gone
  int64_t bytes = 0;                   // of the entries
};

Contents look(int folder) {
  Contents contents;
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) {
    if (copy >= 0) ::close(copy);
    return contents;
  }
  const int64_t now = ::time(nullptr);
  while (const dirent* item = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string name = item->d_name;
    const bool entry = isNamed(name, kHashDigits, kEntrySuffix);
    if (!entry && !isNamed(name, kHashDigits, kTemporarySuffix)) continue;
    struct stat status {};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (entry) {
      constexpr int64_t kNanoseconds = 1'000'000'000;
      contents.entries.push_back({name, diskBytes(status.st_size),
                                  status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec});
      contents.bytes += contents.entries.back().bytes;
    } else if (std::abs(now - status.st_mtim.tv_sec) > kTemporarySeconds) {
      contents.abandoned.push_back(name);
    }
  }
  ::closedir(stream);
  return contents;
}

}  // namespace

Result<std::shared_ptr<DiskCache>> DiskCache::open(const std::string& folder, int64_t maxBytes) {
  QT_CHECK(makeFolder(folder));
  const std::string where = "folder '" + folder + "'";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return resourceError(std::string("cannot open it: ") + std::strerror(errno), where);
  }
  std::shared_ptr<DiskCache> cache(new DiskCache(folder, descriptor, maxBytes));
  QT_CHECK(checkFolder(descriptor, where));
  return cache;
}

DiskCache::~DiskCache() { ::close(descriptor_); }

// NOLINTNEXTLINE(readability-make-member-function-const): it changes the folder
std::optional<std::vector<std::byte>> DiskCache::get(std::string_view key) {
  const std::string name = entryName(key);
  const File file(
      ::openat(descriptor_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file && errno == ENOENT) return std::nullopt;
  struct stat status {};
  if (file && ::fstat(file.descriptor(), &status) == 0 && S_ISREG(status.st_mode) &&
      status.st_uid == ::geteuid() &&
      status.st_size <= maxBytes_ + static_cast<int64_t>(sizeof(Header))) {
    std::vector<std::byte> entry(static_cast<size_t>(status.st_size));
    entry.resize(readAll(file, entry));
    if (auto payload = payloadOf(std::move(entry), key)) {
      ::futimens(file.descriptor(), nullptr);  // best effort: a folder may be read only
      return payload;
    }
  }
  ::unlinkat(descriptor_, name.c_str(), 0);
  return std::nullopt;
}

void DiskCache::put(std::string_view key, std::span<const std::byte> payload) {
  const int64_t bytes = diskBytes(static_cast<int64_t>(sizeof(Header) + payload.size()));
  if (!storing_ || bytes > maxBytes_) return;
  makeRoom(bytes);
  if (!storing_) return;
  const Header header = headerFor(key, payload);
  const std::string temporary = temporaryName();
  const std::string name = entryName(key);
  int error = write(temporary, std::as_bytes(std::span(&header, 1)), payload);
  if (error == 0 && ::renameat(descriptor_, temporary.c_str(), descriptor_, name.c_str()) != 0) {
    error = errno;
  }
  if (error == 0) return;
  ::unlinkat(descriptor_, temporary.c_str(), 0);
  stopStoring("cannot write '" + name + "'", error);
}

// The folder is looked at before the first entry, and again after every sixteenth of the bound.
void DiskCache::makeRoom(int64_t bytes) {
  const std::lock_guard lock(evicting_);
  if (allowance_ < bytes) evict(bytes);
  allowance_ -= bytes;
}

void DiskCache::evict(int64_t bytes) {
  const File lock(::openat(descriptor_, kLockName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                           S_IRUSR | S_IWUSR));
  if (!lock) return stopStoring("cannot open '" + std::string(kLockName) + "'", errno);
  if (::flock(lock.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    // While another process is at it, nobody waits; the next entry asks again.
    if (errno != EWOULDBLOCK) stopStoring("cannot lock '" + std::string(kLockName) + "'", errno);
    return;
  }
  Contents contents = look(descriptor_);
  for (const std::string& name : contents.abandoned) ::unlinkat(descriptor_, name.c_str(), 0);
  if (contents.bytes + bytes > maxBytes_) {
    const int64_t target = std::max<int64_t>(0, maxBytes_ / 4 * 3 - bytes);
    std::sort(contents.entries.begin(), contents.entries.end(), [](const Found& a, const Found& b) {
      return std::pair(a.used, a.name) < std::pair(b.used, b.name);
    });
    for (const Found& entry : contents.entries) {
      if (contents.bytes <= target) break;
      if (::unlinkat(descriptor_, entry.name.c_str(), 0) == 0) contents.bytes -= entry.bytes;
    }
  }
  allowance_ = bytes + std::clamp<int64_t>(maxBytes_ - contents.bytes - bytes, 0, maxBytes_ / 16);
}

// What went wrong, as errno says it; 0 when all of it is in the file.
// NOLINTNEXTLINE(readability-make-member-function-const): it changes the folder
int DiskCache::write(const std::string& temporary, std::span<const std::byte> header,
                     std::span<const std::byte> payload) {
  if (!withinFileLimit(header.size() + payload.size())) return EFBIG;
  File file(::openat(descriptor_, temporary.c_str(),
                     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  const bool written = file && writeAll(file, header) && writeAll(file, payload) && file.close();
  return written ? 0 : errno;
}

void DiskCache::stopStoring(const std::string& what, int error) {
  storing_ = false;
  const std::lock_guard lock(problemMutex_);
  if (!problem_.empty()) return;
  problem_ = "folder '" + folder_ + "': " + what + ": " + std::strerror(error);
}

std::string DiskCache::problem() const {
  const std::lock_guard lock(problemMutex_);
  return problem_;
}

}  // namespace quartet
