// The rules for one op of a graph.
#pragma once

#include <initializer_list>

#include "ir/verify_context.h"

namespace quartet::ir {

class GraphOpVerifier {
 public:
  GraphOpVerifier(const VerifyContext& context, OpId id);

  Status elementwise() const;
  Status contract() const;
  Status reduce() const;
  Status argReduce() const;
  // Windows: verify_graph_window.cpp.
  Status conv() const;
  Status convTranspose() const;
  Status window() const;
  // Movement: verify_graph_movement.cpp.
  Status transpose() const;
  Status reshape() const;
  Status broadcast() const;
  Status slice() const;
  Status concat() const;
  Status pad() const;
  Status gather() const;
  Status iota() const;
  // What writes where it pleases: verify_graph_scatter.cpp.
  Status scan() const;
  Status scatter() const;
  Status argsort() const;

 private:
  tl::unexpected<Diagnostic> fail(std::string message) const;
  Status require(bool holds, const char* message) const;
  const Type& operand(size_t i) const;
  const Type& result() const;
  /// The result has this shape.
  Status shape(const std::vector<Dim>& required) const;
  Status sameDType(size_t operand) const;
  const Ints& ints(const char* key) const;
  Status length(const char* key, size_t required) const;
  Status positive(const char* key) const;
  Result<size_t> axis(size_t rank, const char* key = "axis") const;
  /// Operand 0 is of a dtype that 'fn' combines.
  Status combines() const;
  /// Operand i holds numbers: not bool.
  Status numbers(size_t i) const;
  Status function(std::initializer_list<Opcode> allowed) const;
  /// `from` broadcasts to the result.
  Status broadcasts(const std::vector<Dim>& from) const;
  Status spatialAttributes(size_t axes) const;
  Status gatherNd() const;
  Status scatterElements() const;
  Status scatterNd() const;

  const VerifyContext& context_;
  OpId id_;
  const Op& op_;
};

}  // namespace quartet::ir
