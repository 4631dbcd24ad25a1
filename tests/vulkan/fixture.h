// What the Vulkan tests share: the drivers to run on, and kernels run without a compiler before
// them.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "backends/vulkan/device.h"
#include "ir/kernel.h"
#include "tests/skip.h"

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

/// The ids of all devices that can run: llvmpipe and SwiftShader under `./dev test`. With the
/// validation layer on, which any test program that includes this asks for.
std::vector<std::string> runnableDevices();

std::shared_ptr<runtime::Device> openOrFail(const std::string& id,
                                            const vulkan::TestOptions& options = {},
                                            std::shared_ptr<runtime::CodeCache> cache = nullptr);

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

runtime::BufferInfo bufferOf(runtime::BufferInfo::Kind kind, const std::string& name,
                             ir::DType dtype, int64_t elements);

/// Compiles and runs once; outputs as bytes of their logical dtype.
Result<std::vector<Bytes>> runProgram(runtime::Device& device, runtime::Program program,
                                      const std::vector<Bytes>& inputs);

/// runProgram; a failure fails the test, as does any message of the validation layer.
std::vector<Bytes> runOrFail(runtime::Device& device, runtime::Program program,
                             const std::vector<Bytes>& inputs);

/// Fails the test for every message of the validation layer.
void checkNoMessages();

}  // namespace quartet::tests

/// Runs a block for every device: FOR_EACH_DEVICE(device) { ... }. Skips the case without any.
// NOLINTBEGIN(bugprone-macro-parentheses): `id` is a name that is declared
#define FOR_EACH_DEVICE(id)                                                                  \
  if (quartet::tests::runnableDevices().empty()) SKIP_TEST("no Vulkan device that can run"); \
  for (const std::string& id : quartet::tests::runnableDevices())                            \
    if (const doctest::detail::ContextScope qtScope_ = doctest::detail::MakeContextScope(    \
            [&](std::ostream* stream) { *stream << "device " << id; });                      \
        true)
// NOLINTEND(bugprone-macro-parentheses)
