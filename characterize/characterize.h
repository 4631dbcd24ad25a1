// Measures a live device: rates, memory levels, costs of starting work.
#pragma once

#include <functional>
#include <string>

#include "characterize/findings.h"

namespace quartet::characterize {

struct Options {
  std::string device;  // as for `compile`; empty: the default
  int threads = 0;     // CPU: 0 = all cores
  bool quick = false;  // fewer sizes and runs: seconds, and less exact
};

/// Runs every probe. `progress` is called with lines that say what is measured and what came out.
/// Errors: no such device, one that runs no kernels, too little memory.
Result<Findings> characterize(const Options& options,
                              const std::function<void(const std::string&)>& progress);

/// The description in the database's form (hwdb/load.h), for this device and driver alone.
std::string description(const Findings& findings);

}  // namespace quartet::characterize
