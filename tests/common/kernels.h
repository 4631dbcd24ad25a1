// Kernels and programs made by hand, and their runs on a device without a compiler before it.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "ir/kernel.h"
#include "runtime/device.h"

namespace quartet::tests {

using Bytes = std::vector<std::byte>;

template <class T>
Bytes bytesOf(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class T>
std::vector<T> valuesOf(const Bytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

/// A kernel module with a group size; add parameters with `input` and `output`.
struct Kernel {
  explicit Kernel(const std::string& name, int64_t local = 1);
  ir::ValueId input(ir::DType dtype, int64_t elements);
  ir::ValueId output(ir::DType dtype, int64_t elements);
  ir::ValueId buffer(ir::DType dtype, int64_t elements, ir::Type::Access access);
  /// The module, completed and verified.
  ir::Module finish();

  ir::Module module;
  ir::KernelBuilder build;
};

/// A program of one kernel: read parameters become inputs, all others outputs, in order.
runtime::Program programOf(ir::Module kernel, int64_t groups, std::vector<uint32_t> words = {});
/// Adds one more kernel, with buffers of its own, to the last wave, or to a new one.
void addKernel(runtime::Program& program, ir::Module kernel, int64_t groups,
               std::vector<uint32_t> words = {}, bool newWave = false);

runtime::BufferInfo bufferOf(runtime::BufferInfo::Kind kind, const std::string& name,
                             ir::DType dtype, int64_t elements);

/// Compiles and runs once; outputs as bytes of their logical dtype.
Result<std::vector<Bytes>> runProgram(runtime::Device& device, runtime::Program program,
                                      const std::vector<Bytes>& inputs);

}  // namespace quartet::tests
