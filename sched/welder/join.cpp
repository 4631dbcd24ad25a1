// Which task sets become one: maps inlined into their readers, maps on top of reductions.
#include <algorithm>
#include <map>
#include <set>

#include "sched/cost/operations.h"
#include "sched/task_set.h"
#include "sched/welder/welder.h"

namespace quartet::sched {

using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

namespace {

constexpr int kNone = -1;

// Structural limits of what is joined: they weigh a pass over memory against work that is done
// again or grows, by counts of a plan's own things, and hold for every device.

/// Evaluations of tiles at one point of a task set. Compile time, the code's size and the depth of
/// all walks over a task set grow with them; one pass over memory in so many operations is little.
constexpr double kMostEvaluations = 128;
/// A producer with several readers is computed again in each of them, which saves one store and a
/// load per reader: at most so many operations, and so many readers.
constexpr double kMostSharedOperations = 4;
constexpr size_t kMostReaders = 3;
/// A reduction that makes more than so many steps per element of an operand reads it again and
/// again.
constexpr double kReusingSteps = 2;

/// One task set of the plan before joining: a single tile and its writes.
struct Node {
  OpId tasks;
  OpId tile;
  const TensorExpr* expr = nullptr;
  std::vector<ValueId> writes;  // buffers, one per result
  std::vector<int> readers;     // nodes that read its (single) result
  bool pinned = false;   // the result must be in memory: an output, an alias, several results
  bool inlined = false;  // computed by its readers
  // What it takes with the producers that are inlined so far:
  double cost = 0;           // operations per element
  bool loops = false;        // operations that are loops on some devices
  double evaluations = 1;    // of tiles per element: itself and its producers, once per load
  std::set<ValueId> leaves;  // buffers read
  int reduction = kNone;     // a map that ends a group: the reduction below it
  int top = kNone;           // a reduction: the map that ends its group

  bool map() const { return expr->form == TensorExpr::Form::Map; }
  bool reduces() const { return expr->form == TensorExpr::Form::Reduce; }
};

double count(const std::vector<ir::Dim>& dims, const ir::SymbolTable& symbols) {
  double product = 1;
  for (const ir::Dim& dim : dims) product *= static_cast<double>(dim.usual(symbols));
  return product;
}

/// A map that only moves elements: one load, nothing else.
bool movesOnly(const TensorExpr& expr) {
  return expr.results.size() == 1 && expr.results[0].kind() == Expr::Kind::Load &&
         !expr.results[0].guarded();
}

/// Remainders of floats and powers of integers go through bits one after another.
bool loopsInside(const TensorExpr& expr) {
  bool loops = false;
  expr.visitParts([&](const Expr& part) {
    part.visit([&](const Expr& node) {
      if (node.kind() != Expr::Kind::Apply) return;
      const bool isFloat = ir::isFloat(node.dtype());
      const bool remainder = node.op() == Opcode::Rem || node.op() == Opcode::Mod;
      loops |= isFloat ? remainder : node.op() == Opcode::Pow;
    });
  });
  return loops;
}

/// Index k is axis k, or 0 where axis k has one point anyway.
bool isIdentity(const std::vector<Expr>& indices, const std::vector<ir::Dim>& domain) {
  if (indices.size() != domain.size()) return false;
  for (size_t i = 0; i < indices.size(); ++i) {
    const bool axis =
        indices[i].kind() == Expr::Kind::Axis && indices[i].number() == static_cast<int>(i);
    if (!axis && !(indices[i].isInt(0) && domain[i] == ir::Dim(1))) return false;
  }
  return true;
}

class Joiner {
 public:
  Joiner(const ir::Module& plan, const hwdb::Description& device) : plan_(plan), device_(device) {}

  ir::Module run() {
    collect();
    for (Node& node : nodes_) decideInlining(node);
    for (size_t i = 0; i < nodes_.size(); ++i) decideTop(static_cast<int>(i));
    return build();
  }

 private:
  void collect();
  void decideInlining(Node& node);
  bool accepts(const Node& reader, const Node& producer) const;
  std::vector<Expr> loadsOfBuffer(const Node& reader, ValueId buffer) const;
  double evaluationsWith(const Node& reader, const Node& producer) const;
  bool mayJoin(const Node& reader, const Node& producer) const;
  void decideTop(int reduction);
  int rootAbove(int from) const;
  void groupOf(int root, std::vector<int>& members) const;
  bool pointwise(int member, int root, const std::vector<int>& members) const;
  ir::Module build();
  void emit(int root, ir::Module& out, ir::RegionId body, std::map<ValueId, ValueId>& buffers);
  int producer(ValueId buffer) const {
    const auto found = producers_.find(buffer);
    return found == producers_.end() ? kNone : found->second;
  }
  const Node& at(int i) const { return nodes_[static_cast<size_t>(i)]; }

  const ir::Module& plan_;
  const hwdb::Description& device_;
  std::vector<Node> nodes_;
  std::map<ValueId, int> producers_;
};

void Joiner::collect() {
  const auto& parameters = plan_.region(plan_.top()).parameters;
  const std::set<ValueId> external(parameters.begin(), parameters.end());
  for (OpId tasks : taskSets(plan_)) {
    Node node;
    node.tasks = tasks;
    for (OpId id : plan_.region(plan_.op(tasks).regions[0]).ops) {
      const ir::Op& op = plan_.op(id);
      if (op.opcode == Opcode::Write) {
        node.writes.push_back(op.operands[1]);
      } else {
        node.tile = id;
        node.expr = &op.attributes.expr();
      }
    }
    node.cost = operationsOf(node.expr->results);
    node.loops = loopsInside(*node.expr);
    node.leaves.insert(plan_.op(node.tile).operands.begin(), plan_.op(node.tile).operands.end());
    node.pinned = node.writes.size() != 1 || external.contains(node.writes[0]);
    for (ValueId buffer : node.writes) producers_[buffer] = static_cast<int>(nodes_.size());
    nodes_.push_back(std::move(node));
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    std::set<int> sources;
    for (ValueId operand : plan_.op(nodes_[i].tile).operands) sources.insert(producer(operand));
    for (int source : sources) {
      if (source != kNone)
        nodes_[static_cast<size_t>(source)].readers.push_back(static_cast<int>(i));
    }
  }
  for (OpId id : plan_.region(plan_.top()).ops) {
    const ir::Op& op = plan_.op(id);
    if (op.opcode != Opcode::Buffer || op.operands.empty()) continue;
    const int source = producer(op.operands[0]);
    if (source != kNone) nodes_[static_cast<size_t>(source)].pinned = true;
  }
}

std::vector<Expr> Joiner::loadsOfBuffer(const Node& reader, ValueId buffer) const {
  std::vector<Expr> found;
  const auto& operands = plan_.op(reader.tile).operands;
  for (const Expr& load : ir::loadsOf(*reader.expr)) {
    if (operands[static_cast<size_t>(load.number())] == buffer) found.push_back(load);
  }
  return found;
}

/// The evaluations of `reader` if it computes `producer` too.
double Joiner::evaluationsWith(const Node& reader, const Node& producer) const {
  const auto loads = static_cast<double>(loadsOfBuffer(reader, producer.writes[0]).size());
  return reader.evaluations + loads * producer.evaluations;
}

/// Whether `reader` may compute `producer`'s elements where it reads them.
bool Joiner::accepts(const Node& reader, const Node& producer) const {
  const std::vector<Expr> loads = loadsOfBuffer(reader, producer.writes[0]);
  const double points =
      count(reader.expr->domain, plan_.symbols) * count(reader.expr->reduction, plan_.symbols);
  const double evaluations = points * static_cast<double>(loads.size());
  const double elements = std::max(count(producer.expr->domain, plan_.symbols), 1.0);
  const bool recomputes = evaluations > elements;
  if (!reader.map()) {
    if (producer.loops && hwdb::given(device_.maxLoopIterations)) return false;
    // A reduction that reads some operand again and again lives on contiguous operands.
    bool reuses = recomputes;
    for (ValueId operand : plan_.op(reader.tile).operands) {
      reuses |= points > kReusingSteps * count(plan_.type(operand).shape, plan_.symbols);
    }
    if (reuses) {
      if (!movesOnly(*producer.expr)) return false;
      const Expr& source = producer.expr->results[0];
      const int last = producer.expr->domainRank() - 1;
      if (source.args().empty()) return true;
      const Expr& innermost = source.args().back();
      return innermost.kind() == Expr::Kind::Axis && innermost.number() == last;
    }
  }
  if (recomputes) return movesOnly(*producer.expr) && producer.cost <= 1;
  return producer.readers.size() == 1 ||
         (producer.cost <= kMostSharedOperations && producer.readers.size() <= kMostReaders);
}

/// The buffers that a task set of `top`, and of `below` when what it gives is made inside, reads.
std::set<ValueId> leavesOf(const Node& top, const Node& below) {
  std::set<ValueId> leaves = top.leaves;
  leaves.erase(below.writes[0]);
  leaves.insert(below.leaves.begin(), below.leaves.end());
  return leaves;
}

/// Whether a task set of both is within the limits.
bool Joiner::mayJoin(const Node& reader, const Node& producer) const {
  if (evaluationsWith(reader, producer) > kMostEvaluations) return false;
  const size_t bindings = leavesOf(reader, producer).size() + reader.writes.size();
  return bindings <= static_cast<size_t>(device_.maxBindings.value);
}

void Joiner::decideInlining(Node& node) {
  if (!node.map() || node.pinned || node.readers.empty()) return;
  node.inlined = std::all_of(node.readers.begin(), node.readers.end(), [&](int reader) {
    return mayJoin(at(reader), node) && accepts(at(reader), node);
  });
  if (!node.inlined) return;
  for (int i : node.readers) {
    Node& reader = nodes_[static_cast<size_t>(i)];
    reader.evaluations = evaluationsWith(reader, node);
    reader.leaves = leavesOf(reader, node);
    reader.cost += node.cost;
    reader.loops |= node.loops;
  }
}

/// The one group that everything reading `from` belongs to; kNone when there are several.
int Joiner::rootAbove(int from) const {
  int root = kNone;
  std::set<int> met;
  std::vector<int> pending{from};
  while (!pending.empty()) {
    const std::vector<int>& readers = at(pending.back()).readers;
    pending.pop_back();
    for (int reader : readers) {
      if (!met.insert(reader).second) continue;
      if (at(reader).inlined) {
        pending.push_back(reader);
      } else if (root != kNone) {
        return kNone;
      } else {
        root = reader;
      }
    }
  }
  return root;
}

/// The nodes that `root` computes: itself and what is inlined into it, in program order.
void Joiner::groupOf(int root, std::vector<int>& members) const {
  std::set<int> found{root};
  std::vector<int> pending{root};
  while (!pending.empty()) {
    const Node& node = at(pending.back());
    pending.pop_back();
    for (ValueId operand : plan_.op(node.tile).operands) {
      const int source = producer(operand);
      if (source != kNone && at(source).inlined && found.insert(source).second) {
        pending.push_back(source);
      }
    }
  }
  members.assign(found.begin(), found.end());
}

/// Whether what reads `member`, and what reads that, up to `root`, needs it exactly at the point
/// that `root` computes.
bool Joiner::pointwise(int member, int root, const std::vector<int>& members) const {
  std::set<int> met{member};
  std::vector<int> pending{member};
  while (!pending.empty()) {
    const Node& node = at(pending.back());
    const bool isRoot = pending.back() == root;
    pending.pop_back();
    if (isRoot) continue;
    if (!(node.expr->domain == at(root).expr->domain)) return false;
    for (int reader : members) {
      const std::vector<Expr> loads = loadsOfBuffer(at(reader), node.writes[0]);
      for (const Expr& load : loads) {
        if (load.guarded() || !isIdentity(load.args(), at(root).expr->domain)) return false;
      }
      if (!loads.empty() && met.insert(reader).second) pending.push_back(reader);
    }
  }
  return true;
}

void Joiner::decideTop(int reduction) {
  Node& node = nodes_[static_cast<size_t>(reduction)];
  if (!node.reduces() || node.pinned || node.readers.empty()) return;
  const int root = rootAbove(reduction);
  if (root == kNone) return;
  Node& top = nodes_[static_cast<size_t>(root)];
  if (!top.map() || top.reduction != kNone || !(top.expr->domain == node.expr->domain)) return;
  if (!mayJoin(top, node)) return;
  std::vector<int> members;
  groupOf(root, members);
  if (!pointwise(reduction, root, members)) return;
  top.reduction = reduction;
  node.top = root;
}

/// One joined task set: what is computed on demand, the reduction, what sits on top of it.
void Joiner::emit(int root, ir::Module& out, ir::RegionId body,
                  std::map<ValueId, ValueId>& buffers) {
  std::vector<int> members;
  groupOf(root, members);
  const int reduction = at(root).reduction;
  std::vector<int> order;
  if (reduction != kNone) {
    std::vector<int> below;
    groupOf(reduction, below);
    std::set<int> dependent{reduction};
    for (int member : members) {
      for (ValueId operand : plan_.op(at(member).tile).operands) {
        if (dependent.contains(producer(operand))) dependent.insert(member);
      }
    }
    dependent.insert(root);
    for (int member : members) {
      if (!dependent.contains(member)) order.push_back(member);
    }
    for (int member : below) {
      if (std::find(order.begin(), order.end(), member) == order.end()) order.push_back(member);
    }
    std::sort(order.begin(), order.end());
    std::erase(order, reduction);
    order.push_back(reduction);
    for (int member : members) {
      if (dependent.contains(member)) order.push_back(member);
    }
  } else {
    order = members;
  }
  const ir::RegionId region = out.addRegion();
  std::map<ValueId, ValueId> inside;  // buffers of the plan whose value is in this task set
  ir::Origin origin;
  OpId tile;
  for (int member : order) {
    const ir::Op& op = plan_.op(at(member).tile);
    std::vector<ValueId> operands;
    for (ValueId operand : op.operands) {
      const auto local = inside.find(operand);
      operands.push_back(local != inside.end() ? local->second : buffers.at(operand));
    }
    std::vector<ir::Type> types;
    for (ValueId result : op.results) types.push_back(plan_.type(result));
    tile = out.addOp(region, Opcode::Tile, std::move(operands), std::move(types), op.attributes, {},
                     op.origin);
    for (size_t i = 0; i < at(member).writes.size(); ++i) {
      inside[at(member).writes[i]] = out.op(tile).results[i];
    }
    origin = ir::mergeOrigins(origin, op.origin);
  }
  for (ValueId buffer : at(root).writes) {
    out.addOp(region, Opcode::Write, {inside.at(buffer), buffers.at(buffer)}, {});
  }
  out.addOp(body, Opcode::Tasks, {}, {}, plan_.op(at(root).tasks).attributes, {region}, origin);
}

ir::Module Joiner::build() {
  ir::Module out(ir::Level::Plan, plan_.name);
  out.symbols = plan_.symbols;
  out.constants = plan_.constants;
  out.outputs = plan_.outputs;
  std::map<ValueId, ValueId> buffers;
  for (ValueId parameter : plan_.region(plan_.top()).parameters) {
    buffers[parameter] =
        out.addParameter(out.top(), plan_.type(parameter), plan_.value(parameter).name);
  }
  const auto gone = [&](ValueId buffer) {
    const int source = producer(buffer);
    return source != kNone && (at(source).inlined || at(source).top != kNone);
  };
  for (OpId id : plan_.region(plan_.top()).ops) {
    const ir::Op& op = plan_.op(id);
    if (op.opcode != Opcode::Constant && op.opcode != Opcode::Buffer) continue;
    if (gone(op.results[0])) continue;
    std::vector<ValueId> operands;
    for (ValueId operand : op.operands) operands.push_back(buffers.at(operand));
    const OpId made = out.addOp(out.top(), op.opcode, std::move(operands),
                                {plan_.type(op.results[0])}, op.attributes, {}, op.origin);
    buffers[op.results[0]] = out.result(made);
    out.value(out.result(made)).name = plan_.value(op.results[0]).name;
  }
  const ir::RegionId body = out.addRegion();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].inlined || nodes_[i].top != kNone) continue;
    emit(static_cast<int>(i), out, body, buffers);
  }
  out.addOp(out.top(), Opcode::Seq, {}, {}, {}, {body});
  out.addOp(out.top(), Opcode::Return, {}, {});
  return out;
}

}  // namespace

ir::Module joinTaskSets(const ir::Module& plan, const hwdb::Description& device) {
  return Joiner(plan, device).run();
}

}  // namespace quartet::sched
