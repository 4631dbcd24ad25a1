// The one table of operators: for every operator and version, the builder that turns a node into
// primitives.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "frontend/onnx/context.h"

namespace quartet::frontend {

using Builder = Status (*)(Context&);

/// Element types that the first input of an operator may have.
enum class Types : uint8_t { Any, Number, Float, Integer, Bool };

struct Operator {
  std::string_view domain;  // "" for ONNX's own
  std::string_view type;
  int since;  // the first version of the operator set for which this row holds
  Builder build;
  int minInputs;
  int maxInputs;  // -1: any number
  Types types;
};

constexpr int64_t kOldestOpset = 1;
constexpr int64_t kNewestOpset = 27;

std::span<const Operator> operators();
/// The row for an operator in a version; null when there is none.
const Operator* findOperator(std::string_view domain, std::string_view type, int64_t opset);
bool accepts(Types types, ir::DType dtype);
std::string_view describe(Types types);

}  // namespace quartet::frontend
