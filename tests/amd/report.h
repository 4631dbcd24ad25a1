// Figures of what RADV reports.
#pragma once

#include <string_view>

#include "runtime/device.h"

namespace quartet::tests {

/// A figure by RADV's name for it; fails the test where there is none.
double figure(const runtime::CompilerReport& report, std::string_view name);

}  // namespace quartet::tests
