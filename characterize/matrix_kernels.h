// The kernels of the probes that find out how fast matrix units multiply.
#pragma once

#include <string>

#include "characterize/kernels.h"
#include "hwdb/description.h"

namespace quartet::characterize {

/// Whether kernels can multiply by the unit: sums of packed products of one invocation, products of
/// matrices of a subgroup.
bool expressible(const hwdb::MatrixUnit& unit);

/// For a unit of one invocation. packed: i32[2 * lanes], a vector of `a` and one of `b`, whose
/// elements lie in words; out: sums[elements], one vector per invocation. `chains` independent
/// chains of sum = a . b + sum that start at 0, 1, 2, ..., parameter 0 x kLinksPerCount links each;
/// their total is stored.
std::string dotProductKernel(const hwdb::MatrixUnit& unit, const KernelShape& shape, int chains,
                             int64_t elements);

/// How the kernel for a unit of subgroups is shaped.
struct MatrixShape {
  int64_t invocations = 0;  // of a group: whole subgroups
  int64_t subgroup = 0;
  int chains = 1;

  int64_t subgroups() const { return invocations / subgroup; }
  /// Sums that a group stores.
  int64_t sums(const hwdb::MatrixUnit& unit) const;
};

/// a: [m, k], b: [k, n], row by row; out: sums[groups * shape.sums(unit)], the accumulators of the
/// subgroups one behind the other. Every subgroup has `chains` accumulators, which start at 0, 1,
/// 2, ..., and adds a * b to each of them parameter 0 x kLinksPerCount times.
std::string matrixProductKernel(const hwdb::MatrixUnit& unit, const MatrixShape& shape,
                                int64_t groups);

}  // namespace quartet::characterize
