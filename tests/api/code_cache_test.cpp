// Compiled code that is kept on disk: used when it fits, never wrong, never needed.

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <thread>

#include "tests/api/models.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

namespace fs = std::filesystem;

/// A folder that QUARTET_CACHE names as long as it lives.
class CacheFolder : public TemporaryFolder {
 public:
  CacheFolder() { setenv("QUARTET_CACHE", path().c_str(), 1); }
  ~CacheFolder() { setenv("QUARTET_CACHE", "off", 1); }
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

  std::vector<fs::path> entries() const { return files(".entry"); }
};

/// Several kernels: a matrix product, a softmax, a polynomial function, integers.
Model severalKernels() {
  OnnxModel onnx;
  onnx.input("x", {4, 8}).output("y", kFloat).output("best", kInt64);
  onnx.weights("w", {8, 16}, -3);
  onnx.node("MatMul", {"x", "w"}, {"m"}).node("Tanh", {"m"}, {"t"});
  onnx.node("Softmax", {"t"}, {"y"}, {{"axis", int64_t{-1}}});
  onnx.node("ArgMax", {"t"}, {"best"}, {{"axis", int64_t{1}}});
  return modelOf(onnx);
}

struct Compiled {
  Statistics statistics;
  std::vector<std::string> notes;
  std::string code;
  NamedTensors outputs;
};

Compiled compileAndRun(const Model& model, const std::string& device, bool cache = true) {
  const auto session = Session::compile(model, {.device = device, .threads = 2, .cache = cache});
  REQUIRE_MESSAGE(session, session.error().str());
  auto outputs = session->run(model.makeInputs(1));
  REQUIRE_MESSAGE(outputs, outputs.error().str());
  return {session->statistics(), session->notes(), session->code(), *std::move(outputs)};
}

void checkSame(const Compiled& got, const Compiled& expected) {
  CHECK(got.notes.empty());
  CHECK(got.code == expected.code);
  for (const auto& [name, tensor] : expected.outputs) {
    CHECK(got.outputs.at(name).bytes == tensor.bytes);
  }
}

/// Devices that compile: all but the reference.
std::vector<std::string> compilingDevices() {
  std::vector<std::string> ids = computingDevices();
  std::erase(ids, "reference");
  return ids;
}

std::string readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void writeFile(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

TEST_CASE("code cache: the second compilation finds every kernel, with the same bytes") {
  const Model model = severalKernels();
  for (const std::string& device : compilingDevices()) {
    INFO(device);
    const CacheFolder folder;
    const Compiled off = compileAndRun(model, device, false);
    CHECK(off.statistics.cachedKernels == 0);
    CHECK(folder.entries().empty());
    const Compiled cold = compileAndRun(model, device);
    checkSame(cold, off);
    CHECK(cold.statistics.cachedKernels == 0);
    CHECK_FALSE(folder.entries().empty());
    const Compiled warm = compileAndRun(model, device);
    checkSame(warm, off);
    CHECK(warm.statistics.kernels > 1);
    CHECK(warm.statistics.cachedKernels == warm.statistics.kernels);
    CHECK(compileAndRun(model, device, false).statistics.cachedKernels == 0);
  }
}

TEST_CASE("code cache: damaged entries are compiled again") {
  const Model model = severalKernels();
  for (const std::string& device : compilingDevices()) {
    INFO(device);
    const CacheFolder folder;
    const Compiled whole = compileAndRun(model, device);
    std::mt19937_64 random(11);
    for (int round = 0; round < 6; ++round) {
      for (const fs::path& entry : folder.entries()) {
        std::string bytes = readFile(entry);
        const size_t at = random() % bytes.size();
        if (round % 3 == 0) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        if (round % 3 == 1) bytes.resize(at);
        if (round % 3 == 2) bytes.clear();
        writeFile(entry, bytes);
      }
      const Compiled got = compileAndRun(model, device);
      checkSame(got, whole);
      CHECK(got.statistics.cachedKernels == 0);
    }
    CHECK(compileAndRun(model, device).statistics.cachedKernels == whole.statistics.kernels);
  }
}

TEST_CASE("code cache: another model shares the kernels that are equal") {
  const CacheFolder folder;
  OnnxModel first;
  first.input("x", {4, 8}).output("y", kFloat).node("Exp", {"x"}, {"y"});
  OnnxModel second;
  second.input("a", {4, 8}).output("b", kFloat).output("c", kFloat);
  second.weights("w", {8, 3}).node("MatMul", {"a", "w"}, {"c"}).node("Exp", {"a"}, {"b"});
  CHECK(compileAndRun(modelOf(first), "cpu").statistics.cachedKernels == 0);
  const Compiled result = compileAndRun(modelOf(second), "cpu");
  CHECK(result.statistics.cachedKernels == 1);
  CHECK(result.statistics.kernels == 2);
}

TEST_CASE("code cache: a folder that does not serve is said, once, and is no error") {
  const Model model = severalKernels();
  const CacheFolder folder;
  const Compiled off = compileAndRun(model, "cpu", false);
  const auto noteOf = [&](const std::string& path) {
    setenv("QUARTET_CACHE", path.c_str(), 1);
    Compiled result = compileAndRun(model, "cpu");
    REQUIRE(result.notes.size() == 1);
    std::string note = result.notes[0];
    CHECK(note.starts_with("compiled code is not kept: "));
    result.notes.clear();
    checkSame(result, off);
    return note;
  };
  writeFile(folder.path() + "/file", "x");
  CHECK(noteOf(folder.path() + "/file").find("Not a directory") != std::string::npos);
  CHECK(noteOf("/proc/quartet").find("cannot make it") != std::string::npos);
  fs::create_directory(folder.path() + "/shared");
  REQUIRE(chmod((folder.path() + "/shared").c_str(), 0777) == 0);
  CHECK(noteOf(folder.path() + "/shared").find("other users may write") != std::string::npos);
}

TEST_CASE("code cache: the folders that the environment names") {
  const Model model = severalKernels();
  const CacheFolder folder;
  const std::string home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  unsetenv("QUARTET_CACHE");
  setenv("HOME", (folder.path() + "/home").c_str(), 1);
  unsetenv("XDG_CACHE_HOME");
  CHECK(compileAndRun(model, "cpu").notes.empty());
  CHECK(fs::exists(folder.path() + "/home/.cache/quartet/lock"));
  setenv("XDG_CACHE_HOME", (folder.path() + "/xdg").c_str(), 1);
  CHECK(compileAndRun(model, "cpu").statistics.cachedKernels == 0);
  CHECK(fs::exists(folder.path() + "/xdg/quartet/lock"));
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  CHECK(compileAndRun(model, "cpu").notes.size() == 1);
  setenv("HOME", home.c_str(), 1);
  setenv("QUARTET_CACHE", "no", 1);
  const auto refused = Session::compile(model, {.device = "cpu"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::Kind::User);
  CHECK(refused.error().message == "QUARTET_CACHE is 'no', required: off | /folder");
}

TEST_CASE("code cache: sessions on several threads share it") {
  const Model model = severalKernels();
  const CacheFolder folder;
  const Compiled off = compileAndRun(model, "cpu", false);
  std::vector<std::thread> threads;
  std::vector<std::optional<NamedTensors>> outputs(4);
  for (auto& output : outputs) {
    threads.emplace_back([&] {
      const auto session = Session::compile(model, {.device = "cpu", .threads = 1});
      if (!session || !session->notes().empty()) return;
      auto run = session->run(model.makeInputs(1));
      if (run) output = *std::move(run);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& output : outputs) {
    REQUIRE(output.has_value());
    for (const auto& [name, tensor] : off.outputs) CHECK(output->at(name).bytes == tensor.bytes);
  }
}
