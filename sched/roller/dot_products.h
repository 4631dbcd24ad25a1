// Sums of products of narrow elements, several at a time, as another way to compute a reduction.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sched/env.h"

namespace quartet::sched {

/// A constant whose elements along one axis are packed in i32, as many as fit, or the sums of its
/// elements along several axes. It has a name in a plan and no data until the plan is chosen.
struct PackedConstant {
  std::string hash;
  std::shared_ptr<const ir::ConstantData> source;
  size_t axis = 0;           // packed along
  std::vector<bool> summed;  // by axis; empty: packed
  int64_t factor = 1;        // of sums
};

/// A way to compute a task set: copies that pack in front of it.
struct DotProductPlan {
  ir::Module plan;
  std::vector<PackedConstant> constants;
};

/// Needs: `plan` with one task set, not tiled. Where that adds up products of i8 or u8 in i32, or
/// of bf16 in f32, and the device has an instruction that adds several (hwdb::MatrixUnit of one
/// invocation, 1 x 1 x 4 of u8 and i8, 1 x 1 x 2 of bf16): the same plan on operands whose elements
/// along one reduction axis are packed in i32, dot4 or dot2 of scalar.def for each. Operands that
/// lie in memory so are read as they are, constants are packed once, others by a copy. Of two bytes
/// of one sign, the operand that is no constant is moved by 128, which sums of the constant
/// correct: all in i32, modulo 2^32, the same bits. Recognised by the tensor expression alone.
std::optional<DotProductPlan> dotProducts(const ir::Module& plan, ir::OpId tasks,
                                          const hwdb::Description& device);

/// Gives a plan that is made of `dotProducts`' the data of its constants.
void fillConstants(ir::Module& plan, const std::vector<PackedConstant>& constants);

}  // namespace quartet::sched
