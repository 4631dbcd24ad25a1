// Winograd's minimal filtering as another way to compute a convolution.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sched/env.h"

namespace quartet::sched {

/// A convolution's weights [F, C, 3, 3] as the products of Winograd's algorithm take them,
/// [16, F, C]: a constant of a plan that has a name and no data until the plan is chosen.
struct TransformedWeights {
  std::string hash;
  std::shared_ptr<const ir::ConstantData> source;
  /// From a filter, channel, row and column of `source` to the next one, in elements.
  std::array<int64_t, 4> strides;
};

/// A way to compute a task set: several, one after the other.
struct WinogradPlan {
  ir::Module plan;
  std::vector<ir::ValueId> intermediates;  // buffers between the task sets; their layouts are open
  TransformedWeights weights;
};

/// Needs: `plan` with one task set, not tiled. Where that is a convolution with constant weights
/// of 3 x 3, step 1, in f32, in any order of its sum: the same plan with F(2x2, 3x3) in its place,
/// four output points of 16 products per input channel instead of 36: a task set that transforms
/// the input, 16 matrix products as one reduction, a task set that transforms back and computes
/// what sat on top of the sum. Recognised by the tensor expression alone. Larger output blocks lose
/// f32's accuracy. Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks"
/// (CVPR 2016), section 4.1.
std::optional<WinogradPlan> winograd(const ir::Module& plan, ir::OpId tasks,
                                     const hwdb::Description& device);

/// Gives a plan that is made of `winograd`'s the data of its weights.
void transformWeights(ir::Module& plan, const TransformedWeights& weights);

}  // namespace quartet::sched
