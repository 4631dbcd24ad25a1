// Libraries that are opened when the program runs, because not every machine has them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace quartet::cuda {

/// A library of this process, kept until the process ends: what it made may outlive every owner.
class SharedLibrary {
 public:
  /// The first of `files` (names for the loader, or paths) that can be opened. An error
  /// (Unsupported) has what the loader said of each.
  static Result<SharedLibrary> open(const std::string& what, const std::vector<std::string>& files,
                                    const std::string& hint);

  /// The file that was opened, as it was asked for.
  const std::string& file() const { return file_; }
  /// Sets `function` to the library's of this name; false, and null, when there is none.
  template <class Function>
  bool find(const char* name, Function*& function) const {
    function = reinterpret_cast<Function*>(symbol(name));
    return function != nullptr;
  }

 private:
  SharedLibrary(void* handle, std::string file) : handle_(handle), file_(std::move(file)) {}
  void* symbol(const char* name) const;

  void* handle_;
  std::string file_;
};

}  // namespace quartet::cuda
