// Switches that only tests use.
#pragma once

#include "backends/cpu/memory.h"

namespace quartet::cpu {

struct TestOptions {
  /// Of every buffer of a run. Elsewhere than on the heap nothing shares an arena, and kernels
  /// never see the caller's memory.
  Placement placement = Placement::Heap;
};

}  // namespace quartet::cpu
