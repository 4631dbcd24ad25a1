// Shrinks a failing case.
#pragma once

#include <functional>

#include "tests/fuzz/case.h"

namespace quartet::fuzz {

/// A smaller case that still fails: outputs dropped or taken earlier, ops replaced by inputs with
/// their values or by one of their operands, extents cut. `fails` must be deterministic and say no
/// to a case that means nothing.
Case reduce(Case c, const std::function<bool(const Case&)>& fails);

}  // namespace quartet::fuzz
