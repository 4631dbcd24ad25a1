// What was found, for people.
#pragma once

#include <string>

#include "characterize/findings.h"

namespace quartet::characterize {

/// One HTML file that refers to nothing outside itself: figures in tables, curves as SVG, noisy
/// readings marked.
std::string report(const Findings& findings);

/// Attainable f32 rate by operations per byte, one line per memory level; empty without a peak.
Plot roofline(const Findings& findings);

}  // namespace quartet::characterize
