// Matrices that subgroups hold: what their operations compute, how the verifier and the
// interpreter find their misuse, tiles of matrix units.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "ir/kernel.h"
#include "ir/matrix_product.h"
#include "ir/scalar_eval.h"
#include "ir/text.h"
#include "ir/verifier.h"

namespace quartet::ir {
namespace {

Module parsed(const std::string& text) {
  Result<Module> module = parse(text);
  REQUIRE_MESSAGE(module.has_value(), (module ? "" : module.error().str()) << "\n" << text);
  return *std::move(module);
}

/// "" when `text` verifies, else the message.
std::string problem(const std::string& text) {
  const Status status = verify(parsed(text));
  return status ? "" : status.error().message;
}

void contains(const std::string& text, const std::string& message) {
  const std::string found = problem(text);
  CHECK_MESSAGE(found.find(message) != std::string::npos, "expected '" << message << "', found '"
                                                                       << found << "' in\n"
                                                                       << text);
}

/// A kernel of two subgroups of four on %a, %b (f16) and %c (f32), each [16, 16].
std::string kernel(const std::string& body,
                   const std::string& attributes = "{local = 8, subgroup = 4}") {
  return "kernel @k(%a: buffer<read f16[256]>, %b: buffer<read f16[256]>, "
         "%c: buffer<readwrite f32[256]>) attributes " +
         attributes +
         " {\n%0 = literal {value = 0} : i32\n%8 = literal {value = 8} : i32\n"
         "%16 = literal {value = 16} : i32\n%f = literal {value = 0.0} : f32\n"
         "%s = subgroup_id : i32 %l = local_id : i32\n%sc = lt %s, %8 : bool %lc = lt %l, %8 : "
         "bool\n" +
         body + "\nreturn\n}\n";
}

const std::string kSum = "matrix<f32[8, 8], accumulator>";
const std::string kLoadA = "%x = matrix_load %a, %0, %16 : matrix<f16[8, 16], a>\n";
const std::string kLoadB = "%y = matrix_load %b, %0, %16 : matrix<f16[16, 8], b>\n";
const std::string kZero = "%z = splat %f : " + kSum + "\n";

std::vector<KernelMemory> memories() {
  std::vector<KernelMemory> buffers;
  for (const DType dtype : {DType::F16, DType::F16, DType::F32}) {
    KernelMemory memory{dtype, std::vector<std::byte>(256 * static_cast<size_t>(byteSize(dtype)))};
    for (int64_t i = 0; i < 256; ++i) {
      const int64_t number = dtype == DType::F32 ? 0 : (i * 7 + (buffers.empty() ? 1 : 5)) % 11 - 5;
      writeScalar(dtype, floatScalar(static_cast<double>(number)),
                  memory.bytes.data() + i * byteSize(dtype));
    }
    buffers.push_back(std::move(memory));
  }
  return buffers;
}

double element(const KernelMemory& memory, int64_t i) {
  return readScalar(memory.dtype, memory.bytes.data() + i * byteSize(memory.dtype)).f;
}

Result<KernelRun> run(const std::string& body, std::vector<KernelMemory>& buffers) {
  return interpret(parsed(kernel(body)), 1, buffers, {});
}

void faults(const std::string& body, const std::string& message) {
  std::vector<KernelMemory> buffers = memories();
  const Result<KernelRun> result = run(body, buffers);
  REQUIRE_MESSAGE(!result.has_value(), "no fault was found in\n" << body);
  CHECK_MESSAGE(result.error().message.find(message) != std::string::npos, result.error().str());
}

TEST_CASE("matrices: a subgroup multiplies rows of its own") {
  std::vector<KernelMemory> buffers = memories();
  const std::string body =
      "%128 = literal {value = 128} : i32 %at = mul %s, %128 : i32\n"
      "%x = matrix_load %a, %at, %16 : matrix<f16[8, 16], a>\n" +
      kLoadB + kZero + "%t = matrix_multiply_add %x, %y, %z : " + kSum + "\n" +
      "%u = matrix_multiply_add %x, %y, %t : " + kSum +
      "\nmatrix_store %c, %at, %16, %u {column_major = 1}";
  CHECK(problem(kernel(body)) == "");
  const Result<KernelRun> result = run(body, buffers);
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  CHECK(result->traffic.operations > 2 * 2 * 2 * 8 * 8 * 16);
  CHECK(result->traffic.stores == 2 * 64);
  for (int64_t subgroup = 0; subgroup < 2; ++subgroup) {
    for (int64_t r = 0; r < 8; ++r) {
      for (int64_t c = 0; c < 8; ++c) {
        double sum = 0;
        for (int64_t k = 0; k < 16; ++k) {
          sum += element(buffers[0], subgroup * 128 + r * 16 + k) * element(buffers[1], k * 16 + c);
        }
        CHECK(element(buffers[2], subgroup * 128 + c * 16 + r) == 2 * sum);
      }
    }
  }
}

TEST_CASE("matrices: sums in the accumulator's dtype, integers modulo its bits") {
  const auto product = [](const std::string& a, const std::string& sum, int64_t left,
                          int64_t right) {
    const std::string real = isFloat(*parseDType(sum)) ? ".0" : "";
    const std::string text =
        "kernel @k(%c: buffer<readwrite " + sum +
        "[16]>) attributes {local = 2, subgroup = 2} {\n" +
        "%0 = literal {value = 0} : i32 %4 = literal {value = 4} : i32\n%l = literal {value = " +
        std::to_string(left) + real + "} : " + a +
        " %r = literal {value = " + std::to_string(right) + real + "} : " + a +
        "\n%x = splat %l : matrix<" + a + "[4, 4], a> %y = splat %r : matrix<" + a +
        "[4, 4], b>\n%z = matrix_load %c, %0, %4 : matrix<" + sum +
        "[4, 4], accumulator>\n%s = matrix_multiply_add %x, %y, %z : matrix<" + sum +
        "[4, 4], accumulator>\nmatrix_store %c, %0, %4, %s\nreturn\n}";
    const DType dtype = *parseDType(sum);
    KernelMemory memory{dtype, std::vector<std::byte>(16 * static_cast<size_t>(byteSize(dtype)))};
    const int64_t start = isFloat(dtype) ? 1 << 24 : INT32_MAX;
    for (int64_t i = 0; i < 16; ++i) {
      writeScalar(dtype,
                  isFloat(dtype) ? floatScalar(static_cast<double>(start)) : intScalar(start),
                  memory.bytes.data() + i * byteSize(dtype));
    }
    std::vector<KernelMemory> buffers{memory};
    const auto done = interpret(parsed(text), 1, buffers, {});
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().str()));
    return readScalar(dtype, buffers[0].bytes.data());
  };
  CHECK(product("f16", "f32", 1, 1).f == 16777216);  // 2^24 + 1 is rounded, four times
  CHECK(product("f16", "f32", 2, 1).f == 16777216 + 8);
  CHECK(product("i8", "i32", -128, -128).i == wrapInteger(DType::I32, INT32_MAX + 65536LL));
  CHECK(product("u8", "i32", 255, 255).i == wrapInteger(DType::I32, INT32_MAX + 4 * 65025LL));
}

TEST_CASE("matrices: types and operands fit") {
  CHECK(problem(kernel(kLoadA + kLoadB + kZero +
                       "%t = matrix_multiply_add %x, %y, %z : " + kSum)) == "");
  contains(kernel(kZero + "%t = matrix_multiply_add %z, %z, %z : " + kSum), "takes matrices a, b");
  contains(kernel(kLoadA + "%y = matrix_load %b, %0, %16 : matrix<f16[8, 8], b>\n" + kZero +
                  "%t = matrix_multiply_add %x, %y, %z : " + kSum),
           "the shapes of a product");
  contains(kernel(kLoadA + kLoadB +
                  "%i = splat %0 : matrix<i32[8, 8], accumulator>\n"
                  "%t = matrix_multiply_add %x, %y, %i : matrix<i32[8, 8], "
                  "accumulator>"),
           "of floats alone");
  contains(kernel("%x = matrix_load %a, %0, %16 : matrix<f32[8, 8], a>"), "the buffer's dtype");
  contains(kernel("%x = matrix_load %a, %f, %16 : matrix<f16[8, 8], a>"), "index and stride");
  contains(kernel(kLoadA + "matrix_store %a, %0, %16, %x"), "only read");
  contains(kernel("%x = splat %f : matrix<f32[8, 8], a>\nmatrix_store %c, %0, %16, %x"),
           "accumulators alone are stored");
  contains(kernel("%x = splat %0 : matrix<f32[8, 8], a>"), "a vector or a matrix of a scalar");
  contains(kernel("%v = var : var<" + kSum + ">\nset %v, %f"), "has the variable's type");
  contains(kernel("%v = var : var<" + kSum + ">\n%g = get %v : f32"), "has the variable's type");
  contains(kernel(kZero + "%n = neg %z : " + kSum), "scalars or vectors");
  contains(kernel("", "{local = 8}"), "no attribute 'subgroup'");
  contains(kernel("", "{local = 8, subgroup = 3}"), "no whole subgroups of 3");
  contains(kernel("", "{local = 8, subgroup = \"4\"}"), "no attribute 'subgroup'");
  CHECK(parse("kernel @k() { %v = var : var<matrix<f32[0, 8], a>> return }")
            .error()
            .message.find("rows and columns of a matrix are 1 to") != std::string::npos);
  CHECK(parse("kernel @k() { %v = var : var<matrix<f32[8, 8], c>> return }")
            .error()
            .message.find("expected a, b or accumulator") != std::string::npos);
}

TEST_CASE("matrices: flow and operands are those of the whole subgroup") {
  const std::string message = "may differ within a subgroup";
  CHECK(problem(kernel("if %sc {" + kLoadA + "} {}")) == "");
  CHECK(problem(kernel("%x = matrix_load %a, %s, %16 : matrix<f16[8, 16], a>")) == "");
  contains(kernel("if %lc {" + kLoadA + "} {}"), message);
  contains(kernel("%x = matrix_load %a, %l, %16 : matrix<f16[8, 16], a>"), message);
  contains(kernel("%v = var : var<" + kSum + ">\n" + kZero + "if %lc { set %v, %z } {}"), message);
  // What differs between subgroups is no place for barriers.
  contains(kernel("if %sc { barrier } {}"), "a barrier in control flow");

  faults("%1 = literal {value = 1} : i32 %p = lt %l, %1 : bool\nif %p {" + kLoadA + "} {}",
         "not all invocations of a subgroup reach");
  faults("%i = mul %l, %8 : i32 %x = matrix_load %a, %i, %16 : matrix<f16[8, 16], a>",
         "differs within a subgroup");
}

TEST_CASE("matrices: the interpreter finds places outside, askew and raced for") {
  faults(
      "%240 = literal {value = 240} : i32 %x = matrix_load %a, %240, %16 : matrix<f16[8, 16], a>",
      "out of bounds");
  faults("%1 = literal {value = 4} : i32 %x = matrix_load %a, %1, %16 : matrix<f16[8, 16], a>",
         "are no multiples of 8 elements");
  // Both subgroups store to one place.
  faults(kZero + "matrix_store %c, %0, %16, %z", "race");
  // Between what a subgroup stores and what its invocations load lies a barrier.
  const std::string mine = "%128 = literal {value = 128} : i32 %at = mul %s, %128 : i32\n" + kZero +
                           "matrix_store %c, %at, %16, %z\n";
  faults(mine + "%r = load %c, %at : f32", "race");
  std::vector<KernelMemory> buffers = memories();
  const auto result = run(mine + "barrier\n%r = load %c, %at : f32", buffers);
  CHECK_MESSAGE(result.has_value(), (result ? "" : result.error().str()));
  faults("%v = var : var<" + kSum + ">\n%g = get %v : " + kSum, "read before it is set");
}

std::string tilePlan(const std::string& tile, const std::string& factor = "cast.f32(in0[d0, r0])") {
  return "plan @p(%a: buffer<f16[40, 50]>, %b: buffer<f16[50, 70]>, %c: buffer<f32[40, 70]>) -> "
         "(\"c\") {\ntasks {name = \"t\"} {\n%t = tile %a, %b {expr = {reduce (40, 70 | 50) init "
         "(0.0:f32) each (mul(" +
         factor +
         ", cast.f32(in1[r0, d1]))) combine (add(s0, e0)) commutative -> (s0)}, tile = tile(" +
         tile + ")} : f32[40, 70]\nwrite %t, %c\n}\nreturn\n}";
}

TEST_CASE("matrices: tiles of a unit are whole matrices, groups whole tiles") {
  const std::string good =
      "group [32, 32, 32], reg [16, 32, 1], lane 1 x 1, unit [16, 16, 16], order [0, 1, 2]";
  CHECK(problem(tilePlan(good)) == "");
  CHECK(print(parsed(tilePlan(good))).find("tile(" + good + ")") != std::string::npos);
  const auto bad = [](const std::string& tile, const std::string& message) {
    contains(tilePlan(tile), message);
  };
  bad("group [32, 32, 32], reg [16, 32, 1], lane 1 x 1, unit [16, 16], order [0, 1, 2]",
      "a unit of three extents needs");
  bad("group [32, 32, 32], reg [16, 32, 1], lane 1 x 4, unit [16, 16, 16], order [0, 1, 2]",
      "a unit of three extents needs");
  bad("group [32, 32, 32], reg [16, 32, 1], lane -1 x 1, unit [16, 16, 16], order [0, 1, 2]",
      "a unit of three extents needs");
  bad("group [24, 32, 32], reg [16, 32, 1], lane 1 x 1, unit [16, 16, 16], order [0, 1, 2]",
      "not so along axis 0");
  bad("group [32, 32, 32], reg [16, 32, 2], lane 1 x 1, unit [16, 16, 16], order [0, 1, 2]",
      "not so along axis 2");
  bad("group [32, 32, 32], reg [8, 32, 1], lane 1 x 1, unit [16, 16, 16], order [0, 1, 2]",
      "is not of whole matrices");
  contains(tilePlan(good, "cast.f32(in0[0, r0])"), "a unit of three extents needs");  // no rows
  contains(tilePlan(good, "add(cast.f32(in0[d0, r0]), 1.0:f32)"), "a unit of three extents needs");
}

}  // namespace
}  // namespace quartet::ir
