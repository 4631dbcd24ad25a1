// Internal to the reader: the only header that shows protobuf's classes.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mapped_file.h"
#include "base/result.h"
#include "frontend/onnx/element_type.h"
#include "frontend/onnx/model.h"

namespace quartet::frontend {

/// Files of external data below one folder, each mapped once.
class ExternalData {
 public:
  explicit ExternalData(std::filesystem::path directory) : directory_(std::move(directory)) {}

  using File = std::shared_ptr<const MappedFile>;
  /// The file at `location`, a path relative to the folder that must not leave it.
  Result<File> open(const std::string& location);
  const std::map<std::string, File>& files() const { return files_; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
  std::map<std::string, File> files_;
};

/// A model as it was given, and its parsed outline (see outline.h).
struct Source {
  std::span<const std::byte> bytes;
  std::shared_ptr<const MappedFile> file;  // that holds the bytes; null: they are the caller's
  std::shared_ptr<const onnx::ModelProto> proto;
};

/// The data of a tensor, in place where the layout permits: in a file, or in the parsed message.
TensorResult readTensor(const onnx::TensorProto& tensor, const Source& source,
                        ExternalData& external);

}  // namespace quartet::frontend
