#include "backends/cuda/shared_library.h"

#include <dlfcn.h>

namespace quartet::cuda {

Result<SharedLibrary> SharedLibrary::open(const std::string& what,
                                          const std::vector<std::string>& files,
                                          const std::string& hint) {
  Diagnostic error{Diagnostic::Kind::Unsupported, what + " cannot be opened", "", {}, hint};
  for (const std::string& file : files) {
    void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) return SharedLibrary(handle, file);
    const char* why = dlerror();
    error.notes.emplace_back(why != nullptr ? why : file + ": not found");
  }
  return tl::unexpected(std::move(error));
}

void* SharedLibrary::symbol(const char* name) const { return dlsym(handle_, name); }

}  // namespace quartet::cuda
