// The kernel interpreter's state and steps. Users call interpret() of kernel.h.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ir/interpreter_memory.h"
#include "ir/kernel.h"

namespace quartet::ir {

/// Runs the invocations of a group in lockstep: every op is executed for all active invocations
/// before the next. Groups follow one another.
class Interpreter {
 public:
  Interpreter(const Module& kernel, const std::vector<uint32_t>& params);

  /// Binds the kernel's parameters; an error when number, dtype or size do not fit.
  Status bind(std::vector<KernelMemory>& buffers);
  Status runGroup(int64_t group);
  const KernelRun& run() const { return run_; }
  /// Buffers and elements that `prefetch` asked for, in that order.
  const std::vector<std::pair<ValueId, int64_t>>& prefetched() const { return prefetched_; }

 private:
  using Mask = std::vector<char>;  // per invocation: active?

  /// A private variable of every invocation: `extent` elements of `lanes`. What holds a matrix is
  /// that of the subgroup's first invocation.
  struct Variable {
    int lanes = 1;
    int64_t extent = 1;
    std::vector<Scalar> cells;
    std::vector<char> defined;  // per invocation and element
  };

  // Control flow (interpreter.cpp)
  Status runRegion(RegionId region, const Mask& mask);
  Status runOp(OpId id, const Mask& mask);
  Status runFor(OpId id, const Mask& mask);
  Status runIf(OpId id, const Mask& mask);
  Status runBarrier(OpId id, const Mask& mask);
  void runReport(const Op& op, const Mask& mask);

  // Values (interpreter_values.cpp)
  Status runValue(OpId id, const Mask& mask);
  void runScalar(const Op& op, const Mask& mask);
  void runReduceLanes(const Op& op, const Mask& mask);
  Status runVariable(OpId id, const Mask& mask);
  Status accessVariable(OpId id, size_t invocation);
  Scalar computeLane(const Op& op, size_t invocation, size_t lane) const;

  // Memory (interpreter_access.cpp)
  Status runShared(const Op& op);
  Status runAccess(OpId id, const Mask& mask);
  Status accessBlock(OpId id, size_t invocation);
  Status accessLanes(OpId id, size_t invocation);
  Status accessElement(OpId id, int64_t index, size_t invocation, Scalar& value);
  Status runAtomicAdd(OpId id, const Mask& mask);
  void runPrefetch(const Op& op, const Mask& mask);
  Status accessFault(OpId id, int64_t index, size_t invocation, KernelBuffer::Fault what) const;
  void countAccess(const KernelBuffer& buffer, bool store);

  // Matrices (interpreter_matrix.cpp)
  Status runMatrix(OpId id, const Mask& mask);
  Result<bool> together(OpId id, const Mask& mask, size_t first) const;
  Status accessMatrix(OpId id, size_t first);
  void multiplyAdd(const Op& op, size_t first);

  /// An error about an op, in an invocation of the current group.
  tl::unexpected<Diagnostic> fault(OpId id, size_t invocation, std::string message) const;
  std::string nameOf(ValueId value) const;
  int lanesOf(ValueId value) const {
    const Type& type = kernel_.type(value);
    return type.rows > 0 ? type.rows * type.columns : type.lanes;
  }
  /// The lanes of a value in an invocation.
  Scalar* at(ValueId value, size_t invocation);
  const Scalar* at(ValueId value, size_t invocation) const;
  /// Makes room for an op's result.
  void define(ValueId value);
  template <class F>
  void forActive(const Mask& mask, const F& f) const {
    for (size_t i = 0; i < mask.size(); ++i) {
      if (mask[i] != 0) f(i);
    }
  }

  const Module& kernel_;
  const std::vector<uint32_t>& params_;
  size_t local_;
  size_t subgroup_;
  std::vector<std::vector<Scalar>> values_;  // by value id: invocations x lanes
  std::vector<Variable> variables_;          // by value id
  std::vector<KernelBuffer*> bound_;         // by value id
  std::deque<KernelBuffer> device_;
  std::deque<KernelBuffer> workgroup_;
  int64_t group_ = 0;
  int64_t phase_ = 0;
  int64_t iterations_ = 0;  // of all loops of the current group
  KernelRun run_;
  std::vector<std::pair<ValueId, int64_t>> prefetched_;
};

}  // namespace quartet::ir
