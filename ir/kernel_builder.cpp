// Building kernel ops: constructors, memory, control flow. Folding is in kernel_fold.cpp.

#include <string>
#include <utility>

#include "ir/kernel.h"

namespace quartet::ir {
namespace {

// Identifies a pure op: ops with one key compute one value. Types follow from the rest, except for
// the dtype and lanes that are spelled out.
std::string keyOf(Opcode op, const std::vector<ValueId>& operands, const Type& type,
                  const Attributes& attributes) {
  std::string key;
  const auto add = [&key](int64_t part) { key += std::to_string(part) + ' '; };
  add(static_cast<int64_t>(op));
  add(static_cast<int64_t>(type.dtype));
  add(type.lanes);
  for (ValueId operand : operands) add(operand.index);
  for (const auto& [name, value] : attributes.entries()) {
    key += name + '=';
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      add(*integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      key.append(reinterpret_cast<const char*>(number), sizeof(double));  // -0.0 is not 0.0
    } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&value)) {
      for (const int64_t each : *integers) add(each);
    } else {
      add(static_cast<int64_t>(std::get<Opcode>(value)));
    }
  }
  return key;
}

void setAlign(Attributes& attributes, int64_t align) {
  QT_ASSERT(align >= 1, "alignment " + std::to_string(align));
  if (align > 1) attributes.set("align", align);
}

}  // namespace

ValueId KernelBuilder::emit(Opcode op, std::vector<ValueId> operands, Type type,
                            Attributes attributes) {
  const OpId made = module_.addOp(region_, op, std::move(operands), {std::move(type)},
                                  std::move(attributes), {}, origin_);
  return module_.result(made);
}

ValueId KernelBuilder::emitPure(Opcode op, std::vector<ValueId> operands, Type type,
                                Attributes attributes) {
  std::string key = keyOf(op, operands, type, attributes);
  for (const Known& known : known_) {
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  const ValueId value = emit(op, std::move(operands), std::move(type), std::move(attributes));
  known_.back().emplace(std::move(key), value);
  return value;
}

void KernelBuilder::emitEffect(Opcode op, std::vector<ValueId> operands, Attributes attributes,
                               std::vector<RegionId> regions) {
  module_.addOp(region_, op, std::move(operands), {}, std::move(attributes), std::move(regions),
                origin_);
}

void KernelBuilder::inside(RegionId region, const std::function<void()>& build) {
  const RegionId outer = std::exchange(region_, region);
  known_.emplace_back();
  build();
  known_.pop_back();
  region_ = outer;
}

ValueId KernelBuilder::bitcast(ValueId x, DType to) {
  const Type type = module_.type(x);
  if (type.dtype == to) return x;
  QT_ASSERT(byteSize(type.dtype) == byteSize(to), "bitcast between dtypes of different width");
  return emitPure(Opcode::Bitcast, {x}, Type::scalar(to, type.lanes));
}

ValueId KernelBuilder::splat(ValueId x, int lanes) {
  const Type& type = module_.type(x);
  QT_ASSERT(type.lanes == 1, "splat of a vector");
  if (lanes == 1) return x;
  Type wide = Type::scalar(type.dtype, lanes);
  const OpId definition = module_.value(x).definition;
  if (definition.valid() && module_.op(definition).opcode == Opcode::Literal) {
    Attributes attributes = module_.op(definition).attributes;
    return emitPure(Opcode::Literal, {}, std::move(wide), std::move(attributes));
  }
  return emitPure(Opcode::Splat, {x}, std::move(wide));
}

ValueId KernelBuilder::extract(ValueId x, int lane) {
  const Type type = module_.type(x);
  QT_ASSERT(lane >= 0 && lane < type.lanes, "extract of lane " + std::to_string(lane));
  if (type.lanes == 1) return x;
  Type narrow = Type::scalar(type.dtype);
  const OpId definition = module_.value(x).definition;
  if (definition.valid()) {
    const Op& op = module_.op(definition);
    if (op.opcode == Opcode::Splat) return op.operands[0];
    if (op.opcode == Opcode::LaneId) return literal(lane, type.dtype);
    if (op.opcode == Opcode::Literal) {
      Attributes attributes = op.attributes;
      return emitPure(Opcode::Literal, {}, std::move(narrow), std::move(attributes));
    }
  }
  Attributes attributes;
  attributes.set("lane", int64_t{lane});
  return emitPure(Opcode::Extract, {x}, std::move(narrow), std::move(attributes));
}

ValueId KernelBuilder::shuffle(ValueId a, ValueId b, std::vector<int64_t> lanes) {
  const Type type = Type::scalar(module_.type(a).dtype, static_cast<int>(lanes.size()));
  Attributes attributes;
  attributes.set("lanes", std::move(lanes));
  return emitPure(Opcode::Shuffle, {a, b}, type, std::move(attributes));
}

ValueId KernelBuilder::reduceLanes(Opcode fn, ValueId x) {
  const Type type = module_.type(x);
  if (type.lanes == 1) return x;
  Attributes attributes;
  attributes.set("fn", fn);
  return emitPure(Opcode::ReduceLanes, {x}, Type::scalar(type.dtype), std::move(attributes));
}

ValueId KernelBuilder::laneId(int lanes) {
  if (lanes == 1) return literal(0);
  return emitPure(Opcode::LaneId, {}, Type::scalar(DType::I32, lanes));
}

ValueId KernelBuilder::param(int index) {
  Attributes attributes;
  attributes.set("index", int64_t{index});
  return emitPure(Opcode::Param, {}, Type::scalar(DType::I32), std::move(attributes));
}

ValueId KernelBuilder::groupId() { return emitPure(Opcode::GroupId, {}, Type::scalar(DType::I32)); }

ValueId KernelBuilder::localId() { return emitPure(Opcode::LocalId, {}, Type::scalar(DType::I32)); }

ValueId KernelBuilder::subgroupId() {
  return emitPure(Opcode::SubgroupId, {}, Type::scalar(DType::I32));
}

ValueId KernelBuilder::var(DType dtype, int lanes, std::vector<Dim> extents) {
  Attributes attributes;
  if (!extents.empty()) {
    Ints values;
    for (const Dim& extent : extents) values.push_back(extent.value());
    attributes.set("extents", std::move(values));
  }
  return emit(Opcode::Var, {}, Type::variable(dtype, lanes, std::move(extents)),
              std::move(attributes));
}

ValueId KernelBuilder::get(ValueId variable, ValueId index) {
  Type held = module_.type(variable).held();
  std::vector<ValueId> operands = {variable};
  if (index.valid()) operands.push_back(index);
  return emit(Opcode::Get, std::move(operands), std::move(held));
}

void KernelBuilder::set(ValueId variable, ValueId value, ValueId index) {
  std::vector<ValueId> operands = {variable, value};
  if (index.valid()) operands.push_back(index);
  emitEffect(Opcode::Set, std::move(operands));
}

ValueId KernelBuilder::shared(DType dtype, int64_t elements) {
  return emit(Opcode::Shared, {},
              Type::kernelBuffer(dtype, elements, Type::Access::ReadWrite, Space::Workgroup));
}

ValueId KernelBuilder::load(ValueId buffer, ValueId index, int lanes, ValueId count,
                            int64_t align) {
  Attributes attributes;
  setAlign(attributes, align);
  return countedLoad(buffer, index, lanes, count, std::move(attributes));
}

ValueId KernelBuilder::stridedLoad(ValueId buffer, ValueId index, int lanes, int64_t stride,
                                   ValueId count) {
  QT_ASSERT(stride >= 1, "stride " + std::to_string(stride));
  Attributes attributes;
  if (stride > 1) attributes.set("stride", stride);
  return countedLoad(buffer, index, lanes, count, std::move(attributes));
}

ValueId KernelBuilder::countedLoad(ValueId buffer, ValueId index, int lanes, ValueId count,
                                   Attributes attributes) {
  const DType dtype = module_.type(buffer).dtype;
  std::vector<ValueId> operands = {buffer, index};
  if (count.valid()) {
    const std::optional<int64_t> known = intLiteral(count);
    if (known && *known <= 0) return literal(0, dtype, lanes);
    if (!known || *known < lanes) operands.push_back(count);
  }
  return emit(Opcode::Load, std::move(operands), Type::scalar(dtype, lanes), std::move(attributes));
}

void KernelBuilder::store(ValueId buffer, ValueId index, ValueId value, ValueId count,
                          int64_t align, bool streams) {
  std::vector<ValueId> operands = {buffer, index, value};
  if (count.valid()) {
    const std::optional<int64_t> known = intLiteral(count);
    if (known && *known <= 0) return;
    if (!known || *known < module_.type(value).lanes) operands.push_back(count);
  }
  Attributes attributes;
  setAlign(attributes, align);
  if (streams) attributes.set("streams", int64_t{1});
  emitEffect(Opcode::Store, std::move(operands), std::move(attributes));
}

void KernelBuilder::prefetch(ValueId buffer, ValueId index) {
  emitEffect(Opcode::Prefetch, {buffer, index});
}

ValueId KernelBuilder::gatherLoad(ValueId buffer, ValueId indices, ValueId mask) {
  Type type = Type::scalar(module_.type(buffer).dtype, module_.type(indices).lanes);
  std::vector<ValueId> operands = {buffer, indices};
  if (mask.valid()) operands.push_back(mask);
  return emit(Opcode::GatherLoad, std::move(operands), std::move(type));
}

void KernelBuilder::scatterStore(ValueId buffer, ValueId indices, ValueId value, ValueId mask) {
  std::vector<ValueId> operands = {buffer, indices, value};
  if (mask.valid()) operands.push_back(mask);
  emitEffect(Opcode::ScatterStore, std::move(operands));
}

ValueId KernelBuilder::atomicAdd(ValueId buffer, ValueId index, ValueId value) {
  return emit(Opcode::AtomicAdd, {buffer, index, value}, module_.type(value));
}

void KernelBuilder::barrier() { emitEffect(Opcode::Barrier, {}); }

namespace {

Attributes order(bool columnMajor) {
  Attributes attributes;
  if (columnMajor) attributes.set("column_major", int64_t{1});
  return attributes;
}

}  // namespace

ValueId KernelBuilder::matrixSplat(ValueId x, const Type& matrix) {
  return emit(Opcode::Splat, {x}, matrix);
}

ValueId KernelBuilder::matrixVar(const Type& matrix) {
  return emit(Opcode::Var, {}, Type::variableOf(matrix));
}

ValueId KernelBuilder::matrixLoad(const Type& matrix, ValueId buffer, ValueId index, ValueId stride,
                                  bool columnMajor) {
  return emit(Opcode::MatrixLoad, {buffer, index, stride}, matrix, order(columnMajor));
}

void KernelBuilder::matrixStore(ValueId buffer, ValueId index, ValueId stride, ValueId matrix,
                                bool columnMajor) {
  emitEffect(Opcode::MatrixStore, {buffer, index, stride, matrix}, order(columnMajor));
}

ValueId KernelBuilder::matrixMultiplyAdd(ValueId a, ValueId b, ValueId accumulator) {
  return emit(Opcode::MatrixMultiplyAdd, {a, b, accumulator}, module_.type(accumulator));
}

void KernelBuilder::report(ValueId condition, int64_t code, int64_t node, ValueId detail) {
  if (intLiteral(condition) == 0) return;
  Attributes attributes;
  attributes.set("code", code);
  attributes.set("node", node);
  std::vector<ValueId> operands = {condition};
  if (detail.valid()) operands.push_back(detail);
  emitEffect(Opcode::Report, std::move(operands), std::move(attributes));
}

void KernelBuilder::loop(ValueId lo, ValueId hi, ValueId step,
                         const std::function<void(ValueId)>& body) {
  const std::optional<int64_t> first = intLiteral(lo);
  const std::optional<int64_t> end = intLiteral(hi);
  const std::optional<int64_t> stride = intLiteral(step);
  QT_ASSERT(!stride || *stride > 0, "loop step " + std::to_string(stride.value_or(0)));
  if (lo == hi || (first && end && *first >= *end)) return;
  if (first && end && stride && *end - *first <= *stride) return body(lo);
  const RegionId region = module_.addRegion();
  const ValueId index = module_.addParameter(region, Type::scalar(DType::I32));
  inside(region, [&] { body(index); });
  emitEffect(Opcode::For, {lo, hi, step}, {}, {region});
}

void KernelBuilder::branch(ValueId condition, const std::function<void()>& then,
                           const std::function<void()>& otherwise, bool likely) {
  const auto build = [](const std::function<void()>& side) {
    if (side) side();
  };
  if (const std::optional<int64_t> known = intLiteral(condition)) {
    return build(*known != 0 ? then : otherwise);
  }
  const RegionId yes = module_.addRegion();
  const RegionId no = module_.addRegion();
  inside(yes, [&] { build(then); });
  inside(no, [&] { build(otherwise); });
  if (module_.region(yes).ops.empty() && module_.region(no).ops.empty()) return;
  Attributes attributes;
  if (likely) attributes.set("likely", int64_t{1});
  emitEffect(Opcode::If, {condition}, std::move(attributes), {yes, no});
}

}  // namespace quartet::ir
