#include "api/compiler.h"

#include <chrono>

#include "api/convert.h"
#include "api/explain.h"
#include "api/fronts.h"
#include "api/host_memory.h"
#include "api/tuner.h"

namespace quartet::api {

using runtime::BufferInfo;

namespace {

/// Where runs what the device asked for cannot.
constexpr const char* kFallback = "cpu";

void addStatistics(const runtime::Program& program, Statistics& statistics) {
  statistics.launches += static_cast<int64_t>(program.waves.size());
  statistics.kernels += static_cast<int64_t>(program.kernels.size());
  for (const runtime::Wave& wave : program.waves) {
    statistics.taskSets += static_cast<int64_t>(wave.dispatches.size());
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      statistics.flops += dispatch.flops;
      statistics.trafficBytes += dispatch.bytes;
    }
  }
  for (const BufferInfo& buffer : program.buffers) {
    if (buffer.kind == BufferInfo::Kind::Constant) statistics.constantBytes += buffer.bytes;
    if (buffer.kind == BufferInfo::Kind::Input || buffer.kind == BufferInfo::Kind::Output) {
      statistics.inputOutputBytes += buffer.bytes;
    }
  }
  statistics.arenaBytes += program.arenaBytes;
  statistics.arenaBound += program.arenaBound;
  statistics.arenaSum += program.arenaSum;
}

/// "vulkan:0", "vulkan:0+cpu".
std::string devicesText(const runtime::PlacedProgram& program) {
  std::string text;
  for (const std::string& device : program.devices) text += (text.empty() ? "" : "+") + device;
  return text;
}

int64_t add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/// Before anything is allocated: what a run needs against what there is. `border`: bytes of inputs
/// and outputs, which are among what is needed.
Status checkMemory(int64_t needed, int64_t border, const DeviceInfo& info,
                   const hwdb::Description& device) {
  const std::string where = "device '" + info.id + "'";
  if (needed > device.memoryBytes.value) {
    return resourceError("the model needs " + bytesText(needed) + ", the device has " +
                             bytesText(device.memoryBytes.value),
                         where, "use smaller shapes (--shape), or a device with more memory");
  }
  // Software drivers and the CPU take it from the host.
  if (info.kind != DeviceInfo::Kind::Cpu && info.kind != DeviceInfo::Kind::SoftwareGpu) return {};
  // The CPU works in the caller's tensors; a driver has inputs and outputs in memory of its own.
  const int64_t copies = info.kind == DeviceInfo::Kind::Cpu ? 0 : border;
  return checkHostMemory(add(needed, copies), "running the model on " + info.id);
}

/// Inputs and outputs.
Result<int64_t> borderBytes(const ir::Module& graph, const ir::SymbolValues& symbols) {
  const ir::Region& top = graph.region(graph.top());
  std::vector<ir::ValueId> border = top.parameters;
  const ir::Op& last = graph.op(top.ops.back());
  border.insert(border.end(), last.operands.begin(), last.operands.end());
  int64_t bytes = 0;
  for (ir::ValueId value : border) {
    const ir::Type& type = graph.type(value);
    const std::vector<int64_t> shape = QT_TRY(evaluateShape(type.shape, symbols));
    bytes = add(bytes, tensorBytes(type.dtype, shape));
  }
  return bytes;
}

int64_t constantBytes(const ir::Module& graph) {
  int64_t bytes = 0;
  for (const auto& [hash, data] : graph.constants) {
    bytes = add(bytes, static_cast<int64_t>(data->bytes.size()));
  }
  return bytes;
}

/// What the device cannot compute, as one error.
tl::unexpected<Diagnostic> cannotCompute(const PlacedGraph& placed, const DeviceEntry& entry) {
  const ir::Op& first = placed.graph.op(placed.elsewhere.front());
  Diagnostic error{Diagnostic::Kind::Unsupported,
                   first.attributes.get<std::string>("lacking"),
                   "node " + ir::str(first.origin) + " on device '" + entry.info.id + "'",
                   {},
                   {}};
  for (size_t i = 1; i < placed.elsewhere.size(); ++i) {
    const ir::Op& op = placed.graph.op(placed.elsewhere[i]);
    error.notes.push_back("node " + ir::str(op.origin) + ": " +
                          op.attributes.get<std::string>("lacking"));
  }
  return tl::unexpected(std::move(error));
}

/// One line for everything that a device lacks: "2 of 9 operations on cpu, because ...".
std::vector<std::string> placementNotes(const PlacedGraph& placed, const std::string& device,
                                        const std::string& fallback) {
  std::map<std::string, std::vector<std::string>> nodes;
  for (ir::OpId id : placed.elsewhere) {
    const ir::Op& op = placed.graph.op(id);
    nodes[op.attributes.get<std::string>("lacking")].push_back(ir::str(op.origin));
  }
  std::vector<std::string> notes;
  for (const auto& [lacking, names] : nodes) {
    std::string note = std::to_string(names.size()) + " of " + std::to_string(placed.computations) +
                       " operations placed on " + fallback + ", because " + device +
                       " cannot run them: " + lacking + ": node ";
    constexpr size_t kShown = 4;
    for (size_t i = 0; i < std::min(kShown, names.size()); ++i) {
      note += (i > 0 ? ", node " : "") + names[i];
    }
    notes.push_back(note + (names.size() > kShown ? ", ..." : ""));
  }
  return notes;
}

/// Tiles are measured on devices that run them.
Status checkMeasurable(const DeviceEntry& entry) {
  if (entry.open && !entry.info.compileOnly) return {};
  const std::string why = entry.open ? "it compiles and cannot run" : "it has no tiles";
  return userError("tiles cannot be measured on this device: " + why,
                   "device '" + entry.info.id + "'", "leave --measure out, or name another device");
}

/// The tensors of a model for these values of its symbols.
Result<std::vector<TensorInfo>> closed(std::vector<TensorInfo> infos,
                                       const std::vector<ir::Dims>& dims,
                                       const ir::SymbolValues& symbols) {
  for (size_t i = 0; i < infos.size(); ++i) {
    infos[i].shape = QT_TRY(evaluateShape(dims[i], symbols));
  }
  return infos;
}

/// A session's data before anything is compiled.
Result<std::shared_ptr<Session::Data>> startData(const std::shared_ptr<const Model::Data>& model,
                                                 const ir::SymbolValues& symbols) {
  auto data = std::make_shared<Session::Data>();
  data->model = model;
  data->inputs = QT_TRY(closed(model->inputs, model->inputDims, symbols));
  data->outputs = QT_TRY(closed(model->outputs, model->outputDims, symbols));
  return data;
}

}  // namespace

Result<std::shared_ptr<DevicePool>> DevicePool::create(const CompileOptions& options) {
  CodeCache cache = QT_TRY(openCodeCache(options.cache));
  std::shared_ptr<TuningStore> tuning;
  if (options.measure > 1) tuning = QT_TRY(openTuningStore());
  return std::shared_ptr<DevicePool>(
      new DevicePool(options.threads, std::move(cache), std::move(tuning)));
}

Result<std::shared_ptr<runtime::Device>> DevicePool::open(const DeviceEntry& entry) {
  std::shared_ptr<runtime::Device>& device = devices_[entry.info.id];
  if (device == nullptr) device = QT_TRY(entry.open({threads_, cache_.disk}));
  return device;
}

std::vector<CompileTarget> ScheduledModel::targets() const {
  std::vector<CompileTarget> targets;
  for (size_t i = 0; i < ids.size(); ++i) targets.push_back({ids[i], &devices[i]->description()});
  return targets;
}

Result<std::shared_ptr<Specialisation>> Specialisation::create(
    std::shared_ptr<const Model::Data> model, const CompileOptions& options,
    std::shared_ptr<DevicePool> devices) {
  auto made = std::make_shared<Specialisation>();
  made->model_ = std::move(model);
  made->options_ = options;
  made->devices_ = std::move(devices);
  const DeviceEntry entry = QT_TRY(findDevice(options.device));
  made->scheduled_.entry = entry;
  auto scheduled = made->schedule(entry, {});
  if (scheduled) {
    made->scheduled_ = *std::move(scheduled);
  } else if (made->mayFallBack(scheduled.error())) {
    QT_CHECK(made->moveToFallback(scheduled.error()));
  } else {
    return tl::unexpected(std::move(scheduled).error());
  }
  return made;
}

bool Specialisation::mayFallBack(const Diagnostic& error) const {
  const DeviceInfo& info = scheduled_.entry.info;
  return error.kind == Diagnostic::Kind::Unsupported && !options_.strict && info.id != kFallback &&
         !info.compileOnly;
}

Status Specialisation::moveToFallback(const Diagnostic& reason) {
  const std::string note = "placed on " + std::string(kFallback) + ", because " +
                           scheduled_.entry.info.id + " cannot run it: " + reason.where + ": " +
                           reason.message;
  const DeviceEntry host = QT_TRY(findDevice(kFallback));
  scheduled_ = QT_TRY(schedule(host, {note}));
  return {};
}

Result<ScheduledModel> Specialisation::schedule(const DeviceEntry& entry,
                                                std::vector<std::string> notes) const {
  ScheduledModel scheduled;
  scheduled.entry = entry;
  scheduled.placement = {entry.info, std::move(notes)};
  if (options_.measure > 1) QT_CHECK(checkMeasurable(entry));
  if (!entry.open) return scheduled;
  scheduled.ids.push_back(entry.info.id);
  scheduled.devices.push_back(QT_TRY(devices_->open(entry)));
  scheduled.placement.device.name = scheduled.devices[0]->description().name;
  PlacedGraph placed =
      QT_TRY(placeGraph(model_->graph, *scheduled.devices[0], entry.info.id, kFallback));
  if (!placed.elsewhere.empty()) {
    const bool some = placed.elsewhere.size() < placed.computations;
    if (options_.strict || entry.info.compileOnly || !some) return cannotCompute(placed, entry);
    const DeviceEntry host = QT_TRY(findDevice(kFallback));
    scheduled.ids.push_back(host.info.id);
    scheduled.devices.push_back(QT_TRY(devices_->open(host)));
    scheduled.placement.notes = placementNotes(placed, entry.info.id, kFallback);
  }
  QT_CHECK(scheduleOn(std::move(placed), scheduled));
  return scheduled;
}

/// Schedules for the devices of `scheduled`, and measures on them if that is wanted.
Status Specialisation::scheduleOn(PlacedGraph placed, ScheduledModel& scheduled) const {
  std::vector<CompileTarget> targets = scheduled.targets();
  std::vector<std::unique_ptr<Tuner>> tuners;
  if (options_.measure > 1) {
    for (size_t i = 0; i < targets.size(); ++i) {
      tuners.push_back(std::make_unique<Tuner>(scheduled.devices[i], devices_->tuning()));
      targets[i].measure = [tuner = tuners.back().get()](const auto& alternatives) {
        return tuner->measure(alternatives);
      };
    }
  }
  std::string fronts;
  for (CompileTarget& target : targets) {
    if (!options_.fronts) continue;
    target.reportFront = [&fronts](const auto& front) { fronts += frontText(front); };
  }
  const auto start = std::chrono::steady_clock::now();
  scheduled.schedule = QT_TRY(scheduleGraph(std::move(placed), targets, options_));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  scheduled.milliseconds += took.count();
  scheduled.schedule.fronts = std::move(fronts);
  for (const auto& tuner : tuners) {
    scheduled.trials.insert(scheduled.trials.end(), tuner->trials().begin(), tuner->trials().end());
    if (!tuner->note().empty()) scheduled.placement.notes.push_back(tuner->note());
  }
  return {};
}

Result<std::shared_ptr<Session::Data>> Specialisation::compile(const ir::SymbolValues& symbols) {
  QT_CHECK(checkFiles(model_->graph));
  auto data = scheduled_.entry.open ? compileScheduled(symbols) : compileReference(symbols);
  if (!data && mayFallBack(data.error())) {
    QT_CHECK(moveToFallback(data.error()));
    data = compileScheduled(symbols);
  }
  QT_CHECK(checkFiles(model_->graph));
  return data;
}

Result<std::shared_ptr<Session::Data>> Specialisation::compileReference(
    const ir::SymbolValues& symbols) const {
  // Inputs and outputs are copied between the caller's tensors and the evaluation's.
  const int64_t copies = QT_TRY(borderBytes(model_->graph, symbols));
  QT_CHECK(checkHostMemory(add(evaluationBytes(model_->graph, symbols), copies),
                           "evaluating the model on the reference"));
  auto data = QT_TRY(startData(model_, symbols));
  data->placement = scheduled_.placement;
  data->statistics.device = scheduled_.entry.info.id;
  data->notes = data->placement.notes;
  data->explanation = explainGraph(model_->name, data->placement, model_->graph);
  return data;
}

Result<std::shared_ptr<Session::Data>> Specialisation::compileScheduled(
    const ir::SymbolValues& symbols) const {
  const DeviceInfo& info = scheduled_.entry.info;
  const hwdb::Description& description = scheduled_.devices[0]->description();
  const bool runs = !info.compileOnly;
  if (runs) {
    const int64_t border = QT_TRY(borderBytes(model_->graph, symbols));
    QT_CHECK(checkMemory(add(border, constantBytes(model_->graph)), border, info, description));
  }
  auto data = QT_TRY(startData(model_, symbols));
  data->placement = scheduled_.placement;
  data->trials = scheduled_.trials;
  data->devices = scheduled_.devices;
  data->program = std::make_shared<const runtime::PlacedProgram>(
      QT_TRY(lowerSchedule(scheduled_.schedule, scheduled_.targets(), symbols)));
  data->statistics.device = devicesText(*data->program);
  data->statistics.scheduleMs = scheduled_.milliseconds;
  for (size_t i = 0; i < data->devices.size(); ++i) {
    const runtime::Program& program = data->program->programs[i];
    Statistics own;
    addStatistics(program, own);
    addStatistics(program, data->statistics);
    // What goes between devices lies in the host's memory.
    const bool host = scheduled_.ids[i] == kFallback;
    const int64_t needed = own.peakBytes() + (host ? data->program->hostBytes : 0);
    if (runs) {
      const DeviceEntry entry = QT_TRY(findDevice(scheduled_.ids[i]));
      QT_CHECK(
          checkMemory(needed, own.inputOutputBytes, entry.info, data->devices[i]->description()));
    }
    data->executables.push_back(QT_TRY(data->devices[i]->compile(program)));
    data->statistics.cachedKernels += data->executables[i]->cachedKernels();
  }
  if (runs) {
    data->idle.push_back(QT_TRY(runtime::PlacedContext::create(data->program, data->executables)));
  }
  data->notes = data->placement.notes;
  if (std::string note = devices_->cache().note(); !note.empty()) {
    data->notes.push_back(std::move(note));
  }
  if (const auto& tuning = devices_->tuning(); tuning && !tuning->problem().empty()) {
    data->notes.push_back("measured times are not kept: " + tuning->problem());
  }
  data->explanation = explainProgram(model_->name, data->placement, data->statistics,
                                     scheduled_.schedule, *data->program, scheduled_.targets());
  return data;
}

}  // namespace quartet::api
