// What the network's package says of its input and output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace filetype {

struct Config {
  size_t beginSize = 0;    // bytes taken from the beginning
  size_t endSize = 0;      // bytes taken from the end
  size_t blockSize = 0;    // bytes read at either end, before white space is stripped
  size_t minimumSize = 0;  // shorter files are not shown to the network
  int32_t padding = 0;     // token where there is no byte
  float threshold = 0;     // a lower score is not trusted ...
  std::map<std::string, float> thresholds;       // ... or than the label's own threshold
  std::vector<std::string> labels;               // of the network's outputs
  std::map<std::string, std::string> overwrite;  // labels that are shown as another
  std::set<std::string> textLabels;              // labels of text formats
};

/// Reads config.min.json and content_types_kb.min.json from a folder. Nothing, with `problem` set,
/// when they are missing, or not what this program understands.
std::optional<Config> readConfig(const std::string& folder, std::string& problem);

}  // namespace filetype
