// One mutant of a model: imported, compiled for the CPU, run in guarded memory, compared.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "backends/cpu/memory.h"
#include "runtime/device.h"

namespace quartet::tests {

struct Outcome {
  enum class Kind : char {
    Refused = 'r',    // with a diagnostic, which is no bug of ours
    Large = 'l',      // needs more memory or time than a test has
    Imported = 'i',   // and nothing more was asked for
    Compared = 'c',   // ran, with the reference's results
    Unsettled = 'u',  // ran; small errors become large in it, so that results mean nothing
    Reported = 'e',   // ran, and reports what the reference reports: an index out of range
    Failed = 'f',
  };
  Kind kind = Kind::Failed;
  std::string text;  // of the diagnostic or the failure
};

/// Imports the bytes of a model.
Outcome tryImport(const std::string& bytes);

/// Compiles and runs mutants on the CPU, every buffer of a run next to an unmapped page.
class Runner {
 public:
  Runner();
  /// Open extents of inputs get small values; every other time they stay open in the compiled code.
  Outcome tryRun(const std::string& bytes, uint64_t seed, cpu::Placement placement) const;

 private:
  std::map<cpu::Placement, std::shared_ptr<runtime::Device>> devices_;
};

}  // namespace quartet::tests
