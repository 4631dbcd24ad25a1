// One node in the making: what the recipe of an operator draws with.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/onnx/registry.h"
#include "tests/fuzz/random.h"
#include "tests/operators/network.h"

namespace quartet::operators {

using frontend::Types;
using fuzz::Random;
using ir::DType;

/// Bounds of the elements of an operand.
struct Domain {
  double low;
  double high;
  bool zero = true;  // may be zero
};

/// What an operand must be.
struct Want {
  Types types = Types::Any;
  std::optional<DType> dtype = std::nullopt;  // stronger than `types`
  std::optional<Ints> shape = std::nullopt;   // stronger than the ranks and `empty`
  int64_t minRank = 0;
  int64_t maxRank = 5;
  bool empty = true;                            // an extent may be zero
  std::optional<Domain> domain = std::nullopt;  // none: anything finite
  bool whole = false;                           // floats are integers
  bool special = false;                         // infinities and NaN do no harm
};

/// An operand that the draft has taken.
struct Operand {
  std::string name;
  DType dtype = DType::F32;
  Ints shape;
  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
};

class Draft {
 public:
  /// `fresh`: takes no results of other nodes, and elements without rounding errors.
  Draft(const Network& network, const frontend::Operator& row, Random& random, bool fresh);

  Random& random;
  const int64_t opset;
  Types types() const { return row_.types; }  // of the first input

  // ---- Drawing ----
  bool chance(double probability) { return random.chance(probability); }
  int64_t between(int64_t low, int64_t high) { return random.between(low, high); }
  DType anyDType(Types types);
  DType anyByte() { return chance(0.5) ? DType::U8 : DType::I8; }
  Ints anyShape(int64_t minRank, int64_t maxRank, bool empty = false);
  int64_t anyExtent();
  /// A shape that broadcasts to `shape`.
  Ints narrower(const Ints& shape);
  /// An axis in [0, rank), or the same from the end where `negative` allows it.
  int64_t anyAxis(int64_t rank) { return between(0, rank - 1); }
  int64_t writtenAxis(int64_t axis, int64_t rank, bool negative = true);

  // ---- Operands, in the order of the operator's inputs ----
  /// A result of another node if one fits, else a new input or initializer.
  Operand operand(const Want& want);
  /// The same with given elements, whose value must be known at import.
  Operand known(DType dtype, const Ints& shape, const std::vector<double>& elements);
  Operand known(const Ints& elements) { return known(elements, DType::I64); }
  Operand known(const Ints& elements, DType dtype);
  Operand scalar(DType dtype, double element) { return known(dtype, {}, {element}); }
  /// Given elements that need not be known at import: indices.
  Operand elements(DType dtype, const Ints& shape, const std::vector<double>& elements);
  void leaveOut() { node_.inputs.emplace_back(); }

  // ---- The rest of the node ----
  void set(const std::string& name, tests::AttributeValue value);
  /// Sets an attribute sometimes; otherwise its default holds.
  void maybe(const std::string& name, tests::AttributeValue value, double probability = 0.5);
  /// Outputs beyond the first; of each whether it is there.
  void outputs(const std::vector<bool>& further);

  // ---- Result ----
  const Node& node() const { return node_; }
  const std::map<std::string, Value>& made() const { return made_; }

 private:
  bool fits(const Value& value, const Want& want) const;
  Operand add(Origin origin, fuzz::Tensor data);
  Operand use(const std::string& name, const ir::ConstantData& data);
  fuzz::Tensor anyData(const Want& want);

  const Network& network_;
  const frontend::Operator& row_;
  bool fresh_;
  Node node_;
  std::map<std::string, Value> made_;
};

/// Elements of a dtype from numbers.
fuzz::Tensor tensorOf(DType dtype, const Ints& shape, const std::vector<double>& elements);
int64_t countOf(const Ints& shape);

}  // namespace quartet::operators
