// A placed graph cut where it changes its device, and the plans of the pieces joined again.
#pragma once

#include <string>
#include <vector>

#include "ir/module.h"

namespace quartet::sched {

/// A stretch of computations on one device, as a graph of its own.
struct Segment {
  std::string device;
  ir::Module graph;
  std::vector<ir::ValueId> inputs;  // of the whole graph, by parameter
  /// By output: the number of the whole graph's output, or -1 for a value that later segments need.
  std::vector<int> outputs;
  std::vector<ir::ValueId> values;  // of the whole graph, by output
};

/// Needs: a graph whose computations all say where they run (placement.h).
/// Gives: its segments in an order of execution. One device goes on for as long as anything is
/// ready for it, so that the devices take turns seldom. Constants and reshapes are copied to where
/// they are used.
std::vector<Segment> cutSegments(const ir::Module& graph);

/// Joins the plans of the segments, in their order, into one for the whole graph. Task sets say
/// where they run; a value that another device needs is copied once, before its first use there.
ir::Module joinPlans(const ir::Module& graph, const std::vector<Segment>& segments,
                     const std::vector<ir::Module>& plans);

}  // namespace quartet::sched
