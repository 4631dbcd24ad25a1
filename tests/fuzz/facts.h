// What the reference says of every value of a graph, and how far a right answer may be from it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::fuzz {

using Tensor = std::shared_ptr<const ir::ConstantData>;
using Tensors = std::vector<Tensor>;

/// A value of a graph under given inputs.
struct Fact {
  Tensor data;          // what the reference computes
  bool exact = true;    // every right implementation gives these very numbers
  double error = 0;     // absolute, estimated: what rounding may do to an element on the way
  double largest = 0;   // of the finite magnitudes
  double smallest = 0;  // of all magnitudes; infinite when there are no elements
  bool finite = true;
  int quantum = 0;  // all finite values are multiples of 2^quantum
};

Fact inputFact(Tensor data);

/// Elements as doubles (u64 and i64 beyond 2^53 rounded).
std::vector<double> toDoubles(const ir::ConstantData& data);

/// Runs op `id` of `graph` alone on the reference, and estimates the error of a right result from
/// those of the operands: perturbed operands show how the op passes errors on.
/// Errors: the reference's, and (Unsupported) an op whose result means nothing because it turns
/// small errors of its operands into large ones.
Result<Fact> factOf(const ir::Module& graph, ir::OpId id, const std::vector<const Fact*>& operands);

/// The facts of all values; the first error.
Result<std::map<ir::ValueId, Fact>> factsOf(const ir::Module& graph, const Tensors& inputs);

/// What is wrong with `got`, where `want` is the fact of the value; nothing when it is right.
/// Exact values: equal. Floats: |got - want| <= 1e-4 (|want| + max |want|), the room that
/// reassociated sums and polynomials of a few units in the last place need after several ops, or
/// four times the estimated error where that is more (16-bit floats).
std::optional<std::string> difference(const ir::ConstantData& got, const Fact& want);

}  // namespace quartet::fuzz
