// The device without a GPU: what it says of itself, runs, timing, the cache, life times.
#include <numeric>
#include <thread>

#include "backends/cuda/driver.h"
#include "runtime/half.h"
#include "tests/common/kernels.h"
#include "tests/common/small_kernels.h"
#include "tests/cuda/fake_device.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

std::vector<float> ramp() {
  std::vector<float> values(1001);
  std::iota(values.begin(), values.end(), -500.0F);
  return values;
}

std::vector<float> ramped() {
  std::vector<float> values = ramp();
  for (float& value : values) value = std::max(value, 0.0F);
  return values;
}

runtime::Program reluProgram() { return programOf(relu(), 8); }
/// 64 rows of `length` ones, all negative where `negative`: those report.
std::vector<int64_t> rows(int64_t sign) { return std::vector<int64_t>(4096, sign); }

std::vector<Bytes> runOrFail(runtime::Device& device, runtime::Program program,
                             const std::vector<Bytes>& inputs) {
  auto results = runProgram(device, std::move(program), inputs);
  REQUIRE_MESSAGE(results.has_value(), (results ? "" : results.error().str()));
  return *results;
}

}  // namespace

TEST_CASE("cuda device: a known one is described by its entry, limits are queried") {
  const auto device = openFakeOrFail(0);
  const hwdb::Description& d = device->description();
  CHECK(d.name == "NVIDIA A100-SXM4-40GB");
  CHECK(d.driver == "NVIDIA CUDA driver 12.4");
  CHECK(d.entry == "NVIDIA A100 40GB");
  CHECK(d.units.value == 108);
  CHECK(d.units.provenance == hwdb::Provenance::Queried);
  CHECK(d.maxGroupsPerAxis.value == INT32_MAX);
  CHECK(d.level("workgroup")->bytes.value == 49152);
  CHECK(d.level("L2")->bytes.value == 40 << 20);
  CHECK(d.memoryBytes.value == int64_t{40} << 30);
}

TEST_CASE("cuda device: one that the database does not know is described by its family") {
  const auto device = openFakeOrFail(1);
  CHECK(device->description().entry == "family cuda gpu");
  CHECK(device->description().subgroup.value == 32);
}

TEST_CASE("cuda device: numbers beyond the devices are errors") {
  for (const int index : {-1, 2}) {
    const auto device = openFake(index);
    REQUIRE_FALSE(device.has_value());
    CHECK(device.error().str().find("there is no CUDA device") != std::string::npos);
  }
}

TEST_CASE("cuda device: without a driver the error says what is missing") {
  const auto missing = cuda::Driver::open({"/nowhere/libcuda.so.1"});
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().kind == Diagnostic::Kind::Unsupported);
  CHECK(missing.error().str().find("/nowhere/libcuda.so.1") != std::string::npos);
  CHECK(missing.error().str().find("QUARTET_CUDA_DRIVER") != std::string::npos);
  const auto other = cuda::Driver::open({"libdl.so.2"});
  REQUIRE_FALSE(other.has_value());
  CHECK(other.error().str().find("has no function cuInit") != std::string::npos);
}

TEST_CASE("cuda device: runs replay one graph, launches waited for give the same") {
  for (const bool synchronous : {false, true}) {
    fakeDriver().reset();
    const auto device = openFakeOrFail(0, {.synchronous = synchronous});
    const auto results = runOrFail(*device, reluProgram(), {bytesOf(ramp())});
    CHECK(valuesOf<float>(results[0]) == ramped());
    CHECK(fakeDriver().launches() == 1);
    CHECK(fakeDriver().graphLaunches() == (synchronous ? 0 : 1));
  }
}

TEST_CASE("cuda device: parameters by value and in a buffer, two kernels in one launch") {
  for (const int64_t pushWords : {0, 1}) {
    fakeDriver().reset();
    const auto device = openFakeOrFail(0, {.pushWords = pushWords});
    runtime::Program program = reluProgram();
    addKernel(program, rowSum(), 64, {64});
    const auto results = runOrFail(*device, program, {bytesOf(ramp()), bytesOf(rows(3))});
    CHECK(valuesOf<float>(results[0]) == ramped());
    CHECK(valuesOf<int64_t>(results[1]) == std::vector<int64_t>(64, 192));
    CHECK(fakeDriver().launches() == 1);
  }
}

TEST_CASE("cuda device: workgroup memory, a barrier, 16-bit floats") {
  const auto device = openFakeOrFail();
  std::vector<uint16_t> ones(4096, runtime::floatToHalf(1.5F));
  const auto results = runOrFail(*device, programOf(groupSum(), 64), {bytesOf(ones)});
  CHECK(valuesOf<uint16_t>(results[0]) == std::vector<uint16_t>(64, runtime::floatToBf16(96.0F)));
}

TEST_CASE("cuda device: atomics, every number is drawn once") {
  const auto device = openFakeOrFail();
  checkTickets(*device);
}

TEST_CASE("cuda device: what a kernel reports is an error that names the node, once") {
  const auto device = openFakeOrFail();
  runtime::Program program = programOf(rowSum(), 64, {64});
  program.statusSites.resize(8);
  program.statusSites[7] = {ir::Origin{}, "gather", 5};
  const auto executable = device->compile(program);
  REQUIRE(executable.has_value());
  const auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  std::vector<int64_t> sums(64);
  const auto run = [&](int64_t sign) {
    const Bytes input = bytesOf(rows(sign));
    return (*context)->run({input}, {std::as_writable_bytes(std::span(sums))});
  };
  const Status reported = run(-1);
  REQUIRE_FALSE(reported.has_value());
  CHECK(reported.error().str().find("gather") != std::string::npos);
  CHECK(run(1).has_value());
  CHECK(sums == std::vector<int64_t>(64, 64));
}

TEST_CASE("cuda device: dispatches are timed by events") {
  const auto device = openFakeOrFail();
  runtime::Program program = reluProgram();
  addKernel(program, rowSum(), 64, {64}, true);
  const auto executable = device->compile(program);
  REQUIRE(executable.has_value());
  const auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  std::vector<double> times;
  REQUIRE((*context)->timeDispatches(&times).has_value());
  std::vector<float> out(1001);
  std::vector<int64_t> sums(64);
  const Bytes first = bytesOf(ramp());
  const Bytes second = bytesOf(rows(1));
  REQUIRE((*context)
              ->run({first, second}, {std::as_writable_bytes(std::span(out)),
                                      std::as_writable_bytes(std::span(sums))})
              .has_value());
  REQUIRE(times.size() == 2);
  CHECK(times[0] > 0);
  CHECK(times[1] > 0);
  CHECK(out == ramped());
}

TEST_CASE("cuda device: compiled code is kept, and shared while it lives") {
  const TemporaryFolder folder;
  const auto cache = runtime::CodeCache::open(folder.path(), int64_t{1} << 24);
  REQUIRE(cache.has_value());
  for (const int64_t found : {0, 1}) {
    const auto device = openFakeOrFail(0, {}, *cache);
    const auto executable = device->compile(reluProgram());
    REQUIRE(executable.has_value());
    CHECK((*executable)->cachedKernels() == found);
    const auto again = device->compile(reluProgram());
    REQUIRE(again.has_value());
    CHECK((*again)->cachedKernels() == 1);
    CHECK((*again)->code() == (*executable)->code());
    CHECK((*again)->code().find("launch 0: kernel 'relu'") != std::string::npos);
  }
}

TEST_CASE("cuda device: contexts of one executable run on two threads") {
  const auto device = openFakeOrFail();
  const auto executable = device->compile(reluProgram());
  REQUIRE(executable.has_value());
  const Bytes input = bytesOf(ramp());
  std::vector<std::vector<float>> outputs(2, std::vector<float>(1001));
  std::vector<int> good(2);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      auto context = (*executable)->createContext();
      for (int turn = 0; context && turn < 20; ++turn) {
        good[i] +=
            (*context)->run({input}, {std::as_writable_bytes(std::span(outputs[i]))}) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < 2; ++i) {
    CHECK(good[i] == 20);
    CHECK(outputs[i] == ramped());
  }
}

TEST_CASE("cuda device: tensors of other sizes are refused") {
  const auto device = openFakeOrFail();
  const auto wrong = runProgram(*device, reluProgram(), {Bytes(3)});
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().kind == Diagnostic::Kind::User);
  CHECK(wrong.error().str().find("3 bytes given, 4004 required") != std::string::npos);
}
