// The device `cpu`.
#pragma once

#include <memory>

#include "backends/cpu/executor.h"
#include "backends/cpu/options.h"
#include "runtime/device.h"

namespace quartet::cpu {

/// The host CPU with `options.threads` threads (0: all cores). The first call in a process measures
/// the host (description.h).
Result<std::unique_ptr<runtime::Device>> createDevice(const runtime::DeviceOptions& options);

/// The same with a given executor.
Result<std::unique_ptr<runtime::Device>> createDevice(
    std::shared_ptr<runtime::Executor> executor,
    std::shared_ptr<runtime::CodeCache> cache = nullptr, const TestOptions& options = {});

}  // namespace quartet::cpu
