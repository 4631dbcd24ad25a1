#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::DType;

DType widenedType(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16 ? DType::F32 : dtype;
}

DType realType(DType dtype) {
  if (ir::isFloat(dtype)) return widenedType(dtype);
  return ir::byteSize(dtype) > 2 ? DType::F64 : DType::F32;
}

bool represents(DType dtype, double number) {
  if (ir::isFloat(dtype)) return true;
  const Constant element = ir::makeConstant(dtype, {}, encode(dtype, number));
  return numbersOf({dtype, {}, {}, element, nullptr})->front() == number;
}

Result<std::map<int, Tensor>> widenedOutputs(Context& c, Status (*build)(Context&)) {
  std::vector<Tensor> wide(static_cast<size_t>(c.inputCount()));
  std::vector<const Tensor*> inputs(wide.size(), nullptr);
  for (size_t i = 0; i < wide.size(); ++i) {
    if (!c.has(static_cast<int>(i))) continue;
    const Tensor& given = c.in(static_cast<int>(i));
    wide[i] = c.e.cast(given, widenedType(given.dtype));
    inputs[i] = &wide[i];
  }
  Context inner(c.node, c.opset, c.e, std::move(inputs));
  QT_CHECK(build(inner));
  QT_CHECK(inner.status());
  return inner.outputs();
}

Status buildWidened(Context& c, Status (*build)(Context&)) {
  const DType narrow = c.in(0).dtype;
  if (widenedType(narrow) == narrow) return build(c);
  std::vector<Tensor> floats;
  for (const Tensor& input : c.allInputs()) {
    if (ir::isFloat(input.dtype)) floats.push_back(input);
  }
  QT_CHECK(c.sameDType(floats));
  const auto outputs = QT_TRY(widenedOutputs(c, build));
  for (const auto& [i, output] : outputs) {
    c.set(i, output.dtype == DType::F32 ? c.e.cast(output, narrow) : output);
  }
  return {};
}

}  // namespace quartet::frontend
