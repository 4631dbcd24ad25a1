#include "tests/fuzz/check.h"

#include <algorithm>
#include <cstring>

#include "backends/common/lower_plan.h"
#include "backends/cpu/device.h"
#include "backends/cpu/reference/evaluate.h"
#include "backends/null/device.h"
#include "backends/vulkan/device.h"
#include "ir/express.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "runtime/memory_planner.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"
#include "tests/common/run.h"
#include "tests/fuzz/random.h"
#include "tests/sched/properties.h"

namespace quartet::fuzz {

namespace {

using Run = test::Run;

/// The graph with its symbols' values in place: ids stay.
ir::Module concrete(const Case& c) {
  ir::Module graph = c.graph;
  for (int i = 0; i < graph.valueCount(); ++i) {
    for (ir::Dim& dim : graph.value({i}).type.shape) dim = dim.substitute(c.symbols);
  }
  return graph;
}

/// What is wanted of every output; nothing for a planted case, whose run must report.
Result<std::vector<Fact>> wantedOf(const Case& c) {
  const ir::Module graph = concrete(c);
  QT_CHECK(ir::verify(graph));
  if (c.planted) {
    const auto outputs = reference::evaluateGraph(graph, c.inputs);
    if (outputs) return userError("the reference does not report the planted fault");
    return std::vector<Fact>{};
  }
  const auto facts = QT_TRY(factsOf(graph, c.inputs));
  std::vector<Fact> wanted;
  const ir::Op& last = graph.op(graph.region(graph.top()).ops.back());
  for (ir::ValueId output : last.operands) wanted.push_back(facts.at(output));
  return wanted;
}

std::optional<std::string> compare(const Result<Run>& run, const Case& c,
                                   const std::vector<Fact>& wanted) {
  if (!run) return run.error().str();
  if (c.planted) {
    if (run->statusCode == 0) return "the planted fault is not reported";
    return std::nullopt;
  }
  if (run->statusCode != 0) return "reports status " + std::to_string(run->statusCode);
  if (run->outputs.size() != wanted.size()) return "number of outputs";
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (const auto wrong = difference(*run->outputs[i], wanted[i])) {
      return "output " + std::to_string(i) + ": " + *wrong;
    }
  }
  return std::nullopt;
}

Status parsesBack(const ir::Module& module) {
  ir::PrintOptions options;
  options.inlineConstants = 1 << 20;
  const std::string text = ir::print(module, options);
  const ir::Module parsed = QT_TRY(ir::parse(text));
  if (ir::print(parsed, options) != text) return userError("parses to another text");
  return {};
}

/// A run on a device. A reported index or divisor is status 1.
Result<Run> runOn(runtime::Device& device, const runtime::Program& program, const Tensors& inputs) {
  const auto executable = QT_TRY(device.compile(program));
  const auto context = QT_TRY(executable->createContext());
  std::vector<std::span<const std::byte>> in;
  for (const Tensor& input : inputs) in.push_back(input->bytes);
  std::vector<std::vector<std::byte>> memory;
  std::vector<const runtime::BufferInfo*> outputs;
  for (const runtime::BufferInfo& buffer : program.buffers) {
    if (buffer.kind != runtime::BufferInfo::Kind::Output) continue;
    int64_t bytes = ir::byteSize(buffer.logical);
    for (int64_t extent : buffer.shape) bytes *= extent;
    memory.emplace_back(static_cast<size_t>(bytes), std::byte{0xff});
    outputs.push_back(&buffer);
  }
  std::vector<std::span<std::byte>> out(memory.begin(), memory.end());
  const Status status = context->run(in, out);
  if (!status && status.error().kind != Diagnostic::Kind::User) {
    return tl::unexpected(status.error());
  }
  Run run;
  run.statusCode = status ? 0 : 1;
  for (size_t i = 0; i < memory.size(); ++i) {
    run.outputs.push_back(
        ir::makeConstant(outputs[i]->logical, outputs[i]->shape, std::move(memory[i])));
  }
  return run;
}

int64_t largestBuffer(const runtime::Program& program) {
  int64_t most = 0;
  for (const runtime::BufferInfo& buffer : program.buffers) most = std::max(most, buffer.bytes);
  return most;
}

/// The program with bindings of about half of its largest buffer; the former one where the device
/// says that a slice does not fit.
runtime::Program withWindows(runtime::Program program, const ir::Module& plan,
                             hwdb::Description& description, const ir::SymbolValues& symbols) {
  const int64_t align = description.bindingAlignBytes.value;
  hwdb::Description small = description;
  small.maxBindingBytes.value = std::max(largestBuffer(program) / 2 / align * align, 4 * align);
  auto cut = common::lowerPlan(plan, small, symbols);
  if (!cut) return program;
  description = std::move(small);
  return *std::move(cut);
}

Status checkBindings(const runtime::Program& program, const hwdb::Description& description) {
  for (const runtime::Wave& wave : program.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      for (const runtime::Binding& binding : dispatch.bindings) {
        if (binding.bytes > description.maxBindingBytes.value ||
            binding.offset % description.bindingAlignBytes.value != 0) {
          return userError("a binding that the device cannot reach", dispatch.name);
        }
      }
    }
  }
  const int64_t gaps =
      static_cast<int64_t>(program.buffers.size()) * description.bindingAlignBytes.value;
  if (program.arenaBytes < program.arenaBound || program.arenaBytes > program.arenaSum + gaps) {
    return userError("the arena is smaller than its bound or larger than its sum");
  }
  return {};
}

/// Has any member of every front chosen, the same ones each time.
sched::Measure anyMember() {
  return [random = Random(7)](const std::vector<sched::Alternative>& front) mutable {
    std::vector<double> times;
    for (size_t i = 0; i < front.size(); ++i) times.push_back(random.uniform());
    return Result<std::vector<double>>(std::move(times));
  };
}

struct Compiled {
  ir::Module plan;
  runtime::Program program;
};

Result<Compiled> compile(const ir::Module& graph, const Target& target,
                         const ir::SymbolValues& symbols) {
  ir::PassRunner runner;
  hwdb::Description description = target.description;
  Compiled made;
  sched::Env env{description, sched::roofline, target.options};
  if (target.options.front) env.measure = anyMember();
  made.plan = QT_TRY(sched::schedule(graph, env, runner));
  if (const auto broken = test::dependentInWave(made.plan)) return userError(*broken);
  if (const auto beyond = test::tileBeyondLimits(made.plan, description)) return userError(*beyond);
  made.program = QT_TRY(common::lowerPlan(made.plan, description, symbols));
  if (target.windows) {
    made.program = withWindows(std::move(made.program), made.plan, description, symbols);
  }
  runtime::planMemory(made.program, description.bindingAlignBytes.value);
  for (const ir::Module& kernel : made.program.kernels) QT_CHECK(ir::verify(kernel));
  QT_CHECK(checkBindings(made.program, description));
  QT_CHECK(null::createDevice(description)->compile(made.program).map([](const auto&) {}));
  return made;
}

/// Compiling again gives the same plan and kernels.
Status sameAgain(const ir::Module& graph, const Target& target, const ir::SymbolValues& symbols,
                 const Compiled& first) {
  const Compiled second = QT_TRY(compile(graph, target, symbols));
  bool same = ir::print(first.plan) == ir::print(second.plan) &&
              first.program.kernels.size() == second.program.kernels.size();
  for (size_t i = 0; same && i < first.program.kernels.size(); ++i) {
    same = ir::print(first.program.kernels[i]) == ir::print(second.program.kernels[i]);
  }
  if (!same) return userError("compiling twice gives different plans or kernels");
  return {};
}

std::optional<std::string> sameBytes(const Run& a, const Run& b) {
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    const auto& x = a.outputs[i]->bytes;
    const auto& y = b.outputs[i]->bytes;
    if (!std::equal(x.begin(), x.end(), y.begin(), y.end())) {
      return "output " + std::to_string(i) + " depends on the number of threads";
    }
  }
  return std::nullopt;
}

/// 64-bit floats: all that a device may refuse to compute.
bool hasDoubles(const ir::Module& graph) {
  for (int i = 0; i < graph.valueCount(); ++i) {
    const ir::Type& type = graph.type(ir::ValueId{i});
    if (type.dtype == ir::DType::F64) return true;
  }
  return false;
}

std::optional<std::string> checkTarget(const ir::Module& graph, const Case& c,
                                       const std::vector<Fact>& wanted, const Target& target,
                                       bool again, FeatureCounts& features) {
  const auto made = compile(graph, target, c.symbols);
  const hwdb::Count& most = target.description.maxLoopIterations;
  const bool limited = hwdb::given(most);
  if (!made && limited && made.error().kind == Diagnostic::Kind::Unsupported) return std::nullopt;
  if (!made) return made.error().str();
  countFeatures(made->plan, made->program, features);
  if (again) {
    if (const Status same = sameAgain(graph, target, c.symbols, *made); !same) {
      return same.error().str();
    }
  }
  const Result<Run> run = target.device == nullptr ? test::runInterpreted(made->program, c.inputs)
                                                   : runOn(*target.device, made->program, c.inputs);
  if (limited && run && run->loopIterations > most.value) {
    return "loops of " + std::to_string(run->loopIterations) +
           " iterations, the device ends them after " + std::to_string(most.value) + "\n" +
           ir::print(made->plan);
  }
  const bool lacks = !run && run.error().kind == Diagnostic::Kind::Unsupported;
  if (lacks && hasDoubles(graph)) return std::nullopt;
  if (auto wrong = compare(run, c, wanted)) {
    return *wrong + "\n" + ir::print(made->plan);
  }
  if (target.twin == nullptr || c.planted) return std::nullopt;
  const Result<Run> other = runOn(*target.twin, made->program, c.inputs);
  if (!other) return other.error().str();
  return sameBytes(*run, *other);
}

sched::Options anyOff(Random& random) {
  sched::Options options;
  const int64_t which = random.below(4);
  options.welder = which != 0 && which != 3;
  options.roller = which != 1 && which != 3;
  options.rammer = which != 2 && which != 3;
  return options;
}

std::string text(const sched::Options& options) {
  std::string off;
  if (!options.welder) off += " welder";
  if (!options.roller) off += " roller";
  if (!options.rammer) off += " rammer";
  return off.empty() ? "" : ", without" + off;
}

/// Copies in panels pay from so many steps per element on, where steps lie so many bytes apart.
void packsFrom(hwdb::Description& device, double steps, int64_t bytes) {
  device.packedCopySteps = {steps, hwdb::Provenance::Derived, "test"};
  device.packedCopyStride = {bytes, hwdb::Provenance::Derived, "test"};
}

/// Two caches of one unit; panels of `innerBytes` / 2 stay in the inner one.
void cachesOf(hwdb::Description& device, int64_t innerBytes, double bytesPerCycle) {
  hwdb::MemoryLevel outer;
  outer.name = "L2";
  outer.bytes.value = 1 << 16;
  outer.lineBytes.value = 64;
  outer.bytesPerCycle = {bytesPerCycle, hwdb::Provenance::Derived, "test"};
  hwdb::MemoryLevel inner = outer;
  inner.name = "L1";
  inner.bytes.value = innerBytes;
  device.memory = {outer, inner};
}

/// A device that nobody has built.
hwdb::Description anyDevice(Random& random) {
  const bool gpu = random.chance(0.5);
  hwdb::Description device = gpu ? test::weakGpu() : test::vectorCpu();
  if (gpu) {
    device.groupInvocations.value = random.pick<int64_t>({2, 4, 16, 32, 64, 96});
    device.maxGroupInvocations.value = device.groupInvocations.value;
  }
  if (!gpu && random.chance(0.7)) {
    cachesOf(device, random.pick<int64_t>({128, 256, 512, 2048}), random.pick<double>({1, 8}));
  }
  device.units.value = random.between(1, 6);
  device.vectorLanes.value = random.pick<int64_t>({1, 2, 4, 8, 16});
  device.vectorRegisters.value = random.pick<int64_t>({8, 12, 16, 32, 64});
  device.fmaPerCycle.value = random.pick<double>({0.5, 1, 2});
  device.fmaLatencyCycles.value = static_cast<double>(random.between(1, 8));
  device.storage8.value = random.chance(0.5);
  device.storage16.value = random.chance(0.5);
  device.int64.value = random.chance(0.5);
  device.maxBindings.value = random.pick<int64_t>({8, 16, 64});
  device.bindingAlignBytes.value = random.pick<int64_t>({16, 64, 256});
  device.taskMicroseconds.value = random.pick<double>({0.001, 0.1, 10});
  if (random.chance(0.5)) {
    const auto most = random.pick<int64_t>({30, 100, 400, 2000});
    device.maxLoopIterations = {most, hwdb::Provenance::Datasheet, "drawn"};
  }
  if (random.chance(0.5)) {
    hwdb::MemoryLevel cache;
    cache.name = "L2";
    cache.bytes.value = 1 << 16;
    cache.bytesPerCycle = {random.pick<double>({1, 8, 64}), hwdb::Provenance::Derived, "drawn"};
    if (random.chance(0.5)) device.memory.push_back(cache);
    cache.name = "L1";
    cache.bytes.value = random.pick<int64_t>({256, 1024, 8192});
    cache.bytesPerCycle = {};
    device.memory.push_back(cache);
  }
  if (random.chance(0.5)) {
    packsFrom(device, random.pick<double>({1, 4, 20}), random.pick<int64_t>({4, 64, 512}));
  }
  return device;
}

}  // namespace

Checker::Checker() {
  const auto cpu = [](int threads) {
    return std::shared_ptr(
        cpu::createDevice(cpu::makeExecutor(cpu::ExecutorKind::Tbb, threads)).value());
  };
  const auto one = cpu(1);
  devices_.push_back({"cpu", one->description(), {}, one, cpu(2), false});
  // As if slow: several tasks for small tensors, copies of them.
  Target slow = devices_[0];
  slow.name = "cpu with small tasks";
  slow.description.peakGigaflops.value = slow.description.memoryGigabytesPerSecond.value = 1e-3;
  slow.description.units.value = 2;
  slow.description.vectorLanes.value = 8;
  slow.description.vectorRegisters.value = 16;
  packsFrom(slow.description, 4, 64);
  devices_.push_back(std::move(slow));
  const auto listed = vulkan::listDevices();
  if (!listed) return;
  for (const vulkan::DeviceInfo& info : *listed) {
    if (info.compileOnly) continue;
    const auto device = vulkan::openDevice(info.id);
    if (!device) continue;
    devices_.push_back({info.name, (*device)->description(), {}, *device, nullptr, false});
  }
}

std::vector<Target> Checker::targets(uint64_t seed) const {
  Random random(seed ^ 0x5eed);
  std::vector<Target> drawn;
  const std::vector<std::pair<std::string, hwdb::Description>> described = {
      {"vector cpu", test::vectorCpu()},
      {"weak gpu", test::weakGpu()},
      {"scalar gpu", test::scalarGpu()}};
  for (const auto& [name, description] : described) {
    drawn.push_back({name, description, {}, nullptr, nullptr, false});
  }
  const auto& [name, description] = random.pick(described);
  const sched::Options options = anyOff(random);
  drawn.push_back({name + text(options), description, options, nullptr, nullptr, false});
  const auto& [other, cut] = random.pick(described);
  drawn.push_back({other + ", in windows", cut, {}, nullptr, nullptr, true});
  drawn.push_back({"a random device", anyDevice(random), {}, nullptr, nullptr, false});
  if (random.chance(0.5)) {
    drawn.push_back(
        {"any of the front", anyDevice(random), {.front = true}, nullptr, nullptr, false});
  }
  for (const Target& device : devices_) {
    // Software GPUs take most of their time to compile.
    const bool slow = device.description.kind == hwdb::Description::Kind::Gpu;
    if (random.chance(slow ? 0.06 : 0.4)) drawn.push_back(device);
    if (!random.chance(slow ? 0.02 : 0.1)) continue;
    Target off = device;
    off.options = anyOff(random);
    off.name += text(off.options);
    drawn.push_back(std::move(off));
  }
  return drawn;
}

std::optional<Failure> Checker::check(const Case& c, uint64_t seed, const std::string& only) {
  std::string where = "the graph";
  const auto skip = [&](const std::string& name) {
    where = name;
    return !only.empty() && name != only;
  };
  try {
    const auto wanted = wantedOf(c);
    if (!wanted) return Failure{"the reference", wanted.error().str()};
    if (const Status sound = ir::verify(c.graph); !sound) {
      return Failure{"the verifier", sound.error().str()};
    }
    if (!skip("the text form")) {
      if (const Status same = parsesBack(c.graph); !same) return Failure{where, same.error().str()};
    }
    ir::PassRunner runner;
    where = "express";
    const auto graph = runner.run("express", c.graph, ir::express);
    if (!graph) return Failure{where, graph.error().str()};
    if (!skip("the expressions")) {
      const auto run = test::runExpressed(*graph, c.inputs, c.symbols);
      if (const auto wrong = compare(run, c, *wanted)) return Failure{where, *wrong};
    }
    const bool again = seed % 8 == 0;
    for (const Target& target : targets(seed)) {
      if (skip(target.name)) continue;
      ++runs_[target.device == nullptr ? "kernel interpreter" : target.name];
      const auto wrong = checkTarget(*graph, c, *wanted, target, again, features_);
      if (wrong) return Failure{where, *wrong};
    }
  } catch (const std::exception& error) {
    return Failure{where, error.what()};
  }
  return std::nullopt;
}

}  // namespace quartet::fuzz
