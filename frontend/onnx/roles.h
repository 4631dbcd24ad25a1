// What the elements of an input mean, as far as the graph tells.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "ir/module.h"

namespace quartet::frontend {

/// Inputs whose elements index an axis, directly or through moves and conversions: the smallest
/// extent of such an axis, by name.
std::map<std::string, int64_t> indexRoles(const ir::Module& graph);

}  // namespace quartet::frontend
