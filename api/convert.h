// Between the public types and the internal ones.
#pragma once

#include <new>
#include <type_traits>

#include "base/result.h"
#include "ir/dtype.h"
#include "ir/module.h"
#include "quartet/quartet.h"

namespace quartet::api {

static_assert(static_cast<int>(DataType::F64) == static_cast<int>(ir::DType::F64) &&
              static_cast<int>(DataType::I64) == static_cast<int>(ir::DType::I64));
inline ir::DType toIr(DataType type) { return static_cast<ir::DType>(type); }
inline DataType fromIr(ir::DType type) { return static_cast<DataType>(type); }

Error toError(Diagnostic diagnostic);

/// A copy of a tensor as constant data, and back.
std::shared_ptr<const ir::ConstantData> toConstant(const Tensor& tensor);
Tensor toTensor(const ir::ConstantData& data);

/// Extents as numbers; kOpenExtent for those that are not constant.
std::vector<int64_t> openShape(const ir::Dims& dims);
/// Extents for these values of their symbols.
Result<std::vector<int64_t>> evaluateShape(const ir::Dims& dims, const ir::SymbolValues& symbols);

/// "[1, 3, ?]".
std::string shapeText(const std::vector<int64_t>& shape);

/// Turns what an exception says into a diagnostic; called inside a handler.
Diagnostic currentException();

/// The border of the public API: errors become Errors, and so do the exceptions that say that
/// Quartet has a bug or that memory ran out.
template <class F, class T = typename std::invoke_result_t<F>::value_type>
Expected<T> guarded(F f) {
  try {
    auto result = f();
    if (!result) return toError(std::move(result).error());
    return *std::move(result);
  } catch (...) {
    return toError(currentException());
  }
}

}  // namespace quartet::api
