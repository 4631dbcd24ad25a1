// Origins of operations that came from many.
#pragma once

#include <span>

#include "ir/module.h"

namespace quartet::ir {

/// The nodes of all of them, each once, in the order in which they first come up.
Origin mergeOrigins(std::span<const Origin* const> origins);

/// Adds the nodes of `from` that `to` lacks.
void addOrigin(Origin& to, const Origin& from);

}  // namespace quartet::ir
