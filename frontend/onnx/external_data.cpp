#include "frontend/onnx/proto.h"

namespace quartet::frontend {

namespace {

Result<ExternalData::File> mapFile(const std::filesystem::path& path) {
  auto file = MappedFile::open(path.string());
  if (file) return file;
  Diagnostic error = std::move(file).error();
  const bool user = error.kind == Diagnostic::Kind::User;
  error.message = "external data file '" + path.string() + "' cannot be read: " + error.message;
  error.where.clear();
  if (user) error.hint = "put it beside the model";
  return tl::unexpected(std::move(error));
}

// Lexically inside, and still inside when symbolic links are followed.
bool inside(const std::filesystem::path& directory, const std::filesystem::path& location) {
  if (location.empty() || location.is_absolute()) return false;
  for (const auto& part : location) {
    if (part == "..") return false;
  }
  std::error_code error;
  const auto root = std::filesystem::weakly_canonical(directory, error);
  if (error) return false;
  const auto real = std::filesystem::weakly_canonical(directory / location, error);
  if (error) return false;
  const auto relative = real.lexically_relative(root);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

Result<ExternalData::File> ExternalData::open(const std::string& location) {
  if (const auto found = files_.find(location); found != files_.end()) return found->second;
  const auto directory = directory_.empty() ? std::filesystem::path(".") : directory_;
  if (location.find('\0') != std::string::npos || !inside(directory, location)) {
    return userError("external data location '" + location + "' is outside the model's folder", {},
                     "external data must lie in the folder of the model or below it");
  }
  const File file = QT_TRY(mapFile(directory / location));
  files_.emplace(location, file);
  return file;
}

}  // namespace quartet::frontend
