// AMD's compiler without an AMD card: Mesa's RADV on its null device, which compiles for the family
// that an environment variable names and says what it made.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "runtime/device.h"

namespace quartet::tests {

/// Runs the test case of this name in a process for each family, because a process has one Vulkan
/// instance: true in those processes, which then do the work on `familyDevice`. False in the first,
/// after it has checked that all of them passed; the case is skipped where RADV is not installed.
bool inFamilyProcess(const std::string& testCase);

/// "VEGA10", in a process of `inFamilyProcess`.
std::string familyName();

/// The null device of this process's family.
std::shared_ptr<runtime::Device> familyDevice();

}  // namespace quartet::tests
