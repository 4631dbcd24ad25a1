// The sizes of memory over which bandwidth and latency are measured.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hwdb/description.h"

namespace quartet::characterize {

struct WorkingSets {
  std::vector<int64_t> bytes;  // ascending; multiples of kGranule; powers of two on a GPU
  /// For each memory level but explicit ones: the size that stays in it and in no inner level.
  std::vector<std::pair<std::string, int64_t>> levels;
  int64_t largest() const { return bytes.back(); }
};

inline constexpr int64_t kGranule = 4096;

/// From a granule to beyond the last cache: 4 times its size, within what the device allows. Quick:
/// the levels' sizes alone. `most`: sizes at most, those of the levels kept.
WorkingSets workingSets(const hwdb::Description& device, bool quick, size_t most);

}  // namespace quartet::characterize
