// Axes that every access goes through together become one.
#pragma once

#include <vector>

#include "ir/module.h"

namespace quartet::sched {

/// A buffer as a task set with merged axes sees it: an alias with fewer axes.
struct MergedBuffer {
  ir::ValueId alias;
  ir::ValueId buffer;
  std::vector<int> firstAxis;  // of the buffer, for each axis of the alias

  /// The layout of the buffer in which the alias has `layout`, a permutation or row-major.
  ir::Layout expand(const ir::Layout& layout, int rank) const;
};

/// Merges neighbouring axes of a task set of maps, or of maps around a reduction, wherever all of
/// its accesses have them as neighbouring indices in places that lie one behind the other in
/// memory: height and width of a pointwise convolution, all axes of an addition. Vectors and tiles
/// then run over the ends of rows, which are short in deep layers. Buffers whose layout is still
/// open (`free`) can follow; what is added to the plan are aliases. Extents must be constant.
std::vector<MergedBuffer> mergeAxes(ir::Module& plan, ir::OpId tasks,
                                    const std::vector<ir::ValueId>& free);

}  // namespace quartet::sched
