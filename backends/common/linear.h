// Index arithmetic while a kernel is built: linear forms over i32 kernel values, with the ranges
// that make divisions, remainders and comparisons vanish when the tile shape decides them.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ir/kernel.h"

namespace quartet::common {

/// sum(coefficient * value) + lane * (lane number) + constant. A form with `lane` or with a vector
/// term differs between the lanes of a vector.
struct Linear {
  struct Term {
    ir::ValueId value;
    int64_t coefficient = 1;
    bool vector = false;  // value has one element per lane
    auto operator<=>(const Term&) const = default;
  };
  std::vector<Term> terms;  // sorted by value, no zero coefficients
  int64_t lane = 0;
  int64_t constant = 0;

  static Linear of(int64_t constant) { return Linear{{}, 0, constant}; }
  static Linear of(ir::ValueId value, bool vector = false) {
    return Linear{{{value, 1, vector}}, 0, 0};
  }

  bool isConstant() const { return terms.empty() && lane == 0; }
  bool uniform() const;  // the same for all lanes
  auto operator<=>(const Linear&) const = default;
};

Linear operator+(const Linear& a, const Linear& b);
Linear operator-(const Linear& a, const Linear& b);
Linear operator*(const Linear& a, int64_t factor);

struct Interval {
  int64_t lo = INT32_MIN;
  int64_t hi = INT32_MAX;
};

/// Builds index arithmetic into a kernel. Knows the range of every value that it was told of.
class IndexMath {
 public:
  IndexMath(ir::KernelBuilder& builder, int lanes) : builder_(builder), lanes_(lanes) {}

  int lanes() const { return lanes_; }
  void setLanes(int lanes) { lanes_ = lanes; }
  /// What is beyond i32 does not count: no index value is.
  void setRange(ir::ValueId value, Interval range);
  /// Of a form, whose terms may leave i32 together.
  Interval range(const Linear& form) const;

  Linear multiply(const Linear& a, const Linear& b);
  Linear floorDiv(const Linear& a, const Linear& b);
  Linear mod(const Linear& a, const Linear& b);
  Linear minimum(const Linear& a, const Linear& b);
  Linear maximum(const Linear& a, const Linear& b);
  /// One of Eq, Ne, Lt, Le, Gt, Ge: a bool value; a scalar unless it differs between lanes.
  ir::ValueId compare(ir::Opcode op, const Linear& a, const Linear& b);

  /// The form as an i32 value: a scalar when uniform, otherwise a vector of lanes().
  ir::ValueId materialize(const Linear& form);
  /// The form without its lane term; asserts that there is no vector term.
  ir::ValueId laneBase(const Linear& form);
  /// Largest power of two <= `limit` that divides the form in every lane's base.
  int64_t alignment(const Linear& form, int64_t limit) const;

 private:
  struct Split {
    Linear divisible;  // every coefficient a multiple of the divisor
    Linear rest;
  };
  Split split(const Linear& a, int64_t divisor) const;
  Split withoutCarry(const Linear& a, int64_t divisor) const;
  std::optional<bool> decide(ir::Opcode op, const Linear& difference) const;
  Linear opaque(ir::Opcode op, const Linear& a, const Linear& b, Interval range);
  ir::ValueId vectorOf(const Linear& form);

  ir::KernelBuilder& builder_;
  int lanes_;
  std::map<ir::ValueId, Interval> ranges_;
};

}  // namespace quartet::common
