#include "sched/roller/merging.h"

#include <algorithm>
#include <map>

#include "sched/task_set.h"

namespace quartet::sched {

using ir::Dim;
using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

namespace {

/// A merged axis is at most so long: kernels have 32 bits for an index and a tile behind it.
constexpr int64_t kLongest = int64_t{1} << 30;

/// Element i: whether axis i and the next one are one.
using Glue = std::vector<bool>;

Glue glueOf(size_t axes, bool all = true) { return Glue(axes == 0 ? 0 : axes - 1, all); }

bool merges(const Glue& glue) { return std::find(glue.begin(), glue.end(), true) != glue.end(); }

/// The first axis of every run of axes that are one.
std::vector<int> firstAxes(const Glue& glue, size_t axes) {
  std::vector<int> first;
  for (size_t i = 0; i < axes; ++i) {
    if (i == 0 || !glue[i - 1]) first.push_back(static_cast<int>(i));
  }
  return first;
}

std::vector<Dim> mergedShape(const std::vector<Dim>& shape, const Glue& glue) {
  std::vector<Dim> merged;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0 && glue[i - 1]) {
      merged.back() = merged.back() * shape[i];
    } else {
      merged.push_back(shape[i]);
    }
  }
  return merged;
}

/// Whether `axis` and the next one lie one behind the other in a layout.
bool adjacent(const ir::Layout& layout, int axis) {
  if (layout.rowMajor()) return true;
  for (size_t k = 0; k + 1 < layout.axes.size(); ++k) {
    if (layout.axes[k].axis != axis) continue;
    return layout.axes[k] == ir::Layout::Axis{axis, 1, 0} &&
           layout.axes[k + 1] == ir::Layout::Axis{axis + 1, 1, 0};
  }
  return false;
}

/// The layout of the merged axes in which the buffer has `layout`.
ir::Layout mergedLayout(const ir::Layout& layout, const Glue& glue) {
  ir::Layout merged;
  for (ir::Layout::Axis piece : layout.axes) {
    const auto axis = static_cast<size_t>(piece.axis);
    if (axis > 0 && glue[axis - 1]) continue;
    piece.axis -= static_cast<int>(std::count(glue.begin(), glue.begin() + piece.axis, true));
    merged.axes.push_back(piece);
  }
  return merged;
}

/// Reduction axes of one point leave the expression, but for one where there is no other: what is
/// added to a row by a window of one element is nothing.
void dropUnitAxes(ir::Module& plan, OpId tile) {
  TensorExpr expr = plan.op(tile).attributes.expr();
  std::vector<Expr> axes;
  for (int i = 0; i < expr.domainRank(); ++i) axes.push_back(Expr::axis(i));
  std::vector<Dim> kept;
  for (const Dim& extent : expr.reduction) {
    const bool last = kept.empty() && axes.size() + 1 == static_cast<size_t>(expr.axisCount());
    if (extent == Dim(1) && !last) {
      axes.push_back(Expr::index(0));
      continue;
    }
    axes.push_back(Expr::axis(expr.domainRank() + static_cast<int>(kept.size())));
    kept.push_back(extent);
  }
  if (kept.size() == expr.reduction.size()) return;
  expr.rewrite([&](const Expr& node) {
    return node.kind() == Expr::Kind::Axis ? axes[static_cast<size_t>(node.number())] : node;
  });
  expr.reduction = std::move(kept);
  plan.op(tile).attributes.set("expr", std::make_shared<const TensorExpr>(std::move(expr)));
}

/// Finds what may be merged: everything at first, then less and less until no access objects.
class Merger {
 public:
  Merger(ir::Module& plan, OpId tasks, const std::vector<ValueId>& free)
      : plan_(plan), tasks_(tasks), ops_(plan.region(plan.op(tasks).regions[0]).ops), free_(free) {}

  std::vector<MergedBuffer> run() {
    if (!start()) return {};
    do {
      changed_ = false;
      shareDomain();
      for (const OpId id : ops_) {
        plan_.op(id).opcode == Opcode::Write ? constrainWrite(id) : constrainTile(id);
      }
    } while (changed_);
    const auto any = [](const auto& glues) {
      return std::any_of(glues.begin(), glues.end(),
                         [](const auto& entry) { return merges(entry.second); });
    };
    return any(glue_) || any(reductions_) ? rewrite() : std::vector<MergedBuffer>{};
  }

 private:
  /// Nothing to merge in forms other than maps and reductions, nor in what is too large.
  bool start() {
    for (const OpId id : ops_) {
      const ir::Op& op = plan_.op(id);
      if (op.opcode != Opcode::Tile) continue;
      const TensorExpr& expr = op.attributes.expr();
      const bool reduces = expr.form == TensorExpr::Form::Reduce;
      if (!reduces && expr.form != TensorExpr::Form::Map) return false;
      if (!indexable(expr.domain) || !indexable(expr.reduction)) return false;
      reduces_ |= reduces;
      reductions_[id] = constantPairs(expr.reduction);
      const Glue domain = constantPairs(expr.domain);
      for (const ValueId result : op.results) glue_[result] = domain;
      domains_[id] = op.results[0];
    }
    for (const OpId id : ops_) {
      for (const ValueId operand : plan_.op(id).operands) {
        if (plan_.type(operand).kind == ir::Type::Kind::Buffer) addBuffer(operand);
      }
    }
    return true;
  }

  bool indexable(const std::vector<Dim>& extents) const {
    int64_t longest = 1;  // of any neighbours: an empty axis beside them makes them no shorter
    for (const Dim& extent : extents) {
      const int64_t points = std::max<int64_t>(extent.usual(plan_.symbols), 1);
      if (points > kLongest / longest) return false;
      longest *= points;
    }
    return true;
  }

  static Glue constantPairs(const std::vector<Dim>& extents) {
    Glue glue = glueOf(extents.size());
    for (size_t i = 0; i < glue.size(); ++i) {
      glue[i] = extents[i].isConstant() && extents[i + 1].isConstant();
    }
    return glue;
  }

  void addBuffer(ValueId buffer) {
    const ir::Type& type = plan_.type(buffer);
    const OpId definition = plan_.value(buffer).definition;
    // A reduction's constants get a layout of their own, axis by axis.
    const bool packed =
        reduces_ && definition.valid() && plan_.op(definition).opcode == Opcode::Constant;
    const bool open = std::find(free_.begin(), free_.end(), buffer) != free_.end();
    Glue glue = glueOf(type.shape.size(), !packed && indexable(type.shape));
    for (size_t i = 0; i < glue.size(); ++i) {
      glue[i] = glue[i] && (open || adjacent(type.layout, static_cast<int>(i)));
    }
    glue_[buffer] = std::move(glue);
  }

  void keepApart(Glue& glue, size_t pair) {
    changed_ |= glue[pair];
    glue[pair] = false;
  }

  void agree(Glue& a, size_t i, Glue& b, size_t j) {
    if (a[i] == b[j]) return;
    keepApart(a, i);
    keepApart(b, j);
  }

  /// The maps on top of a reduction are evaluated at its points.
  void shareDomain() {
    const OpId anchor = governingTile(plan_, tasks_);
    Glue& shared = glue_.at(domains_.at(anchor));
    bool reached = false;
    for (const OpId id : ops_) {
      reached |= id == anchor;
      if (!reached || !domains_.contains(id)) continue;
      Glue& glue = glue_.at(domains_.at(id));
      for (size_t i = 0; i < shared.size(); ++i) agree(shared, i, glue, i);
    }
  }

  void constrainWrite(OpId id) {
    const ir::Op& op = plan_.op(id);
    Glue& tile = glue_.at(op.operands[0]);
    Glue& buffer = glue_.at(op.operands[1]);
    for (size_t i = 0; i < tile.size(); ++i) {
      if (op.attributes.has("offset")) keepApart(tile, i);
      agree(tile, i, buffer, i);
    }
  }

  void constrainTile(OpId id) {
    const ir::Op& op = plan_.op(id);
    const TensorExpr& expr = op.attributes.expr();
    for (size_t r = 1; r < op.results.size(); ++r) {  // results of a tile share its domain
      Glue& first = glue_.at(op.results[0]);
      for (size_t i = 0; i < first.size(); ++i) agree(first, i, glue_.at(op.results[r]), i);
    }
    expr.visitParts([&](const Expr& part) {
      if (part.kind() == Expr::Kind::Axis) separate(id, part.number());
      part.visit([&](const Expr& node) {
        const bool load = node.kind() == Expr::Kind::Load;
        if (load) constrainLoad(id, node);
        for (size_t k = load ? node.args().size() : 0; k < node.childCount(); ++k) {
          if (node.child(k).kind() == Expr::Kind::Axis) separate(id, node.child(k).number());
        }
      });
    });
  }

  /// The glue of a tile's axis `axis` with the next one: where it stands, or nothing.
  std::pair<Glue*, size_t> pairOf(OpId tile, int axis) {
    const TensorExpr& expr = plan_.op(tile).attributes.expr();
    const int rank = expr.domainRank();
    const bool domain = axis < rank;
    const int i = domain ? axis : axis - rank;
    Glue& glue = domain ? glue_.at(domains_.at(tile)) : reductions_.at(tile);
    if (i < 0 || i >= static_cast<int>(glue.size()) || axis == rank - 1) return {nullptr, 0};
    return {&glue, static_cast<size_t>(i)};
  }

  void separate(OpId tile, int axis) {
    separatePair(tile, axis - 1);
    separatePair(tile, axis);
  }
  void separatePair(OpId tile, int axis) {
    if (axis < 0) return;
    if (const auto [glue, i] = pairOf(tile, axis); glue != nullptr) keepApart(*glue, i);
  }

  void constrainLoad(OpId tile, const Expr& load) {
    const ir::Op& op = plan_.op(tile);
    const TensorExpr& expr = op.attributes.expr();
    const ValueId operand = op.operands[static_cast<size_t>(load.number())];
    const std::vector<Dim>& shape = plan_.type(operand).shape;
    const auto extent = [&](int axis) {
      const auto i = static_cast<size_t>(axis);
      return i < expr.domain.size() ? expr.domain[i] : expr.reduction[i - expr.domain.size()];
    };
    Glue& glue = glue_.at(operand);
    const auto named = [&](size_t k) { return load.args()[k].kind() == Expr::Kind::Axis; };
    const auto axisAt = [&](size_t k) {
      if (named(k)) return load.args()[k].number();
      // The only index of an axis of one point is as good as the axis.
      const bool unit = load.args()[k].isInt(0) && shape.size() == expr.domain.size() &&
                        shape[k] == Dim(1) && expr.domain[k] == Dim(1);
      return unit ? static_cast<int>(k) : -1;
    };
    std::vector<bool> joined(load.args().size() + 1, false);  // with the index before
    for (size_t k = 0; k + 1 < load.args().size(); ++k) {
      const int axis = axisAt(k);
      const bool pair = axis >= 0 && axisAt(k + 1) == axis + 1 && extent(axis + 1) == shape[k + 1];
      const auto [own, i] = pair ? pairOf(tile, axis) : std::pair<Glue*, size_t>{nullptr, 0};
      if (own == nullptr) {
        keepApart(glue, k);
      } else {
        agree(*own, i, glue, k);
        joined[k + 1] = true;
      }
    }
    for (size_t k = 0; k < load.args().size(); ++k) {
      if (!named(k) && !joined[k] && !joined[k + 1]) continue;
      if (!joined[k]) separatePair(tile, axisAt(k) - 1);
      if (!joined[k + 1]) separatePair(tile, axisAt(k));
    }
  }

  std::vector<MergedBuffer> rewrite() {
    std::vector<MergedBuffer> merged;
    for (const auto& [value, glue] : glue_) {
      if (plan_.type(value).kind != ir::Type::Kind::Buffer) continue;
      if (!merges(glue)) continue;
      merged.push_back(addAlias(value, glue));
    }
    const std::vector<OpId> ops = plan_.region(plan_.op(tasks_).regions[0]).ops;
    for (const OpId id : ops) {
      if (plan_.op(id).opcode == Opcode::Tile) rewriteTile(id);
    }
    for (const OpId id : ops) {
      for (ValueId& operand : plan_.op(id).operands) {
        const auto at = std::find_if(merged.begin(), merged.end(),
                                     [&](const MergedBuffer& m) { return m.buffer == operand; });
        if (at != merged.end()) operand = at->alias;
      }
    }
    return merged;
  }

  MergedBuffer addAlias(ValueId buffer, const Glue& glue) {
    const ir::Type type = plan_.type(buffer);
    const auto& top = plan_.region(plan_.top()).ops;
    const auto place = std::find(top.begin(), top.end(), tasks_) - top.begin();
    const OpId alias = plan_.addOp(plan_.top(), Opcode::Buffer, {buffer},
                                   {ir::Type::buffer(type.dtype, mergedShape(type.shape, glue),
                                                     mergedLayout(type.layout, glue))},
                                   {}, {}, {}, static_cast<int>(place));
    return {plan_.result(alias), buffer, firstAxes(glue, type.shape.size())};
  }

  void rewriteTile(OpId id) {
    const ir::Op& op = plan_.op(id);
    TensorExpr expr = op.attributes.expr();
    const Glue& domain = glue_.at(op.results[0]);
    const Glue& reduction = reductions_.at(id);
    std::vector<int> number;  // of each old axis
    int next = -1;
    for (size_t i = 0; i < expr.domain.size(); ++i) {
      number.push_back(i > 0 && domain[i - 1] ? next : ++next);
    }
    for (size_t i = 0; i < expr.reduction.size(); ++i) {
      number.push_back(i > 0 && reduction[i - 1] ? next : ++next);
    }
    // Indices first, then the axes in them.
    expr.rewrite([&](const Expr& node) -> Expr {
      if (node.kind() == Expr::Kind::Axis) {
        return Expr::axis(number[static_cast<size_t>(node.number())]);
      }
      if (node.kind() != Expr::Kind::Load) return node;
      const Glue& glue = glue_.at(op.operands[static_cast<size_t>(node.number())]);
      std::vector<Expr> indices;
      for (size_t k = 0; k < node.args().size(); ++k) {
        if (k == 0 || !glue[k - 1]) {
          indices.push_back(node.args()[k]);
        } else if (node.args()[k].kind() == Expr::Kind::Axis) {
          indices.back() = node.args()[k];  // before it there may be the 0 of an axis of one point
        }
      }
      return node.guarded() ? Expr::guardedLoad(node.number(), node.dtype(), std::move(indices),
                                                node.guard(), node.other())
                            : Expr::load(node.number(), node.dtype(), std::move(indices));
    });
    expr.domain = mergedShape(expr.domain, domain);
    expr.reduction = mergedShape(expr.reduction, reduction);
    const std::vector<Dim> shape = expr.domain;
    plan_.op(id).attributes.set("expr", std::make_shared<const TensorExpr>(std::move(expr)));
    for (const ValueId result : plan_.op(id).results) plan_.value(result).type.shape = shape;
  }

  ir::Module& plan_;
  OpId tasks_;
  const std::vector<OpId> ops_;
  const std::vector<ValueId>& free_;
  std::map<ValueId, Glue> glue_;  // of buffers, and of tiles' results
  std::map<OpId, Glue> reductions_;
  std::map<OpId, ValueId> domains_;  // the value whose glue is that of a tile's domain
  bool reduces_ = false;
  bool changed_ = false;
};

}  // namespace

ir::Layout MergedBuffer::expand(const ir::Layout& layout, int rank) const {
  ir::Layout expanded;
  for (const ir::Layout::Axis& piece : layout.axes) {
    const auto i = static_cast<size_t>(piece.axis);
    const int end = i + 1 < firstAxis.size() ? firstAxis[i + 1] : rank;
    for (int axis = firstAxis[i]; axis < end; ++axis) expanded.axes.push_back({axis, 1, 0});
  }
  return expanded;
}

std::vector<MergedBuffer> mergeAxes(ir::Module& plan, OpId tasks,
                                    const std::vector<ValueId>& free) {
  for (const OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
    if (plan.op(id).opcode != Opcode::Tile) continue;
    if (plan.op(id).attributes.expr().form == TensorExpr::Form::Reduce) dropUnitAxes(plan, id);
  }
  return Merger(plan, tasks, free).run();
}

}  // namespace quartet::sched
