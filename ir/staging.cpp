#include "ir/staging.h"

#include <cstdlib>

namespace quartet::ir {

namespace {

/// Distance of neighbouring rows, so that four elements of a row lie aligned, and those of a column
/// in different banks.
int64_t padded(int64_t elements) { return (elements + 3) / 4 * 4 + 4; }

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
    int64_t extent = 1;
    for (int axis = 0; axis < axes; ++axis) {
      const auto i = static_cast<size_t>(axis);
      extent += std::abs(form->coefficients[i]) * (lengths[i] - 1);
      if (form->coefficients[i] != 0 && axis == laneAxis) innermost = k;
    }
    box.extents.push_back(extent);
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

}  // namespace quartet::ir
