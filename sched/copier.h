// Copies ops from one plan into another.
#pragma once

#include <map>

#include "ir/module.h"

namespace quartet::sched {

class Copier {
 public:
  Copier(const ir::Module& from, ir::Module& to) : from_(from), to_(to) {}

  /// Values of `from` in `to`: those that an op uses must be there before it is copied; its results
  /// join them.
  std::map<ir::ValueId, ir::ValueId> values;

  /// Appends a copy of an op, with its regions and constants, to `region`.
  ir::OpId copy(ir::OpId id, ir::RegionId region);

 private:
  const ir::Module& from_;
  ir::Module& to_;
};

}  // namespace quartet::sched
