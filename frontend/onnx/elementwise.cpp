#include <algorithm>
#include <limits>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/element_type.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::DType;
using ir::Opcode;

Status buildBinary(Context& c, Opcode opcode) {
  const std::vector<Tensor> operands = {c.in(0), c.in(1)};
  QT_CHECK(c.sameDType(operands));
  QT_CHECK(c.broadcastable(operands));
  c.set(0, c.e.scalar(opcode, operands));
  return {};
}

namespace {

// The second operand of the first versions: with `broadcast`, its axes start at `axis` of the first
// operand (default: they are the last ones).
Result<Tensor> legacyOperand(Context& c) {
  const Tensor& a = c.in(0);
  const Tensor& b = c.in(1);
  if (c.integer("broadcast", 0) == 0) {
    if (a.shape != b.shape) {
      return c.fail("shapes " + str(a.shape) + " and " + str(b.shape) +
                    " differ and attribute 'broadcast' is not set");
    }
    return b;
  }
  if (!c.hasAttribute("axis")) return b;
  const int axis = QT_TRY(c.axis(c.integer("axis", 0), std::max(a.rank(), 1)));
  const int trailing = a.rank() - axis - b.rank();
  if (trailing < 0) {
    return c.fail("shape " + str(b.shape) + " at axis " + std::to_string(axis) + " exceeds shape " +
                  str(a.shape));
  }
  ir::Dims shape = b.shape;
  shape.insert(shape.end(), static_cast<size_t>(trailing), ir::Dim(1));
  return c.e.reshape(b, shape);
}

}  // namespace

Status buildLegacyBinary(Context& c, Opcode opcode) {
  const Tensor second = QT_TRY(legacyOperand(c));
  const std::vector<Tensor> operands = {c.in(0), second};
  QT_CHECK(c.sameDType(operands));
  QT_CHECK(c.broadcastable(operands));
  c.set(0, c.e.scalar(opcode, operands));
  return {};
}

Status buildVariadic(Context& c, Opcode opcode, bool mean) {
  const auto operands = c.allInputs();
  QT_CHECK(c.sameDType(operands));
  QT_CHECK(c.broadcastable(operands));
  Tensor result = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) result = c.e.scalar(opcode, {result, operands[i]});
  if (mean && operands.size() > 1) {
    result = c.e.mul(result, 1.0 / static_cast<double>(operands.size()));
  }
  c.set(0, result);
  return {};
}

Status buildMean(Context& c) { return buildVariadic(c, Opcode::Add, true); }

Status buildNot(Context& c) {
  c.set(0, c.e.unary(Opcode::Not, c.in(0)));
  return {};
}

Status buildReciprocal(Context& c) {
  c.set(0, c.e.div(c.e.number(c.in(0).dtype, 1), c.in(0)));
  return {};
}

namespace {

// Powers that need no `pow`.
std::optional<Tensor> simplePower(Emitter& e, const Tensor& x, const Tensor& exponent) {
  const auto value = uniformValue(exponent);
  if (!value || broadcastShapes(x.shape, exponent.shape) != x.shape) return std::nullopt;
  if (*value == 1) return x;
  if (*value == 2) return e.mul(x, x);
  if (*value == 3) return e.mul(e.mul(x, x), x);
  if (!ir::isFloat(x.dtype)) return std::nullopt;
  if (*value == 0.5) return e.unary(Opcode::Sqrt, x);
  if (*value == -1) return e.div(e.number(x.dtype, 1), x);
  return std::nullopt;
}

// Known exponents that are elements of the dtype.
bool areIn(DType dtype, const Tensor& exponents) {
  const auto values = numbersOf(exponents);
  return values && std::all_of(values->begin(), values->end(), [dtype](double value) {
           return value >= 0 && represents(dtype, value);
         });
}

Status emitPower(Context& c, const Tensor& x, const Tensor& exponent) {
  QT_CHECK(c.broadcastable({x, exponent}));
  if (auto simple = simplePower(c.e, x, exponent)) {
    c.set(0, *simple);
    return {};
  }
  // The result has the type of the base. Of an integer, a power that misses a whole number by a
  // rounding error would lose 1 when its fraction is cut off: f64 has digits to spare. Whole
  // exponents need no float.
  const bool viaFloat =
      !ir::isFloat(x.dtype) && ir::isFloat(exponent.dtype) && !areIn(x.dtype, exponent);
  const DType dtype = viaFloat ? DType::F64 : x.dtype;
  const Tensor power = c.e.scalar(Opcode::Pow, {c.e.cast(x, dtype), c.e.cast(exponent, dtype)});
  c.set(0, c.e.cast(power, x.dtype));
  return {};
}

Status power(Context& c) { return emitPower(c, c.in(0), c.in(1)); }

Status legacyPower(Context& c) {
  const Tensor exponent = QT_TRY(legacyOperand(c));
  return emitPower(c, c.in(0), exponent);
}

// The exponent has a type of its own.
Status rounded(Context& c, Status (*build)(Context&)) {
  const auto outputs = QT_TRY(widenedOutputs(c, build));
  c.set(0, c.e.cast(outputs.at(0), c.in(0).dtype));
  return {};
}

}  // namespace

Status buildPow(Context& c) { return rounded(c, power); }
Status buildLegacyPow(Context& c) { return rounded(c, legacyPower); }

Status buildMod(Context& c) {
  const bool fmod = c.integer("fmod", 0) != 0;
  if (!fmod && ir::isFloat(c.in(0).dtype)) {
    return c.fail("attribute 'fmod' must be 1 for floats");
  }
  return buildBinary(c, fmod ? Opcode::Rem : Opcode::Mod);
}

Status buildBitShift(Context& c) {
  QT_CHECK(c.require("direction"));
  const std::string direction = c.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    return c.fail("attribute 'direction' is '" + direction + "', required is LEFT or RIGHT");
  }
  return buildBinary(c, direction == "LEFT" ? Opcode::Shl : Opcode::Shr);
}

// A bound left out is f32's greatest finite number, whatever the dtype.
Status buildClipAttributes(Context& c) {
  const double most = std::numeric_limits<float>::max();
  const Tensor raised = c.e.max(c.in(0), c.number("min", -most));
  c.set(0, c.e.min(raised, c.number("max", most)));
  return {};
}

namespace {

double greatestFinite(DType dtype) {
  switch (dtype) {
    case DType::F16:
      return 65504;
    case DType::BF16:
      return 0x1.fep127;
    case DType::F32:
      return std::numeric_limits<float>::max();
    default:
      return std::numeric_limits<double>::max();
  }
}

}  // namespace

// A bound left out is the greatest finite number of the dtype: infinities do not stay.
Status buildClip(Context& c) {
  Tensor x = c.in(0);
  for (int i = 1; i <= 2; ++i) {
    if (!c.has(i)) {
      if (!ir::isFloat(x.dtype)) continue;
      const double most = greatestFinite(x.dtype);
      x = i == 1 ? c.e.max(x, -most) : c.e.min(x, most);
      continue;
    }
    QT_CHECK(c.sameDType({x, c.in(i)}));
    if (constantCount(c.in(i).shape) != 1) {
      return c.fail("a bound has shape " + str(c.in(i).shape) + ", required is a scalar");
    }
    const Tensor bound = c.e.reshape(c.in(i), {});
    x = i == 1 ? c.e.max(x, bound) : c.e.min(x, bound);
  }
  c.set(0, x);
  return {};
}

Status buildCast(Context& c) {
  QT_CHECK(c.require("to"));
  int64_t to = c.integer("to", 0);
  QT_CHECK(c.status());
  const auto dtype = elementType(to);
  if (!dtype) {
    return c.failUnsupported("element type " + elementTypeName(to) + " is not supported");
  }
  c.set(0, c.e.cast(c.in(0), *dtype));
  return {};
}

Status buildCastLike(Context& c) {
  c.set(0, c.e.cast(c.in(0), c.in(1).dtype));
  return {};
}

Status buildWhere(Context& c) {
  QT_CHECK(c.sameDType({c.in(1), c.in(2)}));
  QT_CHECK(c.broadcastable({c.in(0), c.in(1), c.in(2)}));
  c.set(0, c.e.select(c.in(0), c.in(1), c.in(2)));
  return {};
}

Status buildIdentity(Context& c) {
  c.set(0, c.in(0));
  return {};
}

// Inference: the identity, and a mask of true.
Status buildDropout(Context& c) {
  if (c.opset < 7 && c.integer("is_test", 0) == 0) {
    return c.failUnsupported("training mode (attribute 'is_test' = 0) is not supported",
                             "export the model for inference");
  }
  if (c.has(2)) {
    const auto training = QT_TRY(c.integers(2, "training_mode"));
    bool drops = training.size() == 1 && training[0] != 0;
    if (drops && c.has(1)) {
      const auto ratio = QT_TRY(c.numbers(1, "the ratio"));
      drops = ratio.size() != 1 || ratio[0] != 0;
    }
    if (drops) {
      return c.failUnsupported("training mode is not supported", "export the model for inference");
    }
  }
  c.set(0, c.in(0));
  if (c.wants(1)) {
    const DType dtype = c.opset < 10 ? c.in(0).dtype : DType::Bool;
    c.set(1, c.e.broadcast(c.e.number(dtype, 1), c.in(0).shape));
  }
  return {};
}

Status buildIsInf(Context& c) {
  const Tensor& x = c.in(0);
  const bool positive = c.integer("detect_positive", 1) != 0;
  const bool negative = c.integer("detect_negative", 1) != 0;
  if (positive && negative) {
    c.set(0, c.e.unary(Opcode::IsInf, x));
    return {};
  }
  if (!positive && !negative) {
    c.set(0, c.e.broadcast(c.e.number(DType::Bool, 0), x.shape));
    return {};
  }
  const double infinity = std::numeric_limits<double>::infinity();
  c.set(0, c.e.scalar(Opcode::Eq, {x, c.e.number(x.dtype, positive ? infinity : -infinity)}));
  return {};
}

}  // namespace quartet::frontend
