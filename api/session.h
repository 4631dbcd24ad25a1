// A compiled model, as the parts of the API share it.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "api/driver.h"
#include "api/explain.h"
#include "api/model.h"
#include "runtime/device.h"

namespace quartet {

struct Session::Data {
  std::shared_ptr<const Model::Data> model;
  api::Placement placement;
  Statistics statistics;
  std::string explanation;
  std::vector<std::string> notes;  // of the placement, and of the cache

  // Empty for the reference, which evaluates the model's graph.
  std::shared_ptr<const runtime::PlacedProgram> program;
  std::vector<std::shared_ptr<runtime::Device>> devices;  // those that the program runs on
  std::vector<std::shared_ptr<runtime::Executable>> executables;

  /// Contexts that no run uses at the moment.
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<runtime::PlacedContext>> idle;
};

}  // namespace quartet
