#include "sched/roller/splitting.h"

#include <algorithm>
#include <map>
#include <ranges>

#include "sched/roller/step_model.h"

namespace quartet::sched {

using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

namespace {

/// Whether a state may start as `init` in every part, and once more where they are merged.
bool startsRepeat(Opcode combine, const Expr& init) {
  switch (combine) {
    case Opcode::Max:
    case Opcode::Min:
    case Opcode::And:
    case Opcode::Or:
      return true;
    case Opcode::Add:
    case Opcode::Mul: {
      const int neutral = combine == Opcode::Mul ? 1 : 0;
      if (!init.isLiteral()) return false;
      return ir::isFloat(init.dtype()) ? init.floatValue() == neutral : init.isInt(neutral);
    }
    default:
      return false;
  }
}

/// What one part computes: the part is the first axis of its domain.
TensorExpr partOf(const TensorExpr& expr, const Split& split) {
  const int rank = expr.domainRank();
  TensorExpr part = expr;
  part.domain.insert(part.domain.begin(), ir::Dim(split.parts));
  ir::Dim& extent = part.reduction[static_cast<size_t>(split.axis)];
  const int64_t length = extent.value() / split.parts;
  extent = ir::Dim(length);
  std::vector<Expr> axes;
  for (int i = 0; i < expr.axisCount(); ++i) axes.push_back(Expr::axis(i + 1));
  Expr& cut = axes[static_cast<size_t>(rank + split.axis)];
  cut = Expr::axis(0) * Expr::index(length) + cut;
  for (Expr& e : part.element) e = e.substituteAxes(axes);
  for (Expr& e : part.init) e = e.substituteAxes(axes);
  part.results.clear();
  for (size_t s = 0; s < part.init.size(); ++s) {
    part.results.push_back(Expr::state(static_cast<int>(s), part.init[s].dtype()));
  }
  return part;
}

/// What merges the parts, which are operand `input`.
TensorExpr mergeOf(const TensorExpr& expr, const Split& split, int input) {
  TensorExpr merge = expr;
  merge.reduction = {ir::Dim(split.parts)};
  std::vector<Expr> indices{Expr::axis(expr.domainRank())};
  for (int i = 0; i < expr.domainRank(); ++i) indices.push_back(Expr::axis(i));
  merge.element = {Expr::load(input, expr.init[0].dtype(), std::move(indices))};
  return merge;
}

/// Copies the tiles in front of `anchor` that its expression needs into `region`; gives the
/// anchor's operands there.
std::vector<ValueId> copyFront(ir::Module& plan, OpId tasks, OpId anchor, ir::RegionId region) {
  std::vector<OpId> front;
  std::vector<ValueId> needed = plan.op(anchor).operands;
  const std::vector<OpId> all = plan.region(plan.op(tasks).regions[0]).ops;
  const auto end = std::find(all.begin(), all.end(), anchor);
  for (auto id = std::make_reverse_iterator(end); id != all.rend(); ++id) {
    const ir::Op& op = plan.op(*id);
    const bool used = std::any_of(op.results.begin(), op.results.end(), [&](ValueId result) {
      return std::find(needed.begin(), needed.end(), result) != needed.end();
    });
    if (!used) continue;
    front.push_back(*id);
    needed.insert(needed.end(), op.operands.begin(), op.operands.end());
  }
  std::map<ValueId, ValueId> copies;
  const auto inside = [&](std::vector<ValueId> operands) {
    for (ValueId& operand : operands) {
      const auto found = copies.find(operand);
      if (found != copies.end()) operand = found->second;
    }
    return operands;
  };
  for (const OpId id : std::views::reverse(front)) {
    const ir::Op op = plan.op(id);
    std::vector<ir::Type> types;
    for (const ValueId result : op.results) types.push_back(plan.type(result));
    const OpId copy = plan.addOp(region, Opcode::Tile, inside(op.operands), std::move(types),
                                 op.attributes, {}, op.origin);
    for (size_t i = 0; i < op.results.size(); ++i) copies[op.results[i]] = plan.op(copy).results[i];
  }
  return inside(plan.op(anchor).operands);
}

/// Removes the tiles whose results nothing in the task set reads.
void dropUnusedTiles(ir::Module& plan, OpId tasks) {
  std::vector<OpId>& ops = plan.region(plan.op(tasks).regions[0]).ops;
  for (size_t i = ops.size(); i-- > 0;) {
    const ir::Op& op = plan.op(ops[i]);
    if (op.opcode != Opcode::Tile) continue;
    const bool used = std::any_of(ops.begin() + static_cast<long>(i), ops.end(), [&](OpId reader) {
      const auto& operands = plan.op(reader).operands;
      return std::any_of(op.results.begin(), op.results.end(), [&](ValueId result) {
        return std::find(operands.begin(), operands.end(), result) != operands.end();
      });
    });
    if (!used) ops.erase(ops.begin() + static_cast<long>(i));
  }
}

ir::Attributes attributesOf(TensorExpr expr) {
  ir::Attributes attributes;
  attributes.set("expr", std::make_shared<const TensorExpr>(std::move(expr)));
  attributes.set("tile", ir::Tile{});
  return attributes;
}

}  // namespace

std::optional<int> splitAxis(const ir::Module& plan, OpId tasks) {
  const TensorExpr& expr = plan.op(governingTile(plan, tasks)).attributes.expr();
  const std::optional<Opcode> combine = expr.laneCombine();
  if (expr.form != TensorExpr::Form::Reduce || !combine) return std::nullopt;
  if (!startsRepeat(*combine, expr.init[0])) return std::nullopt;
  if (expr.element[0].dtype() != expr.init[0].dtype()) return std::nullopt;
  for (size_t i = 0; i < expr.reduction.size(); ++i) {
    const auto extent = expr.reduction[i].constant();
    // A point's place in the whole reduction is an index, of 32 bits, in every part.
    if (!extent || *extent > INT32_MAX) return std::nullopt;
    if (*extent > 1) return static_cast<int>(i);
  }
  return std::nullopt;
}

SplitTasks splitReduction(ir::Module& plan, OpId tasks, const Split& split) {
  const OpId anchor = governingTile(plan, tasks);
  const TensorExpr expr = plan.op(anchor).attributes.expr();
  const ir::Origin origin = plan.op(anchor).origin;
  const TensorExpr part = partOf(expr, split);
  const ir::DType dtype = expr.init[0].dtype();
  SplitTasks made;
  made.partial = plan.result(plan.addOp(plan.top(), Opcode::Buffer, {},
                                        {ir::Type::buffer(dtype, part.domain)}, {}, {}, {}, 0));
  const ir::RegionId region = plan.addRegion();
  std::vector<ValueId> operands = copyFront(plan, tasks, anchor, region);
  const std::vector<ir::Dim> domain = part.domain;
  const OpId tile = plan.addOp(region, Opcode::Tile, std::move(operands),
                               {ir::Type::tensor(dtype, domain)}, attributesOf(part), {}, origin);
  plan.addOp(region, Opcode::Write, {plan.result(tile), made.partial}, {});
  dropUnusedOperands(plan, tile);
  ir::Attributes named;
  named.set("name", std::string("parts"));
  const auto& ops = plan.region(plan.top()).ops;
  const auto place = std::find(ops.begin(), ops.end(), tasks) - ops.begin();
  made.parts = plan.addOp(plan.top(), Opcode::Tasks, {}, {}, std::move(named), {region}, origin,
                          static_cast<int>(place));

  auto& all = plan.op(anchor).operands;
  all.push_back(made.partial);
  TensorExpr merge = mergeOf(expr, split, static_cast<int>(all.size()) - 1);
  plan.op(anchor).attributes.set("expr", std::make_shared<const TensorExpr>(std::move(merge)));
  dropUnusedOperands(plan, anchor);
  dropUnusedTiles(plan, tasks);
  return made;
}

std::vector<int64_t> partCounts(int64_t extent, int64_t units, int64_t groups) {
  std::vector<int64_t> counts;
  for (const int64_t times : {1, 2, 4}) {
    int64_t parts = std::max<int64_t>(ceilDivide(units * times, groups), 2);
    while (parts < extent && extent % parts != 0) ++parts;
    if (parts > extent || (!counts.empty() && counts.back() == parts)) continue;
    counts.push_back(parts);
  }
  return counts;
}

}  // namespace quartet::sched
