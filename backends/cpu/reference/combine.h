// The functions of reductions, scans and scatters on wide values: identity and step.
#pragma once

#include <cmath>

#include "backends/cpu/reference/tensor.h"
#include "ir/opcode.h"

namespace quartet::reference {

template <class W>
W identityOf(ir::Opcode fn, DType dtype) {
  switch (fn) {
    case ir::Opcode::Add:
    case ir::Opcode::Or:
      return 0;
    case ir::Opcode::Mul:
      return 1;
    case ir::Opcode::Max:
      return lowest<W>(dtype);
    case ir::Opcode::Min:
      return highest<W>(dtype);
    default:
      QT_ASSERT(fn == ir::Opcode::And, "no reduction by " + std::string(ir::name(fn)));
      return dtype == DType::Bool ? W{1} : static_cast<W>(-1);
  }
}

template <class W>
bool isNan(W x) {
  if constexpr (std::is_same_v<W, double>) return std::isnan(x);
  return false;
}

template <class W>
W step(ir::Opcode fn, W a, W b) {
  switch (fn) {
    case ir::Opcode::Max:
      return isNan(a) || a > b ? a : b;  // b when it is NaN, too
    case ir::Opcode::Min:
      return isNan(a) || a < b ? a : b;
    case ir::Opcode::Add:
      if constexpr (std::is_same_v<W, double>) return a + b;
      return static_cast<W>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    case ir::Opcode::Mul:
      if constexpr (std::is_same_v<W, double>) return a * b;
      return static_cast<W>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    default:
      if constexpr (std::is_same_v<W, double>) {
        QT_ASSERT(false, "logic on floats");
      } else {
        return fn == ir::Opcode::And ? a & b : a | b;
      }
  }
}

}  // namespace quartet::reference
