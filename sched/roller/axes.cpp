#include "sched/roller/axes.h"

#include <algorithm>

#include "ir/kernel.h"
#include "sched/roller/padded_boxes.h"

namespace quartet::sched {

using ir::Expr;
using ir::Opcode;
using ir::ValueId;

namespace {

/// Lanes that cost so many times as much as the best are no choice.
constexpr double kMostCost = 2;

int64_t product(const std::vector<int64_t>& values, size_t first, size_t last) {
  int64_t result = 1;
  for (size_t i = first; i < last; ++i) result *= values[i];
  return result;
}

/// Read from what is laid out anew, `axis` innermost.
bool packed(const TaskView& view, const Access& access, int axis, const hwdb::Description& device) {
  if (!view.reduces() || access.write || access.perPoint) return false;
  return view.isConstant(access.buffer) ? packableAxis(view, access, axis) >= 0
                                        : packedByCopy(view, access, axis, device);
}

/// Steps of the reduction, of all points, for each element of what `access` reads.
double stepsPerElement(const TaskView& view, const Access& access) {
  const std::vector<ir::Dim>& shape = view.plan->type(access.buffer).shape;
  const auto elements = static_cast<double>(ir::elementCount(shape).usual(view.plan->symbols));
  return static_cast<double>(view.domainCount()) * static_cast<double>(view.reductionCount()) /
         std::max(elements, 1.0);
}

/// Bytes from what a step of the reduction reads to what the next one does: the least of all
/// reduction axes that matter; nothing when some are unknown, or none matters.
std::optional<int64_t> stepBytes(const TaskView& view, const Access& access) {
  std::optional<int64_t> least;
  for (int axis = view.rank(); axis < view.axes(); ++axis) {
    if (view.extents[static_cast<size_t>(axis)] < 2) continue;
    const auto stride = strideOf(view, access, axis);
    if (!stride) return std::nullopt;
    if (*stride == 0) continue;
    const int64_t bytes = std::abs(*stride) * ir::byteSize(view.plan->type(access.buffer).dtype);
    least = std::min(least.value_or(bytes), bytes);
  }
  return least;
}

/// Lanes that lie `stride` apart are picked out of so many vectors in a row.
bool shuffled(int64_t stride, const hwdb::Description& device) {
  return stride > 1 && stride <= ir::kMostStride && hwdb::given(device.shuffleVectorLoads);
}

double shuffledLoads(int64_t stride, const hwdb::Description& device) {
  const auto parts = static_cast<double>(stride);
  return parts + (parts - 1) * device.shuffleVectorLoads.value;
}

/// Whether `comparison` is decided alike for all points of every aligned block of `lanes` points
/// of `axis`: it compares with a multiple of so many.
bool decidedByBlock(const Expr& comparison, int axis, int axes, int64_t lanes) {
  const auto form = ir::affineForm(comparison.args()[0] - comparison.args()[1], axes);
  if (!form) return false;
  const int64_t along = form->coefficients[static_cast<size_t>(axis)];
  for (int i = 0; i < axes; ++i) {
    const int64_t coefficient = form->coefficients[static_cast<size_t>(i)];
    if (i == axis ? std::abs(coefficient) != 1 : coefficient % lanes != 0) return false;
  }
  const Opcode op = comparison.op();
  // x < 0 and x >= 0 with x = axis + constant, or x > 0 and x <= 0 with x = constant - axis.
  const bool strict = op == Opcode::Lt || op == Opcode::Ge;
  if (!strict && op != Opcode::Le && op != Opcode::Gt) return false;
  const int64_t constant = along * form->constant;
  return (strict == (along > 0) ? constant : constant - 1) % lanes == 0;
}

/// Whether the lanes of a vector along `axis` may find different answers in a guard.
bool guardVaries(const TaskView& view, const Access& access, int axis, int64_t lanes) {
  if (!std::binary_search(access.guardAxes.begin(), access.guardAxes.end(), axis)) return false;
  if (!access.guard.valid()) return true;
  const std::vector<Expr> conditions = ir::conjuncts(access.guard);
  return std::any_of(conditions.begin(), conditions.end(), [&](const Expr& condition) {
    if (!ir::mentions(condition, axis)) return false;
    const bool comparison = condition.kind() == Expr::Kind::Apply && condition.args().size() == 2 &&
                            condition.args()[0].dtype() == ir::DType::I64;
    return !comparison || !decidedByBlock(condition, axis, view.axes(), lanes);
  });
}

/// Loads that a vector of `axis` takes where its elements lie together: more than one on average
/// where vectors start anywhere in a cache line, since those across two lines are two loads.
double contiguousLoads(const TaskView& view, const Access& access, int axis,
                       const hwdb::Description& device) {
  if (device.groupInvocations.value > 1 || device.memory.empty()) return 1;
  const int64_t lanes = device.vectorLanes.value;
  if (startsVectors(view, access, axis, lanes)) return 1;
  const auto element = static_cast<double>(ir::byteSize(view.plan->type(access.buffer).dtype));
  const auto line = static_cast<double>(device.memory.back().lineBytes.value);
  return 1 + element * static_cast<double>(lanes - 1) / line;
}

bool uses64Bits(const TaskView& view) {
  bool found = false;
  for (const Access& access : view.accesses) {
    found |= ir::byteSize(view.plan->type(access.buffer).dtype) == 8;
  }
  return found;
}

}  // namespace

int64_t TaskView::domainCount() const { return product(extents, 0, static_cast<size_t>(rank())); }

int64_t TaskView::reductionCount() const {
  return product(extents, static_cast<size_t>(rank()), extents.size());
}

bool TaskView::isFree(ValueId buffer) const {
  return std::find(freeLayout.begin(), freeLayout.end(), buffer) != freeLayout.end();
}

bool TaskView::isConstant(ValueId buffer) const {
  const ir::OpId definition = plan->value(buffer).definition;
  return definition.valid() && plan->op(definition).opcode == Opcode::Constant;
}

TaskView viewOf(const ir::Module& plan, ir::OpId tasks, std::vector<ValueId> freeLayout) {
  TaskView view;
  view.plan = &plan;
  view.tasks = tasks;
  view.anchor = governingTile(plan, tasks);
  view.expr = &plan.op(view.anchor).attributes.expr();
  view.extents = extentsOf(*view.expr, plan.symbols);
  view.accesses = accessesOf(plan, tasks, view.anchor);
  view.freeLayout = std::move(freeLayout);
  return view;
}

int packableAxis(const TaskView& view, const Access& access, int axis) {
  int found = -1;
  for (size_t k = 0; k < access.indices.size(); ++k) {
    const Expr& index = access.indices[k];
    if (!ir::mentions(index, axis)) continue;
    if (found >= 0 || index.kind() != Expr::Kind::Axis) return -1;
    found = static_cast<int>(k);
  }
  (void)view;
  return found;
}

bool repaysCopy(const TaskView& view, const Access& access, const hwdb::Description& device) {
  if (!hwdb::given(device.packedCopySteps) || !view.reduces()) return false;
  if (access.write || access.perPoint || !access.guardAxes.empty()) return false;
  if (view.isConstant(access.buffer)) return false;
  const auto others = std::count_if(
      view.accesses.begin(), view.accesses.end(),
      [&](const Access& other) { return !other.write && other.buffer == access.buffer; });
  const std::vector<ir::Dim>& shape = view.plan->type(access.buffer).shape;
  const bool known = std::all_of(shape.begin(), shape.end(),
                                 [](const ir::Dim& extent) { return extent.isConstant(); });
  return others == 1 && known && stepsPerElement(view, access) >= device.packedCopySteps.value;
}

bool packedByCopy(const TaskView& view, const Access& access, int axis,
                  const hwdb::Description& device) {
  if (axis < 0 || axis >= view.rank() || !repaysCopy(view, access, device)) return false;
  if (packableAxis(view, access, axis) < 0) return false;
  if (strideOf(view, access, axis, device.vectorLanes.value) != 1) return true;
  return stepBytes(view, access).value_or(0) >= device.packedCopyStride.value;
}

std::optional<int64_t> strideOf(const TaskView& view, const Access& access, int axis,
                                int64_t block) {
  const ir::Type& type = view.plan->type(access.buffer);
  // Indices that do not change along the axis matter to nobody, affine or not.
  Access along = access;
  bool matters = false;
  for (Expr& index : along.indices) {
    if (ir::mentions(index, axis)) {
      matters = true;
    } else {
      index = Expr::index(0);
    }
  }
  if (!matters) return 0;
  if (const auto all = strides(along, type, type.layout, view.axes(), block)) {
    return (*all)[static_cast<size_t>(axis)];
  }
  return std::nullopt;
}

bool varies(const TaskView& view, const Access& access, int axis, int64_t block) {
  return strideOf(view, access, axis, block).value_or(1) != 0;
}

bool inPaddedBox(const TaskView& view, const Access& access, int axis,
                 const hwdb::Description& device) {
  return access.guard.valid() && !access.perPoint && !access.write && axis >= 0 &&
         axis == paddedLaneAxis(view, device);
}

bool startsVectors(const TaskView& view, const Access& access, int axis, int64_t lanes) {
  for (int other = 0; other < view.axes(); ++other) {
    if (other == axis || view.extents[static_cast<size_t>(other)] < 2) continue;
    if (strideOf(view, access, other, lanes).value_or(1) % lanes != 0) return false;
  }
  return true;
}

double vectorAccesses(const TaskView& view, const Access& access, int axis,
                      const hwdb::Description& device) {
  const int64_t lanes = device.vectorLanes.value;
  const auto each = static_cast<double>(lanes);
  if (!inPaddedBox(view, access, axis, device) && guardVaries(view, access, axis, lanes))
    return each;
  if (access.write && view.isFree(access.buffer)) return 1;
  const auto stride = strideOf(view, access, axis, lanes);
  if (packed(view, access, axis, device)) {
    // A copy reads, lane by lane if need be, and writes every element once.
    const double copy = view.isConstant(access.buffer) ? 0 : (stride == 1 ? 1 : each) + 1;
    return 1 + copy / stepsPerElement(view, access);
  }
  if (!stride) return each;
  if (*stride == 0) return device.broadcastVectorLoads.value;
  if (*stride == 1) return contiguousLoads(view, access, axis, device);
  return !access.write && shuffled(*stride, device) ? std::min(each, shuffledLoads(*stride, device))
                                                    : each;
}

bool loadsSteps(const TaskView& view, const Access& access, int laneAxis, int stepAxis,
                const hwdb::Description& device) {
  const int64_t lanes = device.vectorLanes.value;
  const bool apart = laneAxis >= 0 && varies(view, access, laneAxis);
  if (device.groupInvocations.value <= 1 || access.perPoint || access.write || apart ||
      stepAxis < view.rank() || !access.guardAxes.empty() ||
      ir::byteSize(view.plan->type(access.buffer).dtype) != 4) {
    return false;
  }
  for (int axis = 0; axis < view.axes(); ++axis) {
    const int64_t extent = view.extents[static_cast<size_t>(axis)];
    const auto stride = strideOf(view, access, axis);
    if (axis == stepAxis) {
      if (extent % lanes != 0 || stride != 1) return false;
    } else if (extent > 1 && (!stride || *stride % lanes != 0)) {
      return false;
    }
  }
  return true;
}

std::vector<LaneChoice> laneChoices(const TaskView& view, const hwdb::Description& device) {
  const int64_t lanes = device.vectorLanes.value;
  if (lanes == 1 || view.opaque() || view.domainCount() == 0 ||
      (uses64Bits(view) && !device.int64.value))
    return {{}};
  std::vector<std::pair<double, LaneChoice>> choices;  // with their costs
  double scalar = 0;
  for (const Access& access : view.accesses) {
    scalar += access.perPoint ? 1.0 / static_cast<double>(view.reductionCount()) : 1.0;
  }
  const int padded = paddedLaneAxis(view, device);
  const int last = view.expr->laneCombine() ? view.axes() : view.rank();
  for (int axis = last - 1; axis >= 0; --axis) {
    const int64_t extent = view.extents[static_cast<size_t>(axis)];
    if (extent < 2 || (padded >= 0 && axis != padded)) continue;
    double cost = 0;
    for (const Access& access : view.accesses) {
      // With lanes along a reduction, what happens once per point stays scalar.
      const bool alone = axis >= view.rank() && access.perPoint;
      const double one = alone ? 1 : vectorAccesses(view, access, axis, device);
      cost += access.perPoint ? one / static_cast<double>(view.reductionCount()) : one;
    }
    const int64_t vectors = (extent + lanes - 1) / lanes;
    cost *= static_cast<double>(vectors) / static_cast<double>(extent);
    if (cost < scalar) choices.push_back({cost, {axis, lanes}});
  }
  std::stable_sort(choices.begin(), choices.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<LaneChoice> cheap;
  for (const auto& [cost, choice] : choices) {
    const bool copies = std::any_of(
        view.accesses.begin(), view.accesses.end(),
        [&](const Access& access) { return packedByCopy(view, access, choice.axis, device); });
    const bool other = !cheap.empty();
    if (cost <= kMostCost * choices[0].first && !(other && copies)) cheap.push_back(choice);
  }
  if (cheap.empty()) cheap.push_back({});
  return cheap;
}

}  // namespace quartet::sched
