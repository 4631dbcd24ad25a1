// What the CUDA tests share.
#pragma once

#include <doctest/doctest.h>

#include <memory>

#include "backends/cuda/nvrtc.h"
#include "tests/skip.h"

namespace quartet::tests {

/// The machine's NVRTC; null, with the case skipped, where there is none.
std::shared_ptr<const cuda::Nvrtc> nvrtcOrSkip();

}  // namespace quartet::tests
