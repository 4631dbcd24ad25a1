// Buffers: their declarations and the accesses to them.
//
// A buffer is declared once for each width that it is accessed by: as an array of scalars, and, for
// 32-bit elements at aligned indices, of vectors of 2 or 4. Both views share a binding.

#include "backends/common/gpu/emitter.h"
#include "ir/staging.h"

namespace quartet::gpu {

using ir::DType;
using ir::Op;
using ir::Opcode;

bool Emitter::viewable(DType dtype) const {
  return dtype == DType::F32 || dtype == DType::I32 || dtype == DType::U32;
}

bool Emitter::stored(const ir::Type& buffer) const {
  return buffer.space != ir::Space::Workgroup ||
         (ir::byteSize(buffer.dtype) < 4 && buffer.dtype != DType::Bool);
}

/// The width in elements by which a load or store with all of its lanes goes.
int Emitter::accessWidth(const Op& op) const {
  const bool loads = op.opcode == Opcode::Load;
  const int lanes = kernel_.type(loads ? op.results[0] : op.operands[2]).lanes;
  const ir::ValueId buffer = op.operands[0];
  const int64_t align = op.attributes.has("align") ? op.attributes.integer("align") : 1;
  if (!viewable(kernel_.type(buffer).dtype) || op.attributes.has("stride")) return 1;
  if (lanes % 4 == 0 && align % 4 == 0) return 4;
  return lanes == 2 && align % 2 == 0 ? 2 : 1;
}

void Emitter::scanAccesses(ir::RegionId region) {
  for (const ir::OpId id : kernel_.region(region).ops) {
    const Op& op = kernel_.op(id);
    for (const ir::RegionId inner : op.regions) scanAccesses(inner);
    const bool gathers = op.opcode == Opcode::GatherLoad || op.opcode == Opcode::ScatterStore;
    const bool plain = op.opcode == Opcode::Load || op.opcode == Opcode::Store;
    const bool matrices = op.opcode == Opcode::MatrixLoad || op.opcode == Opcode::MatrixStore;
    const bool atomic = op.opcode == Opcode::AtomicAdd;
    if (!gathers && !plain && !matrices && !atomic) continue;
    Widths& widths = widths_[static_cast<size_t>(op.operands[0].index)];
    const bool guarded = op.operands.size() > (op.opcode == Opcode::Load ? 2 : 3);
    if (gathers || guarded || matrices || atomic) widths.insert(1);
    if (plain) widths.insert(accessWidth(op));
  }
}

std::string Emitter::storageType(DType dtype, int width) const {
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
      return "uint8_t";
    case DType::I8:
      return "int8_t";
    case DType::I16:
      return "int16_t";
    case DType::U16:
    case DType::BF16:
      return "uint16_t";
    case DType::F16:
      return "float16_t";
    default:
      return type(dtype, width);
  }
}

void Emitter::declareBuffers() {
  int64_t binding = place_.firstBinding;
  for (const ir::ValueId id : kernel_.region(kernel_.top()).parameters) {
    const ir::Type& type = kernel_.type(id);
    PrintedBuffer buffer{
        .binding = binding, .access = type.access, .coherent = coherent_, .views = {}};
    const std::string name = "b" + std::to_string(binding);
    Widths widths = widths_[static_cast<size_t>(id.index)];
    if (widths.empty()) widths.insert(1);  // never accessed: declared all the same
    for (const int width : widths) {
      const std::string view = name + (width == 1 ? "" : "x" + std::to_string(width));
      buffer.views.push_back({width, view, storageType(type.dtype, width)});
    }
    printed_.buffers.push_back(std::move(buffer));
    Parts parts;
    parts.text = {name};
    values_[static_cast<size_t>(id.index)] = parts;
    ++binding;
  }
}

// Workgroup memory has one declaration: of vectors when all accesses are.
void Emitter::declareShared(const Op& op) {
  const ir::ValueId id = op.results[0];
  const ir::Type& buffer = kernel_.type(id);
  Widths& widths = widths_[static_cast<size_t>(id.index)];
  const int width = widths.size() == 1 ? *widths.begin() : 1;
  widths = {width};
  const std::string name = "s" + std::to_string(place_.number) + "_" + std::to_string(id.index);
  const int64_t size = buffer.dtype == DType::Bool ? 4 : ir::byteSize(buffer.dtype);
  const int64_t elements = ir::workgroupArrayBytes(buffer.shape[0].value() * size) / (width * size);
  const std::string element =
      stored(buffer) ? storageType(buffer.dtype, width) : type(buffer.dtype, width);
  printed_.shared += language_.shared + element + " " + name +
                     (width == 1 ? "" : "x" + std::to_string(width)) + "[" +
                     std::to_string(elements) + "];\n";
  Parts parts;
  parts.text = {name};
  values_[static_cast<size_t>(id.index)] = parts;
}

/// The element, or the aligned vector of `width` elements, at `index`.
std::string Emitter::element(ir::ValueId buffer, int width, const std::string& index) const {
  const std::string& name = scalar(buffer);
  if (width == 1) return name + "[" + index + "]";
  return name + "x" + std::to_string(width) + "[" + index + "]";
}

std::string Emitter::fromStorage(DType dtype, int lanes, const std::string& stored) const {
  switch (dtype) {
    case DType::Bool:
      return "uint(" + stored + ") != 0u";
    case DType::I8:
    case DType::U8:
    case DType::I16:
    case DType::U16:
    case DType::F16:
      return type(dtype, lanes) + "(" + stored + ")";
    case DType::BF16:
      return "uintBitsToFloat(uint(" + stored + ") << 16)";
    default:
      return stored;
  }
}

std::string Emitter::toStorage(DType dtype, int lanes, const std::string& value) const {
  switch (dtype) {
    case DType::Bool:
      return "uint8_t(uint(" + value + "))";
    case DType::I8:
    case DType::U8:
    case DType::I16:
    case DType::U16:
    case DType::F16:
      return storageType(dtype, lanes) + "(" + value + ")";
    case DType::BF16:
      return "uint16_t(floatBitsToUint(" + value + ") >> 16)";
    default:
      return value;
  }
}

namespace {

std::string plus(const std::string& index, int offset) {
  return offset == 0 ? index : index + " + " + std::to_string(offset);
}

std::string shifted(const std::string& index, int width) {
  return width == 4 ? "(" + index + " >> 2)" : "(" + index + " >> 1)";
}

}  // namespace

void Emitter::emitLoad(const Op& op) {
  const ir::ValueId buffer = op.operands[0];
  const ir::Type& from = kernel_.type(buffer);
  const bool converted = stored(from);
  const std::string index = scalar(op.operands[1]);
  Parts result = shape(from.dtype, kernel_.type(op.results[0]).lanes);
  const Widths& widths = widths_[static_cast<size_t>(buffer.index)];
  const int wanted = accessWidth(op);
  const int view = widths.count(wanted) != 0 ? wanted : 1;
  const auto stride =
      static_cast<int>(op.attributes.has("stride") ? op.attributes.integer("stride") : 1);
  const auto scalarAt = [&](int lane) {
    const std::string read = element(buffer, 1, plus(index, lane * stride));
    return converted ? fromStorage(from.dtype, 1, read) : read;
  };
  const auto whole = [&](size_t i) {
    const int first = static_cast<int>(i) * result.width;
    if (view > 1) return element(buffer, view, plus(shifted(index, view), first / view));
    std::vector<std::string> lanes;
    for (int l = 0; l < partLanes(result, i); ++l) lanes.push_back(scalarAt(first + l));
    return compose(result.dtype, lanes);
  };
  if (op.operands.size() < 3) {
    for (size_t i = 0; i < result.text.size(); ++i) result.text[i] = whole(i);
    return define(op.results[0], std::move(result));
  }
  const std::string count = scalar(op.operands[2]);
  Parts named = result;
  for (size_t i = 0; i < result.text.size(); ++i) {
    const int lanes = partLanes(result, i);
    result.text[i] = zero(result.dtype, lanes);
    if (pair(result.dtype)) result.text[i] = "uvec2(0u)";
    named.text[i] = name(op.results[0], i, result);
  }
  define(op.results[0], std::move(result));
  for (size_t i = 0; i < named.text.size(); ++i) {
    const int first = static_cast<int>(i) * named.width;
    const int lanes = partLanes(named, i);
    if (lanes > 1) {
      line("if (" + count + " >= " + std::to_string(first + lanes) + ") {");
      line("  " + named.text[i] + " = " + whole(i) + ";");
      line("} else {");
    }
    for (int l = 0; l < lanes; ++l) {
      if (lanes > 1 && l + 1 == lanes) break;  // all lanes: done above
      line(std::string(lanes > 1 ? "  " : "") + "if (" + count + " > " + std::to_string(first + l) +
           ") " + lane(named, first + l) + " = " + scalarAt(first + l) + ";");
    }
    if (lanes > 1) line("}");
  }
}

void Emitter::emitStore(const Op& op) {
  const ir::ValueId buffer = op.operands[0];
  const ir::Type& to = kernel_.type(buffer);
  const bool converted = stored(to);
  const std::string index = scalar(op.operands[1]);
  const Parts& from = value(op.operands[2]);
  const Widths& widths = widths_[static_cast<size_t>(buffer.index)];
  const int wanted = accessWidth(op);
  const int view = widths.count(wanted) != 0 ? wanted : 1;
  const auto storeLane = [&](int l) {
    const std::string x = lane(from, l);
    return element(buffer, 1, plus(index, l)) + " = " +
           (converted ? toStorage(to.dtype, 1, x) : x) + ";";
  };
  const bool guarded = op.operands.size() > 3;
  const std::string count = guarded ? scalar(op.operands[3]) : "";
  for (size_t i = 0; i < from.text.size(); ++i) {
    const int first = static_cast<int>(i) * from.width;
    const int lanes = partLanes(from, i);
    const bool split = guarded && lanes > 1;
    const std::string pad = split ? "  " : "";
    if (split) line("if (" + count + " >= " + std::to_string(first + lanes) + ") {");
    if (view > 1) {
      line(pad + element(buffer, view, plus(shifted(index, view), first / view)) + " = " +
           from.text[i] + ";");
    } else if (!guarded || split) {
      for (int l = 0; l < lanes; ++l) line(pad + storeLane(first + l));
    }
    if (split) line("} else {");
    for (int l = 0; guarded && l < lanes - (split ? 1 : 0); ++l) {
      line(pad + "if (" + count + " > " + std::to_string(first + l) + ") " + storeLane(first + l));
    }
    if (split) line("}");
  }
}

void Emitter::emitGather(const Op& op) {
  const ir::ValueId buffer = op.operands[0];
  const ir::Type& from = kernel_.type(buffer);
  const bool converted = stored(from);
  const Parts& indices = value(op.operands[1]);
  std::vector<std::string> lanes;
  for (int l = 0; l < indices.lanes; ++l) {
    const std::string at = element(buffer, 1, lane(indices, l));
    const std::string read = converted ? fromStorage(from.dtype, 1, at) : at;
    if (op.operands.size() < 3) {
      lanes.push_back(read);
      continue;
    }
    const std::string each = fresh();
    line(type(from.dtype, 1) + " " + each + " = " + zero(from.dtype, 1) + ";");
    line("if (" + lane(value(op.operands[2]), l) + ") " + each + " = " + read + ";");
    lanes.push_back(each);
  }
  Parts result = shape(from.dtype, indices.lanes);
  for (size_t i = 0; i < result.text.size(); ++i) {
    const auto first = lanes.begin() + static_cast<int64_t>(i) * result.width;
    result.text[i] = compose(from.dtype, {first, first + partLanes(result, i)});
  }
  define(op.results[0], std::move(result));
}

void Emitter::emitScatter(const Op& op) {
  const ir::ValueId buffer = op.operands[0];
  const ir::Type& to = kernel_.type(buffer);
  const bool converted = stored(to);
  const Parts& indices = value(op.operands[1]);
  const Parts& from = value(op.operands[2]);
  for (int l = 0; l < indices.lanes; ++l) {
    const std::string x = lane(from, l);
    const std::string store = element(buffer, 1, lane(indices, l)) + " = " +
                              (converted ? toStorage(to.dtype, 1, x) : x) + ";";
    const bool masked = op.operands.size() > 3;
    line(masked ? "if (" + lane(value(op.operands[3]), l) + ") " + store : store);
  }
}

/// The language's own is indivisible on the whole device, and relaxed.
void Emitter::emitAtomicAdd(const Op& op) {
  Parts before = shape(kernel_.type(op.results[0]).dtype, 1);
  before.text[0] = "atomicAdd(" + element(op.operands[0], 1, scalar(op.operands[1])) + ", " +
                   scalar(op.operands[2]) + ")";
  define(op.results[0], std::move(before));
}

}  // namespace quartet::gpu
