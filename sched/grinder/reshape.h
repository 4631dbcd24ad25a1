// Reshapes as index maps.
#pragma once

#include <optional>
#include <vector>

#include "ir/expr.h"

namespace quartet::sched {

/// A row-major reshape seen from its reader: element `indices` of the reshaped tensor (`to`) is
/// element map(indices) of the source (`from`). Axes are matched in groups of equal size.
class ReshapeMap {
 public:
  /// Nothing when symbolic extents cannot be matched.
  static std::optional<ReshapeMap> make(const std::vector<ir::Dim>& from,
                                        const std::vector<ir::Dim>& to);
  /// Checked indices stay, also those into axes of extent 1 (where their value is always 0), so
  /// that what is out of range is still reported; a scalar source has no place for them.
  std::vector<ir::Expr> map(const std::vector<ir::Expr>& indices) const;
  /// All maps are affine: no source axis is a quotient or remainder of an index.
  bool affine() const { return affine_; }

 private:
  struct Group {
    size_t fromBegin, fromEnd, toBegin, toEnd;
  };
  std::vector<ir::Dim> from_, to_;
  std::vector<Group> groups_;
  bool affine_ = true;
};

}  // namespace quartet::sched
