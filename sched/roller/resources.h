// What the groups of tiled task sets take of a device's units.
#pragma once

#include <map>
#include <vector>

#include "sched/roller/axes.h"

namespace quartet::sched {

/// What the groups of one task set take.
struct Demand {
  double unitMicroseconds = 0;  // of units, all groups together
  int64_t tasks = 1;            // groups
  Resources resources;          // of a group
};

/// Of a task set with one tile after the other. What several tiles share is found once.
class DemandModel {
 public:
  DemandModel(const TaskView& view, const Budget& budget, const Env& env)
      : view_(view), budget_(budget), env_(env) {}

  /// `work`: its cycles (Work) are those that it takes where all units always have work;
  /// `microseconds`: the time that is predicted for all of it. A group takes its unit for the
  /// longest of its work, its share of the time of a task set that waits for memory, and the time
  /// in which the innermost level that units share gives it what it reaches; and for its start.
  Demand of(const ir::Tile& tile, const Work& work, double microseconds);

 private:
  Resources resourcesOf(const ir::Tile& tile);
  double groupBytes(const ir::Tile& tile);

  const TaskView& view_;
  const Budget& budget_;
  const Env& env_;
  std::map<std::vector<int64_t>, int64_t> registers_;  // by what decides on them
  std::map<std::vector<int64_t>, double> bytes_;       // by the points of a group
};

/// Sets what an alternative takes: needs its plan with tiles and predictions.
void setDemand(Alternative& alternative, const Budget& budget, const Env& env);

}  // namespace quartet::sched
