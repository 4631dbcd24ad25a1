#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "backends/common/gpu/emitter.h"
#include "backends/common/gpu/positions.h"

namespace quartet::gpu {

using ir::DType;
using ir::Op;
using ir::Opcode;

namespace {

/// A float literal that reads back exactly; infinities and NaN from their bits.
std::string floatLiteral(double value, bool isDouble, const Language& language) {
  char text[64];
  std::string out;
  if (isDouble) {
    if (!std::isfinite(value) || (value == 0 && std::signbit(value))) {
      const auto bits = std::bit_cast<uint64_t>(value);
      return "packDouble2x32(uvec2(" + std::to_string(static_cast<uint32_t>(bits)) + "u, " +
             std::to_string(bits >> 32) + "u))";
    }
    out.assign(text, std::to_chars(text, text + sizeof(text), value).ptr);
  } else {
    const auto narrow = static_cast<float>(value);
    const bool subnormal = narrow != 0 && std::fabs(narrow) < 0x1p-126F;
    if (!std::isfinite(narrow) || subnormal || (narrow == 0 && std::signbit(narrow))) {
      return "uintBitsToFloat(" + std::to_string(std::bit_cast<uint32_t>(narrow)) + "u)";
    }
    out.assign(text, std::to_chars(text, text + sizeof(text), narrow).ptr);
  }
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out + (isDouble ? language.doubleSuffix : language.floatSuffix);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

}  // namespace

PrintedKernel printKernel(const ir::Module& kernel, const Language& language, const Target& target,
                          Prelude& prelude, const KernelPlace& place) {
  return Emitter(kernel, language, target, prelude, place).run();
}

Emitter::Emitter(const ir::Module& kernel, const Language& language, const Target& target,
                 Prelude& prelude, const KernelPlace& place)
    : kernel_(kernel),
      language_(language),
      target_(target),
      prelude_(prelude),
      place_(place),
      values_(static_cast<size_t>(kernel.valueCount())),
      widths_(static_cast<size_t>(kernel.valueCount())) {}

PrintedKernel Emitter::run() {
  coherent_ = contains(kernel_, Opcode::Barrier);
  if (language_.overflowIsUndefined) positions_ = positions(kernel_);
  scanAccesses(kernel_.top());
  declareBuffers();
  emitRegion(kernel_.top());
  return std::move(printed_);
}

void Emitter::emitRegion(ir::RegionId region) {
  for (const ir::OpId id : kernel_.region(region).ops) emitOp(kernel_.op(id));
}

void Emitter::emitOp(const Op& op) {
  if (emitMatrix(op)) return;
  if (ir::isScalar(op.opcode)) return op.opcode == Opcode::Cast ? emitCast(op) : emitScalar(op);
  switch (op.opcode) {
    case Opcode::Return:
      return;
    case Opcode::Param:
    case Opcode::GroupId:
    case Opcode::LocalId:
    case Opcode::SubgroupId:
    case Opcode::Literal:
      return emitLiteral(op);
    case Opcode::Splat:
    case Opcode::LaneId:
    case Opcode::Shuffle:
      return emitLanes(op);
    case Opcode::Bitcast:
      return emitBitcast(op);
    case Opcode::Extract:
      return emitExtract(op);
    case Opcode::ReduceLanes:
      return emitReduceLanes(op);
    case Opcode::For:
      return emitFor(op);
    case Opcode::If:
      return emitIf(op);
    case Opcode::Var:
      return emitVar(op);
    case Opcode::Get:
      return emitGet(op);
    case Opcode::Set:
      return emitSet(op);
    case Opcode::Shared:
      return declareShared(op);
    case Opcode::Load:
      return emitLoad(op);
    case Opcode::Store:
      return emitStore(op);
    case Opcode::GatherLoad:
      return emitGather(op);
    case Opcode::ScatterStore:
      return emitScatter(op);
    case Opcode::AtomicAdd:
      return emitAtomicAdd(op);
    case Opcode::Prefetch:  // GLSL has none; groups of several invocations hide latency by one
                            // another
      return;
    case Opcode::Barrier:
      return emitBarrier();
    case Opcode::Report:
      return emitReport(op);
    default:
      throwInternalError("a kernel-level op", std::string(ir::name(op.opcode)));
  }
}

// ---- control flow ----

void Emitter::emitFor(const Op& op) {
  const ir::ValueId index = kernel_.region(op.regions[0]).parameters[0];
  Parts parts = shape(DType::I32, 1);
  parts.text[0] = name(index, 0, parts);
  const std::string& i = parts.text[0];
  // What is unrolled is in the kernel already. A driver that unrolls more holds the loads of
  // several turns in registers at once, of which the schedule has counted one.
  if (!language_.loopLine.empty()) line(language_.loopLine);
  line(language_.loopAttribute + "for (int " + i + " = " + scalar(op.operands[0]) + "; " + i +
       " < " + scalar(op.operands[1]) + "; " + i + " += " + scalar(op.operands[2]) + ") {");
  values_[static_cast<size_t>(index.index)] = parts;
  ++indent_;
  emitRegion(op.regions[0]);
  --indent_;
  line("}");
}

void Emitter::emitIf(const Op& op) {
  line("if (" + scalar(op.operands[0]) + ") {");
  ++indent_;
  emitRegion(op.regions[0]);
  --indent_;
  if (!kernel_.region(op.regions[1]).ops.empty()) {
    line("} else {");
    ++indent_;
    emitRegion(op.regions[1]);
    --indent_;
  }
  line("}");
}

void Emitter::emitBarrier() {
  if (coherent_ && !language_.memoryBarrier.empty()) line(language_.memoryBarrier);
  line(language_.barrier);
}

void Emitter::emitReport(const Op& op) {
  const Parts& condition = value(op.operands[0]);
  std::string any;
  for (size_t i = 0; i < condition.text.size(); ++i) {
    const bool vector = partLanes(condition, i) > 1;
    any += (any.empty() ? "" : " || ");
    any += vector ? "any(" + condition.text[i] + ")" : condition.text[i];
  }
  prelude_.need("report");
  line("if (" + any + ") report(" + language_.reportTo +
       std::to_string(op.attributes.integer("code")) + "u, " +
       std::to_string(op.attributes.integer("node")) + "u, " + reportDetail(op) + ");");
}

/// The detail of the first lane whose condition holds, as two words.
std::string Emitter::reportDetail(const Op& op) {
  if (op.operands.size() < 2) return "uvec2(0u)";
  const Parts& condition = value(op.operands[0]);
  const Parts& detail = value(op.operands[1]);
  const auto words = [&](int i) {
    const std::string text = lane(detail, i);
    return pair(DType::I64) ? text : "uvec2(uint(" + text + "), uint(" + text + " >> 32))";
  };
  std::string chosen = words(detail.lanes - 1);
  for (int i = detail.lanes - 2; i >= 0; --i) {
    chosen = "(" + lane(condition, i) + " ? " + words(i) + " : " + chosen + ")";
  }
  return chosen;
}

// ---- values without operands ----

void Emitter::emitLiteral(const Op& op) {
  const ir::Type& type = kernel_.type(op.results[0]);
  Parts parts = shape(type.dtype, type.lanes);
  std::string text;
  if (op.opcode == Opcode::Param) {
    text = "int(words.word[" + std::to_string(place_.firstWord + op.attributes.integer("index")) +
           "])";
  } else if (op.opcode == Opcode::GroupId) {
    text = "group";
  } else if (op.opcode == Opcode::LocalId) {
    text = language_.localId;
  } else if (op.opcode == Opcode::SubgroupId) {
    text = language_.subgroupId;
  } else if (ir::isFloat(type.dtype)) {
    const double number = op.attributes.get<double>("value");
    text = floatLiteral(number, type.dtype == DType::F64, language_);
    parts.notNan = !std::isnan(number);
  } else {
    const int64_t number = op.attributes.integer("value");
    const auto low = std::to_string(static_cast<uint32_t>(number)) + "u";
    const bool wide = type.dtype == DType::I64 || type.dtype == DType::U64;
    if (type.dtype == DType::Bool) {
      text = number != 0 ? "true" : "false";
    } else if (pair(type.dtype)) {
      text = "uvec2(" + low + ", " +
             std::to_string(static_cast<uint32_t>(static_cast<uint64_t>(number) >> 32)) + "u)";
    } else if (wide) {
      text =
          this->type(type.dtype, 1) + "(" + std::to_string(static_cast<uint64_t>(number)) + "ul)";
    } else if (this->type(type.dtype, 1) == "uint") {
      text = low;
    } else {
      text = number == INT32_MIN ? "int(0x80000000u)" : std::to_string(number);
      if (number < 0) text = "(" + text + ")";
    }
  }
  for (size_t i = 0; i < parts.text.size(); ++i) {
    const int lanes = partLanes(parts, i);
    parts.text[i] = lanes == 1 ? text : this->type(type.dtype, lanes) + "(" + text + ")";
  }
  const bool reads = op.opcode == Opcode::Param;
  if (reads) return define(op.results[0], std::move(parts));
  values_[static_cast<size_t>(op.results[0].index)] = std::move(parts);
}

// ---- private variables ----

void Emitter::emitVar(const Op& op) {
  const ir::Type& type = kernel_.type(op.results[0]);
  Parts parts = shape(type.dtype, type.lanes);
  std::string extent;
  if (!type.shape.empty()) extent = "[" + std::to_string(type.shape[0].value()) + "]";
  for (size_t i = 0; i < parts.text.size(); ++i) {
    parts.text[i] = name(op.results[0], i, parts);
    line(this->type(type.dtype, partLanes(parts, i)) + " " + parts.text[i] + extent + ";");
  }
  values_[static_cast<size_t>(op.results[0].index)] = std::move(parts);
}

void Emitter::emitGet(const Op& op) {
  Parts parts = value(op.operands[0]);
  for (std::string& part : parts.text) {
    if (op.operands.size() > 1) part += "[" + scalar(op.operands[1]) + "]";
  }
  define(op.results[0], std::move(parts));
}

void Emitter::emitSet(const Op& op) {
  const Parts& variable = value(op.operands[0]);
  const Parts& from = value(op.operands[1]);
  for (size_t i = 0; i < variable.text.size(); ++i) {
    std::string to = variable.text[i];
    if (op.operands.size() > 2) to += "[" + scalar(op.operands[2]) + "]";
    line(to + " = " + from.text[i] + ";");
  }
}

// ---- shared ----

bool Emitter::pair(DType dtype) const {
  return (dtype == DType::I64 || dtype == DType::U64) && !target_.int64;
}

std::string Emitter::type(DType dtype, int lanes) const {
  const std::string count = std::to_string(lanes);
  switch (dtype) {
    case DType::Bool:
      return lanes == 1 ? "bool" : "bvec" + count;
    case DType::I8:
    case DType::I16:
    case DType::I32:
      return lanes == 1 ? "int" : "ivec" + count;
    case DType::U8:
    case DType::U16:
    case DType::U32:
      return lanes == 1 ? "uint" : "uvec" + count;
    case DType::F16:
    case DType::BF16:
    case DType::F32:
      return lanes == 1 ? "float" : "vec" + count;
    case DType::F64:
      return lanes == 1 ? "double" : "dvec" + count;
    case DType::I64:
      if (pair(dtype)) return "uvec2";
      return lanes == 1 ? "int64_t" : "i64vec" + count;
    case DType::U64:
      if (pair(dtype)) return "uvec2";
      return lanes == 1 ? "uint64_t" : "u64vec" + count;
  }
  throwInternalError("a dtype", "unknown");
}

std::string Emitter::zero(DType dtype, int lanes) const {
  return type(dtype, lanes) + (dtype == DType::Bool ? "(false)" : "(0)");
}

std::string Emitter::call(const std::string& function, const std::vector<std::string>& args) {
  prelude_.need(function);
  return function + "(" + joined(args) + ")";
}

Parts Emitter::shape(DType dtype, int lanes) const {
  Parts parts;
  parts.dtype = dtype;
  parts.lanes = lanes;
  parts.width = width(dtype);
  parts.text.resize(static_cast<size_t>((lanes + parts.width - 1) / parts.width));
  return parts;
}

int Emitter::partLanes(const Parts& parts, size_t i) const {
  return std::min(parts.width, parts.lanes - static_cast<int>(i) * parts.width);
}

std::string Emitter::lane(const Parts& parts, int lane) const {
  const auto part = static_cast<size_t>(lane / parts.width);
  const std::string& text = parts.text[part];
  if (partLanes(parts, part) == 1) return text;
  return text + "." + "xyzw"[lane % parts.width];
}

std::string Emitter::compose(DType dtype, const std::vector<std::string>& lanes) const {
  if (lanes.size() == 1) return lanes[0];
  return type(dtype, static_cast<int>(lanes.size())) + "(" + joined(lanes) + ")";
}

std::string Emitter::name(ir::ValueId id, size_t part, const Parts& parts) const {
  std::string text = "v" + std::to_string(id.index);
  if (parts.text.size() > 1) text += "_" + std::to_string(part);
  return text;
}

void Emitter::define(ir::ValueId result, Parts parts, bool precise) {
  for (size_t i = 0; i < parts.text.size(); ++i) {
    const std::string constant = name(result, i, parts);
    line((precise ? language_.precise : "") + type(parts.dtype, partLanes(parts, i)) + " " +
         constant + " = " + parts.text[i] + ";");
    parts.text[i] = constant;
  }
  parts.notNan = false;
  values_[static_cast<size_t>(result.index)] = std::move(parts);
}

void Emitter::line(const std::string& text) {
  printed_.statements.append(static_cast<size_t>(indent_) * 2, ' ');
  printed_.statements += text + "\n";
}

}  // namespace quartet::gpu
