#include <algorithm>

#include "api/convert.h"
#include "api/model.h"
#include "quartet/quartet.h"
#include "tests/conformance/device.h"

namespace quartet::tests {
namespace {

tl::unexpected<Diagnostic> toDiagnostic(const Error& error) {
  Diagnostic diagnostic;
  diagnostic.kind = static_cast<Diagnostic::Kind>(error.kind);
  diagnostic.message = error.message;
  diagnostic.where = error.where;
  diagnostic.notes = error.notes;
  diagnostic.hint = error.hint;
  return tl::unexpected(std::move(diagnostic));
}

Result<std::vector<Tensor>> run(const std::string& device, bool strict,
                                const std::filesystem::path& model,
                                const std::vector<NamedTensor>& inputs,
                                const std::vector<std::string>& outputNames) {
  frontend::Imported imported = QT_TRY(importForTest(model, inputs));
  const Model wrapped(QT_TRY(api::wrapGraph("test", std::move(imported.graph), imported.info)));
  CompileOptions options;
  options.device = device;
  options.threads = 1;
  options.strict = strict;
  const auto session = Session::compile(wrapped, options);
  if (!session) return toDiagnostic(session.error());
  NamedTensors arguments;
  for (const TensorInfo& info : wrapped.inputs()) {
    const auto found = std::ranges::find(inputs, info.name, &NamedTensor::name);
    if (found == inputs.end()) return userError("the test has no data for '" + info.name + "'");
    arguments.emplace(info.name, api::toTensor(*found->tensor));
  }
  const auto results = session->run(arguments);
  if (!results) return toDiagnostic(results.error());
  std::vector<Tensor> outputs;
  for (const std::string& name : outputNames) {
    const auto found = results->find(name);
    if (found == results->end()) return userError("there is no output '" + name + "'");
    outputs.push_back(api::toConstant(found->second));
  }
  return outputs;
}

}  // namespace

ConformanceDevice compiledDevice(std::string name, const std::string& selector, bool strict) {
  return {std::move(name), [selector, strict](const std::filesystem::path& model,
                                              const std::vector<NamedTensor>& inputs,
                                              const std::vector<std::string>& outputNames) {
            return run(selector, strict, model, inputs, outputNames);
          }};
}

}  // namespace quartet::tests
