// Switches that only tests use.
#pragma once

#include <cstdint>

namespace quartet::cuda {

struct TestOptions {
  bool synchronous = false;  // every launch on its own, waited for; also QUARTET_CUDA_SYNCHRONOUS
  bool separateLaunches = false;  // a wave's dispatches one by one
  int64_t pushWords = 0;  // a smaller limit than the device's: parameters go through a buffer
};

}  // namespace quartet::cuda
