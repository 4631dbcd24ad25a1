// NVRTC: finding it, what it compiles for, its errors, the cache.
#include "backends/cuda/cubin.h"
#include "backends/cuda/emit_cuda.h"
#include "tests/cuda/fixture.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;
using cuda::Architecture;

namespace {

const std::string kSource =
    "#include \"quartet_kernel.h\"\n"
    "extern \"C\" __global__ void quartet_kernel(float* b0) { b0[threadIdx.x] = 1.0f; }\n";

}  // namespace

TEST_CASE("without NVRTC, the error says where it was looked for and what to do") {
  const auto missing = cuda::Nvrtc::open({"/nowhere/libnvrtc.so", "libnvrtc-none.so"});
  REQUIRE_FALSE(missing.has_value());
  const std::string text = missing.error().str();
  CHECK(missing.error().kind == Diagnostic::Kind::Unsupported);
  CHECK(text.find("/nowhere/libnvrtc.so") != std::string::npos);
  CHECK(text.find("QUARTET_NVRTC") != std::string::npos);
}

TEST_CASE("a library that is no NVRTC is refused by the function that it lacks") {
  const auto other = cuda::Nvrtc::open({"libdl.so.2"});
  REQUIRE_FALSE(other.has_value());
  CHECK(other.error().str().find("has no function nvrtc") != std::string::npos);
}

TEST_CASE("what is compiled for a device") {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  const int least = nvrtc->architectures().front();
  const int most = nvrtc->architectures().back();
  CHECK(nvrtc->architectureFor(80)->option() == "sm_80");
  CHECK(nvrtc->architectureFor(most)->option() == "sm_" + std::to_string(most));
  // A later minor version runs code of an earlier one, a later major version does not.
  CHECK(nvrtc->architectureFor(most / 10 * 10 + 9)->option() == "sm_" + std::to_string(most));
  CHECK(nvrtc->architectureFor(most + 100)->option() == "compute_" + std::to_string(most));
  const auto older = nvrtc->architectureFor(least - 1);
  REQUIRE_FALSE(older.has_value());
  CHECK(older.error().str().find("and later, the device has") != std::string::npos);
}

TEST_CASE("machine code, and PTX for devices that are newer than NVRTC") {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  const auto machine = nvrtc->compile(kSource, Architecture{80, false, ""}, "p");
  REQUIRE(machine.has_value());
  CHECK(cuda::readFigures(machine->bytes, cuda::kEntry).has_value());
  const auto ptx = nvrtc->compile(kSource, Architecture{80, true, ""}, "p");
  REQUIRE(ptx.has_value());
  const std::string text(reinterpret_cast<const char*>(ptx->bytes.data()), ptx->bytes.size());
  CHECK(text.find(".target sm_80") != std::string::npos);
  CHECK(text.back() == '\0');
  CHECK_FALSE(cuda::readFigures(ptx->bytes, cuda::kEntry).has_value());
}

TEST_CASE("generated code that is wrong is an internal error with the message and the text") {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  const auto wrong = nvrtc->compile("float f() { return x; }\n", Architecture{80, false, ""}, "p");
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().kind == Diagnostic::Kind::Internal);
  const std::string text = wrong.error().str();
  CHECK(text.find("identifier \"x\" is undefined") != std::string::npos);
  CHECK(text.find("return x;") != std::string::npos);
  CHECK(text.find("program 'p', sm_80") != std::string::npos);
}

TEST_CASE("code comes from the cache the second time, for the same architecture") {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  const TemporaryFolder folder;
  const auto cache = runtime::CodeCache::open(folder.path(), int64_t{1} << 24);
  REQUIRE(cache.has_value());
  const auto compiled = [&](int number) {
    auto code = nvrtc->compile(kSource, Architecture{number, false, ""}, "p", cache->get());
    REQUIRE(code.has_value());
    return *code;
  };
  const cuda::Code first = compiled(80);
  CHECK_FALSE(first.cached);
  const cuda::Code second = compiled(80);
  CHECK(second.cached);
  CHECK(second.bytes == first.bytes);
  CHECK_FALSE(compiled(90).cached);
}

TEST_CASE("damaged CUBINs are errors, never read beyond their end") {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  const auto code = nvrtc->compile(kSource, Architecture{80, false, ""}, "p");
  REQUIRE(code.has_value());
  CHECK_FALSE(cuda::readFigures(code->bytes, "another").has_value());
  for (size_t size = 0; size < code->bytes.size(); size += 7) {
    const std::vector<std::byte> cut(code->bytes.begin(),
                                     code->bytes.begin() + static_cast<int64_t>(size));
    const auto figures = cuda::readFigures(cut, cuda::kEntry);
    if (size < code->bytes.size() / 2) CHECK_FALSE(figures.has_value());
  }
  for (size_t at = 0; at < code->bytes.size(); at += 3) {
    std::vector<std::byte> changed = code->bytes;
    changed[at] = std::byte{0xff};
    (void)cuda::readFigures(changed, cuda::kEntry);
  }
}
