#include "sched/task_set.h"

#include <algorithm>
#include <functional>
#include <map>

#include "sched/env.h"

namespace quartet::sched {

using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

namespace {

/// Collects buffer accesses of a tile evaluated at `axes`, following register edges backwards.
class AccessCollector {
 public:
  AccessCollector(const ir::Module& plan, OpId anchor) : plan_(plan), anchor_(anchor) {}

  void collect(OpId tile, const Expr& e, const std::vector<Expr>& axes, bool perPoint,
               const Expr& outerGuard) {
    e.visit([&](const Expr& node) {
      if (node.kind() != Expr::Kind::Load) return;
      std::vector<Expr> indices;
      for (const Expr& i : node.args()) indices.push_back(i.substituteAxes(axes));
      Expr guard = outerGuard;
      if (node.guarded()) {
        const Expr own = node.guard().substituteAxes(axes);
        guard = guard.valid() ? Expr::apply(Opcode::And, {guard, own}) : own;
      }
      load(tile, node, std::move(indices), perPoint, guard);
    });
  }

  std::vector<Access> accesses;

 private:
  static std::vector<int> axesOf(const Expr& e) {
    std::vector<int> axes;
    if (!e.valid()) return axes;
    e.visit([&](const Expr& node) {
      if (node.kind() == Expr::Kind::Axis) axes.push_back(node.number());
    });
    std::sort(axes.begin(), axes.end());
    axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
    return axes;
  }

  void load(OpId tile, const Expr& node, std::vector<Expr> indices, bool perPoint,
            const Expr& guard) {
    const ValueId operand = plan_.op(tile).operands[static_cast<size_t>(node.number())];
    if (plan_.type(operand).kind == ir::Type::Kind::Buffer) {
      const auto same = [&](const Access& a) {
        return a.buffer == operand && a.indices == indices && !a.write;
      };
      const auto known = std::find_if(accesses.begin(), accesses.end(), same);
      if (known == accesses.end()) {
        accesses.push_back({operand, std::move(indices), false, axesOf(guard), guard, perPoint});
      } else if (!guard.valid() || (known->guard.valid() && !(known->guard == guard))) {
        known->guard = {};  // where either of two guards is true
      }
      return;
    }
    const OpId producer = plan_.value(operand).definition;
    if (producer == anchor_) return;
    // Several readers of one point of a tile find the same there.
    std::vector<Visit>& before = visits_[operand];
    Visit visit{indices, guard};
    if (std::find(before.begin(), before.end(), visit) != before.end()) return;
    before.push_back(std::move(visit));
    const TensorExpr& expr = plan_.op(producer).attributes.expr();
    for (const Expr& result : expr.results) collect(producer, result, indices, perPoint, guard);
  }

  struct Visit {
    std::vector<Expr> indices;
    Expr guard;
    bool operator==(const Visit&) const = default;
  };

  const ir::Module& plan_;
  OpId anchor_;
  std::map<ValueId, std::vector<Visit>> visits_;  // by what is read on a register edge
};

/// The index as it runs inside an aligned block of `block` points of an axis, up to a constant.
Expr withinBlock(const Expr& index, int64_t block) {
  return index.rewrite([&](const Expr& node) -> Expr {
    if (node.kind() != Expr::Kind::Apply || node.args().size() != 2) return node;
    if (node.args()[0].kind() != Expr::Kind::Axis || !node.args()[1].isLiteral()) return node;
    const int64_t divisor = node.args()[1].intValue();
    if (divisor <= 0 || divisor % block != 0) return node;
    if (node.op() == Opcode::FloorDiv) return Expr::index(0);
    return node.op() == Opcode::Mod ? node.args()[0] : node;
  });
}

/// Where a write puts the result of the point `place`.
std::vector<Expr> placeOf(const ir::Op& write, std::vector<Expr> place) {
  if (!write.attributes.has("offset")) return place;
  const auto& offset = write.attributes.get<ir::Dims>("offset");
  const bool spread = write.attributes.has("strides");
  for (size_t i = 0; i < place.size(); ++i) {
    const int64_t stride = spread ? write.attributes.ints("strides")[i] : 1;
    place[i] = place[i] * Expr::index(stride) + Expr::extent(offset[i]);
  }
  return place;
}

}  // namespace

OpId governingTile(const ir::Module& plan, OpId tasks) {
  OpId last;
  for (OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
    const ir::Op& op = plan.op(id);
    if (op.opcode != Opcode::Tile) continue;
    last = id;
    if (op.attributes.expr().form != TensorExpr::Form::Map) return id;
  }
  QT_ASSERT(last.valid(), "a task set without tiles");
  return last;
}

std::vector<Access> accessesOf(const ir::Module& plan, OpId tasks, OpId anchor) {
  AccessCollector collector(plan, anchor);
  const TensorExpr& expr = plan.op(anchor).attributes.expr();
  std::vector<Expr> axes;
  for (int i = 0; i < expr.axisCount(); ++i) axes.push_back(Expr::axis(i));
  const std::vector<Expr> domainAxes(axes.begin(), axes.begin() + expr.domainRank());
  const bool perPoint = expr.form == TensorExpr::Form::Reduce;
  const std::vector<Expr>& last = expr.form == TensorExpr::Form::Scan ? axes : domainAxes;
  const std::vector<Expr>& place = expr.writesEachStep()                   ? expr.target
                                   : expr.form == TensorExpr::Form::Opaque ? axes
                                                                           : domainAxes;
  for (const Expr& e : expr.element) collector.collect(anchor, e, axes, false, {});
  for (const Expr& e : expr.results) collector.collect(anchor, e, last, perPoint, {});
  for (const Expr& e : expr.target) collector.collect(anchor, e, axes, false, {});
  bool reached = false;
  for (OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
    const ir::Op& op = plan.op(id);
    if (reached && op.opcode == Opcode::Tile) {
      for (const Expr& e : op.attributes.expr().results) {
        collector.collect(id, e, domainAxes, perPoint, {});
      }
    }
    reached |= id == anchor;
    if (op.opcode != Opcode::Write) continue;
    if (expr.readsTarget()) {
      collector.accesses.push_back({op.operands[1], place, false, {}, {}, false});
    }
    collector.accesses.push_back({op.operands[1], placeOf(op, place), true, {}, {}, perPoint});
  }
  return std::move(collector.accesses);
}

std::optional<std::vector<int64_t>> strides(const Access& access, const ir::Type& buffer,
                                            const ir::Layout& layout, int axes, int64_t block) {
  const std::vector<ir::Dim> extents = layout.physicalShape(buffer.shape);
  std::vector<int64_t> result(static_cast<size_t>(axes), 0);
  int64_t stride = 1;
  for (size_t k = extents.size(); k-- > 0;) {
    size_t axis = k;
    if (!layout.rowMajor()) {
      const ir::Layout::Axis& piece = layout.axes[k];
      if (piece.divide != 1 || piece.modulo != 0) return std::nullopt;
      axis = static_cast<size_t>(piece.axis);
    }
    const auto form = ir::affineForm(withinBlock(access.indices[axis], block), axes);
    if (!form) return std::nullopt;
    for (size_t i = 0; i < result.size(); ++i) result[i] += form->coefficients[i] * stride;
    stride *= extents[k].usual({});  // of a symbolic one it matters only that it is not 1
  }
  return result;
}

std::vector<int64_t> extentsOf(const TensorExpr& expr, const ir::SymbolTable& symbols) {
  std::vector<int64_t> extents;
  for (const ir::Dim& dim : expr.domain) extents.push_back(dim.usual(symbols));
  for (const ir::Dim& dim : expr.reduction) extents.push_back(dim.usual(symbols));
  return extents;
}

std::vector<OpId> taskSets(const ir::Module& plan) {
  std::vector<OpId> found;
  const std::function<void(ir::RegionId)> walk = [&](ir::RegionId region) {
    for (OpId id : plan.region(region).ops) {
      const ir::Op& op = plan.op(id);
      if (op.opcode == Opcode::Tasks) {
        found.push_back(id);
      } else {
        for (ir::RegionId inner : op.regions) walk(inner);
      }
    }
  };
  walk(plan.top());
  return found;
}

ValueId aliasRoot(const ir::Module& plan, ValueId buffer) {
  for (;;) {
    const OpId definition = plan.value(buffer).definition;
    if (!definition.valid()) return buffer;
    const ir::Op& op = plan.op(definition);
    if (op.opcode != Opcode::Buffer || op.operands.empty()) return buffer;
    buffer = op.operands[0];
  }
}

void dropUnusedOperands(ir::Module& plan, OpId tile) {
  ir::Op& op = plan.op(tile);
  TensorExpr expr = op.attributes.expr();
  std::vector<bool> used(op.operands.size(), false);
  for (const Expr& load : ir::loadsOf(expr)) used[static_cast<size_t>(load.number())] = true;
  std::vector<int> place(used.size(), -1);
  std::vector<ValueId> operands;
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) continue;
    place[i] = static_cast<int>(operands.size());
    operands.push_back(op.operands[i]);
  }
  const auto renumber = [&](const Expr& node) -> Expr {
    if (node.kind() != Expr::Kind::Load) return node;
    const int input = place[static_cast<size_t>(node.number())];
    return node.guarded()
               ? Expr::guardedLoad(input, node.dtype(), node.args(), node.guard(), node.other())
               : Expr::load(input, node.dtype(), node.args());
  };
  expr.rewrite(renumber);
  op.operands = std::move(operands);
  op.attributes.set("expr", std::make_shared<const TensorExpr>(std::move(expr)));
}

void dropUnusedConstants(ir::Module& plan) {
  plan.eraseDeadOps();
  std::erase_if(plan.constants, [&](const auto& constant) {
    for (const ir::OpId id : plan.region(plan.top()).ops) {
      const ir::Op& op = plan.op(id);
      if (op.opcode != Opcode::Constant) continue;
      if (op.attributes.template get<std::string>("hash") == constant.first) return false;
    }
    return true;
  });
}

}  // namespace quartet::sched
