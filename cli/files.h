// Reading and writing files.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "quartet/quartet.h"

namespace quartet::cli {

/// The bytes of a regular file.
Expected<std::string> readFile(const std::string& path);

/// What a file holds: a header, then bytes that stay where they are.
struct FileParts {
  std::string header;
  std::span<const std::byte> bytes;
};

/// Writes files (by name) into a folder, which is made when it is not there. Everything is written
/// under temporary names first and renamed at the end: a failure, or a signal to stop (SIGINT,
/// SIGTERM, SIGHUP), which takes effect afterwards, leaves no file half written, and none at all
/// unless a rename fails.
std::optional<Error> writeFiles(const std::string& folder,
                                const std::map<std::string, FileParts>& files);

/// A file name for a tensor: its name with what a file system may mistake ('/', leading dots,
/// control characters) replaced by '_'.
std::string fileName(const std::string& tensor);

}  // namespace quartet::cli
