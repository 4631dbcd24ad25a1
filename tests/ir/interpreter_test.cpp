// The kernel interpreter: what kernels compute, and the faults that it must find.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ir/kernel.h"
#include "ir/scalar_eval.h"
#include "ir/text.h"
#include "tests/golden.h"

using namespace quartet;
using namespace quartet::ir;

namespace {

template <class T>
KernelMemory memory(DType dtype, const std::vector<T>& values) {
  const auto* first = reinterpret_cast<const std::byte*>(values.data());
  return {dtype, std::vector<std::byte>(first, first + values.size() * sizeof(T))};
}

template <class T>
std::vector<T> values(const KernelMemory& memory) {
  const auto* first = reinterpret_cast<const T*>(memory.bytes.data());
  return {first, first + memory.bytes.size() / sizeof(T)};
}

Result<KernelRun> run(const std::string& text, int64_t groups, std::vector<KernelMemory>& buffers,
                      const std::vector<uint32_t>& params = {}) {
  const Result<Module> kernel = parse(text);
  REQUIRE_MESSAGE(kernel.has_value(), (kernel ? "" : kernel.error().str()));
  return interpret(*kernel, groups, buffers, params);
}

// Runs `body` on one buffer %x of eight i32 by `local` invocations.
Result<KernelRun> runBody(const std::string& body, int local, int64_t groups = 1,
                          std::vector<int32_t>* x = nullptr,
                          const std::vector<uint32_t>& params = {}) {
  std::vector<int32_t> numbers = {0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<KernelMemory> buffers = {memory(DType::I32, numbers)};
  const std::string text =
      "kernel @k(%x: buffer<readwrite i32[8]>) attributes {local = " + std::to_string(local) +
      "} {\n%0 = literal {value = 0} : i32\n%1 = literal {value = 1} : i32\n"
      "%4 = literal {value = 4} : i32\n%id = local_id : i32\n%group = group_id : i32\n" +
      body + "\nreturn\n}\n";
  Result<KernelRun> result = run(text, groups, buffers, params);
  if (x != nullptr) *x = values<int32_t>(buffers[0]);
  return result;
}

void checkFault(const Result<KernelRun>& result, const std::string& message,
                const std::string& op) {
  REQUIRE_MESSAGE(!result.has_value(), "no fault was found");
  INFO(result.error().str());
  CHECK(result.error().kind == Diagnostic::Kind::Internal);
  CHECK(result.error().message.find(message) != std::string::npos);
  CHECK(result.error().where.find(op) != std::string::npos);
}

std::vector<KernelMemory> matmulBuffers() {
  std::vector<float> a(70), b(63);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 11) - 5;
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 7) - 3;
  return {memory(DType::F32, a), memory(DType::F32, b), memory(DType::F32, std::vector<float>(90))};
}

std::string without(std::string text, const std::string& what, int occurrence) {
  size_t at = text.find(what);
  for (int i = 0; i < occurrence; ++i) at = text.find(what, at + 1);
  REQUIRE(at != std::string::npos);
  return text.erase(at, what.size());
}

}  // namespace

TEST_CASE("a tiled matrix product through workgroup memory") {
  std::vector<KernelMemory> buffers = matmulBuffers();
  const Result<KernelRun> result = run(tests::readTestFile("ir/kernels/matmul.ir"), 9, buffers);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  const std::vector<float> a = values<float>(buffers[0]);
  const std::vector<float> b = values<float>(buffers[1]);
  std::vector<float> c(90);
  for (size_t i = 0; i < 10; ++i) {
    for (size_t j = 0; j < 9; ++j) {
      for (size_t k = 0; k < 7; ++k) c[i * 9 + j] += a[i * 7 + k] * b[k * 9 + j];
    }
  }
  CHECK(values<float>(buffers[2]) == c);
  CHECK(result->statusCode == 0);
  CHECK(result->traffic.stores == 90);
  CHECK(result->traffic.storedBytes == 360);
  CHECK(result->traffic.loads == 3 * (70 + 63));  // every tile row and column once each
}

TEST_CASE("a missing barrier is a race, whichever side it is on") {
  const std::string text = tests::readTestFile("ir/kernels/matmul.ir");
  for (const int occurrence : {0, 1}) {
    std::vector<KernelMemory> buffers = matmulBuffers();
    const Result<KernelRun> result = run(without(text, "barrier\n", occurrence), 9, buffers);
    checkFault(result, "race: another invocation", occurrence == 0 ? "load" : "store");
  }
}

TEST_CASE("accesses out of bounds") {
  checkFault(runBody("%8 = literal {value = 8} : i32\n%y = load %x, %8 : i32", 1),
             "element 8 of the buffer is out of bounds: it has 8", "load %x, %8");
  checkFault(runBody("%minus = neg %1 : i32\nstore %x, %minus, %0", 1), "element -1", "store");
  checkFault(runBody("%6 = literal {value = 6} : i32\n%y = load %x, %6 : i32x4", 1), "element 8",
             "load");
  checkFault(runBody("%s = shared : buffer<workgroup readwrite i32[4]>\nstore %s, %4, %1", 1),
             "element 4 of the buffer is out of bounds: it has 4", "store %s");
  checkFault(runBody("%v = var : var<i32[4]>\nset %v, %0, %4", 1), "index 4 is out of bounds",
             "set %v");
}

TEST_CASE("a count keeps lanes from being accessed, and reads zero there") {
  std::vector<int32_t> x;
  const Result<KernelRun> result = runBody(
      "%6 = literal {value = 6} : i32\n%2 = literal {value = 2} : i32\n"
      "%y = load %x, %6, %2 : i32x4\n%none = load %x, %6, %0 : i32\n"
      "store %x, %0, %y\nstore %x, %1, %none, %0",
      1, 1, &x);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  CHECK(x == std::vector<int32_t>{6, 7, 0, 0, 4, 5, 6, 7});
  CHECK(result->traffic.loads == 2);
  CHECK(result->traffic.stores == 4);
}

TEST_CASE("gathers and scatters where the mask says") {
  std::vector<int32_t> x;
  const Result<KernelRun> result = runBody(
      "%lane = lane_id : i32x4\n%ones = splat %1 : i32x4\n%index = shl %lane, %ones : i32x4\n"
      "%far = add %index, %index : i32x4\n%limit = literal {value = 8} : i32x4\n"
      "%inside = lt %far, %limit : boolx4\n"
      "%y = gather_load %x, %index : i32x4\n"
      "scatter_store %x, %far, %y, %inside",
      1, 1, &x);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  CHECK(x == std::vector<int32_t>{0, 1, 2, 3, 2, 5, 6, 7});
}

TEST_CASE("a wrong alignment and a wrong access mode are faults") {
  checkFault(runBody("%y = load %x, %1 {align = 4} : i32x4", 1), "multiple of the stated alignment",
             "align = 4");
  std::vector<KernelMemory> buffers = {memory(DType::I32, std::vector<int32_t>{1})};
  checkFault(run("kernel @k(%x: buffer<read i32[1]>) {\n%0 = literal {value = 0} : i32\n"
                 "store %x, %0, %0\nreturn\n}",
                 1, buffers),
             "access mode", "store");
}

TEST_CASE("undefined variables and undefined workgroup memory") {
  checkFault(runBody("%v = var : var<i32>\n%y = get %v : i32", 1), "read before it is set", "get");
  checkFault(runBody("%v = var : var<i32>\n%first = eq %id, %0 : bool\n"
                     "if %first { set %v, %1 } {}\n%y = get %v : i32",
                     2),
             "invocation 1", "get");
  checkFault(runBody("%s = shared : buffer<workgroup readwrite i32[4]>\n%y = load %s, %0 : i32", 1),
             "read before it is written", "load");
  CHECK(runBody("%v = var : var<i32[4]>\nset %v, %1, %0\n%y = get %v, %0 : i32", 2).has_value());
}

TEST_CASE("a variable declared in a loop is undefined in every iteration") {
  checkFault(runBody("for %0, %4, %1 (%i: i32) {\n%v = var : var<i32>\n%first = eq %i, %0 : bool\n"
                     "if %first { set %v, %1 } {}\n%y = get %v : i32\n}",
                     1),
             "read before it is set", "get");
}

TEST_CASE("races between invocations") {
  checkFault(runBody("store %x, %0, %id", 2), "race: another invocation", "store");
  checkFault(runBody("%y = load %x, %0 : i32\nstore %x, %id, %y", 2), "race", "store");
  // The writer has read the element too, but so has another.
  checkFault(runBody("%y = load %x, %0 : i32\n%last = eq %id, %1 : bool\n"
                     "if %last { store %x, %0, %y } {}",
                     2),
             "race: another invocation", "store");
  CHECK(runBody("%y = load %x, %0 : i32\nbarrier\nstore %x, %id, %y", 2).has_value());
  CHECK(runBody("%y = load %x, %0 : i32\nstore %x, %0, %y", 1).has_value());
  CHECK(runBody("%y = load %x, %0 : i32", 4).has_value());
}

TEST_CASE("races between groups: no barrier helps") {
  checkFault(runBody("store %x, %0, %id", 1, 2), "race: another group", "store");
  checkFault(runBody("barrier\n%y = load %x, %0 : i32\nbarrier\nstore %x, %group, %y", 1, 2),
             "race: another group", "load");
  checkFault(runBody("%y = load %x, %1 : i32\nstore %x, %group, %y", 1, 2), "race: another group",
             "store");
  CHECK(runBody("%y = load %x, %group : i32\nstore %x, %group, %y", 1, 8).has_value());
}

TEST_CASE("atomics add one after another and give what was there before") {
  std::vector<int32_t> x;
  const Result<KernelRun> result = runBody(
      "%before = atomic_add %x, %4, %1 : i32\n"  // 4, 5, 6, ... by invocation and group
      "%is = eq %before, %4 : bool\nif %is { store %x, %0, %4 } {}",
      3, 2, &x);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  CHECK(x == std::vector<int32_t>{4, 1, 2, 3, 10, 5, 6, 7});
  CHECK(result->traffic.loads == 6);
  CHECK(result->traffic.stores == 7);
  REQUIRE(
      runBody("%low = literal {value = -2147483648} : i32\n%minus = neg %1 : i32\n"
              "%a = atomic_add %x, %0, %low : i32\n%b = atomic_add %x, %0, %minus : i32\n"
              "store %x, %1, %b",
              1, 1, &x));
  CHECK(x[0] == INT32_MAX);  // it wraps
  CHECK(x[1] == INT32_MIN);
}

TEST_CASE("atomics race with loads and stores, not with each other") {
  const std::string add = "%a = atomic_add %x, %0, %1 : i32\n";
  CHECK(runBody(add + add.substr(0, 1) + "b" + add.substr(2), 4, 4).has_value());
  CHECK(runBody(add + "barrier\n%y = load %x, %0 : i32", 4).has_value());
  CHECK(runBody("%y = load %x, %0 : i32\n" + add + "store %x, %0, %a", 1).has_value());
  checkFault(runBody(add + "%y = load %x, %0 : i32", 2), "race: another invocation", "load");
  checkFault(runBody(add + "store %x, %0, %1", 2), "race: another invocation", "store");
  checkFault(runBody("%y = load %x, %0 : i32\n" + add, 2), "race: another invocation",
             "atomic_add");
  checkFault(runBody("%first = eq %id, %0 : bool\nif %first { store %x, %0, %1 } {}\n" + add, 2),
             "race: another invocation", "atomic_add");
  const std::string first = "%first = eq %group, %0 : bool\n";
  checkFault(runBody(first + "if %first { store %x, %0, %1 } {\n" + add + "}", 1, 2),
             "race: another group", "atomic_add");
  checkFault(runBody(first + "if %first {\n" + add + "} { %y = load %x, %0 : i32 }", 1, 2),
             "race: another group", "load");
  checkFault(runBody("%8 = add %4, %4 : i32\n%a = atomic_add %x, %8, %1 : i32", 1),
             "element 8 of the buffer is out of bounds: it has 8", "atomic_add");
}

TEST_CASE("prefetches change nothing, read nothing and may lie anywhere") {
  std::vector<int32_t> x;
  const Result<KernelRun> result = runBody(
      "%far = literal {value = -1000000} : i32\nprefetch %x, %far\nprefetch %x, %group\n"
      "store %x, %group, %1",
      1, 2, &x);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  CHECK(x == std::vector<int32_t>{1, 1, 2, 3, 4, 5, 6, 7});
  CHECK(result->traffic.loads == 0);
}

TEST_CASE("divergent barriers") {
  const std::string first = "%first = eq %id, %0 : bool\n";
  checkFault(runBody(first + "if %first { barrier } {}", 2), "divergent barrier", "barrier");
  checkFault(runBody(first + "if %first { barrier } { barrier }", 2), "divergent barrier",
             "barrier");
  checkFault(runBody("for %0, %id, %1 (%i: i32) { barrier }", 2), "divergent barrier", "barrier");
  CHECK(runBody("for %0, %4, %1 (%i: i32) { barrier }", 2).has_value());
  CHECK(runBody(first + "if %first { barrier } {}", 1).has_value());
}

TEST_CASE("control flow diverges and joins") {
  std::vector<int32_t> x;
  const Result<KernelRun> result = runBody(
      "%v = var : var<i32>\nset %v, %0\n"
      "for %0, %id, %1 (%i: i32) {\n%a = get %v : i32\n%b = add %a, %i : i32\nset %v, %b\n}\n"
      "%bit = and %id, %1 : i32\n%odd = ne %bit, %0 : bool\n"
      "if %odd {\n%c = get %v : i32\n%d = neg %c : i32\nset %v, %d\n} {}\n"
      "%y = get %v : i32\nstore %x, %id, %y",
      8, 1, &x);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  CHECK(x == std::vector<int32_t>{0, 0, 1, -3, 6, -10, 15, -21});
}

TEST_CASE("a loop step must be positive; a parameter must be there") {
  checkFault(runBody("for %0, %4, %0 (%i: i32) {}", 1), "loop step 0", "for");
  checkFault(runBody("%p = param {index = 1} : i32", 1, 1, nullptr, {5}), "parameter 1 of 1",
             "param");
  std::vector<int32_t> x;
  CHECK(runBody("%p = param {index = 0} : i32\nstore %x, %0, %p", 1, 1, &x, {0xffffffffu})
            .has_value());
  CHECK(x[0] == -1);
}

TEST_CASE("the status word keeps the first report") {
  const Result<KernelRun> result = runBody(
      "%a = eq %group, %4 : bool\nreport %a {code = 1, node = 9}\n"
      "%b = gt %group, %0 : bool\nreport %b {code = 2, node = 7}",
      1, 6);
  REQUIRE(result.has_value());
  CHECK(result->statusCode == 2);
  CHECK(result->statusNode == 7);
  CHECK(runBody("%a = eq %group, %4 : bool\nreport %a {code = 1, node = 9}", 1)->statusCode == 0);
}

TEST_CASE("narrow storage, casts, bit casts and lanes") {
  std::vector<KernelMemory> buffers = {memory(DType::F16, std::vector<uint16_t>{0x3c00, 0xc000}),
                                       memory(DType::F32, std::vector<float>(2)),
                                       memory(DType::I32, std::vector<int32_t>(1))};
  const Result<KernelRun> result = run(
      "kernel @k(%x: buffer<readwrite f16[2]>, %y: buffer<write f32[2]>, %z: buffer<write i32[1]>) "
      "{\n%0 = literal {value = 0} : i32\n%h = load %x, %0 : f16x2\n%f = cast %h : f32x2\n"
      "%third = literal {value = 3.0} : f32x2\n%q = div %f, %third : f32x2\nstore %y, %0, %q\n"
      "%n = cast %q : f16x2\nstore %x, %0, %n\n%sum = reduce_lanes %f {fn = add} : f32\n"
      "%last = extract %f {lane = 1} : f32\n%both = add %sum, %last : f32\n"
      "%bits = bitcast %both : i32\nstore %z, %0, %bits\nreturn\n}",
      1, buffers);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  CHECK(values<float>(buffers[1]) == std::vector<float>{1.0f / 3, -2.0f / 3});
  CHECK(values<uint16_t>(buffers[0]) == std::vector<uint16_t>{0x3555, 0xb955});
  CHECK(static_cast<uint32_t>(values<int32_t>(buffers[2])[0]) == 0xc0400000u);  // -3
  CHECK(result->traffic.loadedBytes == 4);
  CHECK(result->traffic.storedBytes == 8 + 4 + 4);
}

TEST_CASE("shuffle picks lanes of two vectors") {
  std::vector<KernelMemory> buffers = {memory(DType::I32, std::vector<int32_t>{1, 2, 3, 4}),
                                       memory(DType::I32, std::vector<int32_t>(3))};
  const Result<KernelRun> result =
      run("kernel @k(%x: buffer<read i32[4]>, %y: buffer<write i32[3]>) {\n"
          "%0 = literal {value = 0} : i32\n%two = literal {value = 2} : i32\n"
          "%a = load %x, %0 : i32x2\n%b = load %x, %two : i32x2\n"
          "%s = shuffle %a, %b {lanes = [3, 0, 2]} : i32x3\nstore %y, %0, %s\nreturn\n}",
          1, buffers);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  CHECK(values<int32_t>(buffers[1]) == std::vector<int32_t>{4, 1, 3});
}

TEST_CASE("buffers must fit the kernel") {
  const std::string text = "kernel @k(%x: buffer<read i32[4]>) { return }";
  std::vector<KernelMemory> none;
  CHECK(!run(text, 1, none).has_value());
  std::vector<KernelMemory> small = {memory(DType::I32, std::vector<int32_t>(3))};
  CHECK(!run(text, 1, small).has_value());
  std::vector<KernelMemory> other = {memory(DType::F32, std::vector<float>(4))};
  CHECK(!run(text, 1, other).has_value());
  std::vector<KernelMemory> right = {memory(DType::I32, std::vector<int32_t>(4))};
  CHECK(run(text, 1, right).has_value());
}
