#include "tests/mutation/trial.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <set>
#include <utility>

#include "api/convert.h"
#include "api/driver.h"
#include "api/host_memory.h"
#include "api/model.h"
#include "backends/cpu/device.h"
#include "backends/null/device.h"
#include "ir/verifier.h"
#include "quartet/quartet.h"
#include "sched/symbols.h"
#include "tests/fuzz/facts.h"
#include "tests/fuzz/random.h"

namespace quartet::tests {

using fuzz::Fact;
using fuzz::Tensors;
using Kind = Outcome::Kind;

namespace {

constexpr int64_t kMostBytes = int64_t{64} << 20;
constexpr double kMostFlops = 2e7;

Outcome failed(const std::string& what) { return {Kind::Failed, what}; }

Outcome refused(const Diagnostic& error) {
  if (error.kind == Diagnostic::Kind::Internal) return failed(error.str());
  if (error.message.empty()) return failed("an error without a message");
  return {Kind::Refused, error.str()};
}

Outcome refused(const Error& error) {
  if (error.kind == Error::Kind::Internal) return failed(error.str());
  if (error.message.empty()) return failed("an error without a message");
  return {Kind::Refused, error.str()};
}

// A model with shapes for its open extents, and what it is compiled from.
struct Pinned {
  Model model;
  std::shared_ptr<const Model::Data> compiled;  // open where the model is, or the model itself
  ir::SymbolValues symbols;
};

// Some exporters write -1 for an open extent.
bool isOpen(const onnx::TensorShapeProto::Dimension& dim) {
  return !dim.has_dim_value() || dim.dim_value() == kOpenExtent;
}

// Shapes of the inputs that have open extents, symbols drawn.
Model::Shapes drawShapes(const onnx::ModelProto& model, uint64_t seed) {
  fuzz::Random random(seed);
  std::map<std::string, int64_t> symbols;
  std::set<std::string> initializers;
  for (const auto& tensor : model.graph().initializer()) initializers.insert(tensor.name());
  Model::Shapes shapes;
  for (const auto& input : model.graph().input()) {
    const auto& shape = input.type().tensor_type().shape();
    if (initializers.contains(input.name())) continue;
    if (std::ranges::none_of(shape.dim(), isOpen)) continue;
    for (const auto& dim : shape.dim()) {
      const int64_t drawn = random.between(random.chance(0.05) ? 0 : 1, 6);
      const int64_t extent =
          dim.has_dim_param() ? symbols.emplace(dim.dim_param(), drawn).first->second : drawn;
      shapes[input.name()].push_back(isOpen(dim) ? extent : dim.dim_value());
    }
  }
  return shapes;
}

Model::Shapes openShapes(const onnx::ModelProto& model, Model::Shapes shapes) {
  for (const auto& input : model.graph().input()) {
    const auto found = shapes.find(input.name());
    if (found == shapes.end()) continue;
    const auto& shape = input.type().tensor_type().shape();
    for (int i = 0; i < shape.dim_size(); ++i) {
      if (isOpen(shape.dim(i))) found->second[static_cast<size_t>(i)] = kOpenExtent;
    }
  }
  return shapes;
}

Expected<Pinned> pin(const std::string& bytes, uint64_t seed) {
  onnx::ModelProto proto;
  proto.ParseFromString(bytes);
  const Model::Shapes shapes = drawShapes(proto, seed);
  auto model = Model::parse(bytes, shapes);
  if (!model) return model.error();
  Pinned pinned{*model, model->shared(), {}};
  if (shapes.empty() || seed % 2 == 0) return pinned;
  const auto open = Model::parse(bytes, openShapes(proto, shapes));
  if (!open) {
    // Some models need to know an extent.
    if (open.error().kind == Error::Kind::Internal) return open.error();
    return pinned;
  }
  auto symbols = api::guarded([&] {
    Model::Shapes all;
    for (const TensorInfo& input : pinned.model.inputs()) all[input.name] = input.shape;
    return api::symbolsOf(*open->shared(), all);
  });
  if (!symbols) return symbols.error();
  pinned.compiled = open->shared();
  pinned.symbols = *symbols;
  return pinned;
}

using Targets = std::vector<api::CompileTarget>;

Result<api::Schedule> schedule(const ir::Module& graph, runtime::Device& device,
                               const Targets& targets) {
  CompileOptions options;
  options.threads = 1;
  api::PlacedGraph placed = QT_TRY(api::placeGraph(graph, device, "cpu", "cpu"));
  return api::scheduleGraph(std::move(placed), targets, options);
}

Result<std::shared_ptr<const Model::Data>> compileIn(const Model::Data& open,
                                                     const ir::SymbolValues& symbols) {
  Model::Shapes shapes;
  for (size_t i = 0; i < open.inputs.size(); ++i) {
    ir::Dims substituted;
    for (const ir::Dim& dim : open.inputDims[i]) substituted.push_back(dim.substitute(symbols));
    shapes[open.inputs[i].name] = api::openShape(substituted);
  }
  return api::withShapes(open, shapes);
}

// As sessions of models with open extents do it: what ends up in loops is compiled in, and all of
// it where an operator must know it.
Result<runtime::Program> compileProgram(const Pinned& pinned, runtime::Device& device) {
  const Targets targets = {{"cpu", &device.description()}};
  std::shared_ptr<const Model::Data> model = pinned.compiled;
  ir::SymbolValues parameters = pinned.symbols;
  ir::SymbolValues compiledIn;
  if (model->deferred) {
    compiledIn = std::exchange(parameters, {});
    model = QT_TRY(compileIn(*pinned.compiled, compiledIn));
  }
  for (;;) {
    const api::Schedule scheduled = QT_TRY(schedule(model->graph, device, targets));
    const std::set<std::string> bound = sched::loopSymbols(scheduled.plan);
    if (bound.empty()) {
      return std::move(QT_TRY(api::lowerSchedule(scheduled, targets, parameters)).programs[0]);
    }
    for (const std::string& symbol : bound) compiledIn.insert(parameters.extract(symbol));
    model = QT_TRY(compileIn(*pinned.compiled, compiledIn));
  }
}

double work(const runtime::Program& program) {
  double flops = 0;
  for (const runtime::Wave& wave : program.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) flops += dispatch.flops;
  }
  return flops;
}

Result<Tensors> runProgram(runtime::Device& device, runtime::Program program,
                           const Tensors& inputs) {
  const auto executable = QT_TRY(device.compile(std::move(program)));
  const auto context = QT_TRY(executable->createContext());
  runtime::Context::Sources sources;
  for (const fuzz::Tensor& input : inputs) sources.emplace_back(input->bytes);
  std::vector<std::vector<std::byte>> memory;
  std::vector<const runtime::BufferInfo*> outputs;
  for (const runtime::BufferInfo& buffer : executable->program().buffers) {
    if (buffer.kind != runtime::BufferInfo::Kind::Output) continue;
    memory.emplace_back(static_cast<size_t>(runtime::hostBytes(buffer)));
    outputs.push_back(&buffer);
  }
  QT_CHECK(context->run(sources, {memory.begin(), memory.end()}));
  Tensors results;
  for (size_t i = 0; i < memory.size(); ++i) {
    results.push_back(
        ir::makeConstant(outputs[i]->logical, outputs[i]->shape, std::move(memory[i])));
  }
  return results;
}

// Whether the outputs are the reference's by the rule for networks. Where small errors become large
// even a right answer may break it, so that only agreement means something.
bool agrees(const Model& model, const NamedTensors& inputs, const Tensors& got) {
  const auto oracle = Oracle::evaluate(model, inputs);
  if (!oracle) return false;
  NamedTensors outputs;
  for (size_t i = 0; i < got.size(); ++i) {
    outputs[model.outputs()[i].name] = api::toTensor(*got[i]);
  }
  return std::ranges::all_of(oracle->compare(outputs), &Comparison::passed);
}

// The run against the reference.
Outcome compare(const ir::Module& graph, const Tensors& inputs, const Result<Tensors>& got) {
  const auto facts = fuzz::factsOf(graph, inputs);
  if (!facts && facts.error().kind == Diagnostic::Kind::User) {
    if (!got && got.error().kind == Diagnostic::Kind::User)
      return {Kind::Reported, got.error().str()};
    return failed("the reference reports " + facts.error().str() + ", the device " +
                  (got ? "nothing" : got.error().str()));
  }
  if (!facts && facts.error().kind != Diagnostic::Kind::Unsupported) return refused(facts.error());
  if (!got && got.error().kind == Diagnostic::Kind::User && !facts) {
    return {Kind::Unsettled, got.error().str()};
  }
  if (!got) return failed("the device reports " + got.error().str());
  if (!facts) return {Kind::Unsettled, facts.error().str()};
  const ir::Op& last = graph.op(graph.region(graph.top()).ops.back());
  for (size_t i = 0; i < last.operands.size(); ++i) {
    const Fact& want = facts->at(last.operands[i]);
    if (const auto wrong = fuzz::difference(*(*got)[i], want)) {
      return failed("output " + std::to_string(i) + ": " + *wrong);
    }
  }
  return {Kind::Compared, {}};
}

Outcome tryGraph(const Pinned& pinned, uint64_t seed, runtime::Device& device) {
  const Model& model = pinned.model;
  const ir::Module& graph = model.shared()->graph;
  if (api::evaluationBytes(graph) > kMostBytes) return {Kind::Large, "memory"};
  auto program = compileProgram(pinned, device);
  if (!program) return refused(program.error());
  if (work(*program) > kMostFlops || program->arenaSum > kMostBytes) return {Kind::Large, "work"};
  const auto checked = null::createDevice(device.description())->compile(*program);
  if (!checked) return failed(checked.error().str());
  Tensors inputs;
  const NamedTensors made = model.makeInputs(seed);
  for (const TensorInfo& input : model.inputs()) {
    inputs.push_back(api::toConstant(made.at(input.name)));
  }
  const auto got = runProgram(device, *std::move(program), inputs);
  if (!got && got.error().kind != Diagnostic::Kind::User) return refused(got.error());
  Outcome outcome = compare(graph, inputs, got);
  if (outcome.kind == Kind::Unsettled && got && agrees(model, made, *got)) {
    outcome.kind = Kind::Compared;
  }
  return outcome;
}

}  // namespace

Outcome tryImport(const std::string& bytes) {
  const auto model = Model::parse(bytes);
  if (!model) return refused(model.error());
  const Status valid = ir::verify(model->shared()->graph);
  if (!valid) return failed(valid.error().str());
  return {Kind::Imported, {}};
}

Runner::Runner() {
  for (const auto placement :
       {cpu::Placement::EndsAtUnmapped, cpu::Placement::StartsAfterUnmapped}) {
    devices_[placement] =
        cpu::createDevice(cpu::makeExecutor(cpu::ExecutorKind::Inline, 1), nullptr, {placement})
            .value();
  }
}

Outcome Runner::tryRun(const std::string& bytes, uint64_t seed, cpu::Placement placement) const {
  const auto pinned = pin(bytes, seed);
  if (!pinned) return refused(pinned.error());
  try {
    return tryGraph(*pinned, seed, *devices_.at(placement));
  } catch (...) {
    return refused(api::currentException());
  }
}

}  // namespace quartet::tests
