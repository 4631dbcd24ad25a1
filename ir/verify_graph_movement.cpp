// Shapes of the primitives that move data.
#include <algorithm>

#include "ir/verify_graph.h"

namespace quartet::ir {

Status GraphOpVerifier::transpose() const {
  QT_CHECK(sameDType(0));
  const std::vector<Dim>& x = operand(0).shape;
  const Ints& perm = ints("perm");
  QT_CHECK(length("perm", x.size()));
  std::vector<Dim> required;
  for (const int64_t axis : perm) {
    const bool once = std::count(perm.begin(), perm.end(), axis) == 1;
    if (axis < 0 || static_cast<size_t>(axis) >= x.size() || !once) {
      return fail("'perm' is not a permutation");
    }
    required.push_back(x[static_cast<size_t>(axis)]);
  }
  return shape(required);
}

Status GraphOpVerifier::reshape() const {
  QT_CHECK(sameDType(0));
  const Dim from = elementCount(operand(0).shape);
  const Dim to = elementCount(result().shape);
  if (!differ(from, to)) return {};
  return fail("the operand has " + from.str() + " elements, the result " + to.str());
}

Status GraphOpVerifier::broadcast() const {
  QT_CHECK(sameDType(0));
  return broadcasts(operand(0).shape);
}

Status GraphOpVerifier::slice() const {
  QT_CHECK(sameDType(0));
  const std::vector<Dim>& x = operand(0).shape;
  const std::vector<Dim>& out = result().shape;
  QT_CHECK(length("starts", x.size()));
  QT_CHECK(length("steps", x.size()));
  QT_CHECK(require(out.size() == x.size(), "x and the result have one rank"));
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t start = ints("starts")[i];
    const int64_t step = ints("steps")[i];
    if (step == 0) return fail("'steps' must not be zero");
    if (!out[i].isConstant() || out[i].value() == 0) continue;
    const Dim last = Dim(start) + Dim(step) * (out[i] - Dim(1));
    const auto room = (x[i] - Dim(1) - last).constant();
    const auto roomAtStart = (x[i] - Dim(1) - Dim(start)).constant();
    if (start < 0 || last.constant().value_or(0) < 0 || room.value_or(0) < 0 ||
        roomAtStart.value_or(0) < 0) {
      return fail("axis " + std::to_string(i) + " is read outside of its extent " + x[i].str());
    }
  }
  return {};
}

Status GraphOpVerifier::concat() const {
  const size_t along = QT_TRY(axis(result().shape.size()));
  std::vector<Dim> required = operand(0).shape;
  QT_CHECK(require(along < required.size(), "'axis' is beyond the operands' rank"));
  for (size_t i = 0; i < op_.operands.size(); ++i) {
    QT_CHECK(sameDType(i));
    std::vector<Dim> other = operand(i).shape;
    QT_CHECK(require(other.size() == required.size(), "the operands differ in rank"));
    if (i > 0) required[along] = required[along] + other[along];
    other[along] = required[along];
    QT_CHECK(require(sameShape(other, required), "the operands differ beside the axis"));
  }
  return shape(required);
}

Status GraphOpVerifier::pad() const {
  QT_CHECK(sameDType(0));
  QT_CHECK(sameDType(1));
  QT_CHECK(require(operand(1).shape.empty(), "the fill value is a scalar"));
  const auto& mode = op_.attributes.get<std::string>("mode");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap") {
    return fail("'mode' must be constant, reflect, edge or wrap");
  }
  const std::vector<Dim>& x = operand(0).shape;
  QT_CHECK(length("pads", 2 * x.size()));
  std::vector<Dim> required;
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t before = ints("pads")[i];
    const int64_t after = ints("pads")[i + x.size()];
    required.push_back(x[i] + Dim(before) + Dim(after));
    const int64_t widest = std::max(before, after);
    if (mode == "constant" || widest <= 0 || !x[i].isConstant()) continue;
    const int64_t least = mode == "reflect" ? widest + 1 : 1;
    if (x[i].value() < least) {
      return fail("axis " + std::to_string(i) + " of extent " + x[i].str() +
                  " has too little to repeat");
    }
  }
  return shape(required);
}

Status GraphOpVerifier::gather() const {
  QT_CHECK(sameDType(0));
  const DType index = operand(1).dtype;
  QT_CHECK(require(index == DType::I32 || index == DType::I64, "indices are i32 or i64"));
  if (op_.opcode == Opcode::GatherNd) return gatherNd();
  const std::vector<Dim>& data = operand(0).shape;
  const std::vector<Dim>& indices = operand(1).shape;
  const size_t along = QT_TRY(axis(data.size()));
  if (op_.opcode == Opcode::GatherElements) {
    QT_CHECK(require(indices.size() == data.size(), "data and indices have one rank"));
    return shape(indices);
  }
  std::vector<Dim> required(data.begin(), data.begin() + static_cast<ptrdiff_t>(along));
  required.insert(required.end(), indices.begin(), indices.end());
  required.insert(required.end(), data.begin() + static_cast<ptrdiff_t>(along) + 1, data.end());
  return shape(required);
}

Status GraphOpVerifier::gatherNd() const {
  const std::vector<Dim>& data = operand(0).shape;
  const std::vector<Dim>& indices = operand(1).shape;
  const int64_t batch = op_.attributes.integer("batch_dims");
  QT_CHECK(require(!indices.empty() && indices.back().isConstant(),
                   "the last extent of the indices is constant"));
  const int64_t depth = indices.back().value();
  const auto rank = static_cast<int64_t>(data.size());
  QT_CHECK(require(batch >= 0 && batch < static_cast<int64_t>(indices.size()) && depth >= 0 &&
                       depth <= rank - batch,
                   "batch axes and indices are more than the axes of data"));
  std::vector<Dim> required(indices.begin(), indices.end() - 1);
  required.insert(required.end(), data.begin() + static_cast<ptrdiff_t>(batch + depth), data.end());
  return shape(required);
}

Status GraphOpVerifier::iota() const {
  QT_CHECK(require(result().dtype != DType::Bool, "iota gives numbers"));
  QT_CHECK(axis(result().shape.size()).map([](size_t) {}));
  return {};
}

}  // namespace quartet::ir
