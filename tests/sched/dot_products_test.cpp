// Sums of products of bytes, four at a time: what is recognised, when it is chosen, that it is
// right.
#include <doctest/doctest.h>

#include <random>

#include "ir/text.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

/// A CPU that adds four products of u8 and i8 at once.
hwdb::Description withUnit(hwdb::Description device = test::vectorCpu()) {
  const auto one = [](int64_t value) {
    return hwdb::Count{value, hwdb::Provenance::Datasheet, "test"};
  };
  hwdb::MatrixUnit unit;
  unit.scope = hwdb::MatrixUnit::Scope::Invocation;
  unit.a = "u8";
  unit.b = "i8";
  unit.accumulator = "i32";
  unit.m = one(1);
  unit.n = one(1);
  unit.k = one(4);
  device.matrixUnits.push_back(unit);
  return device;
}

/// %x [rows, inner] times %w [inner, columns], a constant.
std::string product(const std::string& x, const std::string& w, int64_t rows = 33,
                    int64_t inner = 64, int64_t columns = 48) {
  const auto shape = [](int64_t a, int64_t b) {
    return "[" + std::to_string(a) + ", " + std::to_string(b) + "]";
  };
  return "graph @g(%x: " + x + shape(rows, inner) +
         ") -> (\"y\") {\n  %w = constant {hash = \"w\"} : " + w + shape(inner, columns) +
         "\n  %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : i32" +
         shape(rows, columns) + "\n  return %y\n}\nconstant \"w\" " + w + shape(inner, columns) +
         " = elided";
}

std::string convolution(const std::string& x, const std::string& w, int64_t channels) {
  const std::string weights = w + "[24, " + std::to_string(channels) + ", 3, 3]";
  return "graph @g(%x: " + x + "[2, " + std::to_string(channels) +
         ", 9, 11]) -> (\"y\") {\n  %w = constant {hash = \"w\"} : " + weights +
         "\n  %c = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, "
         "1]} : i32[2, 24, 9, 11]\n  %y = neg %c : i32[2, 24, 9, 11]\n  return %y\n}\nconstant "
         "\"w\" " +
         weights + " = elided";
}

bool chosen(const std::string& text, const hwdb::Description& device) {
  const ir::Module plan = test::planned(test::expressed(text), device);
  return ir::print(plan).find("dot4(") != std::string::npos;
}

/// Bytes with all values, of whatever sign.
test::Tensors anyBytes(const ir::Module& graph) {
  std::mt19937_64 random(5);
  test::Tensors inputs = test::makeInputs(graph, 1);
  for (auto& input : inputs) {
    std::vector<std::byte> bytes(input->bytes.size());
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    input = ir::makeConstant(input->dtype, input->shape, std::move(bytes));
  }
  return inputs;
}

void check(const std::string& text, const hwdb::Description& device) {
  ir::Module graph = test::expressed(text);
  std::mt19937_64 random(6);
  for (auto& [hash, data] : graph.constants) {
    std::vector<std::byte> bytes(data->bytes.size());
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    data = ir::makeConstant(data->dtype, data->shape, std::move(bytes));
  }
  const test::Tensors inputs = anyBytes(graph);
  const ir::Module plan = test::planned(graph, device);
  CAPTURE(ir::print(plan));
  test::checkClose(test::interpretProgram(test::lowered(plan, device), inputs),
                   test::evaluateExpressed(graph, inputs));
}

}  // namespace

TEST_CASE("dot products: of bytes, on devices that have them") {
  const std::string text = product("u8", "i8");
  CHECK(chosen(text, withUnit()));
  CHECK_FALSE(chosen(text, test::vectorCpu()));
  hwdb::Description other = withUnit();
  other.matrixUnits[0].k.value = 8;
  CHECK_FALSE(chosen(text, other));
  other = withUnit();
  other.matrixUnits[0].scope = hwdb::MatrixUnit::Scope::Subgroup;
  CHECK_FALSE(chosen(text, other));
  CHECK_FALSE(chosen(product("i16", "i8"), withUnit()));
  CHECK_FALSE(chosen(product("i32", "i32"), withUnit()));
}

TEST_CASE("dot products: the right values: signs, and sums that four do not divide") {
  for (const std::string x : {"u8", "i8"}) {
    for (const std::string w : {"u8", "i8"}) {
      for (const int64_t inner : {7, 8, 61}) {
        const std::string text = product(x, w, 19, inner, 37);
        INFO(text);
        CHECK(chosen(text, withUnit()));
        check(text, withUnit());
      }
    }
  }
}

TEST_CASE("dot products: convolutions with pads, along channels") {
  for (const std::string x : {"u8", "i8"}) {
    for (const std::string w : {"u8", "i8"}) {
      for (const int64_t channels : {6, 16}) {
        const std::string text = convolution(x, w, channels);
        INFO(text);
        CHECK(chosen(text, withUnit()));
        check(text, withUnit());
      }
    }
  }
}

TEST_CASE("dot products: of two inputs with different signs alone") {
  const auto text = [](const std::string& a, const std::string& b) {
    return "graph @g(%a: " + a + "[24, 32], %b: " + b +
           "[32, 40]) -> (\"y\") {\n  %y = contract %a, %b {lhs = [0, 2], out = [0, 1], rhs = [2, "
           "1]} : i32[24, 40]\n  return %y\n}";
  };
  CHECK(chosen(text("u8", "i8"), withUnit()));
  CHECK(chosen(text("i8", "u8"), withUnit()));
  CHECK_FALSE(chosen(text("i8", "i8"), withUnit()));  // whose sums would have to be computed
  for (const std::string a : {"u8", "i8"}) {
    for (const std::string b : {"u8", "i8"}) check(text(a, b), withUnit());
  }
}

TEST_CASE("dot products: a plan keeps no constants that it does not read") {
  for (const std::string x : {"u8", "i8"}) {
    const ir::Module plan = test::planned(test::expressed(product(x, "i8")), withUnit());
    CHECK(plan.constants.size() == (x == "u8" ? 1 : 2));
    for (const auto& [hash, data] : plan.constants) {
      CHECK(data->dtype == ir::DType::I32);
      CHECK(static_cast<int64_t>(data->bytes.size()) == data->elementCount() * 4);
    }
  }
}

TEST_CASE("dot products: of bytes that another task set wrote in a layout of its own") {
  // What lies together in %a are channels: the maxima have them along lanes, and lie so.
  const std::string text = R"(graph @g(%a: i8[5, 1, 9, 11, 32]) -> ("y") {
  %t = transpose %a {perm = [1, 4, 2, 3, 0]} : i8[1, 32, 9, 11, 5]
  %x = reduce %t {axes = [4], fn = max} : i8[1, 32, 9, 11]
  %w = constant {hash = "w"} : i8[24, 32, 3, 3]
  %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : i32[1, 24, 9, 11]
  return %y
}
constant "w" i8[24, 32, 3, 3] = elided)";
  CHECK(chosen(text, withUnit()));
  const std::string plan = ir::print(test::planned(test::expressed(text), withUnit()));
  CHECK(plan.find("u8[1, 32, 9, 11], [a0, a2, a3, a1]") != std::string::npos);
  check(text, withUnit());
}
