// The pass runner: runs a pass, verifies its result, prints it on request, times it and, in debug
// mode, prints and re-parses it. No pass does any of this itself.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::ir {

struct PassTime {
  std::string pass;
  double milliseconds = 0;
};

/// Switches (from base/env.h): QUARTET_PRINT=pass,... | all prints after these passes to stderr;
/// QUARTET_REPARSE=1 checks that the text parses back to the same text.
class PassRunner {
 public:
  /// Runs `pass` on `input`; verifies what it returns.
  Result<Module> run(const std::string& name, Module input,
                     const std::function<Result<Module>(Module)>& pass);
  const std::vector<PassTime>& times() const { return times_; }

 private:
  std::vector<PassTime> times_;
};

}  // namespace quartet::ir
