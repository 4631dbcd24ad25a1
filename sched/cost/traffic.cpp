#include "sched/cost/traffic.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "sched/env.h"

namespace quartet::sched {

using ir::Expr;
using ir::TensorExpr;
using ir::ValueId;

namespace {

/// The box around what `accesses`, all of one buffer, reach from `points`.
ir::Box boxOf(const ir::Type& buffer, const std::vector<const Access*>& accesses,
              const ir::Box& points, const ir::SymbolTable& symbols) {
  TensorExpr reads;  // a map over all axes that loads operand 0 as the accesses do
  for (int64_t end : points.hi) reads.domain.emplace_back(end);
  const auto elsewhere = [](const Expr& node) -> Expr {  // indices read from buffers: operand 1
    if (node.kind() != Expr::Kind::Load) return node;
    return Expr::load(1, node.dtype(), node.args());
  };
  for (const Access* access : accesses) {
    std::vector<Expr> indices;
    for (const Expr& index : access->indices) indices.push_back(index.rewrite(elsewhere));
    const Expr nothing = ir::isFloat(buffer.dtype) ? Expr::literal(0.0, buffer.dtype)
                                                   : Expr::literal(int64_t{0}, buffer.dtype);
    reads.results.push_back(access->guard.valid()
                                ? Expr::guardedLoad(0, buffer.dtype, std::move(indices),
                                                    access->guard.rewrite(elsewhere), nothing)
                                : Expr::load(0, buffer.dtype, std::move(indices)));
  }
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : buffer.shape) shape.push_back(dim.usual(symbols));
  return ir::propagate(reads, points, 0, shape);
}

double boxElements(const ir::Type& buffer, const std::vector<const Access*>& accesses,
                   const ir::Box& points, const ir::SymbolTable& symbols) {
  return static_cast<double>(boxOf(buffer, accesses, points, symbols).count());
}

/// How many elements of `box` lie behind one another under the layout of `buffer`: the innermost
/// axes as long as the box holds all of them, and its part of the next one.
double contiguousElements(const ir::Type& buffer, const ir::Box& box,
                          const ir::SymbolTable& symbols) {
  const ir::Layout rowMajor = [&] {
    std::vector<int> order(buffer.shape.size());
    std::iota(order.begin(), order.end(), 0);
    return ir::Layout::permutation(order);
  }();
  const ir::Layout& layout = buffer.layout.rowMajor() ? rowMajor : buffer.layout;
  const std::vector<ir::Dim> physical = layout.physicalShape(buffer.shape);
  int64_t run = 1;
  for (size_t i = physical.size(); i-- > 0;) {
    const ir::Layout::Axis& axis = layout.axes[i];
    const auto a = static_cast<size_t>(axis.axis);
    const int64_t whole = physical[i].usual(symbols);
    const int64_t part = std::min((box.hi[a] - box.lo[a] + axis.divide - 1) / axis.divide, whole);
    run *= std::max<int64_t>(part, 1);
    if (part < whole) break;
  }
  return static_cast<double>(run);
}

/// `points` along the axes that an access's indices depend on.
double evaluations(const Access& access, const ir::Box& points) {
  std::set<int> axes;
  for (const Expr& index : access.indices) {
    index.visit([&](const Expr& node) {
      if (node.kind() == Expr::Kind::Axis) axes.insert(node.number());
    });
  }
  double count = 1;
  for (int axis : axes) {
    const auto i = static_cast<size_t>(axis);
    count *= static_cast<double>(points.hi[i] - points.lo[i]);
  }
  return count;
}

double elementsOf(const ir::Module& plan, const Access& access, const ir::Box& points) {
  return std::min(evaluations(access, points),
                  boxElements(plan.type(access.buffer), {&access}, points, plan.symbols));
}

}  // namespace

ir::Box middleBox(const std::vector<int64_t>& extents, const std::vector<int64_t>& lengths) {
  ir::Box points;
  for (size_t i = 0; i < lengths.size(); ++i) {
    const int64_t left = std::max<int64_t>(extents[i] - lengths[i], 0);
    points.lo.push_back(left / 2);
    points.hi.push_back(left / 2 + lengths[i]);
  }
  return points;
}

double footprintBytes(const ir::Module& plan, const Access& access, const ir::Box& points) {
  return elementsOf(plan, access, points) *
         static_cast<double>(ir::byteSize(plan.type(access.buffer).dtype));
}

double footprintLineBytes(const ir::Module& plan, const Access& access, const ir::Box& points,
                          int64_t lineBytes, double linesMore) {
  const ir::Type& type = plan.type(access.buffer);
  const ir::Box box = boxOf(type, {&access}, points, plan.symbols);
  const auto elements = static_cast<double>(box.count());
  const double run = contiguousElements(type, box, plan.symbols);
  const auto size = static_cast<double>(ir::byteSize(type.dtype));
  const auto line = static_cast<double>(lineBytes);
  const double linesPerRun = 1 + (run - 1) * size / line;
  const double runs = std::min(elements / run, evaluations(access, points));
  const double lines = std::min(elements / run * linesPerRun, evaluations(access, points));
  return (lines + runs * linesMore) * line;
}

double trafficBytes(const ir::Module& plan, const std::vector<Access>& accesses,
                    const std::vector<int64_t>& extents) {
  const ir::Box points{std::vector<int64_t>(extents.size(), 0), extents};
  std::map<std::pair<ValueId, bool>, std::vector<const Access*>> byBuffer;
  for (const Access& access : accesses) {
    byBuffer[{access.buffer, access.write}].push_back(&access);
  }
  double bytes = 0;
  for (const auto& [use, all] : byBuffer) {
    const ir::Type& type = plan.type(use.first);
    double apart = 0;
    for (const Access* access : all) apart += elementsOf(plan, *access, points);
    const double elements =
        all.size() == 1 ? apart : std::min(apart, boxElements(type, all, points, plan.symbols));
    bytes += elements * static_cast<double>(ir::byteSize(type.dtype));
  }
  return bytes;
}

}  // namespace quartet::sched
