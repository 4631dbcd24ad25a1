#include <algorithm>
#include <cmath>

#include "tests/operators/families.h"

namespace quartet::operators {

namespace {

float anyFloat(Draft& d, double low, double high) {
  const auto sixteenths =
      d.between(static_cast<int64_t>(low * 16), static_cast<int64_t>(high * 16));
  return static_cast<float>(sixteenths) / 16;
}

void activation(Draft& d) { d.operand({.types = d.types()}); }

/// The second operand of an elementwise operator: broadcasts since opset 7, by attributes before.
Ints secondShape(Draft& d, const Operand& first) {
  if (d.opset >= 7) return d.narrower(first.shape);
  if (first.shape.empty() || d.chance(0.4)) {
    d.maybe("broadcast", int64_t{0}, 0.2);
    return first.shape;
  }
  d.set("broadcast", int64_t{1});
  const int64_t axis = d.anyAxis(first.rank());
  const int64_t end = d.chance(0.5) ? first.rank() : d.between(axis + 1, first.rank());
  if (end < first.rank() || d.chance(0.5)) d.set("axis", axis);
  return {first.shape.begin() + axis, first.shape.begin() + end};
}

/// Two operands; the second one of `domain`.
void twoOperands(Draft& d, const Want& want, std::optional<Domain> domain) {
  const Operand first = d.operand(want);
  const Ints shape = secondShape(d, first);
  d.operand({.dtype = first.dtype, .shape = shape, .domain = domain, .whole = want.whole});
}

}  // namespace

void drawUnary(Draft& d, std::optional<Domain> domain) {
  d.operand({.types = d.types(), .domain = domain, .special = !domain});
}

void unary(Draft& d) { drawUnary(d, std::nullopt); }

void reciprocal(Draft& d) { drawUnary(d, Domain{0.125, 8, false}); }

void negate(Draft& d) {
  DType dtype = d.anyDType(d.types());
  while (!ir::isSigned(dtype)) dtype = d.anyDType(d.types());
  d.operand({.dtype = dtype, .special = true});
}

void celu(Draft& d) {
  activation(d);
  d.maybe("alpha", anyFloat(d, 0.25, 3));
}

void elu(Draft& d) {
  activation(d);
  d.maybe("alpha", anyFloat(d, -2, 3));
}

void selu(Draft& d) {
  activation(d);
  d.maybe("alpha", anyFloat(d, 0.25, 3));
  d.maybe("gamma", anyFloat(d, 0.25, 3));
}

void leakyRelu(Draft& d) {
  activation(d);
  d.maybe("alpha", anyFloat(d, -2, 2));
}

void thresholdedRelu(Draft& d) {
  activation(d);
  d.maybe("alpha", anyFloat(d, -2, 2));
}

void hardSigmoid(Draft& d) {
  activation(d);
  d.maybe("alpha", anyFloat(d, -2, 2));
  d.maybe("beta", anyFloat(d, -2, 2));
}

void shrink(Draft& d) {
  activation(d);
  d.maybe("bias", d.chance(0.5) ? anyFloat(d, 0, 2) : static_cast<float>(d.between(0, 2)));
  d.maybe("lambd", d.chance(0.5) ? anyFloat(d, 0, 2) : static_cast<float>(d.between(0, 2)));
}

void swish(Draft& d) {
  activation(d);
  d.maybe("alpha", anyFloat(d, -2, 2));
}

void gelu(Draft& d) {
  activation(d);
  d.maybe("approximate", std::string(d.chance(0.5) ? "tanh" : "none"), 0.7);
}

void isInf(Draft& d) {
  unary(d);
  d.maybe("detect_positive", d.between(0, 1));
  d.maybe("detect_negative", d.between(0, 1));
}

void binary(Draft& d) { twoOperands(d, {.types = d.types()}, std::nullopt); }

void division(Draft& d) { twoOperands(d, {.types = d.types()}, Domain{0.25, 8, false}); }

void modulo(Draft& d) {
  const DType dtype = d.anyDType(d.types());
  if (ir::isFloat(dtype) || d.chance(0.4)) d.set("fmod", int64_t{1});
  const bool negative = ir::isSigned(dtype) && d.chance(0.3);
  twoOperands(d, {.dtype = dtype}, negative ? Domain{-5, -0.5, false} : Domain{0.5, 7, false});
}

// Exponents have a type of their own since opset 12. Powers of integers stay small.
void power(Draft& d) {
  const DType dtype = d.anyDType(d.types());
  const bool isFloat = ir::isFloat(dtype);
  const Operand base =
      d.operand({.dtype = dtype, .domain = isFloat ? Domain{0.25, 3} : Domain{0, 3}});
  DType exponent = dtype;
  if (d.opset >= 12 && d.chance(0.4)) {
    exponent = d.anyDType(d.types());
  }
  const Ints shape = secondShape(d, base);
  if (d.chance(0.3)) {  // the exponents that need no power
    const double common =
        static_cast<double>(d.between(isFloat && ir::isSigned(exponent) ? -1 : 0, 3));
    d.elements(exponent, shape, std::vector<double>(static_cast<size_t>(countOf(shape)), common));
    return;
  }
  const bool negative = isFloat && ir::isSigned(exponent);
  d.operand({.dtype = exponent, .shape = shape, .domain = Domain{negative ? -2.0 : 0.0, 3}});
}

void bitShift(Draft& d) {
  const DType dtype = d.random.pick<DType>({DType::U8, DType::U16, DType::U32, DType::U64});
  d.set("direction", std::string(d.chance(0.5) ? "LEFT" : "RIGHT"));
  twoOperands(d, {.dtype = dtype, .domain = Domain{0, 200}}, Domain{0, 7});
}

void prelu(Draft& d) {
  const bool legacy = d.opset < 7;
  const Operand x = d.operand({.types = d.types(), .minRank = legacy ? 2 : 0, .empty = false});
  Ints shape = legacy ? Ints{d.chance(0.4) ? 1 : x.shape[1]} : d.narrower(x.shape);
  d.operand({.dtype = x.dtype, .shape = shape});
}

// Shapes broadcast since opset 8.
void variadic(Draft& d) {
  const Operand first = d.operand({.types = d.types()});
  const int64_t further = d.between(0, 3);
  for (int64_t i = 0; i < further; ++i) {
    const Ints shape = d.opset >= 8 ? d.narrower(first.shape) : first.shape;
    d.operand({.dtype = first.dtype, .shape = shape});
  }
}

void where(Draft& d) {
  const Ints whole = d.anyShape(0, 5, true);
  d.operand({.dtype = DType::Bool, .shape = d.chance(0.5) ? whole : d.narrower(whole)});
  const Ints shape = d.chance(0.5) ? whole : d.narrower(whole);
  const Operand x = d.operand({.shape = shape, .special = true});
  d.operand({.dtype = x.dtype, .shape = d.narrower(whole)});
}

void clip(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .special = true});
  const auto low = static_cast<double>(d.between(0, 2));
  const auto high = static_cast<double>(d.between(2, 5));
  if (d.opset < 11) {
    d.maybe("min", static_cast<float>(low));
    d.maybe("max", static_cast<float>(high));
    return;
  }
  for (const double bound : {low, high}) {
    if (d.chance(0.6)) {
      d.elements(x.dtype, {}, {bound});
    } else {
      d.leaveOut();
    }
  }
}

namespace {

/// What every type can hold: other conversions to integers mean nothing.
std::optional<Domain> domainOfCast(DType to) {
  if (to == DType::Bool) return std::nullopt;
  return Domain{ir::isSigned(to) ? -100.0 : 0.0, 100};
}

}  // namespace

void cast(Draft& d) {
  const DType to = d.anyDType(Types::Any);
  d.set("to", int64_t{onnxType(to)});
  d.operand({.types = d.types(), .domain = domainOfCast(to)});
}

void castLike(Draft& d) {
  const DType to = d.anyDType(Types::Any);
  d.operand({.types = d.types(), .domain = domainOfCast(to)});
  d.operand({.dtype = to});
}

// Inference. The ratio is an attribute before opset 12.
void dropout(Draft& d) {
  d.operand({.types = d.types()});
  if (d.opset < 7) d.set("is_test", int64_t{1});
  if (d.opset < 12) {
    d.maybe("ratio", anyFloat(d, 0, 1));
  } else if (d.chance(0.5)) {
    d.scalar(DType::F32, 0.5);
    if (d.chance(0.5)) d.scalar(DType::Bool, 0);
  }
  if (d.chance(0.5)) d.outputs({true});
}

}  // namespace quartet::operators
