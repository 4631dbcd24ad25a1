// Cutting a task set out of a plan as a region of its own, and putting an alternative in its place.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sched/env.h"

namespace quartet::sched {

/// The region of one task set. Its parameters are the non-constant buffers in order of first use
/// (`outer` receives them); constants come along.
Region extract(const ir::Module& plan, ir::OpId tasks, const std::vector<bool>& freeByValue,
               std::vector<ir::ValueId>& outer);

/// Copies the body of `fragment` into `region` of `plan`: parameter i becomes `outer[i]`; buffers
/// and constants are appended to the top region. Task sets get names made of `name`.
void splice(const ir::Module& fragment, ir::Module& plan, ir::RegionId region,
            const std::vector<ir::ValueId>& outer, const std::string& name);

}  // namespace quartet::sched
