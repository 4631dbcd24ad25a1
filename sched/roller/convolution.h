// What of a tensor expression is a convolution.
#pragma once

#include <array>
#include <optional>

#include "ir/module.h"

namespace quartet::sched {

/// A sum over channels and a window of two axes of input times constant weights, step 1:
/// y[.., f, y, x] = sum of x[.., c, y + ky - before, x + kx - before] * w[f, c, ky, kx], with zeros
/// around the input. Axes are those of the expression; the order of indices is free.
struct Convolution {
  ir::Expr input;  // the loads
  ir::Expr weights;
  int filter = -1;   // domain
  int channel = -1;  // reduction
  struct Window {
    int position = -1;  // domain
    int offset = -1;    // reduction
    size_t index = 0;   // of the input
    int64_t before = 0;
  };
  std::array<Window, 2> windows;  // in the order of the input's axes

  const Window* windowOf(size_t index) const {
    for (const Window& window : windows) {
      if (window.index == index) return &window;
    }
    return nullptr;
  }
};

/// `tile` as a convolution in f32, if it is one.
std::optional<Convolution> convolutionOf(const ir::Module& plan, ir::OpId tile);

}  // namespace quartet::sched
