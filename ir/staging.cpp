#include "ir/staging.h"

#include <algorithm>
#include <cstdlib>

#include "ir/kernel.h"

namespace quartet::ir {

namespace {

/// Distance of neighbouring rows, so that four elements of a row lie aligned, and those of a column
/// in different banks.
int64_t padded(int64_t elements) { return (elements + 3) / 4 * 4 + 4; }

int64_t roundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

/// Lowest and highest value over boxes of points that begin at 0.
struct Reach {
  int64_t lo = 0;
  int64_t hi = 0;
};
Reach reachOf(const AffineForm& form, const std::vector<int64_t>& lengths) {
  Reach reach{form.constant, form.constant};
  for (size_t i = 0; i < lengths.size(); ++i) {
    const int64_t along = form.coefficients[i] * (lengths[i] - 1);
    (along < 0 ? reach.lo : reach.hi) += along;
  }
  return reach;
}

}  // namespace

std::optional<StageBox> stageBox(const std::vector<Expr>& indices,
                                 const std::vector<int64_t>& lengths, int laneAxis) {
  if (indices.empty()) return std::nullopt;
  const auto axes = static_cast<int>(lengths.size());
  StageBox box;
  size_t innermost = indices.size() - 1;
  for (size_t k = 0; k < indices.size(); ++k) {
    const auto form = affineForm(indices[k], axes);
    if (!form) return std::nullopt;
    const Reach reach = reachOf(*form, lengths);
    box.extents.push_back(reach.hi - reach.lo + 1);
    if (laneAxis >= 0 && form->coefficients[static_cast<size_t>(laneAxis)] != 0) innermost = k;
  }
  box.strides.assign(indices.size(), 1);
  box.elements = box.extents[innermost];
  if (indices.size() > 1) box.elements = padded(box.elements);
  for (size_t k = indices.size(); k-- > 0;) {
    if (k == innermost) continue;
    box.strides[k] = box.elements;
    box.elements *= box.extents[k];
  }
  return box;
}

std::vector<Expr> distinctLoads(const std::vector<Expr>& exprs) {
  std::vector<Expr> loads;
  for (const Expr& e : exprs) {
    e.visit([&](const Expr& node) {
      const bool isNew = std::find(loads.begin(), loads.end(), node) == loads.end();
      if (node.kind() == Expr::Kind::Load && isNew) loads.push_back(node);
    });
  }
  return loads;
}

bool isBoundsGuard(const Expr& guard, const std::vector<Expr>& indices,
                   const std::vector<Dim>& shape) {
  const std::vector<Expr> parts = conjuncts(guard);
  return std::all_of(parts.begin(), parts.end(), [&](const Expr& part) {
    if (part.kind() != Expr::Kind::Apply || part.args().size() != 2) return false;
    for (size_t k = 0; k < indices.size(); ++k) {
      if (!(part.args()[0] == indices[k])) continue;
      const Expr& bound = part.args()[1];
      const auto extent = shape[k].constant();
      if (part.op() == Opcode::Ge && bound.isInt(0)) return true;
      if (part.op() == Opcode::Lt && extent && bound.isInt(*extent)) return true;
    }
    return false;
  });
}

bool guardsIndex(const Expr& load, size_t k) {
  const std::vector<Expr> parts = conjuncts(load.guard());
  return std::any_of(parts.begin(), parts.end(),
                     [&](const Expr& part) { return part.args()[0] == load.args()[k]; });
}

namespace {

bool canBePadded(const Expr& load, const Type& operand, const Tile& tile, size_t rank) {
  return load.guarded() && load.other().isLiteral() && operand.kind == Type::Kind::Buffer &&
         operand.layout.rowMajor() && !load.args().empty() && operand.shape.back().isConstant() &&
         tile.lanes > 1 && tile.laneAxis >= 0 && static_cast<size_t>(tile.laneAxis) < rank &&
         isBoundsGuard(load.guard(), load.args(), operand.shape);
}

}  // namespace

std::optional<PaddedBox> paddedBox(const Expr& load, const Type& operand, const Tile& tile,
                                   size_t rank) {
  if (!canBePadded(load, operand, tile, rank)) return std::nullopt;
  PaddedBox padded;
  StageBox& box = padded.box;
  const auto lane = static_cast<size_t>(tile.laneAxis);
  for (size_t k = 0; k < load.args().size(); ++k) {
    const auto form = affineForm(load.args()[k], static_cast<int>(tile.stage.size()));
    if (!form) return std::nullopt;
    const Reach reach = reachOf(*form, tile.stage);
    if (k + 1 < load.args().size()) {
      if (form->coefficients[lane] != 0) return std::nullopt;
      box.extents.push_back(reach.hi - reach.lo + 1);
      continue;
    }
    const int64_t stride = form->coefficients[lane];
    if (stride < 1 || stride > kMostStride) return std::nullopt;
    for (size_t axis = 0; axis < rank; ++axis) {
      if (axis != lane && form->coefficients[axis] != 0) return std::nullopt;
    }
    const int64_t extent = operand.shape.back().value();
    if (reach.lo >= extent || reach.hi < 0) return std::nullopt;
    padded.first = reach.lo < 0 ? -roundUp(-reach.lo, tile.lanes) : reach.lo;
    // Whole vectors of points read so far, and whole vectors of the operand are written.
    const int64_t read =
        reach.hi + 1 + stride * (roundUp(tile.stage[lane], tile.lanes) - tile.stage[lane]);
    const int64_t start = std::max<int64_t>(reach.lo, 0);
    const int64_t written = start + roundUp(std::min(extent, reach.hi + 1) - start, tile.lanes);
    box.extents.push_back(roundUp(std::max(read, written) - padded.first, tile.lanes));
  }
  box.strides.assign(box.extents.size(), 1);
  box.elements = box.extents.back();
  for (size_t k = box.extents.size() - 1; k-- > 0;) {
    box.strides[k] = box.elements;
    box.elements *= box.extents[k];
  }
  return padded;
}

}  // namespace quartet::ir
