#include "ir/opcode.h"

#include <iterator>

namespace quartet::ir {

namespace {

enum class ScalarResult { Same, Bool, Special };

constexpr int kAny = -1;
constexpr uint8_t G = static_cast<uint8_t>(Level::Graph);
constexpr uint8_t P = static_cast<uint8_t>(Level::Plan);
constexpr uint8_t K = static_cast<uint8_t>(Level::Kernel);

constexpr OpInfo kOps[] = {
#define QT_SCALAR(enumerator, text, arity, result) {text, arity, arity, 1, 0, G | K, true},
#include "ir/scalar.def"
#define QT_OP(enumerator, text, minOperands, maxOperands, results, regions, levels) \
  {text, minOperands, maxOperands, results, regions, levels, false},
#include "ir/ops.def"
};

constexpr ScalarResult kScalarResults[] = {
#define QT_SCALAR(enumerator, text, arity, result) ScalarResult::result,
#include "ir/scalar.def"
};

}  // namespace

const OpInfo& info(Opcode op) { return kOps[static_cast<size_t>(op)]; }

std::optional<Opcode> parseOpcode(std::string_view text) {
  for (size_t i = 0; i < std::size(kOps); ++i) {
    if (kOps[i].text == text) return static_cast<Opcode>(i);
  }
  return std::nullopt;
}

bool isComparison(Opcode op) {
  const auto i = static_cast<size_t>(op);
  return i < std::size(kScalarResults) && kScalarResults[i] == ScalarResult::Bool;
}

}  // namespace quartet::ir
