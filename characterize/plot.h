// Curves as inline SVG.
#pragma once

#include <string>

#include "characterize/findings.h"

namespace quartet::characterize {

/// A <figure> with the plot: axes with ticks, one line per series with its p10-p90 range, a legend.
/// Noisy points are hollow. Nothing outside the text is referred to.
std::string svg(const Plot& plot);

/// Text with what HTML takes for markup replaced.
std::string escaped(std::string_view text);

}  // namespace quartet::characterize
