// What the Vulkan tests share: the drivers to run on.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "backends/vulkan/device.h"
#include "tests/common/kernels.h"
#include "tests/skip.h"

namespace quartet::tests {

/// The ids of all devices that can run: llvmpipe and SwiftShader under `./dev test`. With the
/// validation layer on, which any test program that includes this asks for.
std::vector<std::string> runnableDevices();

std::shared_ptr<runtime::Device> openOrFail(const std::string& id,
                                            const vulkan::TestOptions& options = {},
                                            std::shared_ptr<runtime::CodeCache> cache = nullptr);

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
