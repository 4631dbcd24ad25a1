// Scans and scatters: what happens inside a register tile whose points write at every step.
#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

/// Where the anchor's results go, in their order.
std::vector<const KernelBufferUse*> TaskLowering::resultBuffers() const {
  std::vector<const KernelBufferUse*> buffers(plan_.op(anchor_).results.size(), nullptr);
  for (OpId id : plan_.region(plan_.op(tasks_).regions[0]).ops) {
    const ir::Op& op = plan_.op(id);
    if (op.opcode != Opcode::Write) continue;
    const auto& results = plan_.op(anchor_).results;
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i] == op.operands[0]) buffers[i] = &buffers_.at(op.operands[1]);
    }
  }
  for (const KernelBufferUse* buffer : buffers) {
    QT_ASSERT(buffer != nullptr, "a scan or scatter whose result nobody writes");
  }
  return buffers;
}

/// One step at one point: `variables` hold a scan's states.
void TaskLowering::writeStep(const Point& point, std::vector<ValueId>& variables) {
  const std::vector<const KernelBufferUse*> buffers = resultBuffers();
  std::vector<Linear> target;
  for (const Expr& e : expr_.target) target.push_back(evaluator_.index(anchor_, e, point));
  const Point access = evaluator_.insideOf(buffers[0]->type.shape, expr_.target, point);
  Point step = point;
  for (const Expr& e : expr_.element) {
    step.elements.push_back(evaluator_.vector(anchor_, e, point));
  }
  for (ValueId variable : variables) step.states.push_back(builder_.get(variable));
  if (expr_.readsTarget()) {
    step.states.push_back(evaluator_.widen(evaluator_.loadBuffer(*buffers[0], target, access)));
  }
  std::vector<ValueId> next;
  for (const Expr& e : expr_.combine) next.push_back(evaluator_.vector(anchor_, e, step));
  if (expr_.form == TensorExpr::Form::Scatter) {
    evaluator_.store(*buffers[0], target, next[0], access);
    return;
  }
  for (size_t i = 0; i < variables.size(); ++i) builder_.set(variables[i], next[i]);
  step.states = std::move(next);
  for (size_t i = 0; i < buffers.size(); ++i) {
    const ValueId value = evaluator_.vector(anchor_, expr_.results[i], step);
    evaluator_.store(*buffers[i], target, value, access);
  }
}

/// All steps of the points of a register tile, the points side by side.
void TaskLowering::runSteps(const std::vector<Point>& all) {
  QT_ASSERT(!reductionLanes(), "lanes along steps that follow one another");
  std::vector<std::vector<ValueId>> variables(all.size());
  for (size_t p = 0; p < all.size(); ++p) {
    for (const Expr& init : expr_.init) {
      variables[p].push_back(builder_.var(computeType(init.dtype()), math_.lanes()));
      builder_.set(variables[p].back(), evaluator_.vector(anchor_, init, all[p]));
    }
  }
  std::vector<Linear> position(expr_.reduction.size());
  reductionLoops(0, position, [&](const std::vector<Linear>& at, ValueId) {
    for (size_t p = 0; p < all.size(); ++p) {
      Point point = all[p];
      point.axes.insert(point.axes.end(), at.begin(), at.end());
      evaluator_.enterScope();
      writeStep(point, variables[p]);
      evaluator_.leaveScope();
    }
  });
}

}  // namespace quartet::common
