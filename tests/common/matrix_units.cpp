#include "tests/common/matrix_units.h"

#include <random>

#include "ir/scalar_eval.h"

namespace quartet::test {

namespace {

hwdb::Count count(int64_t value) { return {value, hwdb::Provenance::Datasheet, "test"}; }

std::string shapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (const int64_t extent : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

std::string sumOf(const std::string& dtype) { return dtype == "i8" ? "i32" : dtype; }

std::string withRelu(const std::string& sum, const std::string& dtype, const std::string& shape) {
  const std::string zero = dtype == "i32" ? "0" : "0.0";
  return "  %s = add %p, %b : " + dtype + shape +
         "\n  %zero = constant {hash = \"zero\"} : " + dtype +
         "[]\n  %y = max %s, %zero : " + dtype + shape + "\n  return %y\n}\n" +
         "constant \"zero\" " + dtype + "[] = [" + zero + "]\n" + sum;
}

}  // namespace

void addMatrixUnit(hwdb::Description& device, const std::string& a, const std::string& b,
                   const std::string& accumulator, std::vector<int64_t> shape, double times) {
  hwdb::MatrixUnit unit;
  unit.scope = hwdb::MatrixUnit::Scope::Subgroup;
  unit.a = a;
  unit.b = b;
  unit.accumulator = accumulator;
  unit.m = count(shape.at(0));
  unit.n = count(shape.at(1));
  unit.k = count(shape.at(2));
  unit.gigaflops = {times * device.peakGigaflops.value, hwdb::Provenance::Datasheet, "test"};
  device.matrixUnits.push_back(unit);
}

hwdb::Description matrixGpu() {
  hwdb::Description device = weakGpu();
  device.groupInvocations = device.maxGroupInvocations = count(32);
  device.subgroup = count(16);
  device.storage8.value = device.storage16.value = true;
  device.memoryGigabytesPerSecond.value = 1;  // arithmetic decides
  hwdb::MemoryLevel workgroup;
  workgroup.name = "workgroup";
  workgroup.kind = hwdb::MemoryLevel::Kind::Explicit;
  workgroup.bytes = count(48 << 10);
  device.memory.push_back(workgroup);
  addMatrixUnit(device, "f16", "f16", "f32", {16, 16, 16});
  addMatrixUnit(device, "bf16", "bf16", "f32", {16, 16, 16});
  addMatrixUnit(device, "i8", "i8", "i32", {16, 16, 32});
  return device;
}

hwdb::Description warpGpu() {
  hwdb::Description device = matrixGpu();
  device.subgroup = count(32);
  device.groupInvocations = device.maxGroupInvocations = count(64);
  device.bindingAlignBytes = count(256);
  device.matrixUnits.clear();
  addMatrixUnit(device, "f16", "f16", "f32", {16, 16, 16});
  addMatrixUnit(device, "bf16", "bf16", "f32", {16, 16, 16});
  addMatrixUnit(device, "i8", "i8", "i32", {16, 16, 16});
  return device;
}

Tensors exactInputs(const ir::Module& graph, uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensors inputs;
  for (const ir::ValueId value : graph.region(graph.top()).parameters) {
    const ir::Type& type = graph.type(value);
    std::vector<int64_t> shape;
    int64_t elements = 1;
    for (const ir::Dim& dim : type.shape) {
      shape.push_back(dim.value());
      elements *= dim.value();
    }
    const auto size = static_cast<size_t>(ir::byteSize(type.dtype));
    std::vector<std::byte> bytes(static_cast<size_t>(elements) * size);
    for (size_t at = 0; at < bytes.size(); at += size) {
      ir::Scalar element =
          ir::intScalar(ir::wrapInteger(ir::DType::I8, static_cast<int64_t>(random())));
      if (ir::isFloat(type.dtype)) {
        element = ir::floatScalar(static_cast<double>(random() % 17) / 8.0 - 1.0);
      }
      ir::writeScalar(type.dtype, element, bytes.data() + at);
    }
    inputs.push_back(ir::makeConstant(type.dtype, shape, std::move(bytes)));
  }
  return inputs;
}

std::string matrixProductText(const std::string& dtype, int64_t batch, int64_t rows, int64_t steps,
                              int64_t columns) {
  const auto of = [&](int64_t a, int64_t b) {
    return batch > 0 ? shapeText({batch, a, b}) : shapeText({a, b});
  };
  const std::string sum = sumOf(dtype);
  const std::string labels = batch > 0 ? "{lhs = [0, 1, 3], out = [0, 1, 2], rhs = [0, 3, 2]}"
                                       : "{lhs = [0, 2], out = [0, 1], rhs = [2, 1]}";
  return "graph @g(%x: " + dtype + of(rows, steps) + ", %w: " + dtype + of(steps, columns) +
         ", %b: " + sum + "[" + std::to_string(columns) +
         "]) -> (\"y\") {\n  %p = contract %x, %w " + labels + " : " + sum + of(rows, columns) +
         "\n" + withRelu("", sum, of(rows, columns));
}

std::string matrixConvolutionText(const std::string& dtype, int64_t channels, int64_t filters,
                                  int64_t height, int64_t width, int64_t stride) {
  const std::string sum = sumOf(dtype);
  const auto out = [&](int64_t extent) { return (extent - 1) / stride + 1; };
  const std::string shape = shapeText({2, filters, out(height), out(width)});
  const std::string steps = shapeText({stride, stride});
  return "graph @g(%x: " + dtype + shapeText({2, channels, height, width}) + ", %w: " + dtype +
         shapeText({filters, channels, 3, 3}) + ", %b: " + sum + shapeText({filters, 1, 1}) +
         ") -> (\"y\") {\n  %p = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], "
         "strides = " +
         steps + "} : " + sum + shape + "\n" + withRelu("", sum, shape);
}

}  // namespace quartet::test
