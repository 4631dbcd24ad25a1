// A library that stands in for NVRTC: it compiles generated CUDA C++ for the host, with the C++
// compiler of the machine, so that kernels run without a GPU (driver.cpp). Signed integers that
// overflow, and shifts beyond the width, end the process: NVRTC takes them for undefined.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "backends/cuda/nvrtc_api.h"

using namespace quartet::cuda;

namespace quartet::cuda {
struct NvrtcProgramStruct {
  std::string source;
  std::map<std::string, std::string> headers;
  std::string log;
  std::string code;
};
}  // namespace quartet::cuda

namespace {

constexpr NvrtcResult kInvalidInput = 3;
constexpr int kArchitectures[] = {75, 80, 86, 90};

/// What CUDA C++ has without any include.
constexpr const char* kBuiltIns = R"(
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>
#include <condition_variable>
#include <mutex>
#define __global__
#define __device__
#define __launch_bounds__(...)
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))
namespace device {
struct Index { unsigned x, y, z; };
static thread_local Index threadIdx, blockIdx;
constexpr int warpSize = 32;
using std::abs; using std::sqrt; using std::floor; using std::ceil; using std::fma;
using std::exp; using std::log; using std::sin; using std::cos; using std::tan; using std::asin;
using std::acos; using std::atan; using std::sinh; using std::cosh; using std::tanh;
using std::asinh; using std::acosh; using std::atanh; using std::erf; using std::pow;
using ::rintf; using ::rint;
#define BOTH(T) \
  inline T min(T a, T b) { return b < a ? b : a; } \
  inline T max(T a, T b) { return a < b ? b : a; }
BOTH(int) BOTH(unsigned) BOTH(long) BOTH(unsigned long) BOTH(long long) BOTH(unsigned long long)
#undef BOTH
inline float min(float a, float b) { return ::fminf(a, b); }
inline float max(float a, float b) { return ::fmaxf(a, b); }
inline double min(double a, double b) { return ::fmin(a, b); }
inline double max(double a, double b) { return ::fmax(a, b); }
template <class To, class From> inline To bits(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To y; std::memcpy(&y, &x, sizeof y); return y;
}
inline unsigned __float_as_uint(float x) { return bits<unsigned>(x); }
inline int __float_as_int(float x) { return bits<int>(x); }
inline float __uint_as_float(unsigned x) { return bits<float>(x); }
inline float __int_as_float(int x) { return bits<float>(x); }
inline long long __double_as_longlong(double x) { return bits<long long>(x); }
inline double __longlong_as_double(long long x) { return bits<double>(x); }
inline double __hiloint2double(int high, int low) {
  return bits<double>((unsigned long long)(unsigned)high << 32 | (unsigned)low);
}
inline int __double2loint(double x) { return int(unsigned(bits<unsigned long long>(x))); }
inline int __double2hiint(double x) { return int(unsigned(bits<unsigned long long>(x) >> 32)); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
inline unsigned atomicCAS(unsigned* at, unsigned expected, unsigned desired) {
  __atomic_compare_exchange_n(at, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return expected;
}
inline int atomicAdd(int* at, int value) {
  return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
}
inline unsigned atomicAdd(unsigned* at, unsigned value) {
  return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
}
inline unsigned short halfOf(float x) { return bits<unsigned short>((_Float16)x); }
inline float floatOf(unsigned short x) { return float(bits<_Float16>(x)); }
struct Barrier {
  std::mutex mutex; std::condition_variable reached; unsigned waiting = 0, turn = 0, all = 0;
  void wait() {
    std::unique_lock<std::mutex> lock(mutex);
    const unsigned now = turn;
    if (++waiting == all) { waiting = 0; ++turn; reached.notify_all(); return; }
    reached.wait(lock, [&] { return turn != now; });
  }
};
static Barrier barrier;
inline void __syncthreads() { barrier.wait(); }
)";

/// In place of the header for matrices: every thread holds all of a matrix, and does what its warp
/// does together.
constexpr const char* kMatrices = R"(
template <class T, int use> struct Matrix {
  T e[256];
  Matrix() = default;
  explicit Matrix(T x) { for (T& each : e) each = x; }
};
inline float wide(float16_t x) { return float(x); }
inline float wide(uint16_t x) { return __uint_as_float(uint(x) << 16); }
inline int wide(int8_t x) { return x; }
inline int wide(uint8_t x) { return x; }
inline float wide(float x) { return x; }
inline int wide(int x) { return x; }
template <class T, int use, class Element>
void coopMatLoadNV(Matrix<T, use>& m, const Element* from, uint index, uint stride, bool column) {
  for (uint r = 0; r < 16; ++r)
    for (uint c = 0; c < 16; ++c)
      m.e[r * 16 + c] = wide(from[index + (column ? c * stride + r : r * stride + c)]);
}
template <class T>
void coopMatStoreNV(const Matrix<T, 2>& m, T* to, uint index, uint stride, bool column) {
  for (uint r = 0; r < 16; ++r)
    for (uint c = 0; c < 16; ++c)
      to[index + (column ? c * stride + r : r * stride + c)] = m.e[r * 16 + c];
}
template <class T>
Matrix<T, 2> coopMatMulAddNV(const Matrix<T, 0>& a, const Matrix<T, 1>& b, Matrix<T, 2> sum) {
  for (int r = 0; r < 16; ++r)
    for (int k = 0; k < 16; ++k)
      for (int c = 0; c < 16; ++c) sum.e[r * 16 + c] += a.e[r * 16 + k] * b.e[k * 16 + c];
  return sum;
}
using Matrix_f16_a = Matrix<float, 0>; using Matrix_f16_b = Matrix<float, 1>;
using Matrix_bf16_a = Matrix<float, 0>; using Matrix_bf16_b = Matrix<float, 1>;
using Matrix_i8_a = Matrix<int, 0>; using Matrix_i8_b = Matrix<int, 1>;
using Matrix_u8_a = Matrix<int, 0>; using Matrix_u8_b = Matrix<int, 1>;
using Matrix_f32_accumulator = Matrix<float, 2>;
using Matrix_i32_accumulator = Matrix<int, 2>;
)";

/// Runs all blocks; threads of a block one after another, or at once where they meet at barriers.
constexpr const char* kRun = R"(
static void run(void** p, unsigned groups, unsigned local) {
  (void)p;
  const auto thread = [&](unsigned group, unsigned i) {
    blockIdx = {group, 0, 0};
    threadIdx = {i, 0, 0};
    call(p);
  };
  for (unsigned group = 0; group < groups; ++group) {
    if (!kBarriers) {
      for (unsigned i = 0; i < local; ++i) thread(group, i);
      continue;
    }
    barrier.all = local;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < local; ++i) threads.emplace_back(thread, group, i);
    for (std::thread& each : threads) each.join();
  }
}
}
struct HostKernel { const char* name; unsigned local; size_t count; const size_t* sizes;
                    void (*run)(void**, unsigned, unsigned); };
extern "C" const HostKernel quartet_host_kernel = {device::kName, device::kLocal, device::kCount,
                                                   device::kSizes, device::run};
)";

bool replace(std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) return false;
  text.replace(at, from.size(), to);
  return true;
}

std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const size_t begin = text.find(from);
  if (begin == std::string::npos) return {};
  const size_t end = text.find(to, begin + from.size());
  return text.substr(begin + from.size(), end - begin - from.size());
}

/// The types of the entry function's parameters, which stand on a line each.
std::vector<std::string> parameterTypes(const std::string& source, const std::string& entry) {
  std::vector<std::string> types;
  std::istringstream lines(between(source, entry + "(\n", ") {"));
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && (line.back() == ',' || line.back() == ' ')) line.pop_back();
    if (line.empty()) continue;
    std::string type = line.substr(0, line.rfind(' '));
    replace(type, "__restrict__", "");
    types.push_back(type);
  }
  return types;
}

/// The program as C++ for the host; empty when it is not as quartet prints it.
std::string hostSource(const NvrtcProgramStruct& program) {
  std::string source = program.source;
  for (const auto& [name, text] : program.headers) {
    if (source.find("#include \"" + name + "\"") == std::string::npos) continue;
    std::string header = name == "quartet_matrix.h" ? kMatrices : text;
    // The two places where the header speaks PTX, and what it asks of a compiler.
    replace(header, "#pragma once", "");
    replace(header, R"(asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));)", "bits = halfOf(x);");
    replace(header, R"(asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));)", "x = floatOf(bits);");
    replace(source, "#include \"" + name + "\"", header);
  }
  const std::string entry = "quartet_kernel";
  const std::string local = between(source, "__launch_bounds__(", ")");
  const std::vector<std::string> types = parameterTypes(source, entry);
  if (local.empty() || types.empty()) return {};
  std::string call;
  std::string sizes;
  for (size_t i = 0; i < types.size(); ++i) {
    call += (i > 0 ? ", *(" : "*(") + types[i] + "*)p[" + std::to_string(i) + "]";
    sizes += "sizeof(" + types[i] + "), ";
  }
  const bool barriers = program.source.find("__syncthreads") != std::string::npos;
  return kBuiltIns + source + "static const char* const kName = \"" + entry +
         "\";\nstatic const unsigned kLocal = " + local + ";\nstatic const size_t kSizes[] = {" +
         sizes + "};\nstatic const size_t kCount = " + std::to_string(types.size()) +
         ";\nstatic const bool kBarriers = " + (barriers ? "true" : "false") +
         ";\nstatic void call(void** p) { " + entry + "(" + call + "); }\n" + kRun;
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Compiles into a folder of its own; false with the compiler's messages in the log.
bool compile(NvrtcProgramStruct& program, const std::string& source) {
  std::string folder = (std::filesystem::temp_directory_path() / "quartet-host-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return false;
  std::ofstream(folder + "/kernel.cpp") << source;
  const char* compiler = std::getenv("QUARTET_TEST_CXX");
  const std::string command =
      std::string(compiler != nullptr ? compiler : "c++") +
      " -std=c++17 -O1 -w -ffp-contract=off -fPIC -shared -pthread -fno-strict-aliasing"
      " -fsanitize=signed-integer-overflow,shift-exponent,integer-divide-by-zero"
      " -fsanitize-undefined-trap-on-error -o " +
      folder + "/kernel.so " + folder + "/kernel.cpp 2> " + folder + "/log";
  const bool good = std::system(command.c_str()) == 0;
  program.log = contents(folder + "/log");
  program.code = contents(folder + "/kernel.so");
  std::filesystem::remove_all(folder);
  return good;
}

NvrtcResult copy(const std::string& text, char* to) {
  // NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes
  std::memcpy(to, text.data(), text.size());
  return kNvrtcSuccess;
}

}  // namespace

extern "C" {

const char* nvrtcGetErrorString(NvrtcResult) { return "an error of the stand-in"; }
NvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 12;
  *minor = 4;
  return kNvrtcSuccess;
}
NvrtcResult nvrtcGetNumSupportedArchs(int* count) {
  *count = static_cast<int>(std::size(kArchitectures));
  return kNvrtcSuccess;
}
NvrtcResult nvrtcGetSupportedArchs(int* architectures) {
  std::copy(std::begin(kArchitectures), std::end(kArchitectures), architectures);
  return kNvrtcSuccess;
}
NvrtcResult nvrtcCreateProgram(NvrtcProgram* program, const char* source, const char*, int headers,
                               const char* const* texts, const char* const* names) {
  *program = new NvrtcProgramStruct;
  (*program)->source = source;
  for (int i = 0; i < headers; ++i) (*program)->headers[names[i]] = texts[i];
  return kNvrtcSuccess;
}
NvrtcResult nvrtcDestroyProgram(NvrtcProgram* program) {
  delete *program;
  *program = nullptr;
  return kNvrtcSuccess;
}
NvrtcResult nvrtcCompileProgram(NvrtcProgram program, int, const char* const*) {
  const std::string source = hostSource(*program);
  if (source.empty()) {
    program->log = "the stand-in for NVRTC does not understand the program";
    return kInvalidInput;
  }
  return compile(*program, source) ? kNvrtcSuccess : kNvrtcCompilation;
}
NvrtcResult nvrtcGetProgramLogSize(NvrtcProgram program, size_t* bytes) {
  *bytes = program->log.size() + 1;
  return kNvrtcSuccess;
}
NvrtcResult nvrtcGetProgramLog(NvrtcProgram program, char* text) {
  std::strcpy(text, program->log.c_str());
  return kNvrtcSuccess;
}
NvrtcResult nvrtcGetCUBINSize(NvrtcProgram program, size_t* bytes) {
  *bytes = program->code.size();
  return kNvrtcSuccess;
}
NvrtcResult nvrtcGetCUBIN(NvrtcProgram program, char* code) { return copy(program->code, code); }
NvrtcResult nvrtcGetPTXSize(NvrtcProgram program, size_t* bytes) {
  *bytes = program->code.size();
  return kNvrtcSuccess;
}
NvrtcResult nvrtcGetPTX(NvrtcProgram program, char* code) { return copy(program->code, code); }

}  // extern "C"
