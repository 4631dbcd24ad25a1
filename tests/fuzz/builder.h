// Builds a random graph op by op; an op stays only if the reference gives it a meaning that can be
// compared.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/fuzz/case.h"
#include "tests/fuzz/random.h"

namespace quartet::fuzz {

using ir::DType;
using ir::Ints;
using ir::Opcode;
using ir::ValueId;

/// What data an input or a constant holds.
enum class Fill {
  Grid,      // multiples of 1/8 in [-4, 4]; integers in [-8, 8]: sums of them are exact
  Uniform,   // floats in [-1, 1); integers of any bits
  Positive,  // floats in [0.5, 2); integers in [1, 8]
  Special,   // Grid with infinities and NaN
};

class GraphBuilder {
 public:
  explicit GraphBuilder(uint64_t seed);

  Random& random() { return random_; }
  const std::vector<ValueId>& values() const { return values_; }
  const Fact& fact(ValueId value) const { return facts_.at(value); }
  DType dtype(ValueId value) const { return graph_.type(value).dtype; }
  Ints shape(ValueId value) const { return fact(value).data->shape; }

  /// A value of the graph so far, recent ones more often.
  ValueId any();
  /// One that `accept` likes; nothing when there is none.
  template <class F>
  std::optional<ValueId> anyOf(const F& accept);

  /// A fresh input, or a constant.
  ValueId leaf(DType dtype, const Ints& shape, Fill fill, double constantShare = 0.4);
  ValueId leaf(Tensor data, double constantShare = 0.4);
  ValueId constant(Tensor data) { return leaf(std::move(data), 1); }
  Fill anyFill();
  int64_t extent();
  Ints anyShape(size_t rank);
  DType anyDType();

  /// Adds an op unless its result is too large to compute or too vague to compare.
  std::optional<ValueId> add(Opcode op, std::vector<ValueId> operands, DType dtype,
                             const Ints& shape, ir::Attributes attributes = {});
  /// Adds an op that must report at run time; it becomes an output.
  bool plant(Opcode op, std::vector<ValueId> operands, DType dtype, const Ints& shape,
             ir::Attributes attributes = {});
  bool planted() const { return planted_.valid(); }
  int ops() const { return ops_; }

  /// The graph: its outputs are all values that nothing reads and some of the others.
  Case finish();

 private:
  ir::OpId append(Opcode op, std::vector<ValueId> operands, DType dtype, const Ints& shape,
                  ir::Attributes attributes);
  void makeSymbolic(Case& c);

  Random random_;
  ir::Module graph_;
  Tensors inputs_;
  std::map<ValueId, Fact> facts_;
  std::vector<ValueId> values_;
  std::map<ValueId, int> uses_;
  ValueId planted_;
  int ops_ = 0;
  double work_ = 0;
};

template <class F>
std::optional<ValueId> GraphBuilder::anyOf(const F& accept) {
  std::vector<ValueId> fitting;
  for (ValueId value : values_) {
    if (accept(value)) fitting.push_back(value);
  }
  if (fitting.empty()) return std::nullopt;
  return random_.chance(0.5) ? fitting.back() : random_.pick(fitting);
}

int64_t elements(const Ints& shape);

}  // namespace quartet::fuzz
