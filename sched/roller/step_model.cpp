#include "sched/roller/step_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "hwdb/levels.h"
#include "sched/cost/operations.h"
#include "sched/roller/padded_boxes.h"

namespace quartet::sched {

namespace {

/// 32-bit registers of an invocation for loop counters, positions and masks.
constexpr int64_t kCounters = 12;
/// Merging two halves of a vector's lanes takes the time of so many loads.
constexpr double kMergedLanes = 6;
/// Blocks so large that no quotient stays the same in them.
constexpr int64_t kNoBlock = INT64_MAX;

/// Vectors of as many values as a vector has f32 lanes: kernels compute in 32 bits or more.
int64_t registersOf(ir::DType dtype) { return ceilDivide(ir::byteSize(dtype), 4); }

/// The longer of two times that go on at once, and more where they are near each other: then now
/// the one is waited for, now the other. Matmuls of 1024 steps, measured: 8 accumulators, as many
/// as hide the latency, are 12 % slower than the throughput says, 9 are 8 %, 12 are 1 %.
double together(double a, double b) {
  constexpr double kPower = 6;
  return std::pow(std::pow(a, kPower) + std::pow(b, kPower), 1 / kPower);
}

/// Loads of whole vectors in the time of what `access` does once for a vector of points along
/// `axis`, or for a single one when that is no axis of the domain.
double pointAccesses(const TaskView& view, const Access& access, int axis,
                     const hwdb::Description& device) {
  const bool inDomain = axis >= 0 && axis < view.rank();
  const double accesses = inDomain ? vectorAccesses(view, access, axis, device) : 1;
  if (!access.write) return accesses;
  // What is stored lane by lane is picked out of its vector first.
  const bool picked = accesses > 2 && hwdb::given(device.shuffleVectorLoads);
  return accesses * (kStoreLoads + (picked ? device.shuffleVectorLoads.value : 0));
}

/// Element n - 1: whether n rows along `axis`, from a multiple of n on, read different values.
std::vector<bool> rowsApart(const TaskView& view, const Access& access, int axis) {
  // But for quotients and remainders, two rows say it for any number.
  const bool plain = strideOf(view, access, axis, kNoBlock).has_value();
  if (plain) return std::vector<bool>(kMostRows, varies(view, access, axis));
  std::vector<bool> apart;
  for (int64_t rows = 1; rows <= kMostRows; ++rows) {
    apart.push_back(varies(view, access, axis, rows));
  }
  return apart;
}

/// Comparisons that a guard joins, and what joins them.
double conditionsOf(const ir::Expr& guard) {
  return 2 * static_cast<double>(ir::conjuncts(guard).size()) - 1;
}

/// How an access moves along rows and along steps, in an index that both share; 0 where there is no
/// such index, or what is read cannot be kept.
struct Overlap {
  int64_t rowStep = 0;
  int64_t stepStep = 0;
};
Overlap overlapOf(const TaskView& view, const Access& access, const LaneChoice& lane, int rowAxis,
                  int stepAxis, const hwdb::Description& device) {
  const bool guarded = !access.guardAxes.empty() && !inPaddedBox(view, access, lane.axis, device);
  if (access.write || access.perPoint || guarded || !varies(view, access, lane.axis)) return {};
  for (const ir::Expr& index : access.indices) {
    if (!ir::mentions(index, rowAxis) || !ir::mentions(index, stepAxis)) continue;
    const auto form = ir::affineForm(index, view.axes());
    if (!form) return {};
    return {std::abs(form->coefficients[static_cast<size_t>(rowAxis)]),
            std::abs(form->coefficients[static_cast<size_t>(stepAxis)])};
  }
  return {};
}

}  // namespace

int overlapAxis(const TaskView& view, const LaneChoice& lane, int rowAxis,
                const hwdb::Description& device) {
  const bool ordered = view.expr->order == ir::TensorExpr::Order::Sequential;
  if (rowAxis < 0 || ordered || device.groupInvocations.value > 1) return -1;
  for (int axis = view.rank(); axis < view.axes(); ++axis) {
    if (overlappedSteps(view, axis, 1, device) < 2) continue;
    for (const Access& access : view.accesses) {
      if (overlapOf(view, access, lane, rowAxis, axis, device).stepStep != 0) return axis;
    }
  }
  return -1;
}

int64_t overlappedSteps(const TaskView& view, int overlapAxis, int64_t accumulators,
                        const hwdb::Description& device) {
  const auto extent =
      view.expr->reduction[static_cast<size_t>(overlapAxis - view.rank())].constant();
  if (!extent || *extent < 1) return 1;
  const double each = static_cast<double>(accumulators) * stepOperations(view, device);
  const auto most = static_cast<int64_t>(kMostUnrolled / each);
  return largestDivisor(*extent, std::clamp<int64_t>(most, 1, kMostSteps));
}

double operationsPerVector(const hwdb::Description& device, double gigabytesPerSecond) {
  const double gigaflops = device.peakGigaflops.value / static_cast<double>(device.units.value);
  constexpr double kBytesPerFlop = 4.0 / 2.0;  // of f32: a value loaded, a product added
  return gigaflops * kBytesPerFlop / std::max(gigabytesPerSecond, 1e-3);
}

double operationsPerLoad(const hwdb::Description& device) {
  const double gigabytes = hwdb::innermostCacheRate(device);
  const double memory =
      device.memoryGigabytesPerSecond.value / static_cast<double>(device.units.value);
  return operationsPerVector(device, gigabytes > 0 ? gigabytes : memory);
}

int64_t stateRegisters(const TaskView& view) {
  int64_t count = 0;
  for (const ir::Expr& init : view.expr->init) count += registersOf(init.dtype());
  return count;
}

double stepOperations(const TaskView& view, const hwdb::Description& device) {
  std::map<ir::ValueId, double> inFront;  // of one element of what a tile computes
  double operations = 0;
  for (ir::OpId id : view.plan->region(view.plan->op(view.tasks).regions[0]).ops) {
    const ir::Op& op = view.plan->op(id);
    if (op.opcode != ir::Opcode::Tile) continue;
    const ir::TensorExpr& expr = op.attributes.expr();
    operations = id == view.anchor ? operationsOf(expr.element) + operationsOf(expr.combine)
                                   : operationsOf(expr.results);
    const bool padded = id == view.anchor && paddedLaneAxis(view, device) >= 0;
    for (const ir::Expr& load : ir::loadsOf(expr)) {
      if (load.guarded() && !padded) operations += conditionsOf(load.guard());
      const auto found = inFront.find(op.operands[static_cast<size_t>(load.number())]);
      if (found != inFront.end()) operations += found->second;
    }
    if (id == view.anchor) break;
    for (ir::ValueId result : op.results) inFront[result] = operations;
  }
  return std::max(operations, 1.0);
}

StepModel::StepModel(const TaskView& view, const LaneChoice& lane, int rowAxis, int stepAxis,
                     bool overlap, const hwdb::Description& device)
    : view_(view),
      lane_(lane),
      rowAxis_(rowAxis),
      overlapAxis_(overlap ? stepAxis : -1),
      stateRegisters_(stateRegisters(view)),
      operationsPerLoad_(operationsPerLoad(device)),
      device_(device) {
  for (const Access& access : view.accesses) {
    if (access.perPoint) continue;
    Operand operand;
    if (rowAxis >= 0) operand.alongRows = rowsApart(view, access, rowAxis);
    operand.alongLanes = lane.axis >= 0 && varies(view, access, lane.axis);
    if (operand.alongLanes) {
      operand.accessesPerVector = vectorAccesses(view, access, lane.axis, device);
      operand.registers = registersOf(view.plan->type(access.buffer).dtype);
    }
    operand.alongSteps = sched::loadsSteps(view, access, lane.axis, stepAxis, device);
    if (overlap) {
      const Overlap shared = overlapOf(view, access, lane, rowAxis, stepAxis, device);
      operand.rowStep = shared.rowStep;
      operand.stepStep = shared.stepStep;
    }
    operands_.push_back(operand);
  }
  countPointAccesses();
}

bool StepModel::loadsSteps() const {
  return std::any_of(operands_.begin(), operands_.end(),
                     [](const Operand& operand) { return operand.alongSteps; });
}

void StepModel::countPointAccesses() {
  const auto steps = static_cast<double>(std::max<int64_t>(view_.reductionCount(), 1));
  const bool inDomain = lane_.axis >= 0 && lane_.axis < view_.rank();
  const double halvings = std::log2(lane_.lanes);
  for (const Access& access : view_.accesses) {
    if (!access.perPoint) continue;
    pointAccesses_ += pointAccesses(view_, access, lane_.axis, device_) / steps;
    if (rowAxis_ >= 0) rowAccesses_ += pointAccesses(view_, access, rowAxis_, device_) / steps;
  }
  if (lane_.axis >= view_.rank()) pointAccesses_ += kMergedLanes * halvings / steps;
  const bool possible = inDomain && rowAxis_ >= 0 && device_.groupInvocations.value == 1 &&
                        hwdb::given(device_.shuffleVectorLoads);
  if (!possible) return;
  turning_ = static_cast<double>(stateRegisters_ * lane_.lanes) * halvings *
             device_.shuffleVectorLoads.value / steps;
}

bool StepModel::turns(int64_t rows) const {
  if (turning_ == 0 || rows < 2 || rows > lane_.lanes) return false;
  const auto lanes = static_cast<double>(lane_.lanes);
  return turning_ + lanes * rowAccesses_ < static_cast<double>(rows) * pointAccesses_;
}

double StepModel::pointLoads(int64_t rows, int64_t vectors) const {
  const auto lanes = static_cast<double>(lane_.lanes);
  const double column =
      turns(rows) ? turning_ + lanes * rowAccesses_ : static_cast<double>(rows) * pointAccesses_;
  return static_cast<double>(vectors) * column;
}

int64_t StepModel::registers(int64_t rows, int64_t vectors) const {
  int64_t count = (rows * vectors + 1) * stateRegisters_;
  int64_t addresses = kCounters;
  for (const Operand& operand : operands_) {
    const int64_t kept = operand.stepStep != 0 ? rows * vectors : 1;
    count += (operand.apart(rows) ? kept : vectors) * operand.registers;
    if (operand.alongSteps) count += operand.apart(rows) ? rows : 1;
    if (operand.apart(rows)) addresses += rows;
  }
  if (device_.groupInvocations.value > 1) count += ceilDivide(addresses, lane_.lanes);
  return count;
}

double StepModel::cycles(int64_t rows, int64_t vectors) const {
  const int64_t rowExtent = rowAxis_ < 0 ? 1 : view_.extents[static_cast<size_t>(rowAxis_)];
  const bool laneInDomain = lane_.axis >= 0 && lane_.axis < view_.rank();
  const int64_t laneExtent =
      laneInDomain ? view_.extents[static_cast<size_t>(lane_.axis)] : lane_.lanes;
  const int64_t width = vectors * lane_.lanes;
  const int64_t wholeRows = rowExtent / rows;
  const int64_t wholeColumns = laneExtent / width;
  const int64_t allVectors = ceilDivide(laneExtent, lane_.lanes);
  const auto whole = static_cast<double>(wholeRows * wholeColumns);
  const auto cutVectors = static_cast<double>(wholeRows * (allVectors - wholeColumns * vectors));
  const auto cutRows = static_cast<double>((rowExtent - wholeRows * rows) * allVectors);
  return whole * stepCycles(rows, vectors) + cutVectors * stepCycles(rows, 1) +
         cutRows * stepCycles(1, 1);
}

/// Loads of a step for all rows: of those that overlap, each is loaded once in a turn of the loop.
double StepModel::rowLoads(const Operand& operand, int64_t rows, int64_t vectors) const {
  if (!operand.apart(rows)) return 1;
  if (operand.stepStep == 0) return static_cast<double>(rows);
  const int64_t steps = overlappedSteps(view_, overlapAxis_, rows * vectors, device_);
  std::set<int64_t> places;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t step = 0; step < steps; ++step) {
      places.insert(row * operand.rowStep + step * operand.stepStep);
    }
  }
  return static_cast<double>(places.size()) / static_cast<double>(steps);
}

double StepModel::loads(int64_t rows, int64_t vectors, double shared) const {
  double count = 0;
  for (const Operand& operand : operands_) {
    double one = rowLoads(operand, rows, vectors);
    one *= operand.alongLanes ? static_cast<double>(vectors) * operand.accessesPerVector : shared;
    count += one;
  }
  return count;
}

/// The part of the instructions that are under way at a time which a whole reduction is, when its
/// steps have so many. What one reduction waits for, others do meanwhile, and the ends of loops so
/// short are predicted.
double StepModel::shareUnderWay(double instructions) const {
  if (!hwdb::given(device_.reorderBuffer)) return 1;
  const auto steps = static_cast<double>(std::max<int64_t>(view_.reductionCount(), 1));
  return std::min(1.0, instructions * steps / static_cast<double>(device_.reorderBuffer.value));
}

double StepModel::stepCycles(int64_t rows, int64_t vectors) const {
  const auto operations = static_cast<double>(rows * vectors);
  const double perCycle = std::max(device_.fmaPerCycle.value, 0.125);
  if (device_.groupInvocations.value > 1) {
    // Other invocations hide latency. What the innermost cache gives bounds the loads; they and
    // the arithmetic overlap in part only.
    const double shared = device_.broadcastVectorLoads.value;
    const double all = loads(rows, vectors, shared) + pointLoads(rows, vectors);
    return (operations + all * operationsPerLoad_) / perCycle;
  }
  // Loads, of vectors as of single values, start as often as vector operations do.
  const double loads = this->loads(rows, vectors, 1);
  const double throughput = std::max(operations, loads) / perCycle;
  const double share = shareUnderWay(operations + loads);
  return together(throughput, share * device_.fmaLatencyCycles.value) +
         pointLoads(rows, vectors) / perCycle +
         share * kLoopCycles / static_cast<double>(std::max<int64_t>(view_.reductionCount(), 1));
}

}  // namespace quartet::sched
