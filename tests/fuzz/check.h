// Runs a case every way there is and compares with the reference.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/device.h"
#include "sched/env.h"
#include "tests/fuzz/case.h"
#include "tests/fuzz/features.h"

namespace quartet::fuzz {

struct Failure {
  std::string where;  // which way of running
  std::string what;
};

/// One way to compile and run.
struct Target {
  std::string name;
  hwdb::Description description;
  sched::Options options;
  std::shared_ptr<runtime::Device> device;  // none: the kernel interpreter
  std::shared_ptr<runtime::Device> twin;    // must give the same bytes
  bool windows = false;                     // with bindings too small for the largest buffer
};

class Checker {
 public:
  /// The CPU, and every Vulkan device there is.
  Checker();

  /// Compares: the text form with what it parses to, the tensor expressions, and the targets that
  /// `seed` draws. With `only`, nothing but the way of running of this name.
  std::optional<Failure> check(const Case& c, uint64_t seed, const std::string& only = {});

  const FeatureCounts& features() const { return features_; }
  /// How many programs ran on each device.
  const std::map<std::string, int64_t>& runs() const { return runs_; }

 private:
  std::vector<Target> targets(uint64_t seed) const;

  std::vector<Target> devices_;
  FeatureCounts features_;
  std::map<std::string, int64_t> runs_;
};

}  // namespace quartet::fuzz
