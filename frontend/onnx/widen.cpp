#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::DType;

Status buildWidened(Context& c, Status (*build)(Context&)) {
  const DType narrow = c.in(0).dtype;
  if (narrow != DType::F16 && narrow != DType::BF16) return build(c);
  std::vector<Tensor> wide(static_cast<size_t>(c.inputCount()));
  std::vector<const Tensor*> inputs(wide.size(), nullptr);
  for (size_t i = 0; i < wide.size(); ++i) {
    if (!c.has(static_cast<int>(i))) continue;
    const Tensor& given = c.in(static_cast<int>(i));
    wide[i] = given.dtype == narrow ? c.e.cast(given, DType::F32) : given;
    inputs[i] = &wide[i];
  }
  Context inner(c.node, c.opset, c.e, std::move(inputs));
  QT_CHECK(build(inner));
  QT_CHECK(inner.status());
  for (const auto& [i, output] : inner.outputs()) {
    c.set(i, output.dtype == DType::F32 ? c.e.cast(output, narrow) : output);
  }
  return {};
}

}  // namespace quartet::frontend
