// Runs a case on devices through the public API and compares with the reference.
#pragma once

#include <string>
#include <vector>

#include "tests/shapes/builder.h"

namespace quartet::shapes {

/// What is wrong with a case on the CPU, with one and with two threads, and on `gpus`, which take
/// all of it; empty when nothing is.
std::string check(const Case& c, const std::vector<std::string>& gpus);

}  // namespace quartet::shapes
