// The operation codes, generated from ops.def and scalar.def.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace quartet::ir {

enum class Opcode : uint8_t {
#define QT_SCALAR(enumerator, text, arity, result) enumerator,
#include "ir/scalar.def"
#define QT_OP(enumerator, text, minOperands, maxOperands, results, regions, levels) enumerator,
#include "ir/ops.def"
};

enum class Level : uint8_t { Graph = 1, Plan = 2, Kernel = 4 };

/// What the op table says of an opcode. -1 means any number.
struct OpInfo {
  std::string_view text;
  int minOperands;
  int maxOperands;
  int results;
  int regions;
  uint8_t levels;  // bits of Level
  bool scalar;     // from scalar.def
};

const OpInfo& info(Opcode op);
inline std::string_view name(Opcode op) { return info(op).text; }
std::optional<Opcode> parseOpcode(std::string_view text);
inline bool isScalar(Opcode op) { return info(op).scalar; }
bool isComparison(Opcode op);  // result Bool in scalar.def

}  // namespace quartet::ir
