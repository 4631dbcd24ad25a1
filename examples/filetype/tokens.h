// From bytes to the network's input, and from its output to a label.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "examples/filetype/config.h"

namespace filetype {

/// What is shown to the network, or the label of a file that is too short for it.
struct Features {
  std::vector<int32_t> tokens;  // beginSize + endSize
  std::string label;            // when tokens is empty
};

/// Reads the two ends of a file. Nothing when it cannot be read.
///
/// The first block loses leading white space, the last block trailing white space; the first
/// beginSize bytes of the one and the last endSize bytes of the other are the tokens, with padding
/// after and before them where there are too few.
std::optional<Features> extractFeatures(const std::string& path, const Config& config);

struct Verdict {
  std::string label;
  float score = 0;
};

/// The label with the highest score; where the score is below the label's threshold only whether
/// it is text: "txt" or "unknown".
Verdict judge(const float* scores, const Config& config);

}  // namespace filetype
