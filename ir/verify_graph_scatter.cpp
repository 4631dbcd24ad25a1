// The rules for running results, scattered updates and orders.
#include "ir/verify_graph.h"

namespace quartet::ir {

Status GraphOpVerifier::scan() const {
  QT_CHECK(function({Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min}));
  QT_CHECK(combines());
  QT_CHECK(sameDType(0));
  QT_CHECK(axis(operand(0).shape.size()).map([](size_t) {}));
  return shape(operand(0).shape);
}

Status GraphOpVerifier::scatter() const {
  QT_CHECK(sameDType(0));
  QT_CHECK(sameDType(2));
  const DType index = operand(1).dtype;
  QT_CHECK(require(index == DType::I32 || index == DType::I64, "indices are i32 or i64"));
  if (op_.attributes.has("fn")) {
    QT_CHECK(function({Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min}));
    QT_CHECK(combines());
  }
  QT_CHECK(shape(operand(0).shape));
  return op_.opcode == Opcode::ScatterNd ? scatterNd() : scatterElements();
}

Status GraphOpVerifier::scatterElements() const {
  const std::vector<Dim>& data = operand(0).shape;
  const std::vector<Dim>& indices = operand(1).shape;
  const size_t along = QT_TRY(axis(data.size()));
  QT_CHECK(require(indices.size() == data.size(), "data and indices have one rank"));
  QT_CHECK(require(sameShape(operand(2).shape, indices), "indices and updates have one shape"));
  for (size_t i = 0; i < data.size(); ++i) {
    const auto room = (data[i] - indices[i]).constant();
    QT_CHECK(require(i == along || room.value_or(0) >= 0, "the indices exceed data"));
  }
  return {};
}

Status GraphOpVerifier::scatterNd() const {
  const std::vector<Dim>& data = operand(0).shape;
  const std::vector<Dim>& indices = operand(1).shape;
  QT_CHECK(require(!indices.empty() && indices.back().isConstant(),
                   "the last extent of the indices is constant"));
  const int64_t depth = indices.back().value();
  QT_CHECK(require(depth >= 0 && depth <= static_cast<int64_t>(data.size()),
                   "the indices are more than the axes of data"));
  std::vector<Dim> required(indices.begin(), indices.end() - 1);
  required.insert(required.end(), data.begin() + static_cast<ptrdiff_t>(depth), data.end());
  return require(sameShape(operand(2).shape, required),
                 "the updates' shape is not that of the slices that the indices name");
}

Status GraphOpVerifier::argsort() const {
  QT_CHECK(require(!operand(0).shape.empty(), "a scalar has no axis to sort along"));
  QT_CHECK(require(result().dtype == DType::I32, "the result of argsort is i32"));
  return shape(operand(0).shape);
}

}  // namespace quartet::ir
