// What one step of a reduction costs with a register tile: registers and cycles.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// Most rows and vectors of a register tile, on every device: what is unrolled is code.
constexpr int64_t kMostRows = 16;
constexpr int64_t kMostVectors = 8;
/// Most steps of a reduction that one turn of its loop goes through.
constexpr int64_t kMostSteps = 8;
/// Operations of a reduction that are unrolled together, in units of operationCost: a driver's
/// compiler can take memory without end over less than a thousand.
constexpr double kMostUnrolled = 256;
/// Between two loops of one task: the end of the first is not predicted, and pipelines fill again.
constexpr double kLoopCycles = 20;
/// A store takes the time of so many loads.
constexpr double kStoreLoads = 2;
/// Of a cache, what is read again; the rest is left to what streams by.
constexpr double kCacheShare = 0.5;

constexpr int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The largest divisor of `value` up to `most`; 1 if there is none.
constexpr int64_t largestDivisor(int64_t value, int64_t most) {
  int64_t candidate = most;
  while (candidate > 1 && value % candidate != 0) --candidate;
  return candidate > 1 ? candidate : 1;
}

/// FMAs of vectors that one unit does in the time in which it is given one vector, by a memory of
/// so many gigabytes per second.
double operationsPerVector(const hwdb::Description& device, double gigabytesPerSecond);
/// Likewise, by its innermost cache.
double operationsPerLoad(const hwdb::Description& device);

/// Vector registers that one point keeps through the reduction: all of its state values.
int64_t stateRegisters(const TaskView& view);

/// Operations of one point in one step of its reduction, those of the expressions in front of the
/// anchor included (see operationCost), and conditions of guards that steps decide; at least one.
double stepOperations(const TaskView& view, const hwdb::Description& device);

/// The reduction axis along which a step's rows, along `rowAxis`, are read again as rows of later
/// steps, by whole vectors: the kernel's rows of a depthwise convolution, or of a pooling window.
/// -1 if there is none, or if the device's invocations have few registers or loops have an order.
int overlapAxis(const TaskView& view, const LaneChoice& lane, int rowAxis,
                const hwdb::Description& device);

/// Steps along such an axis that one turn of the loop goes through, with so many accumulators.
int64_t overlappedSteps(const TaskView& view, int overlapAxis, int64_t accumulators,
                        const hwdb::Description& device);

/// The time of a reduction's main loops in cycles, for `rows` x `vectors` accumulators with the
/// rows along `rowAxis` (-1: none). What the accesses do along both axes is found once, for all
/// tiles that are compared.
class StepModel {
 public:
  /// `stepAxis`: the reduction axis innermost in the loops (-1: none). `overlap`: whether it is an
  /// overlapAxis, and what rows share is kept from step to step.
  StepModel(const TaskView& view, const LaneChoice& lane, int rowAxis, int stepAxis, bool overlap,
            const hwdb::Description& device);

  /// All states of a register tile, one tuple on its way to replace another, and the vectors that
  /// a step loads. Invocations keep addresses and counters in the same registers, an address for
  /// each row that is loaded.
  int64_t registers(int64_t rows, int64_t vectors) const;

  /// All tiles over the row axis and the lane axis. Vectors cut by the edge go one by one, with
  /// all rows; rows go one by one, with one vector after the other.
  double cycles(int64_t rows, int64_t vectors) const;

  /// Whether what happens once per point is done sooner when the register tile has been turned, its
  /// rows along lanes (ir::Tile::storeAxis).
  bool turns(int64_t rows) const;

  /// Whether a load serves as many steps as a vector has lanes (see loadsSteps).
  bool loadsSteps() const;

 private:
  /// What is read in every step of the reduction.
  struct Operand {
    std::vector<bool> alongRows;  // element n - 1: n rows read different values; empty: no rows
    bool alongLanes = false;
    double accessesPerVector = 0;
    int64_t registers = 0;    // of one vector; none for a value that all lanes share
    bool alongSteps = false;  // one load gives the values of several steps
    int64_t rowStep = 0;      // of rows that overlap: in the index that they share with steps
    int64_t stepStep = 0;

    bool apart(int64_t rows) const {
      return !alongRows.empty() && alongRows[static_cast<size_t>(rows - 1)];
    }
  };

  /// Loads of one reduction step of a register tile, in whole vectors of their own for each lane;
  /// `shared`: what one counts that is the same for all lanes.
  double loads(int64_t rows, int64_t vectors, double shared) const;
  double rowLoads(const Operand& operand, int64_t rows, int64_t vectors) const;
  double stepCycles(int64_t rows, int64_t vectors) const;
  double shareUnderWay(double instructions) const;
  /// Of a register tile's points in a step, in loads.
  double pointLoads(int64_t rows, int64_t vectors) const;
  void countPointAccesses();

  const TaskView& view_;
  const LaneChoice& lane_;
  int rowAxis_;
  int overlapAxis_;  // -1: rows share nothing
  int64_t stateRegisters_;
  double operationsPerLoad_;
  /// What happens once per point, in loads, divided by the reduction's steps: of a vector along the
  /// lane axis, of one along the row axis, and turning a register tile of one vector.
  double pointAccesses_ = 0;
  double rowAccesses_ = 0;
  double turning_ = 0;  // 0: not possible
  const hwdb::Description& device_;
  std::vector<Operand> operands_;
};

}  // namespace quartet::sched
