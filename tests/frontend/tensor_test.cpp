// Constants of every element type, in every field that ONNX stores them in.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <cstring>

#include "tests/frontend/support.h"

using namespace quartet;
using namespace quartet::tests;
using onnx::TensorProto;

namespace {

// The constant that a model whose only output is `tensor` ends up with.
frontend::Constant imported(TensorProto tensor) {
  tensor.set_name("w");
  OnnxModel m;
  m.initializer(tensor).output("w");
  const auto model = import(m);
  const auto& top = model.graph.region(model.graph.top());
  return model.graph.constantOf(model.graph.op(top.ops.back()).operands[0]);
}

TensorProto typed(int type, int64_t count) {
  TensorProto tensor;
  tensor.set_data_type(type);
  tensor.add_dims(count);
  return tensor;
}

template <class T>
std::vector<T> valuesOf(const frontend::Constant& constant) {
  REQUIRE(constant);
  const auto values = constant->as<T>();
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("int32_data holds the narrow types, cut to their size") {
  const auto with = [](int type, const std::vector<int32_t>& values) {
    auto tensor = typed(type, static_cast<int64_t>(values.size()));
    for (const int32_t value : values) tensor.add_int32_data(value);
    return imported(tensor);
  };
  CHECK(valuesOf<int32_t>(with(TensorProto::INT32, {1, -2})) == std::vector<int32_t>{1, -2});
  CHECK(valuesOf<int8_t>(with(TensorProto::INT8, {1, -2})) == std::vector<int8_t>{1, -2});
  CHECK(valuesOf<uint8_t>(with(TensorProto::UINT8, {1, 250})) == std::vector<uint8_t>{1, 250});
  CHECK(valuesOf<int16_t>(with(TensorProto::INT16, {1, -2})) == std::vector<int16_t>{1, -2});
  CHECK(valuesOf<uint16_t>(with(TensorProto::UINT16, {1, 65535})) ==
        std::vector<uint16_t>{1, 65535});
  CHECK(valuesOf<uint8_t>(with(TensorProto::BOOL, {0, 7})) == std::vector<uint8_t>{0, 1});
  CHECK(valuesOf<uint16_t>(with(TensorProto::FLOAT16, {0x3c00})) == std::vector<uint16_t>{0x3c00});
  CHECK(valuesOf<uint16_t>(with(TensorProto::BFLOAT16, {0x3f80})) == std::vector<uint16_t>{0x3f80});
}

TEST_CASE("the wide types have fields of their own") {
  auto i64 = typed(TensorProto::INT64, 2);
  i64.add_int64_data(INT64_MIN);
  i64.add_int64_data(INT64_MAX);
  CHECK(valuesOf<int64_t>(imported(i64)) == std::vector<int64_t>{INT64_MIN, INT64_MAX});
  auto f64 = typed(TensorProto::DOUBLE, 1);
  f64.add_double_data(0.1);
  CHECK(valuesOf<double>(imported(f64)) == std::vector<double>{0.1});
  auto u64 = typed(TensorProto::UINT64, 1);
  u64.add_uint64_data(UINT64_MAX);
  CHECK(valuesOf<uint64_t>(imported(u64)) == std::vector<uint64_t>{UINT64_MAX});
  auto u32 = typed(TensorProto::UINT32, 1);
  u32.add_uint64_data(UINT32_MAX);
  CHECK(valuesOf<uint32_t>(imported(u32)) == std::vector<uint32_t>{UINT32_MAX});
}

TEST_CASE("raw data of every type") {
  for (const int type :
       {TensorProto::FLOAT, TensorProto::UINT8, TensorProto::INT8, TensorProto::UINT16,
        TensorProto::INT16, TensorProto::INT32, TensorProto::INT64, TensorProto::BOOL,
        TensorProto::FLOAT16, TensorProto::DOUBLE, TensorProto::UINT32, TensorProto::UINT64,
        TensorProto::BFLOAT16}) {
    CAPTURE(type);
    std::string raw;
    for (int i = 0; i < 24; ++i) raw += static_cast<char>(type == TensorProto::BOOL ? i % 2 : i);
    int64_t size = 8;
    if (type == TensorProto::UINT8 || type == TensorProto::INT8 || type == TensorProto::BOOL) {
      size = 1;
    } else if (type == TensorProto::UINT16 || type == TensorProto::INT16 ||
               type == TensorProto::FLOAT16 || type == TensorProto::BFLOAT16) {
      size = 2;
    } else if (type == TensorProto::FLOAT || type == TensorProto::INT32 ||
               type == TensorProto::UINT32) {
      size = 4;
    }
    auto tensor = typed(type, 24 / size);
    tensor.set_raw_data(raw);
    const auto constant = imported(tensor);
    REQUIRE(constant);
    REQUIRE(constant->bytes.size() == raw.size());
    CHECK(std::memcmp(constant->bytes.data(), raw.data(), raw.size()) == 0);
  }
}

TEST_CASE("bool bytes other than 0 and 1 become 1") {
  auto tensor = typed(TensorProto::BOOL, 3);
  tensor.set_raw_data(std::string("\x00\x01\xff", 3));
  CHECK(valuesOf<uint8_t>(imported(tensor)) == std::vector<uint8_t>{0, 1, 1});
}

TEST_CASE("an empty tensor needs no data") {
  auto tensor = typed(TensorProto::FLOAT, 0);
  tensor.add_dims(5);
  const auto constant = imported(tensor);
  REQUIRE(constant);
  CHECK(constant->shape == ir::Ints{0, 5});
  CHECK(constant->bytes.empty());
}

TEST_CASE("Constant in all its forms") {
  const auto with = [](const std::string& name, const AttributeValue& value) {
    OnnxModel m;
    m.node("Constant", {}, {"y"}, {{name, value}}).output("y");
    return shapeOf(import(m));
  };
  CHECK(with("value", floatTensor({2, 1}, {1, 2})) == "[2, 1]");
  CHECK(with("value_float", 1.5f) == "[]");
  CHECK(with("value_int", int64_t{3}) == "[]");
  CHECK(with("value_floats", std::vector<float>{1, 2, 3}) == "[3]");
  CHECK(with("value_ints", std::vector<int64_t>{1, 2}) == "[2]");
}
