// Elementwise ops, operands broadcast.
#include <algorithm>

#include "tests/fuzz/generator.h"

namespace quartet::fuzz {

namespace {

/// Whether a float function means something for all elements of x.
bool defined(Opcode op, const Fact& x) {
  const bool above = [&] {
    const std::vector<double> values = toDoubles(*x.data);
    return std::all_of(values.begin(), values.end(), [](double v) { return v > 0.05; });
  }();
  switch (op) {
    case Opcode::Sqrt:
    case Opcode::Log:
      return above || x.exact;
    case Opcode::Asin:
    case Opcode::Acos:
    case Opcode::Atanh:
      return x.largest < 0.95 || x.exact;
    case Opcode::Acosh:
      return x.smallest > 1.05 && above;
    case Opcode::Exp:
    case Opcode::Sinh:
    case Opcode::Cosh:
      return x.largest < 20;
    case Opcode::Sin:
    case Opcode::Cos:
    case Opcode::Tan:
      return x.largest < 100 && x.finite;
    default:
      return true;
  }
}

/// An operand that broadcasts with `shape`: a value of the graph or a fresh one.
ValueId partner(GraphBuilder& b, DType dtype, const Ints& shape, Fill fill) {
  Random& random = b.random();
  if (random.chance(0.5)) {
    const auto found = b.anyOf([&](ValueId value) {
      const Ints other = b.shape(value);
      if (b.dtype(value) != dtype) return false;
      for (size_t i = 1; i <= std::min(other.size(), shape.size()); ++i) {
        const int64_t x = other[other.size() - i];
        const int64_t y = shape[shape.size() - i];
        if (x != y && x != 1 && y != 1) return false;
      }
      return true;
    });
    if (found) return *found;
  }
  Ints own = shape;
  if (random.chance(0.4))
    own.erase(own.begin(), own.begin() + random.below(static_cast<int64_t>(own.size()) + 1));
  if (random.chance(0.4)) {
    for (int64_t& extent : own) {
      if (random.chance(0.4)) extent = 1;
    }
  }
  return b.leaf(dtype, own, fill);
}

Ints broadcast(const Ints& a, const Ints& c) {
  Ints shape(std::max(a.size(), c.size()), 1);
  for (const Ints* from : {&a, &c}) {
    for (size_t i = 1; i <= from->size(); ++i) {
      int64_t& extent = shape[shape.size() - i];
      const int64_t other = (*from)[from->size() - i];
      if (extent == 1) extent = other;
    }
  }
  return shape;
}

Opcode binaryOp(Random& random, DType dtype) {
  using enum Opcode;
  if (dtype == DType::Bool) return random.pick<Opcode>({And, Or, Xor, Eq, Ne});
  if (ir::isFloat(dtype)) {
    return random.pick<Opcode>({Add, Add, Add, Sub,      Sub, Mul, Mul, Mul, Div, Min, Max,
                                Pow, Rem, Mod, FloorDiv, Eq,  Ne,  Lt,  Le,  Gt,  Ge});
  }
  return random.pick<Opcode>({Add, Sub, Mul, Div, FloorDiv, Rem, Mod, Pow, Min, Max,
                              And, Or,  Xor, Shl, Shr,      Eq,  Lt,  Le,  Gt,  Ge});
}

bool divides(Opcode op) {
  return op == Opcode::Div || op == Opcode::Rem || op == Opcode::Mod || op == Opcode::FloorDiv;
}

}  // namespace

bool addUnary(GraphBuilder& b) {
  using enum Opcode;
  Random& random = b.random();
  const ValueId x = b.any();
  const DType dtype = b.dtype(x);
  Opcode op = Not;
  if (ir::isFloat(dtype)) {
    op = random.pick<Opcode>({Neg,   Abs,   Sign, Sqrt, Exp,   Exp,  Log,   Sin,   Cos,
                              Tan,   Asin,  Acos, Atan, Sinh,  Cosh, Tanh,  Tanh,  Asinh,
                              Acosh, Atanh, Erf,  Erf,  Floor, Ceil, Round, IsNan, IsInf});
  } else if (dtype != DType::Bool) {
    op = random.pick<Opcode>({Neg, Abs, Sign, Not});
  }
  if (!defined(op, b.fact(x))) return false;
  const DType result = ir::isComparison(op) ? DType::Bool : dtype;
  return b.add(op, {x}, result, b.shape(x)).has_value();
}

bool addBinary(GraphBuilder& b) {
  Random& random = b.random();
  ValueId x = b.any();
  const DType dtype = b.dtype(x);
  const Opcode op = binaryOp(random, dtype);
  const bool careful = divides(op) || op == Opcode::Pow;
  ValueId y = partner(b, dtype, b.shape(x), careful ? Fill::Positive : b.anyFill());
  if (!careful && random.chance(0.3)) std::swap(x, y);
  if (divides(op) && b.fact(y).smallest < 0.1) return false;
  if (op == Opcode::Pow && ir::isFloat(dtype)) {
    if (!defined(Opcode::Log, b.fact(x)) || b.fact(x).smallest < 0.05 || b.fact(y).largest > 6) {
      return false;
    }
  }
  const DType result = ir::isComparison(op) ? DType::Bool : dtype;
  return b.add(op, {x, y}, result, broadcast(b.shape(x), b.shape(y))).has_value();
}

bool addTernary(GraphBuilder& b) {
  const ValueId x = b.any();
  const DType dtype = b.dtype(x);
  const ValueId y = partner(b, dtype, b.shape(x), b.anyFill());
  const Ints both = broadcast(b.shape(x), b.shape(y));
  if (b.random().chance(0.3) && dtype != DType::Bool) {
    const ValueId z = partner(b, dtype, both, b.anyFill());
    const bool packed = dtype == DType::I32 && b.random().chance(0.5);
    return b.add(packed ? Opcode::Dot4 : Opcode::Fma, {x, y, z}, dtype, broadcast(both, b.shape(z)))
        .has_value();
  }
  const ValueId condition = partner(b, DType::Bool, both, Fill::Grid);
  const Ints shape = broadcast(both, b.shape(condition));
  return b.add(Opcode::Select, {condition, x, y}, dtype, shape).has_value();
}

bool addCast(GraphBuilder& b) {
  const ValueId x = b.any();
  const DType dtype = b.random().chance(0.3) ? DType::F32 : b.anyDType();
  return b.add(Opcode::Cast, {x}, dtype, b.shape(x)).has_value();
}

}  // namespace quartet::fuzz
