// The one generic structure of the shared IR: ops with operands, results, attributes and regions.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "ir/opcode.h"
#include "ir/tensor_expr.h"
#include "ir/tile.h"
#include "ir/type.h"

namespace quartet {
class MappedFile;
}

namespace quartet::ir {

template <class Tag>
struct Id {
  int32_t index = -1;
  bool valid() const { return index >= 0; }
  auto operator<=>(const Id&) const = default;
};
using ValueId = Id<struct ValueTag>;
using OpId = Id<struct OpTag>;
using RegionId = Id<struct RegionTag>;

/// The ONNX nodes an op came from, in order, each once: names, or "Type#index" for unnamed nodes.
using Origin = std::vector<std::string>;

using Ints = std::vector<int64_t>;
using Dims = std::vector<Dim>;

/// An attribute. In text: 3 | 1.5 | "text" | [1, 2] | <dims: N, 4> | f32 | add (an opcode) |
/// layout [..] | {expr text} | tile(..).
using Attribute = std::variant<int64_t, double, std::string, Ints, Dims, DType, Opcode, Layout,
                               std::shared_ptr<const TensorExpr>, Tile>;

/// Attributes by name, sorted by name.
class Attributes {
 public:
  const Attribute* find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  void set(std::string key, Attribute value);
  void erase(std::string_view key);
  /// The attribute as a T; asserts that it is there and has this type.
  template <class T>
  const T& get(std::string_view key) const {
    const Attribute* found = find(key);
    QT_ASSERT(found != nullptr, "missing attribute " + std::string(key));
    QT_ASSERT(std::holds_alternative<T>(*found), "wrong type of attribute " + std::string(key));
    return std::get<T>(*found);
  }
  int64_t integer(std::string_view key) const { return get<int64_t>(key); }
  const Ints& ints(std::string_view key) const { return get<Ints>(key); }
  const TensorExpr& expr() const { return *get<std::shared_ptr<const TensorExpr>>("expr"); }

  const std::vector<std::pair<std::string, Attribute>>& entries() const { return entries_; }
  bool operator==(const Attributes& other) const;

 private:
  std::vector<std::pair<std::string, Attribute>> entries_;
};

struct Op {
  Opcode opcode = Opcode::Return;
  std::vector<ValueId> operands;
  std::vector<ValueId> results;
  Attributes attributes;
  std::vector<RegionId> regions;
  Origin origin;
};

struct Value {
  Type type;
  std::string name;  // without '%'; unique in the module; made up by the printer when empty
  OpId definition;   // invalid for a region parameter
};

struct Region {
  std::vector<ValueId> parameters;
  std::vector<OpId> ops;
};

/// The bytes of a constant, row-major in host representation (bool: one byte, 0 or 1). Shared
/// between modules and kept alive by `owner`, or by `file` when they lie in a mapped file; there
/// they are aligned to nothing.
struct ConstantData {
  DType dtype = DType::F32;
  Ints shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::shared_ptr<const MappedFile> file;

  int64_t elementCount() const;
  /// The elements of aligned data, as all data is that was computed or copied.
  template <class T>
  std::span<const T> as() const {
    QT_ASSERT(reinterpret_cast<uintptr_t>(bytes.data()) % alignof(T) == 0, "unaligned elements");
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  /// One element, wherever it lies.
  template <class T>
  T element(int64_t index) const {
    T value;
    std::memcpy(&value, bytes.data() + static_cast<size_t>(index) * sizeof(T), sizeof(T));
    return value;
  }
  /// Tells that `part` of the bytes is not read again soon: a file's pages leave memory.
  void release(std::span<const std::byte> part) const;
};

/// A copy of `bytes` as constant data.
std::shared_ptr<const ConstantData> makeConstant(DType dtype, Ints shape,
                                                 std::vector<std::byte> bytes);
template <class T>
std::shared_ptr<const ConstantData> makeConstant(DType dtype, Ints shape,
                                                 const std::vector<T>& values) {
  const auto* first = reinterpret_cast<const std::byte*>(values.data());
  return makeConstant(dtype, std::move(shape),
                      std::vector<std::byte>(first, first + values.size() * sizeof(T)));
}

/// Content hash: of dtype, shape and bytes; 32 hexadecimal digits.
std::string contentHash(const ConstantData& data);

using ConstantPool = std::map<std::string, std::shared_ptr<const ConstantData>>;

/// A graph, a plan or a kernel: one region whose parameters are the inputs and whose last op is
/// `return` with the outputs (a kernel returns nothing; a plan's parameters are its input and
/// output buffers, outputs last: see `outputs`). Ops and values are never moved: ids stay valid;
/// erased ops leave gaps.
class Module {
 public:
  Module() : Module(Level::Graph, "main") {}
  Module(Level level, std::string name);

  Level level;
  std::string name;
  Attributes attributes;  // kernel: {local: int, invocations of a group}
  SymbolTable symbols;
  ConstantPool constants;
  /// Graph and plan: names of the outputs, in order of `return`'s operands (graph), or of the last
  /// parameters (plan). The names of inputs are those of the parameter values.
  std::vector<std::string> outputs;

  RegionId top() const { return {0}; }
  Region& region(RegionId id) { return regions_[static_cast<size_t>(id.index)]; }
  const Region& region(RegionId id) const { return regions_[static_cast<size_t>(id.index)]; }
  Op& op(OpId id) { return ops_[static_cast<size_t>(id.index)]; }
  const Op& op(OpId id) const { return ops_[static_cast<size_t>(id.index)]; }
  Value& value(ValueId id) { return values_[static_cast<size_t>(id.index)]; }
  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id.index)]; }
  const Type& type(ValueId id) const { return value(id).type; }
  int valueCount() const { return static_cast<int>(values_.size()); }
  int opCount() const { return static_cast<int>(ops_.size()); }

  ValueId addParameter(RegionId region, Type type, std::string name = {});
  RegionId addRegion();
  /// Creates an op with fresh results of `types` and appends it to `region` (at `position` when >=
  /// 0).
  OpId addOp(RegionId region, Opcode opcode, std::vector<ValueId> operands, std::vector<Type> types,
             Attributes attributes = {}, std::vector<RegionId> regions = {}, Origin origin = {},
             int position = -1);
  ValueId result(OpId op, int i = 0) const { return this->op(op).results[static_cast<size_t>(i)]; }
  /// Constant op for `data` in `region`; the data joins `constants`, under its content hash, which
  /// need not be computed again where the caller has it.
  ValueId addConstant(RegionId region, std::shared_ptr<const ConstantData> data, Origin origin = {},
                      int position = -1, std::string hash = {});
  /// The data of a constant op's result, or null when `value` is not one.
  std::shared_ptr<const ConstantData> constantOf(ValueId value) const;

  /// Every use of `from` in the whole module becomes `to`.
  void replaceUses(ValueId from, ValueId to);
  /// Removes from their regions the ops without used results (never `return`, writes, ...).
  void eraseDeadOps();

 private:
  std::vector<Op> ops_;
  std::vector<Value> values_;
  std::vector<Region> regions_;
};

/// Origin of a fusion: the union, in order of first appearance.
Origin mergeOrigins(const Origin& a, const Origin& b);
std::string str(const Origin& origin);  // "conv1, relu1"

}  // namespace quartet::ir
