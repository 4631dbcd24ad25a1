// A compiled model, as the parts of the API share it.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "api/explain.h"
#include "api/model.h"
#include "runtime/device.h"

namespace quartet {

namespace api {
class OpenSession;
}

struct Session::Data {
  std::shared_ptr<const Model::Data> model;
  /// Set when the model has open extents: what follows is then empty, but for placement.device and
  /// statistics.device, because it stands in the sessions for one set of shapes each.
  std::shared_ptr<api::OpenSession> open;
  std::vector<TensorInfo> inputs;  // of one set of shapes
  std::vector<TensorInfo> outputs;
  api::Placement placement;
  Statistics statistics;
  std::string explanation;
  std::vector<std::string> notes;  // of the placement, and of the cache
  std::vector<TileTrial> trials;

  // Empty for the reference, which evaluates the model's graph.
  std::shared_ptr<const runtime::PlacedProgram> program;
  std::vector<std::shared_ptr<runtime::Device>> devices;  // those that the program runs on
  std::vector<std::shared_ptr<runtime::Executable>> executables;

  /// Contexts that no run uses at the moment.
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<runtime::PlacedContext>> idle;
};

namespace api {

/// What the compilation of a session for one set of shapes decided, and what the drivers' compilers
/// made of it.
std::string explanationOf(const Session::Data& data);
/// The generated code of a session for one set of shapes; the graph for the reference.
std::string codeOf(const Session::Data& data);

}  // namespace api
}  // namespace quartet
