#include "api/session.h"

#include <chrono>
#include <map>

#include "api/convert.h"
#include "api/devices.h"
#include "api/host_memory.h"
#include "api/inputs.h"
#include "backends/cpu/reference/evaluate.h"
#include "ir/text.h"

namespace quartet {
namespace {

using runtime::BufferInfo;

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

/// Before anything is allocated: what a run needs against what there is.
Status checkMemory(int64_t needed, const DeviceInfo& info, const hwdb::Description& device) {
  const std::string where = "device '" + info.id + "'";
  if (needed > device.memoryBytes.value) {
    return resourceError("the model needs " + api::bytesText(needed) + ", the device has " +
                             api::bytesText(device.memoryBytes.value),
                         where, "use smaller shapes (--shape), or a device with more memory");
  }
  // Software drivers and the CPU take it from the host.
  if (info.kind != DeviceInfo::Kind::Cpu && info.kind != DeviceInfo::Kind::SoftwareGpu) return {};
  return api::checkHostMemory(needed, "running the model on " + info.id);
}

/// The least that any program for the model needs: inputs, outputs and constants.
int64_t leastBytes(const ir::Module& graph) {
  const ir::Region& top = graph.region(graph.top());
  std::vector<ir::ValueId> border = top.parameters;
  const ir::Op& last = graph.op(top.ops.back());
  border.insert(border.end(), last.operands.begin(), last.operands.end());
  int64_t bytes = 0;
  for (ir::ValueId value : border) {
    const ir::Type& type = graph.type(value);
    const int64_t one = api::tensorBytes(type.dtype, api::constantShape(type.shape));
    if (__builtin_add_overflow(bytes, one, &bytes)) return INT64_MAX;
  }
  for (const auto& [hash, data] : graph.constants) {
    if (__builtin_add_overflow(bytes, static_cast<int64_t>(data->bytes.size()), &bytes)) {
      return INT64_MAX;
    }
  }
  return bytes;
}

Result<std::shared_ptr<Session::Data>> compileReference(
    const std::shared_ptr<const Model::Data>& model, const api::DeviceEntry& entry) {
  QT_CHECK(api::checkHostMemory(api::evaluationBytes(model->graph),
                                "evaluating the model on the reference"));
  auto data = std::make_shared<Session::Data>();
  data->model = model;
  data->placement.device = entry.info;
  data->statistics.device = entry.info.id;
  data->explanation = api::explainGraph(model->name, data->placement, model->graph);
  return data;
}

/// What the device cannot compute, as one error.
tl::unexpected<Diagnostic> cannotCompute(const api::PlacedGraph& placed,
                                         const api::DeviceEntry& entry) {
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
std::vector<std::string> placementNotes(const api::PlacedGraph& placed, const std::string& device,
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

/// The devices that a placed graph runs on; opens the fallback when it needs it.
Result<std::vector<api::DeviceEntry>> openDevices(const api::PlacedGraph& placed,
                                                  const api::DeviceEntry& entry,
                                                  const CompileOptions& options,
                                                  Session::Data& data) {
  if (placed.elsewhere.empty()) return std::vector{entry};
  const bool some = placed.elsewhere.size() < placed.computations;
  if (options.strict || entry.info.compileOnly || !some) return cannotCompute(placed, entry);
  const api::DeviceEntry host = QT_TRY(api::findDevice(kFallback));
  data.devices.push_back(QT_TRY(host.open({options.threads})));
  data.placement.notes = placementNotes(placed, entry.info.id, kFallback);
  return std::vector{entry, host};
}

Result<std::shared_ptr<Session::Data>> compileFor(const std::shared_ptr<const Model::Data>& model,
                                                  const api::DeviceEntry& entry,
                                                  const CompileOptions& options,
                                                  std::vector<std::string> notes) {
  if (!entry.open) return compileReference(model, entry);
  auto data = std::make_shared<Session::Data>();
  data->model = model;
  data->placement = {entry.info, std::move(notes)};
  data->devices.push_back(QT_TRY(entry.open({options.threads})));
  const hwdb::Description& description = data->devices[0]->description();
  data->placement.device.name = description.name;
  const bool runs = !entry.info.compileOnly;
  if (runs) QT_CHECK(checkMemory(leastBytes(model->graph), entry.info, description));
  api::PlacedGraph placed =
      QT_TRY(api::placeGraph(model->graph, *data->devices[0], entry.info.id, kFallback));
  const auto entries = QT_TRY(openDevices(placed, entry, options, *data));
  std::vector<api::CompileTarget> targets;
  for (size_t i = 0; i < entries.size(); ++i) {
    targets.push_back({entries[i].info.id, &data->devices[i]->description()});
  }
  api::Compilation compilation = QT_TRY(api::compileGraph(std::move(placed), targets, options));
  data->program = std::make_shared<const runtime::PlacedProgram>(std::move(compilation.program));
  data->statistics.device = devicesText(*data->program);
  for (size_t i = 0; i < entries.size(); ++i) {
    const runtime::Program& program = data->program->programs[i];
    Statistics own;
    addStatistics(program, own);
    addStatistics(program, data->statistics);
    // What goes between devices lies in the host's memory.
    const int64_t between = entries[i].info.id == kFallback ? data->program->hostBytes : 0;
    const int64_t needed = own.peakBytes() + between;
    if (runs) QT_CHECK(checkMemory(needed, entries[i].info, *targets[i].description));
    data->executables.push_back(QT_TRY(data->devices[i]->compile(program)));
  }
  if (runs) {
    data->idle.push_back(QT_TRY(runtime::PlacedContext::create(data->program, data->executables)));
  }
  data->explanation = api::explainProgram(model->name, data->placement, data->statistics,
                                          compilation, *data->program, description);
  return data;
}

/// What the device cannot do is done by the CPU, and said; unless the caller is strict.
Result<std::shared_ptr<Session::Data>> compilePlaced(
    const std::shared_ptr<const Model::Data>& model, const CompileOptions& options) {
  const api::DeviceEntry entry = QT_TRY(api::findDevice(options.device));
  auto data = compileFor(model, entry, options, {});
  if (data || data.error().kind != Diagnostic::Kind::Unsupported || options.strict) return data;
  if (entry.info.id == kFallback || entry.info.compileOnly) return data;
  const api::DeviceEntry host = QT_TRY(api::findDevice(kFallback));
  return compileFor(model, host, options,
                    {"placed on " + std::string(kFallback) + ", because " + entry.info.id +
                     " cannot run it: " + data.error().where + ": " + data.error().message});
}

Status checkOptions(const CompileOptions& options) {
  if (options.threads >= 0 && options.threads <= 1024) return {};
  return userError("found " + std::to_string(options.threads) + " threads, required 0 to 1024",
                   "threads", "0 stands for all cores");
}

Result<Session> compileSession(const std::shared_ptr<const Model::Data>& model,
                               const CompileOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  QT_CHECK(checkOptions(options));
  QT_CHECK(api::checkFiles(model->graph));
  auto data = QT_TRY(compilePlaced(model, options));
  QT_CHECK(api::checkFiles(model->graph));
  data->statistics.compileMs =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return Session(std::shared_ptr<const Session::Data>(std::move(data)));
}

/// Takes an idle context or makes one; gives it back at the end.
class Lease {
 public:
  static Result<Lease> take(const Session::Data& data) {
    {
      const std::lock_guard lock(data.mutex);
      if (!data.idle.empty()) {
        Lease lease(data, std::move(data.idle.back()));
        data.idle.pop_back();
        return lease;
      }
    }
    auto context = QT_TRY(runtime::PlacedContext::create(data.program, data.executables));
    return Lease(data, std::move(context));
  }
  Lease(Lease&&) = default;
  ~Lease() {
    if (context_ == nullptr) return;
    const std::lock_guard lock(data_->mutex);
    data_->idle.push_back(std::move(context_));
  }
  runtime::PlacedContext& operator*() { return *context_; }

 private:
  Lease(const Session::Data& data, std::unique_ptr<runtime::PlacedContext> context)
      : data_(&data), context_(std::move(context)) {}
  const Session::Data* data_;
  std::unique_ptr<runtime::PlacedContext> context_;
};

Result<NamedTensors> runReference(const Session::Data& data, const NamedTensors& inputs) {
  std::vector<std::shared_ptr<const ir::ConstantData>> values;
  for (const TensorInfo& input : data.model->inputs) {
    values.push_back(api::toConstant(inputs.at(input.name)));
  }
  QT_CHECK(api::checkFiles(data.model->graph));
  const auto results = QT_TRY(reference::evaluateGraph(data.model->graph, values));
  QT_CHECK(api::checkFiles(data.model->graph));
  NamedTensors outputs;
  for (size_t i = 0; i < data.model->outputs.size(); ++i) {
    outputs.emplace(data.model->outputs[i].name, api::toTensor(*results[i]));
  }
  return outputs;
}

Result<NamedTensors> runProgram(const Session::Data& data, const NamedTensors& inputs) {
  runtime::Context::Sources sources;
  runtime::Context::Targets targets;
  NamedTensors outputs;
  for (const TensorInfo& info : data.model->inputs) {
    sources.emplace_back(inputs.at(info.name).bytes);
  }
  for (const TensorInfo& info : data.model->outputs) {
    Tensor tensor{info.dtype, info.shape, {}};
    tensor.bytes.resize(static_cast<size_t>(tensor.elementCount() * byteSize(info.dtype)));
    targets.emplace_back(outputs.emplace(info.name, std::move(tensor)).first->second.bytes);
  }
  Lease lease = QT_TRY(Lease::take(data));
  QT_CHECK((*lease).run(sources, targets));
  return outputs;
}

}  // namespace

Expected<Session> Session::compile(const Model& model, const CompileOptions& options) {
  return api::guarded([&] { return compileSession(model.shared(), options); });
}

Expected<NamedTensors> Session::run(const NamedTensors& inputs) const {
  return api::guarded([&]() -> Result<NamedTensors> {
    QT_CHECK(api::checkInputs(data_->model->inputs, inputs));
    const DeviceInfo& device = data_->placement.device;
    if (device.compileOnly) {
      return unsupported("the device has no memory: it compiles and cannot run",
                         "device '" + device.id + "' (" + device.name + ")",
                         "name another device (--device); `quartet devices` lists them");
    }
    return data_->program ? runProgram(*data_, inputs) : runReference(*data_, inputs);
  });
}

const Statistics& Session::statistics() const { return data_->statistics; }
const std::vector<std::string>& Session::notes() const { return data_->placement.notes; }
std::string Session::explain() const { return data_->explanation; }
std::string Session::code() const {
  if (!data_->program) return ir::print(data_->model->graph);
  std::string text;
  for (const auto& executable : data_->executables) text += executable->code();
  return text;
}

}  // namespace quartet
