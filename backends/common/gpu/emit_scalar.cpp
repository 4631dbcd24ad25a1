// Scalar operations and conversions.

#include "backends/common/gpu/emitter.h"

namespace quartet::gpu {

using ir::DType;
using ir::Op;
using ir::Opcode;

namespace {

bool wideInteger(DType dtype) { return dtype == DType::I64 || dtype == DType::U64; }
bool isDouble(DType dtype) { return dtype == DType::F64; }
bool narrowFloat(DType dtype) { return dtype == DType::F16 || dtype == DType::BF16; }

/// Ops that the languages apply to whole vectors; the others are applied lane by lane.
bool vectorizes(Opcode op, DType dtype) {
  if (ir::isComparison(op) && op != Opcode::IsNan && op != Opcode::IsInf) return true;
  switch (op) {
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::Neg:
    case Opcode::Fma:
      return dtype != DType::Bool;
    case Opcode::Min:
    case Opcode::Max:
      return dtype == DType::F32 || (ir::isInteger(dtype) && !wideInteger(dtype));
    case Opcode::IsNan:
      return dtype == DType::F32;
    case Opcode::Select:
      return !wideInteger(dtype);
    case Opcode::Div:
    case Opcode::FloorDiv:
    case Opcode::Mod:
    case Opcode::Abs:
    case Opcode::Sqrt:
    case Opcode::Floor:
    case Opcode::Ceil:
      return ir::isFloat(dtype);
    case Opcode::Round:
      return ir::isFloat(dtype) && !isDouble(dtype);
    case Opcode::And:
    case Opcode::Or:
    case Opcode::Xor:
    case Opcode::Not:
      return ir::isInteger(dtype);
    default:
      return false;
  }
}

/// Results whose rounding must not depend on what the compiler combines them with.
bool isPrecise(Opcode op, DType dtype) {
  if (!ir::isFloat(dtype)) return false;
  switch (op) {
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::Div:
    case Opcode::FloorDiv:
    case Opcode::Mod:
      return true;
    default:
      return false;
  }
}

/// A literal times a value is split into product and sum, which can be `precise`; fma cannot, and a
/// driver then turns n * -high + (n * -low + x) into n * -(high + low) + x.
bool splitsFma(const Parts& a, const Parts& b) {
  return (a.notNan || b.notNan) && ir::isFloat(a.dtype);
}

bool mayOverflow(Opcode op, DType dtype) {
  if (!ir::isSigned(dtype)) return false;
  return op == Opcode::Add || op == Opcode::Sub || op == Opcode::Mul || op == Opcode::Neg ||
         op == Opcode::Fma;
}

const char* infix(Opcode op) {
  switch (op) {
    case Opcode::Add:
      return " + ";
    case Opcode::Sub:
      return " - ";
    case Opcode::Mul:
      return " * ";
    case Opcode::Div:
      return " / ";
    case Opcode::And:
      return " & ";
    case Opcode::Or:
      return " | ";
    case Opcode::Xor:
      return " ^ ";
    case Opcode::Eq:
      return " == ";
    case Opcode::Ne:
      return " != ";
    case Opcode::Lt:
      return " < ";
    case Opcode::Le:
      return " <= ";
    case Opcode::Gt:
      return " > ";
    case Opcode::Ge:
      return " >= ";
    default:
      return nullptr;
  }
}

std::string suffixed(Opcode op, DType dtype) {
  return std::string(ir::name(op)) + "_" + std::string(ir::name(dtype));
}

bool sameWidths(const std::vector<const Parts*>& operands, const Parts& result) {
  for (const Parts* operand : operands) {
    if (operand->width != result.width || operand->lanes != result.lanes) return false;
  }
  return true;
}

}  // namespace

void Emitter::emitScalar(const Op& op) {
  const ir::Type& type = kernel_.type(op.results[0]);
  std::vector<const Parts*> operands;
  for (const ir::ValueId id : op.operands) operands.push_back(&value(id));
  const DType dtype = operands.back()->dtype;
  // The minimum and the maximum are cheaper when one operand is a literal.
  if ((op.opcode == Opcode::Min || op.opcode == Opcode::Max) && operands[0]->notNan) {
    std::swap(operands[0], operands[1]);
  }
  const bool split = op.opcode == Opcode::Fma && splitsFma(*operands[0], *operands[1]);
  Known known;
  known.withLiteral = split || (operands.size() == 2 && operands[1]->notNan);
  known.position = !positions_.empty() && positions_[static_cast<size_t>(op.results[0].index)];
  Parts result = shape(type.dtype, type.lanes);
  const bool whole =
      type.lanes == 1 || (vectorizes(op.opcode, dtype) && sameWidths(operands, result));
  for (size_t i = 0; i < result.text.size(); ++i) {
    const int count = partLanes(result, i);
    std::vector<std::string> lanes;
    for (int l = 0; l < (whole ? 1 : count); ++l) {
      std::vector<std::string> args;
      for (const Parts* operand : operands) {
        const int at = operand->lanes == 1 ? 0 : static_cast<int>(i) * result.width + l;
        args.push_back(whole ? operand->text[i] : lane(*operand, at));
      }
      lanes.push_back(apply(op.opcode, dtype, whole ? count : 1, args, known));
    }
    result.text[i] = whole ? lanes[0] : compose(type.dtype, lanes);
  }
  define(op.results[0], std::move(result), split || isPrecise(op.opcode, dtype));
}

/// Signed arithmetic on unsigned integers of the same width, which wrap.
std::string Emitter::wrapping(Opcode op, DType dtype, int lanes,
                              const std::vector<std::string>& args) {
  const DType bits = dtype == DType::I64 ? DType::U64 : DType::U32;
  std::vector<std::string> converted;
  for (const std::string& arg : args) converted.push_back(type(bits, lanes) + "(" + arg + ")");
  return type(dtype, lanes) + "(" + onInteger(op, bits, lanes, converted) + ")";
}

std::string Emitter::apply(Opcode op, DType dtype, int lanes, const std::vector<std::string>& args,
                           const Known& known) {
  if (op == Opcode::Select) return select(dtype, lanes, args);
  if (dtype == DType::Bool) return onBool(op, lanes, args);
  if (pair(dtype)) return onPair(op, dtype, args);
  if (ir::isComparison(op) && infix(op) != nullptr) return compare(op, lanes, args);
  if (ir::isFloat(dtype)) return onFloat(op, dtype, lanes, args, known.withLiteral);
  const bool wraps = language_.overflowIsUndefined && !known.position && mayOverflow(op, dtype);
  return wraps ? wrapping(op, dtype, lanes, args) : onInteger(op, dtype, lanes, args);
}

std::string Emitter::onFloat(Opcode op, DType dtype, int lanes,
                             const std::vector<std::string>& args, bool withLiteral) {
  const std::string& a = args[0];
  if (const char* symbol = infix(op)) return a + symbol + args[1];
  const std::string vector = lanes == 1 ? "" : "x" + std::to_string(lanes);
  switch (op) {
    case Opcode::FloorDiv:
      return "floor(" + a + " / " + args[1] + ")";
    case Opcode::Mod:
      return a + " - " + args[1] + " * floor(" + a + " / " + args[1] + ")";
    case Opcode::Neg:
      return "-(" + a + ")";
    case Opcode::Abs:
      return "abs(" + a + ")";
    case Opcode::Fma:
      if (withLiteral) return a + " * " + args[1] + " + " + args[2];
      return "fma(" + a + ", " + args[1] + ", " + args[2] + ")";
    case Opcode::Dot2:
      return call("dot2_f32", args);
    case Opcode::Sqrt:
      return "sqrt(" + a + ")";
    case Opcode::Floor:
      return "floor(" + a + ")";
    case Opcode::Ceil:
      return "ceil(" + a + ")";
    case Opcode::Round:
      return isDouble(dtype) ? call("round_f64", args) : "roundEven(" + a + ")";
    case Opcode::Min:
    case Opcode::Max: {
      if (isDouble(dtype)) return call(suffixed(op, dtype), args);
      const std::string name = std::string(ir::name(op)) + (withLiteral ? "l" : "");
      return call(name + "_f32" + vector, args);
    }
    case Opcode::IsNan:
      return call("isnan_" + std::string(isDouble(dtype) ? "f64" : "f32" + vector), args);
    case Opcode::IsInf:
    case Opcode::Sign:
    case Opcode::Rem:
      return call(std::string(ir::name(op)) + (isDouble(dtype) ? "_f64" : "_f32"), args);
    default:
      QT_ASSERT(isDouble(dtype) && target_.float64Functions,
                suffixed(op, dtype) + " is expanded before emission");
      return std::string(ir::name(op)) + "(" + a + (args.size() > 1 ? ", " + args[1] : "") + ")";
  }
}

std::string Emitter::onInteger(Opcode op, DType dtype, int lanes,
                               const std::vector<std::string>& args) {
  const std::string& a = args[0];
  if (const char* symbol = infix(op); symbol != nullptr && op != Opcode::Div) {
    return a + symbol + args[1];
  }
  switch (op) {
    case Opcode::Neg:
      return "-(" + a + ")";
    case Opcode::Not:
      return "~(" + a + ")";
    case Opcode::Fma:
      return a + " * " + args[1] + " + " + args[2];
    case Opcode::Dot4:
      return call("dot4_i32", args);
    case Opcode::Min:
    case Opcode::Max:
      return std::string(ir::name(op)) + "(" + a + ", " + args[1] + ")";
    case Opcode::Abs:
      return ir::isSigned(dtype) ? call(suffixed(op, dtype), args) : a;
    case Opcode::Sign:
      return ir::isSigned(dtype) ? call(suffixed(op, dtype), args)
                                 : "min(" + a + ", " + type(dtype, lanes) + "(1))";
    case Opcode::Div:
    case Opcode::FloorDiv:
      return call((ir::isSigned(dtype) ? std::string(ir::name(op)) : "div") + "_" +
                      std::string(ir::name(dtype)),
                  args);
    case Opcode::Rem:
    case Opcode::Mod:
      return call((ir::isSigned(dtype) ? std::string(ir::name(op)) : "rem") + "_" +
                      std::string(ir::name(dtype)),
                  args);
    default:
      return call(suffixed(op, dtype), args);
  }
}

std::string Emitter::onPair(Opcode op, DType dtype, const std::vector<std::string>& args) {
  const std::string& a = args[0];
  const std::string order = "lt_" + std::string(ir::name(dtype));
  switch (op) {
    case Opcode::And:
    case Opcode::Or:
    case Opcode::Xor:
    case Opcode::Eq:
    case Opcode::Ne:
      return a + infix(op) + args[1];
    case Opcode::Not:
      return "~(" + a + ")";
    case Opcode::Lt:
      return call(order, args);
    case Opcode::Gt:
      return call(order, {args[1], a});
    case Opcode::Le:
      return "!" + call(order, {args[1], a});
    case Opcode::Ge:
      return "!" + call(order, args);
    case Opcode::Abs:
      return dtype == DType::I64 ? call("abs_i64", args) : a;
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::Neg:
    case Opcode::Fma:
    case Opcode::Shl:  // the same bits, signed or not
      return call(std::string(ir::name(op)) + "_u64", args);
    default:
      return call(suffixed(op, dtype), args);
  }
}

std::string Emitter::onBool(Opcode op, int lanes, const std::vector<std::string>& args) {
  const std::string& a = args[0];
  switch (op) {
    case Opcode::And:
    case Opcode::Min:
    case Opcode::Mul:
      return a + " && " + args[1];
    case Opcode::Or:
    case Opcode::Max:
      return a + " || " + args[1];
    case Opcode::Not:
      return "!(" + a + ")";
    case Opcode::Xor:
      return a + " != " + args[1];
    case Opcode::Eq:
    case Opcode::Ne:
      return compare(op, lanes, args);
    default:
      throwInternalError("defined for bool", std::string(ir::name(op)));
  }
}

std::string Emitter::compare(Opcode op, int lanes, const std::vector<std::string>& args) {
  if (lanes == 1) return args[0] + infix(op) + args[1];
  const char* function = op == Opcode::Eq   ? "equal("
                         : op == Opcode::Ne ? "notEqual("
                         : op == Opcode::Lt ? "lessThan("
                         : op == Opcode::Le ? "lessThanEqual("
                         : op == Opcode::Gt ? "greaterThan("
                                            : "greaterThanEqual(";
  return function + args[0] + ", " + args[1] + ")";
}

std::string Emitter::select(DType /*dtype*/, int lanes, const std::vector<std::string>& args) {
  if (lanes == 1) return args[0] + " ? " + args[1] + " : " + args[2];
  return "mix(" + args[2] + ", " + args[1] + ", " + args[0] + ")";
}

// ---- conversions ----

void Emitter::emitCast(const Op& op) {
  const Parts& from = value(op.operands[0]);
  Parts result = shape(kernel_.type(op.results[0]).dtype, from.lanes);
  const auto plain = [](DType dtype) {
    return dtype == DType::Bool || dtype == DType::I32 || dtype == DType::U32;
  };
  // Constructors convert whole vectors; everything else goes lane by lane.
  const bool whole = plain(from.dtype) && (plain(result.dtype) || result.dtype == DType::F32) &&
                     result.dtype != DType::Bool;
  for (size_t i = 0; i < result.text.size(); ++i) {
    const int count = partLanes(result, i);
    if (whole && count > 1) {
      result.text[i] = type(result.dtype, count) + "(" + from.text[i] + ")";
      continue;
    }
    std::vector<std::string> lanes;
    for (int l = 0; l < count; ++l) {
      const int at = static_cast<int>(i) * result.width + l;
      lanes.push_back(cast(from.dtype, result.dtype, 1, lane(from, at)));
    }
    result.text[i] = compose(result.dtype, lanes);
  }
  define(op.results[0], std::move(result));
}

namespace {

/// The held integer `x` wrapped to a narrower dtype.
std::string wrapped(DType to, const std::string& x) {
  switch (to) {
    case DType::I8:
      return "bitfieldExtract(" + x + ", 0, 8)";
    case DType::I16:
      return "bitfieldExtract(" + x + ", 0, 16)";
    case DType::U8:
      return "(" + x + " & 255u)";
    case DType::U16:
      return "(" + x + " & 65535u)";
    default:
      return x;
  }
}

/// The saturated i32 or u32 `x` saturated to a narrower dtype.
std::string clamped(DType to, const std::string& x) {
  switch (to) {
    case DType::I8:
      return "clamp(" + x + ", -128, 127)";
    case DType::I16:
      return "clamp(" + x + ", -32768, 32767)";
    case DType::U8:
      return "min(" + x + ", 255u)";
    case DType::U16:
      return "min(" + x + ", 65535u)";
    default:
      return x;
  }
}

}  // namespace

std::string Emitter::cast(DType from, DType to, int lanes, const std::string& x) {
  QT_ASSERT(lanes == 1, "casts go lane by lane");
  if (from == to) return x;
  std::string made = type(to, 1) + "(" + x + ")";
  const std::string word = ir::isSigned(to) ? "i32" : "u32";  // of narrow integers
  if (to == DType::Bool) return x + " != " + zero(from, 1);
  if (from == DType::Bool) {
    if (pair(to)) return "uvec2(uint(" + x + "), 0u)";
    if (!wideInteger(to)) return made;
    return type(to, 1) + "(" + call("cast_i64_u32", {"uint(" + x + ")"}) + ")";
  }
  if (ir::isFloat(from)) {
    const std::string source = isDouble(from) ? "f64" : "f32";
    if (ir::isFloat(to)) {
      if (isDouble(to)) return made;
      const std::string single = !isDouble(from)   ? x
                                 : narrowFloat(to) ? call("odd_f32_f64", {x})
                                                   : "float(" + x + ")";
      const bool exact = !narrowFloat(to);
      return exact ? single : call("round_" + std::string(ir::name(to)), {single});
    }
    if (wideInteger(to)) return call("cast_" + std::string(ir::name(to)) + "_" + source, {x});
    return clamped(to, call("cast_" + word + "_" + source, {x}));
  }
  const std::string source = wideInteger(from)    ? std::string(ir::name(from))
                             : ir::isSigned(from) ? "i32"
                                                  : "u32";
  if (ir::isFloat(to)) {
    if (to == DType::BF16) return call("round_bf16", {call("odd_f32_" + source, {x})});
    if (isDouble(to)) return made;
    const std::string single =
        wideInteger(from) ? call("cast_f32_" + source, {x}) : "float(" + x + ")";
    return to == DType::F16 ? call("round_f16", {single}) : single;
  }
  if (wideInteger(to)) {
    if (wideInteger(from)) return pair(to) ? x : made;
    if (pair(to)) {
      return ir::isSigned(from) ? call("cast_i64_i32", {x}) : "uvec2(" + x + ", 0u)";
    }
    return type(to, 1) + "(" + call("cast_i64_" + source, {x}) + ")";
  }
  const std::string narrow = type(to, 1) + "(" + (pair(from) ? x + ".x" : x) + ")";
  return wrapped(to, narrow);
}

void Emitter::emitBitcast(const Op& op) {
  const Parts& from = value(op.operands[0]);
  Parts result = shape(kernel_.type(op.results[0]).dtype, from.lanes);
  for (size_t i = 0; i < result.text.size(); ++i) {
    const std::string& x = from.text[i];
    const std::string target = type(result.dtype, partLanes(result, i));
    if (from.dtype == DType::F32) {
      const bool isSigned = result.dtype == DType::I32;
      result.text[i] = (isSigned ? "floatBitsToInt(" : "floatBitsToUint(") + x + ")";
    } else if (result.dtype == DType::F32) {
      result.text[i] =
          (from.dtype == DType::I32 ? "intBitsToFloat(" : "uintBitsToFloat(") + x + ")";
    } else if (isDouble(from.dtype) || isDouble(result.dtype)) {
      QT_ASSERT(target_.float64Functions, "bitcast of f64 is raised away");
      const bool isSigned = (isDouble(from.dtype) ? result.dtype : from.dtype) == DType::I64;
      const std::string integer = isSigned ? "Int64" : "Uint64";
      result.text[i] = isDouble(from.dtype) ? "doubleBitsTo" + integer + "(" + x + ")"
                                            : (isSigned ? "int64" : "uint64") +
                                                  std::string("BitsToDouble(") + x + ")";
    } else {
      result.text[i] = pair(from.dtype) ? x : target + "(" + x + ")";
    }
  }
  define(op.results[0], std::move(result));
}

}  // namespace quartet::gpu
