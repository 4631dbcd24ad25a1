#include "ir/module.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "base/mapped_file.h"

namespace quartet::ir {

namespace {

struct NameLess {
  bool operator()(const std::pair<std::string, Attribute>& entry, std::string_view key) const {
    return entry.first < key;
  }
};

bool sameAttribute(const Attribute& a, const Attribute& b) {
  using ExprPointer = std::shared_ptr<const TensorExpr>;
  if (a.index() != b.index()) return false;
  if (const auto* left = std::get_if<ExprPointer>(&a)) {
    const auto& right = std::get<ExprPointer>(b);
    return *left == right || (*left && right && **left == *right);
  }
  return a == b;
}

/// Ops of `region` and of the regions inside, in order.
template <class Visit>
void forEachOp(const Module& module, RegionId region, const Visit& visit) {
  for (const OpId id : module.region(region).ops) {
    visit(id);
    for (const RegionId inner : module.op(id).regions) forEachOp(module, inner, visit);
  }
}

/// An op that may go when its results are unused: it computes values and nothing else.
bool isPure(const Op& op) { return !op.results.empty() && op.regions.empty(); }

}  // namespace

const Attribute* Attributes::find(std::string_view key) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), key, NameLess{});
  return found != entries_.end() && found->first == key ? &found->second : nullptr;
}

void Attributes::set(std::string key, Attribute value) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key, NameLess{});
  if (at != entries_.end() && at->first == key) {
    at->second = std::move(value);
  } else {
    entries_.emplace(at, std::move(key), std::move(value));
  }
}

void Attributes::erase(std::string_view key) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), key, NameLess{});
  if (at != entries_.end() && at->first == key) entries_.erase(at);
}

bool Attributes::operator==(const Attributes& other) const {
  return std::equal(entries_.begin(), entries_.end(), other.entries_.begin(), other.entries_.end(),
                    [](const auto& a, const auto& b) {
                      return a.first == b.first && sameAttribute(a.second, b.second);
                    });
}

int64_t ConstantData::elementCount() const {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

void ConstantData::release(std::span<const std::byte> part) const {
  if (file) file->release(part);
}

std::shared_ptr<const ConstantData> makeConstant(DType dtype, Ints shape,
                                                 std::vector<std::byte> bytes) {
  auto data = std::make_shared<ConstantData>();
  data->dtype = dtype;
  data->shape = std::move(shape);
  const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  data->bytes = *owner;
  data->owner = owner;
  QT_ASSERT(static_cast<int64_t>(owner->size()) == data->elementCount() * byteSize(dtype),
            "a constant of " + std::to_string(data->elementCount()) + " " +
                std::string(ir::name(dtype)) + " given " + std::to_string(owner->size()) +
                " bytes");
  return data;
}

Module::Module(Level moduleLevel, std::string moduleName)
    : level(moduleLevel), name(std::move(moduleName)) {
  regions_.emplace_back();
}

ValueId Module::addParameter(RegionId where, Type type, std::string parameterName) {
  const ValueId id{static_cast<int32_t>(values_.size())};
  values_.push_back({std::move(type), std::move(parameterName), {}});
  region(where).parameters.push_back(id);
  return id;
}

RegionId Module::addRegion() {
  regions_.emplace_back();
  return {static_cast<int32_t>(regions_.size()) - 1};
}

OpId Module::addOp(RegionId where, Opcode opcode, std::vector<ValueId> operands,
                   std::vector<Type> types, Attributes opAttributes, std::vector<RegionId> inner,
                   Origin origin, int position) {
  const OpId id{static_cast<int32_t>(ops_.size())};
  Op op;
  op.opcode = opcode;
  op.operands = std::move(operands);
  op.attributes = std::move(opAttributes);
  op.regions = std::move(inner);
  op.origin = std::move(origin);
  for (Type& type : types) {
    op.results.push_back({static_cast<int32_t>(values_.size())});
    values_.push_back({std::move(type), {}, id});
  }
  ops_.push_back(std::move(op));
  std::vector<OpId>& ops = region(where).ops;
  QT_ASSERT(position <= static_cast<int>(ops.size()), "an op inserted beyond its region's end");
  ops.insert(position < 0 ? ops.end() : ops.begin() + position, id);
  return id;
}

ValueId Module::addConstant(RegionId where, std::shared_ptr<const ConstantData> data, Origin origin,
                            int position, std::string hash) {
  std::vector<Dim> shape(data->shape.begin(), data->shape.end());
  const Type type = level == Level::Plan ? Type::buffer(data->dtype, std::move(shape))
                                         : Type::tensor(data->dtype, std::move(shape));
  if (hash.empty()) hash = contentHash(*data);
  Attributes hashAttribute;
  hashAttribute.set("hash", hash);
  constants.emplace(std::move(hash), std::move(data));
  return result(addOp(where, Opcode::Constant, {}, {type}, std::move(hashAttribute), {},
                      std::move(origin), position));
}

std::shared_ptr<const ConstantData> Module::constantOf(ValueId id) const {
  const OpId definition = value(id).definition;
  if (!definition.valid() || op(definition).opcode != Opcode::Constant) return nullptr;
  const Attribute* hash = op(definition).attributes.find("hash");
  if (hash == nullptr || !std::holds_alternative<std::string>(*hash)) return nullptr;
  const auto found = constants.find(std::get<std::string>(*hash));
  return found == constants.end() ? nullptr : found->second;
}

void Module::replaceUses(ValueId from, ValueId to) {
  for (Op& op : ops_) std::replace(op.operands.begin(), op.operands.end(), from, to);
}

void Module::eraseDeadOps() {
  std::vector<int> uses(values_.size());
  forEachOp(*this, top(), [&](OpId id) {
    for (const ValueId operand : op(id).operands) ++uses[static_cast<size_t>(operand.index)];
  });
  const auto dead = [&](OpId id) {
    return isPure(op(id)) &&
           std::all_of(op(id).results.begin(), op(id).results.end(),
                       [&](ValueId v) { return uses[static_cast<size_t>(v.index)] == 0; });
  };
  std::vector<bool> erased(ops_.size());
  std::deque<OpId> work;
  const auto erase = [&](OpId id) {
    if (erased[static_cast<size_t>(id.index)] || !dead(id)) return;
    erased[static_cast<size_t>(id.index)] = true;
    work.push_back(id);
  };
  forEachOp(*this, top(), erase);
  while (!work.empty()) {
    const OpId id = work.front();
    work.pop_front();
    for (const ValueId operand : op(id).operands) {
      --uses[static_cast<size_t>(operand.index)];
      if (const OpId definition = value(operand).definition; definition.valid()) erase(definition);
    }
  }
  for (Region& region : regions_) {
    std::erase_if(region.ops, [&](OpId id) { return erased[static_cast<size_t>(id.index)]; });
  }
}

}  // namespace quartet::ir
