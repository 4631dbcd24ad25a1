// Compiles kernels in process: LLVM IR, a short pass pipeline, machine code, linked by ORC.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/emit.h"
#include "base/result.h"
#include "runtime/code_cache.h"

namespace quartet::cpu {

/// What the code generator knows of the host.
struct HostTarget {
  std::string triple;
  std::string cpu;       // LLVM's name: "znver5"
  std::string features;  // "+avx2,+fma,..."
  bool avx512 = false;
  bool vnni = false;  // sums of four products of bytes, for vectors of AVX-512 and shorter ones
  bool bf16 = false;  // sums of two products of bf16, likewise
  bool avx2 = false;
  bool fma = false;
  bool float16 = false;  // conversions in hardware

  static const HostTarget& get();
};

/// A set of compiled kernels. The functions live as long as this object.
class Jit {
 public:
  struct Options {
    int threads = 1;  // that compile
    bool keepAssembly = false;
    runtime::CodeCache* cache = nullptr;  // serves the kernels whose assembly is not asked for
  };

  /// Compiles kernels that are legal for the target (raise.h). Fails only through a bug or for want
  /// of memory (kind Internal).
  static Result<std::unique_ptr<Jit>> compile(const std::vector<const ir::Module*>& kernels,
                                              const Options& options);
  ~Jit();

  /// The LLVM IR of kernels after the passes, in order: the same for equal kernels and hosts. Made
  /// when asked for, since printing takes as long as a part of compiling.
  static std::string code(const std::vector<const ir::Module*>& kernels);

  /// One function per kernel, in order.
  const std::vector<KernelFunction>& functions() const { return functions_; }
  /// The assembly of all kernels, if asked for.
  const std::string& assembly() const { return assembly_; }
  /// How many kernels the cache had.
  int64_t cached() const { return cached_; }

 private:
  struct Linked;
  Jit();
  std::unique_ptr<Linked> linked_;
  std::vector<KernelFunction> functions_;
  std::string assembly_;
  int64_t cached_ = 0;
};

}  // namespace quartet::cpu
