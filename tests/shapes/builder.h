// One operator in the making, with its operands.
#pragma once

#include <string>

#include "tests/operators/network.h"
#include "tests/shapes/accuracy.h"
#include "tests/shapes/sizes.h"

namespace quartet::shapes {

using ir::DType;
using operators::Origin;

/// A model of one operator and how exactly it must be computed.
struct Case {
  operators::Network network;
  Accuracy accuracy;
};

class Builder {
 public:
  /// `work`: the most products or elements that the operator may go through.
  Builder(fuzz::Random& random, int64_t work);

  fuzz::Random& random;
  const int64_t work;
  DType dtype = DType::F32;
  /// Elements are small integers, with which sums and products are exact in any order; otherwise
  /// any floats.
  const bool whole;

  bool chance(double probability) { return random.chance(probability); }
  int64_t between(int64_t low, int64_t high) { return random.between(low, high); }
  /// f32 more often than the others.
  void pickDType(const std::vector<DType>& others);

  /// The next operand; `positive`: above zero.
  void operand(const Ints& shape, Origin origin, bool positive = false);
  void operand(const operators::Ints& shape, Origin origin, const std::vector<double>& elements);
  /// An operand that is left out.
  void none();
  /// An operand that the importer must know.
  void known(const Ints& elements);
  void attribute(const std::string& name, tests::AttributeValue value);
  /// Sometimes; otherwise its default holds.
  void maybe(const std::string& name, tests::AttributeValue value);

  /// Integers and sums of whole elements are exact, and so are results without roundings.
  Case finish(const std::string& type, int64_t opset, Accuracy accuracy);
  /// The accuracy of a sum of so many terms with `more` operations behind it; `after`: roundings
  /// of a last function of it.
  Accuracy sum(int64_t terms, int64_t more, double after = 0) const;

 private:
  double element(bool positive);

  operators::Network network_;
  operators::Node node_;
};

}  // namespace quartet::shapes
