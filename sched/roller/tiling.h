// One task set of a plan and its tiles: lanes, registers, groups, and all that follows from them.
#pragma once

#include <cstdint>
#include <vector>

#include "sched/roller/merging.h"
#include "sched/roller/shape.h"

namespace quartet::sched {

/// Other ways to compute something are taken when their predicted time is below so much of that of
/// the first one's.
constexpr double kClearly = 0.95;

/// What a plan gets with Roller off: scalar tiles. The predicted time in microseconds.
double scalarTaskSet(ir::Module& plan, ir::OpId tasks, const Budget& budget, const Env& env);

/// What register tiles are made of.
enum class Base : uint8_t { Vectors, MatrixUnits };

/// One task set of a plan, before its tile is chosen.
class Tiling {
 public:
  /// Merges axes. `freeLayout`: buffers of the plan whose layout may be chosen.
  Tiling(ir::Module& plan, ir::OpId tasks, const std::vector<ir::ValueId>& freeLayout,
         const Budget& budget, const Env& env, Base base = Base::Vectors);

  /// With their groups, the one with the shortest predicted time first; of matrix units, there may
  /// be none.
  const std::vector<RegisterTile>& tiles() const { return tiles_; }
  /// The task set in `plan`, which is the constructor's or a copy of it.
  TaskView view(const ir::Module& plan) const { return viewOf(plan, tasks_, free_); }
  /// Completes `plan` with one of the tiles and all that follows from it: layouts of free buffers
  /// and of constants, copies. The predicted time in microseconds.
  double apply(ir::Module& plan, const RegisterTile& chosen, const Budget& budget,
               const Env& env) const;

 private:
  ir::OpId tasks_;
  std::vector<ir::ValueId> free_;
  std::vector<MergedBuffer> merged_;
  std::vector<RegisterTile> tiles_;
};

/// Tiles a task set with what is predicted to be fastest; the predicted time in microseconds.
double applyBest(ir::Module& plan, ir::OpId tasks, const std::vector<ir::ValueId>& freeLayout,
                 const Budget& budget, const Env& env);

/// What a task set computes and moves when lanes run so.
Work workOf(const TaskView& view, const LaneChoice& lane);

/// Cycles of one unit that a reduction takes beside its steps: to bring padded boxes, and to write
/// where it takes longer than one row after the other. The same for all groups of a register tile.
double besideSteps(const TaskView& view, const ir::Tile& tile, const hwdb::Description& device);

/// The predicted time of a task set with a tile, in microseconds.
double timeOf(Work work, const RegisterTile& tile, const Budget& budget, const Env& env);

}  // namespace quartet::sched
