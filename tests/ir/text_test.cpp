// The text form: what is printed parses back to the same text.
#include "ir/text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "ir/verifier.h"
#include "tests/golden.h"

namespace quartet::ir {
namespace {

Module parsed(std::string_view text, const ParseOptions& options = {}) {
  auto module = parse(text, options);
  REQUIRE_MESSAGE(module.has_value(), module.error().str());
  return std::move(*module);
}

void checkRoundTrip(std::string_view text) {
  const Module module = parsed(text);
  CHECK(print(module) == text);
}

std::string parseError(std::string_view text) {
  const auto module = parseModules(text);
  REQUIRE_FALSE(module.has_value());
  return module.error().where + ": " + module.error().message;
}

TEST_CASE("a graph round-trips") {
  checkRoundTrip(
      R"(graph @"my model"(%x: f32[N, 3, H, floordiv(H + 1, 2)], %"a b": i64[]) -> ("out", "second \"one\"") symbols {H: 1..512 multiple 4, N: 1..8 multiple 1} {
  %w = constant {hash = "a6021eb34d2d2ea4ae21eca06eed4ad2"} : f32[2]
  %y = reduce %x {axes = [2, 3], fn = add} : f32[N, 3] from "conv/1", "relu\n1"
  %z = cast %y : f16[N, 3]
  %k = iota {axis = 0} : i32[4]
  return %z, %k
}
)");
}

TEST_CASE("all attributes round-trip") {
  checkRoundTrip(R"(graph @attributes() -> () attributes {local = 64} {
  %a = compute {dims = <dims: N, 4, min(N, 7)>, dtype = bf16, empty = [], f = 1.5, g = -0.0, h = 1e+300, inf = -inf, ints = [-1, 2, 9223372036854775807], layout = layout [a0/32, a1, a0/4%8, a0%4], min = -9223372036854775808, nodims = <dims: >, "odd name" = 3, op = tile, s = "x\x00\"\\", t = tile(group [14, 64, 64], reg [14, 32, 1], lane 1 x 16, order [0, 1, 2]), u = tile(), v = tile(group [4, 8], reg [2, 8], stage [2, 8], lane 1 x 8, store 0, order [0, 1])} : f32[]
  %b = compute {nan = nan, one = 1.0, tiny = 5e-324} : f32[]
  return
}
)");
}

TEST_CASE("all types round-trip") {
  checkRoundTrip(
      R"(plan @types(%a: f32[], %b: bool[0, N * 3 + 6], %c: buffer<i8[4, 4]>, %d: buffer<f16[4, 4], [a1/2, a0, a1%2]>, %e: buffer<read u64[16]>, %f: buffer<write f64[16]>, %g: buffer<workgroup readwrite f32[64]>, %h: buffer<private read f32[64]>, %i: f32x16, %j: i32, %k: var<f32x16>, %l: var<bf16[8]>, %m: var<u8x4[N]>) -> () {
  return
}
)");
}

TEST_CASE("regions round-trip") {
  checkRoundTrip(
      R"(kernel @k(%in: buffer<read f32[64]>, %out: buffer<write f32[64]>) attributes {local = 1} {
  %0 = literal {value = 0} : i32
  %1 = literal {value = 64} : i32
  %2 = literal {value = 1.5} : f32
  barrier
  %3, %4 = compute : f32, i32x4
  for %0, %1, %4 (%i: i32) {
    %5 = load %in, %i : f32
    %6 = lt %5, %2 : bool
    if %6 {
      store %out, %i, %5
    } {}
  }
  return
}
)");
}

TEST_CASE("atomics round-trip") {
  checkRoundTrip(
      R"(kernel @k(%x: buffer<u32[64]>) attributes {local = 4} {
  %0 = literal {value = 1} : i32
  %1 = literal {value = 2} : u32
  %2 = atomic_add %x, %0, %1 : u32
  return
}
)");
}

TEST_CASE("prefetches round-trip") {
  checkRoundTrip(
      R"(kernel @k(%x: buffer<read f32[64]>) attributes {local = 1} {
  %0 = literal {value = 100} : i32
  prefetch %x, %0
  return
}
)");
}

TEST_CASE("constants round-trip exactly, elided ones with invented data") {
  const auto specials =
      makeConstant<float>(DType::F32, {6},
                          {0.1F, -0.0F, std::numeric_limits<float>::infinity(), 1e-45F, 16777216.0F,
                           std::numeric_limits<float>::quiet_NaN()});
  const auto odd = makeConstant<uint32_t>(DType::F32, {2}, {0xffc00000U, 0x7fc00001U});
  const auto half = makeConstant<uint16_t>(DType::F16, {4}, {0x3555, 0x0001, 0xfbff, 0x7e01});
  const auto big = makeConstant<uint64_t>(DType::U64, {1, 2}, {~uint64_t{0}, 7});
  const auto longer = makeConstant<int8_t>(DType::I8, {17}, std::vector<int8_t>(17, -3));
  const auto empty = makeConstant<float>(DType::F32, {0, 3}, std::vector<float>{});
  Module module(Level::Graph, "m");
  for (const auto& data : {specials, odd, half, big, longer, empty}) {
    module.addConstant(module.top(), data, {"c"});
  }
  module.addOp(module.top(), Opcode::Return, {}, {});
  const std::string all = print(module, {.inlineConstants = 100});
  const Module again = parsed(all);
  CHECK(print(again, {.inlineConstants = 100}) == all);
  for (const auto& [hash, data] : module.constants) {
    const auto copy = again.constants.at(hash);
    CHECK(contentHash(*copy) == hash);
    CHECK(std::equal(copy->bytes.begin(), copy->bytes.end(), data->bytes.begin()));
  }
  const std::string some = print(module);
  CHECK(some.find("elided") != std::string::npos);
  CHECK(parse(some).error().message.find("is not in the text") != std::string::npos);
  const Module filled = parsed(some, {.fillElided = true});
  CHECK(print(filled) == some);
}

TEST_CASE("a constant may have any name by hand") {
  const Module module = parsed(R"(graph @m() -> ("y") {
  %y = constant {hash = "weights"} : f32[2]
  return %y
}
constant "weights" f32[2] = [1, 2.5])");
  REQUIRE(module.constants.size() == 1);
  const auto data = module.constantOf({0});
  REQUIRE(data != nullptr);
  CHECK(data->as<float>()[1] == 2.5F);
  CHECK(module.constants.begin()->first == contentHash(*data));
}

TEST_CASE("golden modules of each level print as they stand, and verify") {
  for (const char* file : {"graph.ir", "plan.ir", "kernel.ir", "matrix.ir"}) {
    const std::string path = std::string("ir/golden/") + file;
    const Module module = parsed(tests::readTestFile(path), {.file = path});
    const Status status = verify(module);
    CHECK_MESSAGE(status.has_value(), status.error().str());
    tests::checkGolden(path, print(module));
  }
}

TEST_CASE("unnamed values get numbers that no name takes") {
  Module module(Level::Graph, "m");
  const Type type = Type::tensor(DType::F32, {});
  module.addParameter(module.top(), type, "0");
  const ValueId x = module.addParameter(module.top(), type);
  const OpId op = module.addOp(module.top(), Opcode::Neg, {x}, {type});
  module.addOp(module.top(), Opcode::Return, {module.result(op)}, {});
  const std::string text = print(module);
  CHECK(text == "graph @m(%0: f32[], %1: f32[]) -> () {\n  %2 = neg %1 : f32[]\n  return %2\n}\n");
  CHECK(print(parsed(text)) == text);
  CHECK(print(module, op) == "%2 = neg %1 : f32[]");
}

TEST_CASE("several modules in one text") {
  const auto modules = parseModules("kernel @a() { return } // a comment\nplan @b() { return }");
  REQUIRE(modules.has_value());
  REQUIRE(modules->size() == 2);
  CHECK((*modules)[0].level == Level::Kernel);
  CHECK((*modules)[1].name == "b");
  CHECK(parse("kernel @a() {} kernel @b() {}").error().message == "expected one module, found 2");
}

TEST_CASE("errors say where and what") {
  CHECK(parseError("") ==
        "<text>:1:1: expected 'graph', 'plan' or 'kernel', found the end of the text");
  CHECK(parseError("graph @g() {\n  %x = frobnicate\n}") ==
        "<text>:2:8: expected an operation, found 'frobnicate'");
  CHECK(parseError("graph @g() {\n  return %x\n}") == "<text>:2:10: the value %x is not defined");
  CHECK(parseError("graph @g(%x: f32[], %x: f32[]) {}") ==
        "<text>:1:21: the value %x is defined twice");
  CHECK(parseError("graph @g(%x: f31[]) {}") == "<text>:1:14: expected a dtype, found 'f31'");
  CHECK(parseError("graph @g() { %x = iota {a = 1, a = 2} : f32[] }") ==
        "<text>:1:32: the attribute 'a' is there twice");
  CHECK(parseError("graph @g() { %x, %y = iota : f32[] }") ==
        "<text>:1:23: the op has 2 results and 1 result types");
  CHECK(parseError("graph @g() symbols {N: 4..1} {}") ==
        "<text>:1:21: the range of symbol 'N' is empty");
  CHECK(parseError("graph @g(%x: f32[floordiv(N, 0)]) {}") == "<text>:1:30: division by zero");
  CHECK(
      parseError("graph @g() { return } constant \"00000000000000000000000000000000\" f32[1] = [1]")
          .find("has the hash") != std::string::npos);
  CHECK(parseError("graph @g() { return } constant \"c\" f32[3] = [1]") ==
        "<text>:1:45: the shape has 3 elements, the data 1");
  CHECK(parseError("graph @g() { return } constant \"c\" u8[1] = [256]") ==
        "<text>:1:45: u8 does not hold 256");
  CHECK(parseError("graph @g(?") == "<text>:1:10: unexpected character '?'");
  CHECK(parseError("graph @g() { return } constant \"c") == "<text>:1:32: the string does not end");
  CHECK(parseError("graph @g(%x: f32[" + std::string(2000, '(')) ==
        "<text>:1:518: more than 500 levels of nesting");
}

}  // namespace
}  // namespace quartet::ir
