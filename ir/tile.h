// The tile attribute of a plan's leaf: how one tensor expression is cut at each memory level.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quartet::ir {

/// rTile shapes, outermost level first. Every shape has one extent per axis of the expression,
/// domain axes first, then reduction axes.
///  group:    what one task (CPU) or workgroup (GPU) computes. Reduction extents: the slice that
///            the group goes through at once; the full extent when not sliced, and the last slice
///            may be shorter. Where a group has several invocations, what a slice reads is staged
///            in workgroup memory. Scalars and lanes along the reduction take all at once.
///  reg:      what one invocation computes at once, fully unrolled on domain axes; on the lane
///            axis a multiple of `lanes`. Register tiles of a group are spread over the invocations
///            of the group, then looped over.
///  stage:    of a reduction in groups of one invocation, parts that the group goes through one
///            after the other: what guarded loads reach from a part (ir/staging.h's paddedBox) is
///            brought into the group's own memory first. Reduction extents are full, so is that of
///            the lane axis. Empty: loads read where their operands are.
///  laneAxis: the axis along vector lanes; -1: scalar. On a reduction axis every lane has its own
///            state, and the states are merged at the end.
///  lanes:    vector width.
///  storeAxis: of a reduction, the domain axis along lanes once it is done: the register tile, of
///            at most `lanes` points along it and of vectors along the lane axis, is turned, so
///            that what happens once per point meets neighbours along this axis. -1: the lane axis.
///  unit:     m, n, k of the matrix unit that computes a sum of products of two factors, in groups
///            of several subgroups; empty: none. reg is then what a subgroup computes at once, and
///            register tiles of a group are spread over its subgroups, one for each. Columns are
///            the points of the domain's axes that change only the factor that the lane axis
///            changes, rows those of the axes that change only the other one: a register tile has
///            a multiple of n of the one, of m of the other, and a single point along all other
///            axes. Points, and steps of a slice, beyond their extents count as zeros. One lane:
///            the lane axis is that along which results are stored together.
///  order:    loop order of the axes inside a group, outermost first.
/// A tile that is fused onto another of its task set (a register edge) is computed at the points
/// that its consumer or producer needs, and has an empty Tile: the anchor's tile governs.
struct Tile {
  std::vector<int64_t> group;
  std::vector<int64_t> reg;
  std::vector<int64_t> stage;
  int laneAxis = -1;
  int64_t lanes = 1;
  int storeAxis = -1;
  std::vector<int64_t> unit;
  std::vector<int> order;

  bool empty() const { return group.empty(); }
  bool operator==(const Tile&) const = default;
  /// "tile(group [14, 64, 64], reg [14, 32, 1], lane 1 x 16, order [0, 1, 2])"; "tile()" when
  /// empty.
  std::string str() const;
};

}  // namespace quartet::ir
