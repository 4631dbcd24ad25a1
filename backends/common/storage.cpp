#include "backends/common/storage.h"

namespace quartet::common {

using ir::DType;
using ir::Opcode;
using ir::ValueId;

DType computeType(DType dtype) {
  switch (dtype) {
    case DType::I8:
    case DType::I16:
      return DType::I32;
    case DType::U8:
    case DType::U16:
      return DType::U32;
    case DType::F16:
    case DType::BF16:
      return DType::F32;
    default:
      return dtype;
  }
}

DType storageType(DType dtype, const hwdb::Description& device) {
  const int64_t bytes = ir::byteSize(dtype);
  const bool stored = bytes >= 4 || (bytes == 1 ? device.storage8.value : device.storage16.value);
  if (stored) return dtype;
  return dtype == DType::Bool ? DType::U32 : computeType(dtype);
}

ValueId toCompute(ir::KernelBuilder& builder, ValueId stored, DType logical) {
  const ir::Type& type = builder.module().type(stored);
  if (logical == DType::Bool && type.dtype != DType::Bool) {
    return builder.apply(Opcode::Ne, {stored, builder.literal(int64_t{0}, type.dtype, type.lanes)});
  }
  const DType compute = computeType(logical);
  return type.dtype == compute ? stored : builder.cast(stored, compute);
}

ValueId toStorage(ir::KernelBuilder& builder, ValueId computed, DType storage) {
  return builder.module().type(computed).dtype == storage ? computed
                                                          : builder.cast(computed, storage);
}

ValueId normalize(ir::KernelBuilder& builder, ValueId computed, DType logical) {
  const DType compute = computeType(logical);
  if (compute == logical) return computed;
  return builder.cast(builder.cast(computed, logical), compute);
}

}  // namespace quartet::common
