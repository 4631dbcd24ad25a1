#include "sched/grinder/reshape.h"

namespace quartet::sched {

using ir::Dim;
using ir::Expr;
using ir::Opcode;

std::optional<ReshapeMap> ReshapeMap::make(const std::vector<Dim>& from,
                                           const std::vector<Dim>& to) {
  ReshapeMap result;
  result.from_ = from;
  result.to_ = to;
  size_t i = 0;
  size_t j = 0;
  while (i < from.size() || j < to.size()) {
    Group group{i, i, j, j};
    Dim left = 1;
    Dim right = 1;
    // Grow the smaller side until both hold equally many elements.
    do {
      const bool growLeft = j == to.size() || (i < from.size() && left.isConstant() &&
                                               right.isConstant() && left.value() <= right.value());
      const bool canLeft = i < from.size();
      const bool canRight = j < to.size();
      if (!canLeft && !canRight) return std::nullopt;
      if (left == right) {  // a new pair of axes
        if (canLeft) left = left * from[i++];
        if (canRight) right = right * to[j++];
      } else if (growLeft && canLeft) {
        left = left * from[i++];
      } else if (canRight && left.isConstant() && right.isConstant()) {
        right = right * to[j++];
      } else {
        return std::nullopt;
      }
    } while (!(left == right));
    group.fromEnd = i;
    group.toEnd = j;
    int wide = 0;
    for (size_t k = group.fromBegin; k < group.fromEnd; ++k) wide += from[k] == Dim(1) ? 0 : 1;
    if (wide > 1) result.affine_ = false;
    result.groups_.push_back(group);
  }
  return result;
}

std::vector<Expr> ReshapeMap::map(const std::vector<Expr>& indices) const {
  std::vector<Expr> result(from_.size(), Expr::index(0));
  Expr checks = Expr::index(0);  // a sum of zeros whose evaluation reports what is out of range
  for (const Group& group : groups_) {
    Expr linear = Expr::index(0);
    Dim stride = 1;
    for (size_t k = group.toEnd; k-- > group.toBegin;) {
      if (to_[k] == Dim(1)) {
        if (indices[k].containsBounded()) checks = checks + indices[k];
        continue;
      }
      linear = linear + indices[k] * Expr::extent(stride);
      stride = stride * to_[k];
    }
    size_t first = group.fromBegin;  // the outermost wide axis needs no remainder
    while (first < group.fromEnd && from_[first] == Dim(1)) ++first;
    for (size_t k = group.fromEnd; k-- > group.fromBegin;) {
      if (from_[k] == Dim(1)) continue;
      if (k == first) {
        result[k] = linear;
        continue;
      }
      result[k] = Expr::apply(Opcode::Mod, {linear, Expr::extent(from_[k])});
      linear = Expr::apply(Opcode::FloorDiv, {linear, Expr::extent(from_[k])});
    }
  }
  if (checks.isInt(0)) return result;
  QT_ASSERT(!result.empty(), "a checked index into a reshaped scalar");
  result[0] = result[0] + checks;
  return result;
}

}  // namespace quartet::sched
