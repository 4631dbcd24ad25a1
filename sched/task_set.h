// Looking into task sets: which tile governs, what is read and written at one point of it.
#pragma once

#include <optional>
#include <vector>

#include "ir/module.h"

namespace quartet::sched {

/// One load or store of a task set, as seen from the anchor's axes (register edges followed).
struct Access {
  ir::ValueId buffer;
  std::vector<ir::Expr> indices;  // over the anchor's axes
  bool write = false;
  std::vector<int> guardAxes;  // anchor axes that decide whether it happens (sorted)
  ir::Expr guard;              // over the anchor's axes: it happens only where true; may be empty
  bool perPoint =
      false;  // once per domain point (stores, reads on top of a reduction), not per step
};

/// The tile that governs a task set: its reduction, or its last map when there is none.
ir::OpId governingTile(const ir::Module& plan, ir::OpId tasks);

/// All accesses of a task set; expressions in front of the anchor are composed into its own.
std::vector<Access> accessesOf(const ir::Module& plan, ir::OpId tasks, ir::OpId anchor);

/// Stride in elements of each axis in the address of an access under `layout`, within aligned
/// blocks of `block` points of an axis (a quotient by a multiple of the block does not change
/// there, a remainder grows by one); nothing when the address is not affine with constant
/// coefficients.
std::optional<std::vector<int64_t>> strides(const Access& access, const ir::Type& buffer,
                                            const ir::Layout& layout, int axes, int64_t block = 1);

/// Extents of the axes of an expression, domain first, for the usual values of their symbols.
std::vector<int64_t> extentsOf(const ir::TensorExpr& expr, const ir::SymbolTable& symbols);

/// The task set ops of a plan in program order (through seq and par), with their tile ops.
std::vector<ir::OpId> taskSets(const ir::Module& plan);

/// The buffer that shares memory with `buffer` and is not an alias of another.
ir::ValueId aliasRoot(const ir::Module& plan, ir::ValueId buffer);

/// Removes the operands that a tile's expression no longer loads.
void dropUnusedOperands(ir::Module& plan, ir::OpId tile);

/// Removes the constants, and buffers, that no task set reads, and the data of those.
void dropUnusedConstants(ir::Module& plan);

}  // namespace quartet::sched
