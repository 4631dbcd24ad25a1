// Places the arena buffers of a program. Runs after Rammer, on what the waves access.
#pragma once

#include "base/result.h"
#include "runtime/program.h"

namespace quartet::runtime {

/// Sets arenaOffset of every Arena buffer (a multiple of `alignBytes`), arenaBytes, arenaBound,
/// arenaSum. A buffer lives from the first to the last wave that binds it; buffers that live in a
/// common wave never overlap.
void planMemory(Program& program, int64_t alignBytes);

}  // namespace quartet::runtime
