// What must hold of every plan that the stages make, decided without looking at how they do it.
#pragma once

#include <optional>
#include <string>

#include "hwdb/description.h"
#include "ir/module.h"

namespace quartet::test {

/// Two task sets of `unordered` (a plan's task sets in program order) that depend on each other,
/// through a buffer or an alias of it, and do not stand in `plan`'s waves in that order; or a task
/// set that could stand in an earlier wave. Task sets are matched by name.
std::optional<std::string> brokenWaves(const ir::Module& unordered, const ir::Module& plan);

/// The same for a scheduled plan alone: no two task sets of a wave depend on each other.
std::optional<std::string> dependentInWave(const ir::Module& plan);

/// A tile that breaks a limit of the device: more accumulators than registers, another vector width
/// than the device's, a group that no multiple of its register tile makes up.
std::optional<std::string> tileBeyondLimits(const ir::Module& plan,
                                            const hwdb::Description& device);

}  // namespace quartet::test
