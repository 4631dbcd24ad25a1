// Programs that share a folder of compiled code, and what happens when they are killed or the
// folder is of no use.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/cli/command.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

namespace fs = std::filesystem;

/// Names the cache for programs that are started meanwhile.
class CacheFolder {
 public:
  explicit CacheFolder(const std::string& path) { setenv("QUARTET_CACHE", path.c_str(), 1); }
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;
  ~CacheFolder() { setenv("QUARTET_CACHE", "off", 1); }
};

/// A handful of kernels.
void writeModel(const Workspace& work) {
  OnnxModel model;
  model.input("x", {4, 8}).output("y", kFloat).output("best", kInt64).weights("w", {8, 16}, -3);
  model.node("MatMul", {"x", "w"}, {"m"}).node("Tanh", {"m"}, {"t"});
  model.node("Softmax", {"t"}, {"y"}, {{"axis", int64_t{-1}}});
  model.node("ArgMax", {"t"}, {"best"}, {{"axis", int64_t{1}}});
  work.write("model.onnx", model);
}

constexpr const char* kRun = "run model.onnx --device cpu --threads 1 --outputs ";

/// The outputs of a run as bytes.
std::string outputsOf(const Workspace& work, const std::string& folder) {
  return work.read(folder + "/y.npy") + work.read(folder + "/best.npy");
}

std::string uncached(const Workspace& work) {
  CHECK(work.quartet(std::string(kRun) + "plain --no-cache").status == 0);
  std::string outputs = outputsOf(work, "plain");
  CHECK(outputs.size() > 256);
  return outputs;
}

int64_t cachedKernels(const Workspace& work) {
  const Outcome bench =
      work.quartet("bench model.onnx --device cpu --threads 1 --runs 1 --warmup 0 --json");
  const auto parsed = nlohmann::json::parse(bench.out, nullptr, false);
  REQUIRE_FALSE(parsed.is_discarded());
  return parsed["cached_kernels"];
}

/// Starts `run` in the workspace; files that it writes may have `maxFileBytes`.
pid_t start(const Workspace& work, const std::string& outputs, rlim_t maxFileBytes) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child > 0) return child;
  const rlimit limit{maxFileBytes, maxFileBytes};
  const int null = open("/dev/null", O_RDWR);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, stream);
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || chdir(work.path("").c_str()) != 0) _exit(99);
  execl(QUARTET_EXE, QUARTET_EXE, "run", "model.onnx", "--device", "cpu", "--threads", "1",
        "--outputs", outputs.c_str(), nullptr);
  _exit(99);
}

int waitFor(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("cli cache: the second program finds the code of the first") {
  const Workspace work;
  writeModel(work);
  const CacheFolder cache(work.path("cache"));
  const std::string expected = uncached(work);
  CHECK(work.list("cache").empty());
  CHECK(cachedKernels(work) == 0);
  const int64_t found = cachedKernels(work);
  CHECK(found > 1);
  const Outcome explained = work.quartet("explain model.onnx --device cpu --threads 1");
  CHECK(explained.out.find(std::to_string(found) + " from the cache)") != std::string::npos);
  CHECK(work.quartet(std::string(kRun) + "warm").status == 0);
  CHECK(outputsOf(work, "warm") == expected);
  setenv("QUARTET_CACHE", "off", 1);
  CHECK(cachedKernels(work) == 0);
}

TEST_CASE("cli cache: two programs at once") {
  const Workspace works[2];  // NOLINT(modernize-avoid-c-arrays)
  for (const Workspace& work : works) writeModel(work);
  const std::string expected = uncached(works[0]);
  for (int round = 0; round < 6; ++round) {
    const CacheFolder cache(works[0].path("cache" + std::to_string(round / 2)));  // cold, then warm
    const pid_t children[] = {start(works[0], "out", RLIM_INFINITY),              // NOLINT
                              start(works[1], "out", RLIM_INFINITY)};
    for (const pid_t child : children) CHECK(waitFor(child) == 0);
    for (const Workspace& work : works) {
      CHECK(outputsOf(work, "out") == expected);
      fs::remove_all(work.path("out"));
    }
  }
}

TEST_CASE("cli cache: programs killed at any moment") {
  const Workspace work;
  writeModel(work);
  const CacheFolder cache(work.path("cache"));
  const std::string expected = uncached(work);
  std::mt19937_64 random(5);
  for (int round = 0; round < 12; ++round) {
    for (int run = 0; run < 3; ++run) {
      const pid_t child = start(work, "killed", RLIM_INFINITY);
      usleep(static_cast<useconds_t>(random() % 400'000));
      kill(child, SIGKILL);
      waitFor(child);
    }
    CHECK(work.quartet(std::string(kRun) + "out").status == 0);
    CHECK(outputsOf(work, "out") == expected);
    for (const std::string& name : work.list("cache")) {
      if (name.ends_with(".entry") && random() % 2 == 0) fs::remove(work.path("cache/" + name));
    }
  }
}

TEST_CASE("cli cache: a disk that takes no entry") {
  const Workspace work;
  writeModel(work);
  const CacheFolder cache(work.path("cache"));
  const std::string expected = uncached(work);
  CHECK(waitFor(start(work, "out", 1200)) == 0);  // enough for the outputs only
  CHECK(outputsOf(work, "out") == expected);
  CHECK(cachedKernels(work) == 0);
  CHECK(cachedKernels(work) > 1);
}

TEST_CASE("cli cache: a folder that does not serve is a note") {
  const Workspace work;
  writeModel(work);
  work.write("file", "x");
  const CacheFolder cache(work.path("file"));
  const std::string expected = uncached(work);
  const Outcome outcome = work.quartet(std::string(kRun) + "out");
  CHECK(outcome.status == 0);
  CHECK(outcome.err == "note: compiled code is not kept: folder '" + work.path("file") +
                           "': cannot open it: Not a directory\n");
  CHECK(outputsOf(work, "out") == expected);
  const CacheFolder bad("somewhere");
  checkRefused(work.quartet(std::string(kRun) + "out"), {"QUARTET_CACHE is 'somewhere'"});
}

TEST_CASE("cli cache: the bound is the user's") {
  const Workspace work;
  writeModel(work);
  const CacheFolder cache(work.path("cache"));
  setenv("QUARTET_CACHE_MIB", "0", 1);
  CHECK(cachedKernels(work) == 0);
  CHECK(cachedKernels(work) == 0);
  setenv("QUARTET_CACHE_MIB", "1", 1);
  CHECK(cachedKernels(work) == 0);
  CHECK(cachedKernels(work) > 1);
  unsetenv("QUARTET_CACHE_MIB");
}
