// Kernel IR -> kernel IR that the emitter takes, for one device.
#pragma once

#include <string>
#include <vector>

#include "backends/common/gpu/interface.h"
#include "base/result.h"
#include "ir/module.h"

namespace quartet::gpu {

/// What the code of a launch may use on a device.
struct Limits {
  std::string device;  // for messages
  Target target;
  bool storage8 = false, storage16 = false;
  /// What matrices that are multiplied may hold; empty: the device has no matrix units.
  std::vector<ir::DType> matrices;
  int64_t invocations = 128;    // of a group
  int64_t sharedBytes = 16384;  // workgroup memory of a launch
  int64_t bindings = 4;         // storage buffers of a launch
  int64_t groupsPerAxis = 65535;
};

/// Legalises a kernel: f32 transcendentals become polynomials (backends/common/math.h). An error
/// (kind Unsupported) says what the device lacks: f64, its functions, 8/16-bit storage, matrix
/// units, workgroup memory, invocations, bindings.
Result<ir::Module> raise(const ir::Module& kernel, const Limits& limits);

/// Whether the scalar operations of a tensor expression are in a device's power: an error (kind
/// Unsupported) says what it lacks. The same rule as `raise` has for kernels.
Status supports(const ir::TensorExpr& expr, const Limits& limits);

/// Bytes of workgroup memory that a kernel declares.
int64_t sharedBytes(const ir::Module& kernel);

}  // namespace quartet::gpu
