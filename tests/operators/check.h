// Runs a network on devices through the public API and compares with the reference.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/operators/network.h"

namespace quartet::operators {

struct Failure {
  std::string where;  // "import", "reference", or a device
  std::string what;
};

class Checker {
 public:
  /// Compiles for these devices.
  std::optional<Failure> check(const Network& network, const std::vector<std::string>& devices);

  /// How many networks ran on each device.
  const std::map<std::string, int64_t>& runs() const { return runs_; }

 private:
  std::map<std::string, int64_t> runs_;
};

/// A smaller network that fails in the same place: fewer outputs, results that become inputs.
Network reduce(const Network& network, const Failure& failure);

}  // namespace quartet::operators
