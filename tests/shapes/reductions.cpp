#include <algorithm>

#include "tests/shapes/families.h"

namespace quartet::shapes {

namespace {

constexpr int64_t kOpset = 18;  // the first in which all of them take axes as an input
constexpr int64_t kMostExtent = 65537;

enum class Rule { Choice, Sum, Mean, Product, Root, Logarithm, SumOfExponentials, Position };

struct Reduction {
  const char* type;
  Rule rule;
};

constexpr Reduction kReductions[] = {
    {"ReduceSum", Rule::Sum},          {"ReduceMean", Rule::Mean},
    {"ReduceMax", Rule::Choice},       {"ReduceMin", Rule::Choice},
    {"ReduceProd", Rule::Product},     {"ReduceL1", Rule::Sum},
    {"ReduceL2", Rule::Root},          {"ReduceSumSquare", Rule::Sum},
    {"ReduceLogSum", Rule::Logarithm}, {"ReduceLogSumExp", Rule::SumOfExponentials},
    {"ArgMax", Rule::Position},        {"ArgMin", Rule::Position},
};

bool ofFloats(Rule rule) {
  return rule == Rule::Root || rule == Rule::Logarithm || rule == Rule::SumOfExponentials;
}

/// Positions of the axes that are reduced: one at least, none for all.
Ints anyAxes(Builder& b, int64_t rank) {
  Ints axes;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (b.chance(0.5)) axes.push_back(axis);
  }
  b.random.shuffle(axes);
  return axes;
}

int64_t termsOf(const Ints& shape, const Ints& axes) {
  if (axes.empty()) return product(shape);
  int64_t terms = 1;
  for (const int64_t axis : axes) terms *= shape[static_cast<size_t>(axis)];
  return terms;
}

/// Factors that keep every partial product a power of two within range: about four of them are not
/// 1 or -1.
std::vector<double> factors(Builder& b, int64_t count, int64_t terms) {
  std::vector<double> elements(static_cast<size_t>(count));
  for (double& x : elements) {
    x = (b.chance(4.0 / static_cast<double>(terms)) ? 2 : 1) * (b.chance(0.5) ? 1 : -1);
  }
  return elements;
}

Accuracy accuracyOf(const Builder& b, Rule rule, int64_t terms) {
  const auto count = static_cast<double>(terms);
  switch (rule) {
    case Rule::Choice:
    case Rule::Position:
    case Rule::Product:
      return {};
    case Rule::Sum:
      return b.sum(terms, 0);
    case Rule::Mean:
      return b.sum(terms, 0, kFunction);
    case Rule::Root:
      // A root halves relative errors.
      return {b.whole ? kFunction : count / 2 + kFunction, Accuracy::Relative::ToResult};
    case Rule::Logarithm:
      return {b.whole ? kFunction : count + kFunction, Accuracy::Relative::ToOneAndResult};
    case Rule::SumOfExponentials:
      break;
  }
  // An element less the maximum: 16 at most, whose rounding the exponential makes a relative one.
  constexpr double kExponent = 16;
  return {count + kExponent + 2 * kFunction, Accuracy::Relative::ToOneAndResult};
}

Case position(Builder& b, const std::string& type, const Ints& shape) {
  const auto rank = static_cast<int64_t>(shape.size());
  b.operand(shape, Origin::Input);
  b.attribute("axis", b.between(-rank, rank - 1));
  b.maybe("keepdims", int64_t{0});
  b.maybe("select_last_index", int64_t{1});
  return b.finish(type, kOpset, {});
}

}  // namespace

Case reduction(Builder& b) {
  const Reduction& chosen = kReductions[b.random.below(std::ssize(kReductions))];
  b.pickDType({DType::F16, DType::F16, DType::I32});
  if (ofFloats(chosen.rule) && !ir::isFloat(b.dtype)) b.dtype = DType::F32;
  const auto rank = static_cast<size_t>(b.random.pick<int64_t>({1, 2, 2, 3, 3, 4}));
  const Ints shape = oddExtents(b.random, Ints(rank, kMostExtent), b.work);
  if (chosen.rule == Rule::Position) return position(b, chosen.type, shape);

  const Ints axes = anyAxes(b, static_cast<int64_t>(rank));
  const int64_t terms = termsOf(shape, axes);
  if (chosen.rule == Rule::Product) {
    b.operand(shape, Origin::Input, factors(b, product(shape), terms));
  } else {
    b.operand(shape, Origin::Input, chosen.rule == Rule::Logarithm);
  }
  if (!axes.empty()) b.known(axes);
  b.maybe("keepdims", int64_t{0});
  return b.finish(chosen.type, kOpset, accuracyOf(b, chosen.rule, terms));
}

}  // namespace quartet::shapes
