#include "sched/segments.h"

#include <map>
#include <set>

#include "sched/copier.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

const std::string& deviceOf(const ir::Op& op) { return op.attributes.get<std::string>("device"); }

/// What a value is a reshape of.
ValueId rootOf(const ir::Module& graph, ValueId value) {
  for (;;) {
    const OpId definition = graph.value(value).definition;
    if (!definition.valid() || graph.op(definition).opcode != Opcode::Reshape) return value;
    value = graph.op(definition).operands[0];
  }
}

/// Assigns computations to segments.
class Sorter {
 public:
  explicit Sorter(const ir::Module& graph) : graph_(graph) {
    for (OpId id : graph.region(graph.top()).ops) {
      if (graph.op(id).opcode == Opcode::Compute) waiting_.push_back(id);
    }
  }

  std::vector<std::vector<OpId>> run() {
    std::vector<std::vector<OpId>> segments;
    while (!waiting_.empty()) {
      const std::string device = deviceOf(graph_.op(firstReady()));
      std::vector<OpId> taken;
      std::vector<OpId> left;
      for (OpId id : waiting_) {
        const bool here = deviceOf(graph_.op(id)) == device && ready(id);
        (here ? taken : left).push_back(id);
        if (here) done_.insert(id);
      }
      waiting_ = std::move(left);
      segments.push_back(std::move(taken));
    }
    return segments;
  }

 private:
  bool ready(OpId id) const {
    for (ValueId operand : graph_.op(id).operands) {
      const OpId definition = graph_.value(rootOf(graph_, operand)).definition;
      if (!definition.valid() || graph_.op(definition).opcode != Opcode::Compute) continue;
      if (!done_.contains(definition)) return false;
    }
    return true;
  }

  OpId firstReady() const {
    for (OpId id : waiting_) {
      if (ready(id)) return id;
    }
    throwInternalError("a graph without cycles", "no computation is ready");
  }

  const ir::Module& graph_;
  std::vector<OpId> waiting_;
  std::set<OpId> done_;
};

/// Makes the graph of one segment.
class Extractor {
 public:
  Extractor(const ir::Module& graph, const std::vector<OpId>& ops)
      : graph_(graph), ops_(ops), copier_(graph, segment_.graph) {
    segment_.device = deviceOf(graph.op(ops[0]));
    segment_.graph = ir::Module(ir::Level::Graph, graph.name);
    segment_.graph.symbols = graph.symbols;
  }

  /// `outside`: values that later segments need.
  Segment run(const std::set<ValueId>& outside) {
    for (OpId id : ops_) {
      for (ValueId operand : graph_.op(id).operands) provide(operand);
      const OpId made = copier_.copy(id, segment_.graph.top());
      segment_.graph.op(made).attributes.erase("device");
      segment_.graph.op(made).attributes.erase("lacking");
    }
    addOutputs();
    for (OpId id : ops_) {
      for (ValueId result : graph_.op(id).results) {
        if (outside.contains(result) && !returned_.contains(result)) add(result, -1);
      }
    }
    std::vector<ValueId> results;
    for (ValueId value : segment_.values) results.push_back(copier_.values.at(value));
    segment_.graph.addOp(segment_.graph.top(), Opcode::Return, std::move(results), {});
    return std::move(segment_);
  }

 private:
  /// Makes a value there: constants and reshapes are copied, what others compute comes in.
  void provide(ValueId value) {
    if (copier_.values.contains(value)) return;
    const OpId definition = graph_.value(value).definition;
    if (definition.valid() && graph_.op(definition).opcode != Opcode::Compute) {
      for (ValueId operand : graph_.op(definition).operands) provide(operand);
      copier_.copy(definition, segment_.graph.top());
      return;
    }
    copier_.values[value] = segment_.graph.addParameter(segment_.graph.top(), graph_.type(value),
                                                        graph_.value(value).name);
    segment_.inputs.push_back(value);
  }

  void addOutputs() {
    const std::vector<ValueId>& outputs =
        graph_.op(graph_.region(graph_.top()).ops.back()).operands;
    const std::set<OpId> own(ops_.begin(), ops_.end());
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!own.contains(graph_.value(rootOf(graph_, outputs[i])).definition)) continue;
      provide(outputs[i]);
      add(outputs[i], static_cast<int>(i));
    }
  }

  void add(ValueId value, int output) {
    segment_.values.push_back(value);
    segment_.outputs.push_back(output);
    segment_.graph.outputs.push_back(output >= 0 ? graph_.outputs[static_cast<size_t>(output)]
                                                 : "v" + std::to_string(value.index));
    returned_.insert(value);
  }

  const ir::Module& graph_;
  const std::vector<OpId>& ops_;
  Segment segment_;
  Copier copier_;
  std::set<ValueId> returned_;
};

/// Puts plans of segments together.
class Joiner {
 public:
  explicit Joiner(const ir::Module& graph) : graph_(graph), plan_(ir::Level::Plan, graph.name) {
    plan_.symbols = graph.symbols;
    plan_.outputs = graph.outputs;
    body_ = plan_.addRegion();
    for (ValueId input : graph.region(graph.top()).parameters) {
      inputs_[input] = plan_.addParameter(plan_.top(), bufferOf(input), graph.value(input).name);
    }
    for (ValueId output : graph.op(graph.region(graph.top()).ops.back()).operands) {
      outputs_.push_back(plan_.addParameter(plan_.top(), bufferOf(output)));
    }
  }

  void add(const Segment& segment, const ir::Module& plan) {
    Copier copier(plan, plan_);
    const std::vector<ValueId>& parameters = plan.region(plan.top()).parameters;
    const size_t inputs = segment.inputs.size();
    for (size_t i = 0; i < parameters.size(); ++i) {
      copier.values[parameters[i]] =
          i < inputs ? source(segment.inputs[i], segment.device) : target(segment, i - inputs);
    }
    const std::string prefix = "s" + std::to_string(count_++) + ".";
    for (OpId id : plan.region(plan.top()).ops) {
      const ir::Op& op = plan.op(id);
      if (op.opcode == Opcode::Constant || op.opcode == Opcode::Buffer) {
        copier.copy(id, plan_.top());
      } else if (op.opcode == Opcode::Seq) {
        for (OpId node : plan.region(op.regions[0]).ops) {
          mark(copier.copy(node, body_), segment.device, prefix);
        }
      }
    }
  }

  ir::Module finish() {
    plan_.addOp(plan_.top(), Opcode::Seq, {}, {}, {}, {body_});
    plan_.addOp(plan_.top(), Opcode::Return, {}, {});
    return std::move(plan_);
  }

 private:
  ir::Type bufferOf(ValueId value) const {
    return ir::Type::buffer(graph_.type(value).dtype, graph_.type(value).shape);
  }

  ValueId makeBuffer(ValueId value) {
    return plan_.result(plan_.addOp(plan_.top(), Opcode::Buffer, {}, {bufferOf(value)}));
  }

  /// Where a device reads a value; copies it there when it lies on another.
  ValueId source(ValueId value, const std::string& device) {
    if (const auto input = inputs_.find(value); input != inputs_.end()) return input->second;
    const auto found = buffers_.find({value, device});
    if (found != buffers_.end()) return found->second;
    const std::string& home = deviceOf(graph_.op(graph_.value(value).definition));
    const ValueId buffer = makeBuffer(value);
    ir::Attributes attributes;
    attributes.set("device", device);
    attributes.set("from", home);
    plan_.addOp(body_, Opcode::Copy, {buffers_.at({value, home}), buffer}, {},
                std::move(attributes), {}, graph_.op(graph_.value(value).definition).origin);
    return buffers_[{value, device}] = buffer;
  }

  /// Where a segment writes an output.
  ValueId target(const Segment& segment, size_t output) {
    const ValueId value = segment.values[output];
    const int number = segment.outputs[output];
    const ValueId buffer = number >= 0 ? outputs_[static_cast<size_t>(number)] : makeBuffer(value);
    if (number < 0) plan_.value(buffer).name = graph_.value(value).name;
    buffers_.emplace(std::pair(value, segment.device), buffer);
    return buffer;
  }

  void mark(OpId node, const std::string& device, const std::string& prefix) {
    ir::Op& op = plan_.op(node);
    op.attributes.set("device", device);
    if (op.opcode == Opcode::Tasks) {
      op.attributes.set("name", prefix + op.attributes.get<std::string>("name"));
      return;
    }
    for (ir::RegionId region : op.regions) {
      for (OpId inner : plan_.region(region).ops) mark(inner, device, prefix);
    }
  }

  const ir::Module& graph_;
  ir::Module plan_;
  ir::RegionId body_;
  std::map<ValueId, ValueId> inputs_;                           // parameters, readable anywhere
  std::vector<ValueId> outputs_;                                // parameters
  std::map<std::pair<ValueId, std::string>, ValueId> buffers_;  // by value and device
  int count_ = 0;
};

}  // namespace

std::vector<Segment> cutSegments(const ir::Module& graph) {
  const std::vector<std::vector<OpId>> sorted = Sorter(graph).run();
  std::vector<Segment> segments;
  std::set<ValueId> outside;
  // From the last one, to know what later ones need.
  for (size_t i = sorted.size(); i-- > 0;) {
    segments.push_back(Extractor(graph, sorted[i]).run(outside));
    for (ValueId input : segments.back().inputs) outside.insert(input);
  }
  return {std::make_move_iterator(segments.rbegin()), std::make_move_iterator(segments.rend())};
}

ir::Module joinPlans(const ir::Module& graph, const std::vector<Segment>& segments,
                     const std::vector<ir::Module>& plans) {
  Joiner joiner(graph);
  for (size_t i = 0; i < segments.size(); ++i) joiner.add(segments[i], plans[i]);
  return joiner.finish();
}

}  // namespace quartet::sched
