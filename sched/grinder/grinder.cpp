#include "sched/grinder/grinder.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "sched/grinder/reshape.h"
#include "sched/task_set.h"

namespace quartet::sched {

using ir::Dim;
using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::Type;
using ir::ValueId;

namespace {

class PlanBuilder {
 public:
  explicit PlanBuilder(const ir::Module& graph)
      : graph_(graph), plan_(ir::Level::Plan, graph.name) {}

  ir::Module run();

 private:
  void addParameters();
  void addOutputs();
  void addCompute(const ir::Op& op);
  void addTasks(TensorExpr expr, const std::vector<ValueId>& operands,
                const std::vector<ValueId>& results, const ir::Origin& origin,
                const std::string& operation = {});
  ValueId buffer(ValueId value);
  ValueId resultBuffer(ValueId value);
  ValueId throughReshapes(ValueId value, bool affineOnly, bool checked,
                          std::vector<ReshapeMap>& maps) const;
  void foldReshapes(TensorExpr& expr, std::vector<ValueId>& operands) const;

  const ir::Module& graph_;
  ir::Module plan_;
  ir::RegionId body_;
  std::map<ValueId, ValueId> buffers_;  // graph value -> plan buffer
  std::map<ValueId, ValueId>
      outputs_;  // graph value -> output parameter, if written there directly
  int taskSets_ = 0;
};

Type bufferType(const Type& tensor) { return Type::buffer(tensor.dtype, tensor.shape); }

void PlanBuilder::addParameters() {
  for (ValueId input : graph_.region(graph_.top()).parameters) {
    buffers_[input] =
        plan_.addParameter(plan_.top(), bufferType(graph_.type(input)), graph_.value(input).name);
  }
  plan_.outputs = graph_.outputs;
  const ir::Op& last = graph_.op(graph_.region(graph_.top()).ops.back());
  for (ValueId value : last.operands) {
    const ValueId parameter = plan_.addParameter(plan_.top(), bufferType(graph_.type(value)));
    const OpId definition = graph_.value(value).definition;
    const bool computed = definition.valid() && graph_.op(definition).opcode == Opcode::Compute;
    if (computed && !outputs_.contains(value)) outputs_[value] = parameter;
  }
}

/// The plan buffer that holds `value`; constants and aliases are made at first use.
ValueId PlanBuilder::buffer(ValueId value) {
  if (const auto found = buffers_.find(value); found != buffers_.end()) return found->second;
  const ir::Op& op = graph_.op(graph_.value(value).definition);
  ValueId result;
  if (op.opcode == Opcode::Constant) {
    result =
        plan_.result(plan_.addOp(plan_.top(), Opcode::Constant, {},
                                 {bufferType(graph_.type(value))}, op.attributes, {}, op.origin));
    const std::string& hash = op.attributes.get<std::string>("hash");
    plan_.constants[hash] = graph_.constants.at(hash);
  } else {
    QT_ASSERT(op.opcode == Opcode::Reshape, "a value used before it is computed");
    const ValueId source = buffer(op.operands[0]);
    result = plan_.result(plan_.addOp(plan_.top(), Opcode::Buffer, {source},
                                      {bufferType(graph_.type(value))}, {}, {}, op.origin));
  }
  return buffers_[value] = result;
}

ValueId PlanBuilder::resultBuffer(ValueId value) {
  if (const auto found = outputs_.find(value); found != outputs_.end()) {
    return buffers_[value] = found->second;
  }
  const ValueId result =
      plan_.result(plan_.addOp(plan_.top(), Opcode::Buffer, {}, {bufferType(graph_.type(value))}));
  plan_.value(result).name = graph_.value(value).name;
  return buffers_[value] = result;
}

/// Walks back over reshapes, outermost first in `maps`, as far as index maps can follow: `checked`
/// indices need an axis to stand in.
ValueId PlanBuilder::throughReshapes(ValueId value, bool affineOnly, bool checked,
                                     std::vector<ReshapeMap>& maps) const {
  for (;;) {
    const OpId definition = graph_.value(value).definition;
    if (!definition.valid() || graph_.op(definition).opcode != Opcode::Reshape) return value;
    const ValueId source = graph_.op(definition).operands[0];
    if (checked && graph_.type(source).shape.empty()) return value;
    const auto map = ReshapeMap::make(graph_.type(source).shape, graph_.type(value).shape);
    if (!map || (affineOnly && !map->affine())) return value;
    maps.push_back(*map);
    value = source;
  }
}

/// Reads reshaped operands from where they come from. A map may use quotients in its indices;
/// inside a reduction they would cost at every step.
void PlanBuilder::foldReshapes(TensorExpr& expr, std::vector<ValueId>& operands) const {
  std::vector<std::vector<ReshapeMap>> maps(operands.size());
  std::vector<bool> checked(operands.size(), false);
  for (const Expr& load : ir::loadsOf(expr)) {
    const auto& indices = load.args();
    if (std::any_of(indices.begin(), indices.end(), std::mem_fn(&Expr::containsBounded))) {
      checked[static_cast<size_t>(load.number())] = true;
    }
  }
  for (size_t i = 0; i < operands.size(); ++i) {
    operands[i] =
        throughReshapes(operands[i], expr.form != TensorExpr::Form::Map, checked[i], maps[i]);
  }
  const auto fold = [&](const Expr& node) {
    if (node.kind() != Expr::Kind::Load) return node;
    std::vector<Expr> indices = node.args();
    for (const ReshapeMap& map : maps[static_cast<size_t>(node.number())]) {
      indices = map.map(indices);
    }
    return node.guarded() ? Expr::guardedLoad(node.number(), node.dtype(), std::move(indices),
                                              node.guard(), node.other())
                          : Expr::load(node.number(), node.dtype(), std::move(indices));
  };
  expr.rewrite(fold);
}

void PlanBuilder::addTasks(TensorExpr expr, const std::vector<ValueId>& operands,
                           const std::vector<ValueId>& results, const ir::Origin& origin,
                           const std::string& operation) {
  const ir::RegionId region = plan_.addRegion();
  std::vector<Type> types;
  for (ValueId result : results) {
    types.push_back(Type::tensor(plan_.type(result).dtype, plan_.type(result).shape));
  }
  ir::Attributes attributes;
  attributes.set("expr", std::make_shared<const TensorExpr>(std::move(expr)));
  attributes.set("tile", ir::Tile{});
  if (!operation.empty()) attributes.set("operation", operation);
  const OpId tile =
      plan_.addOp(region, Opcode::Tile, operands, types, std::move(attributes), {}, origin);
  dropUnusedOperands(plan_, tile);
  for (size_t i = 0; i < results.size(); ++i) {
    plan_.addOp(region, Opcode::Write, {plan_.result(tile, static_cast<int>(i)), results[i]}, {});
  }
  ir::Attributes name;
  name.set("name", "t" + std::to_string(taskSets_++));
  plan_.addOp(body_, Opcode::Tasks, {}, {}, std::move(name), {region}, origin);
}

void PlanBuilder::addCompute(const ir::Op& op) {
  TensorExpr expr = op.attributes.expr();
  std::vector<ValueId> operands = op.operands;
  foldReshapes(expr, operands);
  for (ValueId& operand : operands) operand = buffer(operand);
  std::vector<ValueId> results;
  for (ValueId result : op.results) results.push_back(resultBuffer(result));
  const std::string operation =
      op.attributes.has("operation") ? op.attributes.get<std::string>("operation") : std::string();
  if (expr.inPlace()) {  // first the result as it starts
    TensorExpr start;
    start.domain = expr.resultShape();
    start.results = std::exchange(expr.init, {});
    addTasks(std::move(start), operands, results, op.origin, operation);
  }
  addTasks(std::move(expr), operands, results, op.origin, operation);
}

void PlanBuilder::addOutputs() {
  const ir::Op& last = graph_.op(graph_.region(graph_.top()).ops.back());
  // A copy: adding tasks adds regions.
  const std::vector<ValueId> parameters = plan_.region(plan_.top()).parameters;
  const size_t first = parameters.size() - last.operands.size();
  for (size_t i = 0; i < last.operands.size(); ++i) {
    const ValueId value = last.operands[i];
    const ValueId output = parameters[first + i];
    if (const auto found = outputs_.find(value);
        found != outputs_.end() && found->second == output) {
      continue;
    }
    const Type& type = graph_.type(value);
    TensorExpr copy;
    copy.domain = type.shape;
    std::vector<Expr> axes;
    for (size_t k = 0; k < type.shape.size(); ++k) axes.push_back(Expr::axis(static_cast<int>(k)));
    copy.results = {Expr::load(0, type.dtype, axes)};
    std::vector<ValueId> operands{value};
    foldReshapes(copy, operands);
    const OpId definition = graph_.value(value).definition;
    addTasks(std::move(copy), {buffer(operands[0])}, {output},
             definition.valid() ? graph_.op(definition).origin : ir::Origin{});
  }
}

ir::Module PlanBuilder::run() {
  plan_.symbols = graph_.symbols;
  body_ = plan_.addRegion();
  addParameters();
  for (OpId id : graph_.region(graph_.top()).ops) {
    const ir::Op& op = graph_.op(id);
    if (op.opcode == Opcode::Compute) addCompute(op);
  }
  addOutputs();
  plan_.addOp(plan_.top(), Opcode::Seq, {}, {}, {}, {body_});
  plan_.addOp(plan_.top(), Opcode::Return, {}, {});
  return std::move(plan_);
}

}  // namespace

Result<ir::Module> grinder(const ir::Module& graph, const RegionScheduler& scheduler,
                           const Env& env) {
  // Without control flow the whole graph is one region, with the whole device to itself.
  return scheduler(PlanBuilder(graph).run(), Budget{env.device.units.value}, env);
}

}  // namespace quartet::sched
