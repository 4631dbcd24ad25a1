#include "frontend/onnx/element_type.h"

#include <iterator>

namespace quartet::frontend {

using ir::DType;

namespace {

struct ElementType {
  const char* name;
  std::optional<DType> dtype;
};

// By ONNX's number (TensorProto.DataType); newer models use types that older protobuf classes lack.
constexpr ElementType kElementTypes[] = {
    {"undefined", {}},
    {"float", DType::F32},
    {"uint8", DType::U8},
    {"int8", DType::I8},
    {"uint16", DType::U16},
    {"int16", DType::I16},
    {"int32", DType::I32},
    {"int64", DType::I64},
    {"string", {}},
    {"bool", DType::Bool},
    {"float16", DType::F16},
    {"double", DType::F64},
    {"uint32", DType::U32},
    {"uint64", DType::U64},
    {"complex64", {}},
    {"complex128", {}},
    {"bfloat16", DType::BF16},
    {"float8e4m3fn", {}},
    {"float8e4m3fnuz", {}},
    {"float8e5m2", {}},
    {"float8e5m2fnuz", {}},
    {"uint4", {}},
    {"int4", {}},
    {"float4e2m1", {}},
};

bool known(int64_t type) {
  return type >= 0 && type < static_cast<int64_t>(std::size(kElementTypes));
}

}  // namespace

std::optional<DType> elementType(int64_t onnxType) {
  return known(onnxType) ? kElementTypes[onnxType].dtype : std::nullopt;
}

std::string elementTypeName(int64_t onnxType) {
  return known(onnxType) ? kElementTypes[onnxType].name : "type " + std::to_string(onnxType);
}

}  // namespace quartet::frontend
