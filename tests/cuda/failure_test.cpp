// Calls of the CUDA driver that fail, one after another: every error is reported, nothing leaks,
// nothing is used after its end.
#include "backends/cuda/driver.h"
#include "tests/common/kernels.h"
#include "tests/common/small_kernels.h"
#include "tests/cuda/fake_device.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

/// A program with a constant, an arena, two waves and a word in a buffer: all kinds of memory.
runtime::Program wholeProgram() {
  runtime::Program program = programOf(relu(), 8);
  addKernel(program, rowSum(), 64, {64}, true);
  // What the second kernel reads is a constant.
  runtime::BufferInfo& constant = program.buffers[2];
  constant.kind = runtime::BufferInfo::Kind::Constant;
  // NOLINTNEXTLINE(bugprone-implicit-widening-of-multiplication-result)
  constant.data = ir::makeConstant(ir::DType::I64, {4096}, Bytes(4096 * 8));
  constant.hash = "zeros";
  program.arenaBytes = 1024;
  return program;
}

/// Compiled code, which the failures do not concern.
std::shared_ptr<runtime::CodeCache> cache() {
  static const TemporaryFolder folder;
  static const auto opened = runtime::CodeCache::open(folder.path(), int64_t{1} << 24);
  REQUIRE(opened.has_value());
  return *opened;
}

/// Opens, compiles, runs twice, once timed, and lets all go.
Status runThrough(const cuda::TestOptions& options) {
  const auto device = QT_TRY(openFake(0, options, cache()));
  const auto executable = QT_TRY(device->compile(wholeProgram()));
  const auto context = QT_TRY(executable->createContext());
  const Bytes input(4004);
  Bytes relued(4004);
  Bytes sums(512);
  QT_CHECK(context->run({input}, {relued, sums}));
  std::vector<double> times;
  QT_CHECK(context->timeDispatches(&times));
  return context->run({input}, {relued, sums});
}

constexpr const char* kFunctions[] = {"cuInit",
                                      "cuDeviceGetCount",
                                      "cuDevicePrimaryCtxRetain",
                                      "cuCtxPushCurrent_v2",
                                      "cuMemGetInfo_v2",
                                      "cuMemAlloc_v2",
                                      "cuMemHostAlloc",
                                      "cuMemcpyHtoDAsync_v2",
                                      "cuMemcpyDtoHAsync_v2",
                                      "cuMemsetD32Async",
                                      "cuModuleLoadData",
                                      "cuModuleGetFunction",
                                      "cuStreamCreate",
                                      "cuStreamSynchronize",
                                      "cuEventCreate",
                                      "cuEventRecord",
                                      "cuEventElapsedTime",
                                      "cuLaunchKernel",
                                      "cuStreamBeginCapture_v2",
                                      "cuStreamEndCapture",
                                      "cuGraphInstantiateWithFlags",
                                      "cuGraphLaunch"};

/// Fails each call of `function` in turn until none of a run is left; how many there were.
int failEach(const std::string& function, int result, const cuda::TestOptions& options) {
  constexpr int kMost = 60;
  for (int call = 0; call < kMost; ++call) {
    fakeDriver().reset();
    const long before = fakeDriver().live();
    fakeDriver().fail(function.c_str(), result, call);
    const Status status = runThrough(options);
    INFO(function, ", call ", call);
    // Without its context, what an owner lets go cannot be given back.
    if (function != "cuCtxPushCurrent_v2") CHECK(fakeDriver().live() == before);
    if (status && function != "cuCtxPushCurrent_v2") return call;
    if (status) continue;
    const std::string text = status.error().str();
    INFO(text);
    CHECK(status.error().kind != Diagnostic::Kind::Internal);
    CHECK(text.find("CUDA_ERROR") != std::string::npos);
  }
  return kMost;
}

}  // namespace

TEST_CASE("cuda failures: any call may fail with any result, and all is given back") {
  fakeDriver().reset();
  REQUIRE(runThrough({}).has_value());
  REQUIRE(fakeDriver().live() == 0);
  for (const char* function : kFunctions) {
    const int calls = failEach(function, cuda::kCuOutOfMemory, {});
    INFO(function);
    CHECK(calls > 0);
  }
}

TEST_CASE("cuda failures: the same where launches are waited for, with a device that is lost") {
  for (const char* function : {"cuMemcpyHtoDAsync_v2", "cuLaunchKernel", "cuStreamSynchronize"}) {
    failEach(function, cuda::kCuIllegalAddress, {.synchronous = true});
  }
}

TEST_CASE("cuda failures: memory that does not suffice is an error before anything is allocated") {
  fakeDriver().reset();
  const auto device = openFakeOrFail(0, {}, cache());
  const auto executable = device->compile(wholeProgram());
  REQUIRE(executable.has_value());
  const long before = fakeDriver().live();
  fakeDriver().setFree(1 << 20);
  const auto context = (*executable)->createContext();
  REQUIRE_FALSE(context.has_value());
  CHECK(context.error().kind == Diagnostic::Kind::Resource);
  CHECK(context.error().str().find("MiB, the device has 1 MiB free") != std::string::npos);
  CHECK(fakeDriver().live() == before);
}

TEST_CASE(
    "cuda failures: a kernel that fails names task sets, exactly when launches are waited for") {
  for (const bool synchronous : {false, true}) {
    fakeDriver().reset();
    const auto device = openFakeOrFail(0, {.synchronous = synchronous}, cache());
    const auto executable = device->compile(wholeProgram());
    REQUIRE(executable.has_value());
    const auto context = (*executable)->createContext();
    REQUIRE(context.has_value());
    const Bytes input(4004);
    Bytes relued(4004);
    Bytes sums(512);
    fakeDriver().fail("cuStreamSynchronize", cuda::kCuIllegalAddress, 0);
    const Status failed = (*context)->run({input}, {relued, sums});
    REQUIRE_FALSE(failed.has_value());
    const std::string text = failed.error().str();
    INFO(text);
    CHECK(failed.error().kind == Diagnostic::Kind::Resource);
    CHECK(text.find("CUDA_ERROR_ILLEGAL_ADDRESS") != std::string::npos);
    CHECK(text.find("'relu'") != std::string::npos);
    CHECK((text.find("'row_sum'") == std::string::npos) == synchronous);
    CHECK((text.find("QUARTET_CUDA_SYNCHRONOUS") == std::string::npos) == synchronous);
    // The device is lost: the next run says so.
    const Status next = (*context)->run({input}, {relued, sums});
    REQUIRE_FALSE(next.has_value());
    CHECK(next.error().str().find("start another") != std::string::npos);
  }
  fakeDriver().reset();
}
