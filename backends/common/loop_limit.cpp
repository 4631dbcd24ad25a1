#include "backends/common/loop_limit.h"

#include "backends/common/lower_tasks.h"
#include "ir/loop_count.h"

namespace quartet::common {

namespace {

std::string tooLong(double iterations, const hwdb::Description& device) {
  const bool counted = iterations < 1e18;
  return "found loops of " +
         (counted ? std::to_string(static_cast<int64_t>(iterations)) : "more than 10^18") +
         " iterations, the device ends them after " +
         std::to_string(device.maxLoopIterations.value);
}

bool exceeds(double iterations, const hwdb::Description& device) {
  return iterations > static_cast<double>(device.maxLoopIterations.value);
}

}  // namespace

Status supportsLoops(const ir::TensorExpr& expr, const hwdb::Description& device) {
  if (!hwdb::given(device.maxLoopIterations)) return {};
  std::vector<int64_t> extents;
  for (const ir::Dims* dims : {&expr.domain, &expr.reduction}) {
    for (const ir::Dim& dim : *dims) {
      const auto extent = dim.constant();
      if (!extent) return {};
      extents.push_back(*extent);
    }
  }
  const double iterations = ir::leastLoopIterations(expr, extents, device.groupInvocations.value);
  if (!exceeds(iterations, device)) return {};
  return unsupported(tooLong(iterations, device), device.name);
}

Status checkLoopLimit(const ir::Module& plan, ir::OpId tasks, const hwdb::Description& device,
                      const ir::SymbolValues& symbols) {
  if (!hwdb::given(device.maxLoopIterations)) return {};
  const ir::Op& anchor = plan.op(anchorOf(plan, tasks));
  const ir::TensorExpr& expr = anchor.attributes.expr();
  std::vector<int64_t> extents;
  for (const ir::Dims* dims : {&expr.domain, &expr.reduction}) {
    for (const ir::Dim& dim : *dims) extents.push_back(QT_TRY(dim.evaluate(symbols)));
  }
  const double iterations = ir::loopIterations(expr, anchor.attributes.get<ir::Tile>("tile"),
                                               extents, device.groupInvocations.value);
  if (!exceeds(iterations, device)) return {};
  return unsupported(tooLong(iterations, device), "node " + ir::str(plan.op(tasks).origin),
                     "use smaller shapes (--shape) or another device (--device)");
}

}  // namespace quartet::common
