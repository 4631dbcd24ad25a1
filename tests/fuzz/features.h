// Which performance-relevant paths a compiled graph took.
#pragma once

#include <map>
#include <string>

#include "hwdb/description.h"
#include "ir/module.h"
#include "runtime/program.h"

namespace quartet::fuzz {

enum class Feature {
  PackedConstant,    // of a contraction, in panels
  PaddedCopy,        // of an operand that a reduction reads
  PaddedBox,         // of a part of one, in the task's own memory
  RegisterTile,      // several rows and several vectors of accumulators
  ReductionLanes,    // lanes along a reduction axis
  TurnedTile,        // rows along lanes when results are stored
  SlicedReduction,   // a column of tiles goes through it in slices
  JoinedEpilogue,    // a map on top of a reduction, in its task set
  InlinedProducer,   // a map computed where it is read
  CutRows,           // a register tile that does not divide its rows
  CutLanes,          // nor its lanes
  TransposedBuffer,  // a layout other than row-major chosen for an intermediate
  Alias,             // a reshape as another view of a buffer
  SharedWave,        // a wave of several task sets
  SharedMemory,      // two buffers of the arena on top of each other
  Windows,           // a task set cut into windows of a buffer
  SymbolicExtent,    // a launch parameter
};
inline constexpr int kFeatureCount = 17;
std::string name(Feature feature);

/// How many programs had each.
using FeatureCounts = std::map<Feature, int64_t>;

void countFeatures(const ir::Module& plan, const runtime::Program& program, FeatureCounts& counts);

}  // namespace quartet::fuzz
