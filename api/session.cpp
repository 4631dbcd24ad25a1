#include "api/session.h"

#include <chrono>
#include <utility>

#include "api/compiler.h"
#include "api/convert.h"
#include "api/inputs.h"
#include "api/open_session.h"
#include "backends/cpu/reference/evaluate.h"
#include "ir/text.h"

namespace quartet {
namespace {

Status checkOptions(const CompileOptions& options) {
  if (options.threads >= 0 && options.threads <= 1024) return {};
  return userError("found " + std::to_string(options.threads) + " threads, required 0 to 1024",
                   "threads", "0 stands for all cores");
}

Result<std::shared_ptr<Session::Data>> compileData(const std::shared_ptr<const Model::Data>& model,
                                                   const CompileOptions& options) {
  if (model->openSymbols().empty()) {
    const auto devices = QT_TRY(api::DevicePool::create(options));
    return QT_TRY(api::Specialisation::create(model, options, devices))->compile({});
  }
  auto data = std::make_shared<Session::Data>();
  data->model = model;
  data->placement.device = QT_TRY(api::findDevice(options.device)).info;
  data->statistics.device = data->placement.device.id;
  data->open = QT_TRY(api::OpenSession::create(model, options));
  return data;
}

Result<Session> compileSession(const std::shared_ptr<const Model::Data>& model,
                               const CompileOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  QT_CHECK(checkOptions(options));
  auto data = QT_TRY(compileData(model, options));
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

/// The tensors of a run, as contexts take them.
struct Border {
  runtime::Context::Sources sources;
  runtime::Context::Targets targets;
};

/// Makes the outputs, with the memory of the tensors that `outputs` holds.
Border borderOf(const Session::Data& data, const NamedTensors& inputs, NamedTensors& outputs) {
  Border border;
  for (const TensorInfo& info : data.inputs) {
    border.sources.emplace_back(inputs.at(info.name).bytes);
  }
  NamedTensors spare = std::exchange(outputs, {});
  for (const TensorInfo& info : data.outputs) {
    Tensor& tensor = outputs[info.name];
    tensor = {info.dtype, info.shape, std::move(spare[info.name].bytes)};
    tensor.bytes.resize(static_cast<size_t>(tensor.elementCount() * byteSize(info.dtype)));
    border.targets.emplace_back(tensor.bytes);
  }
  return border;
}

Result<std::vector<TaskSetTime>> profileProgram(const Session::Data& data,
                                                const NamedTensors& inputs, int runs) {
  if (!data.program) return unsupported("the reference has no task sets");
  if (runs < 1) return userError("found " + std::to_string(runs) + " runs, required 1 or more");
  NamedTensors outputs;
  const Border border = borderOf(data, inputs, outputs);
  Lease lease = QT_TRY(Lease::take(data));
  std::vector<double> times;
  QT_CHECK((*lease).run(border.sources, border.targets));  // warm
  QT_CHECK((*lease).timeDispatches(&times));
  Status status;
  for (int i = 0; i < runs && status; ++i) status = (*lease).run(border.sources, border.targets);
  QT_CHECK((*lease).timeDispatches(nullptr));
  QT_CHECK(status);
  std::vector<TaskSetTime> sets;
  for (const runtime::Wave& wave : data.program->programs[0].waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      sets.push_back({dispatch.name, ir::str(dispatch.origin), times[sets.size()] / runs,
                      dispatch.microseconds});
    }
  }
  return sets;
}

Model::Shapes shapesOf(const NamedTensors& tensors) {
  Model::Shapes shapes;
  for (const auto& [name, tensor] : tensors) shapes.emplace(name, tensor.shape);
  return shapes;
}

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

Result<NamedTensors> runProgram(const Session::Data& data, const NamedTensors& inputs,
                                NamedTensors outputs) {
  const Border border = borderOf(data, inputs, outputs);
  Lease lease = QT_TRY(Lease::take(data));
  QT_CHECK((*lease).run(border.sources, border.targets));
  return outputs;
}

/// Why a device that only compiles cannot run.
std::string lackOf(DeviceInfo::Kind kind) {
  if (kind == DeviceInfo::Kind::Null) return "the device checks programs and computes nothing";
  if (kind == DeviceInfo::Kind::Described) return "the device is an entry of the hardware database";
  return "the device has no memory";
}

/// The session for the shapes of these inputs, after checking them.
Result<std::shared_ptr<const Session::Data>> dataFor(std::shared_ptr<const Session::Data> data,
                                                     const NamedTensors& inputs) {
  QT_CHECK(api::checkInputs(data->model->inputs, inputs));
  if (data->open != nullptr) data = QT_TRY(data->open->at(shapesOf(inputs)));
  QT_CHECK(api::checkInputs(data->inputs, inputs));
  const DeviceInfo& device = data->placement.device;
  if (!device.compileOnly) return data;
  return unsupported(lackOf(device.kind) + ": it compiles and cannot run",
                     "device '" + device.id + "' (" + device.name + ")",
                     "name another device (--device); `quartet devices` lists them");
}

}  // namespace

Expected<Session> Session::compile(const Model& model, const CompileOptions& options) {
  return api::guarded([&] { return compileSession(model.shared(), options); });
}

Expected<NamedTensors> Session::run(const NamedTensors& inputs, NamedTensors outputs) const {
  return api::guarded([&]() -> Result<NamedTensors> {
    const auto data = QT_TRY(dataFor(data_, inputs));
    if (!data->program) return runReference(*data, inputs);
    return runProgram(*data, inputs, std::move(outputs));
  });
}

Expected<std::vector<TaskSetTime>> Session::profile(const NamedTensors& inputs, int runs) const {
  return api::guarded([&]() -> Result<std::vector<TaskSetTime>> {
    const auto data = QT_TRY(dataFor(data_, inputs));
    return profileProgram(*data, inputs, runs);
  });
}

Expected<Session> Session::at(const Model::Shapes& shapes) const {
  return api::guarded([&]() -> Result<Session> {
    if (data_->open != nullptr) return Session(QT_TRY(data_->open->at(shapes)));
    QT_TRY(api::symbolsOf(*data_->model, shapes));
    return *this;
  });
}

std::vector<SpecialisationInfo> Session::specialisations() const {
  if (data_->open == nullptr) return {};
  return data_->open->specialisations();
}

const Statistics& Session::statistics() const { return data_->statistics; }
const std::vector<TileTrial>& Session::trials() const { return data_->trials; }
const std::vector<std::string>& Session::notes() const { return data_->notes; }
std::string Session::explain() const {
  return data_->open == nullptr ? api::explanationOf(*data_) : data_->open->explain();
}
std::string Session::code() const {
  return data_->open == nullptr ? api::codeOf(*data_) : data_->open->code();
}

}  // namespace quartet

namespace quartet::api {

std::string explanationOf(const Session::Data& data) {
  std::string text = data.explanation;
  for (const auto& executable : data.executables) text += compilerText(*executable);
  return text;
}

std::string codeOf(const Session::Data& data) {
  if (!data.program) return ir::print(data.model->graph);
  std::string text;
  for (const auto& executable : data.executables) text += executable->code();
  return text;
}

}  // namespace quartet::api
