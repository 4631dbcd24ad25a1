#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>

#include "tests/operators/families.h"

namespace quartet::operators {

namespace {

onnx::TensorProto protoOf(const ir::ConstantData& data) {
  onnx::TensorProto proto;
  proto.set_data_type(onnxType(data.dtype));
  for (const int64_t extent : data.shape) proto.add_dims(extent);
  proto.set_raw_data(
      std::string(reinterpret_cast<const char*>(data.bytes.data()), data.bytes.size()));
  return proto;
}

onnx::TensorProto anyTensor(Draft& d, const Ints& shape) {
  std::vector<double> elements(static_cast<size_t>(countOf(shape)));
  for (double& element : elements) element = static_cast<double>(d.between(0, 9));
  return protoOf(*tensorOf(d.anyDType(Types::Any), shape, elements));
}

}  // namespace

void constant(Draft& d) {
  const double which = d.opset >= 12 ? d.random.uniform() : 0;
  if (which < 0.6) {
    d.set("value", anyTensor(d, d.anyShape(0, 4, true)));
  } else if (which < 0.7) {
    d.set("value_float", 1.5F);
  } else if (which < 0.8) {
    d.set("value_int", d.between(-9, 9));
  } else if (which < 0.9) {
    d.set("value_ints", d.anyShape(1, 5));
  } else {
    d.set("value_floats", std::vector<float>{0.5F, -1, 2});
  }
}

void constantOfShape(Draft& d) {
  const Ints shape = d.anyShape(0, 4, true);
  d.known(shape);
  if (d.chance(0.7)) d.set("value", anyTensor(d, {1}));
}

void eyeLike(Draft& d) {
  d.operand({.types = d.types(), .minRank = 2, .maxRank = 2});
  d.maybe("k", d.between(-3, 3));
  d.maybe("dtype", int64_t{onnxType(d.anyDType(Types::Any))});
}

void range(Draft& d) {
  const DType dtype = d.random.pick<DType>(
      {DType::F32, DType::F32, DType::F64, DType::I16, DType::I32, DType::I64});
  const bool back = d.chance(0.3);
  const auto from = static_cast<double>(d.between(-5, 5));
  const auto step = static_cast<double>(d.between(1, 3));
  const auto reach = static_cast<double>(d.between(-1, 30));
  d.scalar(dtype, from);
  d.scalar(dtype, back ? from - reach : from + reach);
  d.scalar(dtype, back ? -step : step);
}

void shape(Draft& d) {
  d.operand({.types = d.types(), .special = true});
  if (d.node().type != "Shape" || d.opset < 15) return;
  d.maybe("start", d.between(-3, 3));
  d.maybe("end", d.between(-3, 3));
}

void window(Draft& d) {
  d.scalar(d.chance(0.5) ? DType::I32 : DType::I64, static_cast<double>(d.between(1, 40)));
  d.maybe("periodic", d.between(0, 1));
  const DType dtype = d.random.pick<DType>({DType::F32, DType::F16, DType::BF16, DType::F64});
  d.maybe("output_datatype", int64_t{onnxType(dtype)});
}

void melWeightMatrix(Draft& d) {
  const DType dtype = d.chance(0.5) ? DType::I32 : DType::I64;
  const int64_t rate = d.random.pick<int64_t>({8000, 16000});
  d.scalar(dtype, static_cast<double>(d.between(1, 12)));
  d.scalar(dtype, static_cast<double>(d.random.pick<int64_t>({16, 32, 64})));
  d.scalar(dtype, static_cast<double>(rate));
  d.scalar(DType::F32, static_cast<double>(d.between(0, 100)));
  d.scalar(DType::F32, static_cast<double>(rate) / 2 - 200);
  d.maybe("output_datatype", int64_t{onnxType(d.chance(0.5) ? DType::F32 : DType::F64)});
}

// The axis is an attribute before opset 20, then an input. The last axis holds (re, im).
void dft(Draft& d) {
  const bool half = d.chance(0.3);
  Ints shape = d.anyShape(2, 3);
  const bool inverse = d.chance(0.4);
  shape.push_back(half || d.chance(0.5) ? 1 : 2);
  if (half && inverse) shape.back() = 2;
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t axis = d.opset < 20 ? d.between(1, rank - 2) : d.between(0, rank - 2);
  int64_t& extent = shape[static_cast<size_t>(axis)];
  extent = std::min<int64_t>(std::max<int64_t>(extent, 2), 19);
  const int64_t length = std::max<int64_t>(extent + d.between(-2, 3), 1);
  d.operand({.dtype = d.anyDType(d.types()), .shape = shape});
  if (half) d.set("onesided", int64_t{1});
  if (inverse) d.set("inverse", int64_t{1});
  if (d.chance(0.5)) {
    d.scalar(DType::I64, static_cast<double>(length));
  } else if (d.opset >= 20) {
    d.leaveOut();
  }
  const int64_t written = d.writtenAxis(axis, rank);
  if (d.opset < 20) {
    d.maybe("axis", written, axis == 1 ? 0.5 : 1);
  } else if (axis != rank - 2 || d.chance(0.5)) {
    d.scalar(DType::I64, static_cast<double>(written));
  }
}

void stft(Draft& d) {
  const int64_t length = d.between(2, 16);
  const int64_t signal = length + d.between(0, 20);
  const bool complex = d.chance(0.3);
  Ints shape{d.between(1, 3), signal, complex ? 2 : 1};
  const Operand x = d.operand({.dtype = d.anyDType(d.types()), .shape = shape});
  d.known(DType::I64, {}, {static_cast<double>(d.between(1, 5))});
  d.maybe("onesided", complex ? int64_t{0} : d.between(0, 1), complex ? 1 : 0.6);
  const bool windowed = d.chance(0.6);
  if (windowed) {
    d.operand({.dtype = x.dtype, .shape = Ints{length}});
  } else {
    d.leaveOut();
  }
  if (!windowed || d.chance(0.5)) d.scalar(DType::I64, static_cast<double>(length));
}

}  // namespace quartet::operators
