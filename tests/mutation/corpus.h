// Valid models that mutants are made of.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace onnx {
class ModelProto;
}

namespace quartet::tests {

struct SeedModel {
  std::string name;
  std::shared_ptr<const onnx::ModelProto> model;
};

/// Small networks, then ONNX's own test models (inputs that decide on shapes have become
/// initializers, with the values of the tests' data), then magika where `./dev models` has
/// put it.
std::vector<SeedModel> seedModels();

}  // namespace quartet::tests
