// Random ONNX models over all operators of the registry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/operators/network.h"

namespace quartet::operators {

struct Generated {
  Network network;
  std::vector<std::string> rows;       // "Add-7": of each node
  std::optional<std::string> refused;  // why the importer or the reference refuses a valid node
  int64_t dropped = 0;                 // nodes left out: their results would be mere rounding
};

/// "Add-7": an operator, and the version since which a row of the registry holds.
std::vector<std::string> allRows();

/// The model of a seed: 1 to 8 nodes of one version of the operator set. The first node's row and
/// the version go round with the seed.
Generated generate(uint64_t seed);

}  // namespace quartet::operators
