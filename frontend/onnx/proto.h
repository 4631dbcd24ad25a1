// Internal to the reader: the only header that shows protobuf's classes.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "frontend/onnx/element_type.h"
#include "frontend/onnx/model.h"

namespace quartet::frontend {

/// Files of external data below one folder, each mapped once.
class ExternalData {
 public:
  explicit ExternalData(std::filesystem::path directory) : directory_(std::move(directory)) {}

  struct File {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
  };
  /// The file at `location`, a path relative to the folder that must not leave it.
  Result<File> open(const std::string& location);

 private:
  std::filesystem::path directory_;
  std::map<std::string, File> files_;
};

/// The data of a tensor; in place (kept alive by `owner`) where the layout permits.
TensorResult readTensor(const onnx::TensorProto& tensor, const std::shared_ptr<const void>& owner,
                        ExternalData& external);

}  // namespace quartet::frontend
