// Which element types a device computes in and keeps in buffers.
#pragma once

#include "hwdb/description.h"
#include "ir/kernel.h"

namespace quartet::common {

/// The dtype that kernels compute a tensor dtype in: bool, i32, u32, i64, u64, f32 or f64.
ir::DType computeType(ir::DType dtype);

/// The dtype of a buffer's elements on this device: narrow types widen to 32 bits where the device
/// has no 8 or 16-bit storage (bool -> u32, i8 -> i32, f16 -> f32, ...).
ir::DType storageType(ir::DType dtype, const hwdb::Description& device);

/// A loaded element (in its storage dtype) as a value to compute with, and back.
ir::ValueId toCompute(ir::KernelBuilder& builder, ir::ValueId stored, ir::DType logical);
ir::ValueId toStorage(ir::KernelBuilder& builder, ir::ValueId computed, ir::DType storage);

/// Rounds or wraps a computed value to what `logical` can hold (i8 arithmetic in i32, f16 in f32).
ir::ValueId normalize(ir::KernelBuilder& builder, ir::ValueId computed, ir::DType logical);

}  // namespace quartet::common
