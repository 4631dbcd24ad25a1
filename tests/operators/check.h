// Runs a network on devices through the public API and compares with the reference.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/operators/network.h"

namespace quartet::operators {

/// One way to run.
struct Way {
  std::string device;
  bool open = false;  // the commonest extent of the inputs is left open at compile time
  std::string name() const { return device + (open ? ", open extents" : ""); }
};

struct Failure {
  std::string what;
  std::optional<Way> way;  // none: no way, the model itself or the reference's answer
  std::string where() const { return way ? way->name() : "the model"; }
};

class Checker {
 public:
  std::optional<Failure> check(const Network& network, const std::vector<Way>& ways);

  /// How many networks ran in each way.
  const std::map<std::string, int64_t>& runs() const { return runs_; }

 private:
  std::map<std::string, int64_t> runs_;
};

}  // namespace quartet::operators
