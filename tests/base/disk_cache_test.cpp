#include "base/disk_cache.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "tests/skip.h"
#include "tests/temporary_folder.h"

using namespace quartet;

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

constexpr int64_t kPlenty = int64_t{64} << 20;

class Folder : public tests::TemporaryFolder {
 public:
  /// The one entry.
  fs::path entry() const {
    const auto entries = files(".entry");
    REQUIRE(entries.size() == 1);
    return entries[0];
  }
  int64_t bytes() const {
    int64_t sum = 0;
    for (const fs::path& entry : files(".entry")) sum += static_cast<int64_t>(fs::file_size(entry));
    return sum;
  }
};

std::shared_ptr<DiskCache> openOrFail(const std::string& folder, int64_t maxBytes = kPlenty) {
  auto cache = DiskCache::open(folder, maxBytes);
  REQUIRE_MESSAGE(cache.has_value(), cache.error().str());
  return *cache;
}

Bytes bytesOf(const std::string& text) {
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

Bytes randomBytes(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = std::byte(random());
  return bytes;
}

std::string readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void writeFile(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Neither a wrong answer nor a dead entry: a miss, after which storing works as before.
void checkMissThenStored(const Folder& folder, const Bytes& payload) {
  const auto cache = openOrFail(folder.path());
  CHECK_FALSE(cache->get("key").has_value());
  cache->put("key", payload);
  CHECK(cache->problem().empty());
  CHECK(cache->get("key") == payload);
}

// The exit status of `work`, run in a process of its own.
int inProcess(const std::function<int()>& work) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(work());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("disk cache: what was stored comes back, to others too") {
  const Folder folder;
  const std::string deep = folder.path() + "/a/b";
  const auto cache = openOrFail(deep);
  CHECK_FALSE(cache->get("key").has_value());
  cache->put("key", bytesOf("value"));
  cache->put("empty", {});
  cache->put("", bytesOf("of no key"));
  CHECK(cache->get("key") == bytesOf("value"));
  const auto other = openOrFail(deep);
  CHECK(other->get("key") == bytesOf("value"));
  CHECK(other->get("empty") == Bytes{});
  CHECK(other->get("") == bytesOf("of no key"));
  CHECK_FALSE(other->get("another key").has_value());
  other->put("key", bytesOf("new"));
  CHECK(cache->get("key") == bytesOf("new"));
  struct stat status {};
  REQUIRE(stat(deep.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
}

TEST_CASE("disk cache: no flipped bit passes") {
  const Folder folder;
  const Bytes payload = randomBytes(300, 1);
  openOrFail(folder.path())->put("key", payload);
  const std::string whole = readFile(folder.entry());
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    writeFile(folder.entry(), damaged);
    const auto cache = openOrFail(folder.path());
    CHECK_FALSE(cache->get("key").has_value());
    CHECK(folder.files(".entry").empty());  // it is not read a second time
    cache->put("key", payload);
    CHECK(cache->get("key") == payload);
  }
}

TEST_CASE("disk cache: entries cut off, too long, empty, foreign, of another version") {
  const Folder folder;
  const Bytes payload = randomBytes(1000, 2);
  openOrFail(folder.path())->put("key", payload);
  const std::string whole = readFile(folder.entry());
  for (const size_t size : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, whole.size() - 1}) {
    writeFile(folder.entry(), whole.substr(0, size));
    checkMissThenStored(folder, payload);
  }
  writeFile(folder.entry(), whole + "x");
  checkMissThenStored(folder, payload);
  writeFile(folder.entry(), std::string(5000, '\0'));
  checkMissThenStored(folder, payload);
  std::string older = whole;
  older[8] = 0;  // the version follows the magic number
  writeFile(folder.entry(), older);
  checkMissThenStored(folder, payload);
}

TEST_CASE("disk cache: an entry of another key under this name is none") {
  const Folder folder;
  openOrFail(folder.path())->put("key", bytesOf("right"));
  const fs::path name = folder.entry();
  fs::remove(name);
  openOrFail(folder.path())->put("other", bytesOf("wrong"));
  fs::rename(folder.entry(), name);
  checkMissThenStored(folder, bytesOf("right"));
}

TEST_CASE("disk cache: a name that is no file") {
  const Folder folder;
  openOrFail(folder.path())->put("key", bytesOf("value"));
  const fs::path name = folder.entry();
  SUBCASE("a link") {
    fs::rename(name, folder.path() + "/elsewhere");
    fs::create_symlink("elsewhere", name);
    checkMissThenStored(folder, bytesOf("value"));
    CHECK(fs::exists(folder.path() + "/elsewhere"));
  }
  SUBCASE("a pipe") {
    fs::remove(name);
    REQUIRE(mkfifo(name.c_str(), 0600) == 0);
    checkMissThenStored(folder, bytesOf("value"));
  }
  SUBCASE("a folder") {
    fs::remove(name);
    fs::create_directories(name / "within");
    const auto cache = openOrFail(folder.path());
    CHECK_FALSE(cache->get("key").has_value());
    cache->put("key", bytesOf("value"));
    CHECK(cache->problem().find("Is a directory") != std::string::npos);
    CHECK(folder.files(".temporary").empty());
  }
}

TEST_CASE("disk cache: files of others are left alone") {
  const Folder folder;
  std::mt19937_64 random(3);
  for (int i = 0; i < 50; ++i) {
    const Bytes bytes = randomBytes(random() % 9000, random());
    writeFile(folder.path() + "/garbage" + std::to_string(i),
              {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  fs::create_directory(folder.path() + "/00000000000000000000000000000000.entry");
  writeFile(folder.path() + "/0000000000000000000000000000000g.entry", "x");
  const auto cache = openOrFail(folder.path(), 40000);
  for (int i = 0; i < 20; ++i) cache->put("key" + std::to_string(i), randomBytes(5000, 4));
  CHECK(cache->get("key19") == randomBytes(5000, 4));
  CHECK(folder.files("").size() - folder.files(".entry").size() == 51);  // with the lock
  CHECK(fs::exists(folder.path() + "/0000000000000000000000000000000g.entry"));
}

TEST_CASE("disk cache: stays within its bound, drops what was not used for longest") {
  const Folder folder;
  constexpr int64_t kBound = int64_t{40} * 4096;
  const auto payload = [](int i) { return randomBytes(3000, static_cast<uint64_t>(i)); };
  for (int i = 0; i < 200; ++i) {
    const auto cache = openOrFail(folder.path(), kBound);
    cache->put("key" + std::to_string(i), payload(i));
    CHECK(static_cast<int64_t>(folder.files(".entry").size()) * 4096 <= kBound);
    if (i % 3 == 0) CHECK(cache->get("key0") == payload(0));  // in use, so it stays
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const auto cache = openOrFail(folder.path(), kBound);
  CHECK(cache->get("key0") == payload(0));
  CHECK(cache->get("key199") == payload(199));
  CHECK(cache->get("key185") == payload(185));
  CHECK_FALSE(cache->get("key100").has_value());
  cache->put("large", Bytes(kBound));  // more than there may be at all
  CHECK_FALSE(cache->get("large").has_value());
  CHECK(cache->problem().empty());
}

TEST_CASE("disk cache: one object keeps the bound over many entries") {
  const Folder folder;
  constexpr int64_t kBound = int64_t{64} * 4096;
  const auto cache = openOrFail(folder.path(), kBound);
  for (int i = 0; i < 500; ++i) {
    cache->put("key" + std::to_string(i), randomBytes(static_cast<size_t>(i) * 20, 5));
    CHECK(folder.bytes() <= kBound);
  }
  CHECK(folder.bytes() > kBound / 8);
}

TEST_CASE("disk cache: old temporaries go, those at work stay") {
  const Folder folder;
  const fs::path old = folder.path() + "/0123456789abcdef0123456789abcdef.temporary";
  const fs::path recent = folder.path() + "/1123456789abcdef0123456789abcdef.temporary";
  writeFile(old, "half an en");
  writeFile(recent, "half an en");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  openOrFail(folder.path())->put("key", bytesOf("value"));
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(recent));
}

TEST_CASE("disk cache: the lock is not waited for") {
  const Folder folder;
  const auto cache = openOrFail(folder.path(), int64_t{8} * 4096);
  cache->put("key", bytesOf("value"));
  std::array<int, 2> ready{};
  REQUIRE(pipe(ready.data()) == 0);
  const pid_t holder = fork();
  REQUIRE(holder >= 0);
  if (holder == 0) {
    const int lock = open((folder.path() + "/lock").c_str(), O_RDWR);
    if (flock(lock, LOCK_EX) != 0 || write(ready[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(1);
  }
  char byte = 0;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  for (int i = 0; i < 20; ++i) cache->put("key" + std::to_string(i), bytesOf("value"));
  CHECK(cache->get("key19") == bytesOf("value"));
  CHECK(cache->problem().empty());
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("disk cache: folders that do not serve say why") {
  const Folder folder;
  const auto problemOf = [](const std::string& path) {
    const auto cache = DiskCache::open(path, kPlenty);
    REQUIRE_FALSE(cache.has_value());
    CHECK(cache.error().kind == Diagnostic::Kind::Resource);
    return cache.error().message;
  };
  writeFile(folder.path() + "/file", "x");
  CHECK(problemOf(folder.path() + "/file") == "cannot open it: Not a directory");
  CHECK(problemOf(folder.path() + "/file/below") == "cannot make it: Not a directory");
  fs::create_directory(folder.path() + "/open");
  REQUIRE(chmod((folder.path() + "/open").c_str(), 0777) == 0);
  CHECK(problemOf(folder.path() + "/open").find("other users may write") == 0);
  REQUIRE(chmod((folder.path() + "/open").c_str(), 0770) == 0);
  CHECK(problemOf(folder.path() + "/open").find("other users may write") == 0);
  const std::string foreign = geteuid() == 0 ? folder.path() + "/foreign" : "/usr";
  if (geteuid() == 0) {
    fs::create_directory(foreign);
    REQUIRE(chown(foreign.c_str(), 1, 1) == 0);
  }
  CHECK(problemOf(foreign).find("it belongs to user ") == 0);
}

TEST_CASE("disk cache: a folder without write permission is read all the same") {
  const Folder folder;
  const std::string path = folder.path() + "/cache";
  const int status = inProcess([&] {
    if (geteuid() == 0) {  // who may write anywhere
      if (chmod(folder.path().c_str(), 0777) != 0 || setuid(65534) != 0) return 1;
    }
    const auto filled = DiskCache::open(path, kPlenty);
    if (!filled) return 2;
    (*filled)->put("key", bytesOf("value"));
    if (chmod(path.c_str(), 0500) != 0) return 3;
    const auto cache = DiskCache::open(path, kPlenty);
    if (!cache || (*cache)->get("key") != bytesOf("value")) return 4;
    if (!(*cache)->problem().empty()) return 5;
    (*cache)->put("other", bytesOf("value"));
    (*cache)->put("another", bytesOf("value"));
    if ((*cache)->problem().find("Permission denied") == std::string::npos) return 6;
    return (*cache)->get("key") == bytesOf("value") ? 0 : 7;
  });
  CHECK(status == 0);
}

TEST_CASE("disk cache: the limit on the size of files is no death") {
  const Folder folder;
  const int status = inProcess([&] {
    const rlimit limit{2000, 2000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const auto cache = DiskCache::open(folder.path(), kPlenty);
    if (!cache) return 2;
    (*cache)->put("small", Bytes(100));
    if (!(*cache)->problem().empty()) return 3;
    (*cache)->put("large", Bytes(10000));
    if ((*cache)->problem().find("File too large") == std::string::npos) return 4;
    return (*cache)->get("small") == Bytes(100) && !(*cache)->get("large") ? 0 : 5;
  });
  CHECK(status == 0);
  CHECK(folder.files(".temporary").empty());
}

TEST_CASE("disk cache: a full disk ends the storing, not the process") {
  const Folder folder;
  const std::string path = folder.path() + "/small";
  fs::create_directory(path);
  if (mount("tmpfs", path.c_str(), "tmpfs", 0, "size=64k,mode=0700") != 0) {
    SKIP_TEST("no permission to mount a small disk");
  }
  auto cache = openOrFail(path);
  cache->put("key", bytesOf("value"));
  for (int i = 0; i < 40; ++i) cache->put("key" + std::to_string(i), randomBytes(3000, 6));
  CHECK(cache->problem().find("No space left on device") != std::string::npos);
  CHECK(cache->get("key") == bytesOf("value"));
  for (const auto& item : fs::directory_iterator(path)) {
    CHECK_FALSE(item.path().string().ends_with(".temporary"));
  }
  cache.reset();
  CHECK(umount2(path.c_str(), MNT_DETACH) == 0);
}

namespace {

// Stores and reads entries whose payload follows from their key, until killed or done.
int work(const std::string& folder, int64_t maxBytes, uint64_t seed, int rounds) {
  const auto cache = DiskCache::open(folder, maxBytes);
  if (!cache) return 1;
  std::mt19937_64 random(seed);
  for (int i = 0; i < rounds; ++i) {
    const uint64_t number = random() % 40;
    const Bytes expected = randomBytes(number * 900, number);
    const std::string key = "key" + std::to_string(number);
    if (random() % 2 == 0) (*cache)->put(key, expected);
    const auto found = (*cache)->get(key);
    if (found && *found != expected) return 2;
  }
  return (*cache)->problem().empty() ? 0 : 3;
}

}  // namespace

TEST_CASE("disk cache: processes and threads that race") {
  const Folder folder;
  for (const int64_t bound : {kPlenty, int64_t{60} * 4096}) {
    std::vector<pid_t> children;
    for (uint64_t seed = 0; seed < 4; ++seed) {
      children.push_back(fork());
      REQUIRE(children.back() >= 0);
      if (children.back() == 0) _exit(work(folder.path(), bound, seed, 100));
    }
    std::vector<std::thread> threads;
    const auto cache = openOrFail(folder.path(), bound);
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&cache, t] {
        for (int i = 0; i < 50; ++i) {
          cache->put("thread" + std::to_string(i % 7), bytesOf(std::to_string(i % 7)));
          cache->get("thread" + std::to_string((i + t) % 7));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const pid_t child : children) {
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      CHECK(WIFEXITED(status));
      CHECK(WEXITSTATUS(status) == 0);
    }
    CHECK(cache->problem().empty());
    CHECK(folder.files(".temporary").empty());
  }
}

TEST_CASE("disk cache: a process killed at any moment leaves no wrong entry") {
  const Folder folder;
  std::mt19937_64 random(7);
  for (int run = 0; run < 60; ++run) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(work(folder.path(), int64_t{60} * 4096, random(), 1'000'000));
    usleep(static_cast<useconds_t>(random() % 15000));
    kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));  // else it has found a wrong entry
    CHECK(inProcess([&] { return work(folder.path(), int64_t{60} * 4096, 8, 50); }) == 0);
  }
}
