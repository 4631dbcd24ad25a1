// Register tiles whose base tile is a matrix unit's.
#pragma once

#include <vector>

#include "sched/roller/shape.h"

namespace quartet::sched {

/// Tiles of a sum of products (ir/matrix_product.h) by the units of one subgroup that the device
/// multiplies matrices of its dtypes with, groups included, the one with the shortest predicted
/// time first. Needs of a unit: its shape, of which m and n are powers of two, and its rate
/// (hwdb::MatrixUnit); of the device: workgroup memory, groups of a power of two of subgroups.
/// Extents need not divide by the unit's: what is beyond them is computed as zeros, which counts as
/// work. None where no unit fits. Nothing is converted: only operands that the unit takes as they
/// are go through it, and sums are of f32 or of i32.
std::vector<RegisterTile> matrixTiles(const TaskView& view, const Budget& budget,
                                      const hwdb::Description& device);

/// 32-bit registers of an invocation that a tile with a unit takes: its share of the sums, and of a
/// row of matrices of the one factor and a matrix of the other.
int64_t matrixRegisters(const TaskView& view, const ir::Tile& tile,
                        const hwdb::Description& device);

/// Bytes of workgroup memory that a group of such a tile takes: a slice of both factors, and the
/// sums on their way to what happens once per point.
int64_t matrixWorkgroupBytes(const TaskView& view, const ir::Tile& tile);

}  // namespace quartet::sched
