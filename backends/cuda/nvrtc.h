// CUDA C++ -> machine code, by NVRTC, which is opened at run time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/nvrtc_api.h"
#include "base/result.h"
#include "runtime/code_cache.h"

namespace quartet::cuda {

/// What code is made for.
struct Architecture {
  int number = 80;  // 10 * major + minor of the compute capability
  bool virtualCode =
      false;           // PTX, which the driver compiles: for devices that NVRTC is too old for
  std::string suffix;  // "a": features of this architecture alone
  std::string option() const;  // "sm_90a", "compute_120"
};

/// Code for the driver: a CUBIN, or PTX as text with its final zero.
struct Code {
  std::vector<std::byte> bytes;
  bool cached = false;
};

class Nvrtc {
 public:
  /// The process's, opened at first use: the file that QUARTET_NVRTC names, else the loader's, else
  /// that of a toolkit (CUDA_HOME, CUDA_PATH, /usr/local/cuda). An error (Unsupported) says what
  /// was tried.
  static Result<std::shared_ptr<const Nvrtc>> get();
  /// The same from these files, not the process's.
  static Result<std::shared_ptr<const Nvrtc>> open(const std::vector<std::string>& files);

  const std::string& file() const { return file_; }
  /// "13.0"
  const std::string& version() const { return version_; }
  /// Numbers of the architectures that it compiles for, ascending.
  const std::vector<int>& architectures() const { return architectures_; }

  /// What to compile for a device of this compute capability: its own architecture; else the
  /// highest below it of the same major version; else PTX of the highest. An error (Unsupported)
  /// when the device is older than all that it compiles for.
  Result<Architecture> architectureFor(int computeCapability) const;

  /// Compiles a module (emit_cuda.h). An error is one of ours (kind Internal): it holds the
  /// compiler's message and the text. `name`: of the program, for messages. Thread-safe.
  Result<Code> compile(const std::string& source, const Architecture& architecture,
                       const std::string& name) const;
  /// The same, unless `cache`, which may be null, has the result already.
  Result<Code> compile(const std::string& source, const Architecture& architecture,
                       const std::string& name, runtime::CodeCache* cache) const;

 private:
  Status load(const std::vector<std::string>& files);
  std::string failure(NvrtcResult result) const;

  NvrtcApi api_;
  std::string file_;
  std::string version_;
  std::vector<int> architectures_;
};

/// Where NVRTC is looked for, in order.
std::vector<std::string> nvrtcFiles();

}  // namespace quartet::cuda
