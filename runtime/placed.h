// A plan over several devices: a program for each, and the order in which they take turns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/device.h"

namespace quartet::runtime {

struct PlacedProgram {
  /// One stage of one device's program.
  struct Step {
    size_t device = 0;
    size_t stage = 0;
  };
  /// Where a copy starts or ends: a buffer among a stage's downloads or uploads.
  struct End {
    size_t device = 0;
    size_t stage = 0;
    int buffer = 0;
  };
  /// A buffer that goes from one device to another through host memory: it leaves after the stage
  /// of `from` and arrives before the stage of `to`.
  struct Copy {
    End from;
    End to;
    int64_t bytes = 0;        // on the host: logical dtype, row-major
    int64_t hostOffset = -1;  // set by planHostMemory
    ir::Origin origin;        // what computes it
  };

  std::vector<std::string> devices;  // names
  std::vector<Program> programs;     // by device
  /// By device, for each Input (Output) buffer of its program in order: which input (output) of the
  /// plan it is.
  std::vector<std::vector<size_t>> inputs;
  std::vector<std::vector<size_t>> outputs;
  std::vector<Step> steps;
  std::vector<Copy> copies;
  int64_t hostBytes = 0;  // for all copies, set by planHostMemory
};

/// A program for one device alone.
PlacedProgram placeAlone(Program program, std::string device);

/// The number of the step that runs this stage.
size_t stepOf(const PlacedProgram& placed, size_t device, size_t stage);

/// Sets hostOffset of every copy, and hostBytes. A copy lives from the step that it leaves to the
/// step at which it arrives; copies that live at a common step never overlap.
void planHostMemory(PlacedProgram& placed);

/// The state of one run: a context per device, and the host memory of the copies.
class PlacedContext {
 public:
  /// `executables`: of the programs, by device.
  static Result<std::unique_ptr<PlacedContext>> create(
      std::shared_ptr<const PlacedProgram> placed,
      const std::vector<std::shared_ptr<Executable>>& executables);
  /// Tensors in the order of the plan's inputs and outputs.
  Status run(const Context::Sources& inputs, const Context::Targets& outputs);
  /// Context::timeDispatches, of a program on one device alone.
  Status timeDispatches(std::vector<double>* microseconds);

 private:
  explicit PlacedContext(std::shared_ptr<const PlacedProgram> placed)
      : placed_(std::move(placed)) {}
  Status runStep(const PlacedProgram::Step& step);
  std::span<std::byte> hostMemory(const PlacedProgram::Copy& copy);

  std::shared_ptr<const PlacedProgram> placed_;
  std::vector<std::unique_ptr<Context>> contexts_;  // by device
  std::vector<std::byte> host_;
};

}  // namespace quartet::runtime
