#include "backends/vulkan/emit_glsl.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "backends/vulkan/emitter.h"

namespace quartet::vulkan {

using ir::DType;
using ir::Op;
using ir::Opcode;

namespace {

template <class Visit>
void forEachOp(const ir::Module& kernel, ir::RegionId region, const Visit& visit) {
  for (const ir::OpId id : kernel.region(region).ops) {
    visit(kernel.op(id));
    for (const ir::RegionId inner : kernel.op(id).regions) forEachOp(kernel, inner, visit);
  }
}

int64_t parameterCount(const ir::Module& kernel) {
  int64_t count = 0;
  forEachOp(kernel, kernel.top(), [&](const Op& op) {
    if (op.opcode == Opcode::Param) count = std::max(count, op.attributes.integer("index") + 1);
  });
  return count;
}

/// A float literal that GLSL reads back exactly; infinities and NaN from their bits.
std::string floatLiteral(double value, bool isDouble) {
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
  return out + (isDouble ? "lf" : "");
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string header(const GlslTarget& target, std::span<const ir::Module* const> kernels,
                   const ShaderInterface& interface) {
  bool eight = false;
  bool sixteen = false;
  bool sixtyFour = false;
  for (const ir::Module* kernel : kernels) {
    for (const ir::ValueId buffer : kernel->region(kernel->top()).parameters) {
      const DType dtype = kernel->type(buffer).dtype;
      eight |= ir::byteSize(dtype) == 1;
      sixteen |= ir::byteSize(dtype) == 2;
    }
    for (int i = 0; i < kernel->valueCount(); ++i) {
      const DType dtype = kernel->type(ir::ValueId{i}).dtype;
      sixtyFour |= dtype == DType::I64 || dtype == DType::U64;
    }
  }
  std::string text = "#version 450\n#extension GL_EXT_control_flow_attributes : require\n";
  if (eight) text += "#extension GL_EXT_shader_8bit_storage : require\n";
  if (sixteen) text += "#extension GL_EXT_shader_16bit_storage : require\n";
  if (sixtyFour && target.int64) {
    text += "#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require\n";
  }
  text += "layout(local_size_x = " + std::to_string(interface.local) + ") in;\n";
  int64_t binding = interface.buffers;
  if (interface.status) {
    text += "layout(std430, binding = " + std::to_string(binding++) +
            ") buffer Status { uint code; uint node; uvec2 detail; } status;\n";
  }
  const std::string words =
      "Words { uint word[" + std::to_string(interface.words) + "]; } words;\n";
  if (interface.wordsInBuffer) {
    text += "layout(std430, binding = " + std::to_string(binding) + ") readonly buffer " + words;
  } else {
    text += "layout(push_constant, std430) uniform " + words;
  }
  return text;
}

std::string mainFunction(const ShaderInterface& interface) {
  std::string text =
      "void main() {\n"
      "  uint group = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;\n";
  int64_t word = 0;
  for (size_t i = 0; i < interface.parameters.size(); ++i) {
    const std::string groups = "words.word[" + std::to_string(word) + "]";
    text += "  if (group < " + groups + ") kernel" + std::to_string(i) + "(int(group));\n";
    if (i + 1 < interface.parameters.size()) text += "  else {\n  group -= " + groups + ";\n";
    word += 1 + interface.parameters[i];
  }
  for (size_t i = 1; i < interface.parameters.size(); ++i) text += "  }\n";
  return text + "}\n";
}

}  // namespace

bool contains(const ir::Module& kernel, Opcode opcode) {
  bool found = false;
  forEachOp(kernel, kernel.top(), [&](const Op& op) { found |= op.opcode == opcode; });
  return found;
}

ShaderInterface interfaceOf(std::span<const ir::Module* const> kernels, const GlslTarget& target) {
  ShaderInterface interface;
  for (const ir::Module* kernel : kernels) {
    interface.local = kernel->attributes.integer("local");
    interface.buffers += static_cast<int64_t>(kernel->region(kernel->top()).parameters.size());
    interface.status |= contains(*kernel, Opcode::Report);
    interface.parameters.push_back(parameterCount(*kernel));
    interface.words += 1 + interface.parameters.back();
  }
  interface.wordsInBuffer = interface.words > target.pushWords;
  return interface;
}

std::string emitGlsl(std::span<const ir::Module* const> kernels, const GlslTarget& target) {
  const ShaderInterface interface = interfaceOf(kernels, target);
  Prelude prelude(target.int64);
  std::string functions;
  int64_t binding = 0;
  int64_t word = 0;
  for (size_t i = 0; i < kernels.size(); ++i) {
    const ir::Module& kernel = *kernels[i];
    QT_ASSERT(kernel.attributes.integer("local") == interface.local,
              "kernels of one shader have groups of one size");
    functions += Emitter(kernel, target, prelude, static_cast<int>(i), binding, word + 1).run();
    binding += static_cast<int64_t>(kernel.region(kernel.top()).parameters.size());
    word += 1 + interface.parameters[i];
  }
  return header(target, kernels, interface) + prelude.text() + functions + mainFunction(interface);
}

Emitter::Emitter(const ir::Module& kernel, const GlslTarget& target, Prelude& prelude, int number,
                 int64_t firstBinding, int64_t firstWord)
    : kernel_(kernel),
      target_(target),
      prelude_(prelude),
      number_(number),
      firstBinding_(firstBinding),
      firstWord_(firstWord),
      values_(static_cast<size_t>(kernel.valueCount())),
      widths_(static_cast<size_t>(kernel.valueCount())) {}

std::string Emitter::run() {
  coherent_ = contains(kernel_, Opcode::Barrier);
  scanAccesses(kernel_.top());
  declareBuffers();
  emitRegion(kernel_.top());
  return globals_ + "void kernel" + std::to_string(number_) + "(int group) {\n" + body_ + "}\n";
}

void Emitter::emitRegion(ir::RegionId region) {
  for (const ir::OpId id : kernel_.region(region).ops) emitOp(kernel_.op(id));
}

void Emitter::emitOp(const Op& op) {
  if (ir::isScalar(op.opcode)) return op.opcode == Opcode::Cast ? emitCast(op) : emitScalar(op);
  switch (op.opcode) {
    case Opcode::Return:
      return;
    case Opcode::Param:
    case Opcode::GroupId:
    case Opcode::LocalId:
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
  line("[[dont_unroll]] for (int " + i + " = " + scalar(op.operands[0]) + "; " + i + " < " +
       scalar(op.operands[1]) + "; " + i + " += " + scalar(op.operands[2]) + ") {");
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
  if (coherent_) line("memoryBarrierBuffer();");
  line("barrier();");
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
  line("if (" + any + ") report(" + std::to_string(op.attributes.integer("code")) + "u, " +
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
    text = "int(words.word[" + std::to_string(firstWord_ + op.attributes.integer("index")) + "])";
  } else if (op.opcode == Opcode::GroupId) {
    text = "group";
  } else if (op.opcode == Opcode::LocalId) {
    text = "int(gl_LocalInvocationIndex)";
  } else if (ir::isFloat(type.dtype)) {
    const double number = op.attributes.get<double>("value");
    text = floatLiteral(number, type.dtype == DType::F64);
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
    line((precise ? "precise " : "") + type(parts.dtype, partLanes(parts, i)) + " " + constant +
         " = " + parts.text[i] + ";");
    parts.text[i] = constant;
  }
  parts.notNan = false;
  values_[static_cast<size_t>(result.index)] = std::move(parts);
}

void Emitter::line(const std::string& text) {
  body_.append(static_cast<size_t>(indent_) * 2, ' ');
  body_ += text + "\n";
}

}  // namespace quartet::vulkan
