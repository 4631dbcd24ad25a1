#include "frontend/onnx/roles.h"

#include <algorithm>
#include <optional>
#include <set>

namespace quartet::frontend {

using ir::Opcode;

namespace {

bool passesElements(Opcode opcode) {
  switch (opcode) {
    case Opcode::Cast:
    case Opcode::Reshape:
    case Opcode::Transpose:
    case Opcode::Broadcast:
    case Opcode::Slice:
    case Opcode::Concat:
      return true;
    default:
      return false;
  }
}

// The extent that the indices of a gathering op must stay below.
std::optional<int64_t> indexedExtent(const ir::Module& graph, const ir::Op& op) {
  const auto& shape = graph.type(op.operands[0]).shape;
  if (op.opcode == Opcode::Gather || op.opcode == Opcode::GatherElements) {
    return shape[static_cast<size_t>(op.attributes.integer("axis"))].constant();
  }
  if (op.opcode != Opcode::GatherNd) return std::nullopt;
  const int64_t batch = op.attributes.integer("batch_dims");
  const auto depth = graph.type(op.operands[1]).shape.back().constant();
  std::optional<int64_t> least;
  for (int64_t i = batch; i < batch + depth.value_or(0); ++i) {
    const auto extent = shape[static_cast<size_t>(i)].constant();
    if (extent && (!least || *extent < *least)) least = extent;
  }
  return least;
}

// Values from which the elements of `value` come.
void collectSources(const ir::Module& graph, ir::ValueId value, std::set<ir::ValueId>& seen) {
  if (!seen.insert(value).second) return;
  const ir::OpId definition = graph.value(value).definition;
  if (!definition.valid() || !passesElements(graph.op(definition).opcode)) return;
  for (const ir::ValueId operand : graph.op(definition).operands) {
    collectSources(graph, operand, seen);
  }
}

}  // namespace

std::map<std::string, int64_t> indexRoles(const ir::Module& graph) {
  std::map<std::string, int64_t> roles;
  const ir::Region& region = graph.region(graph.top());
  for (const ir::OpId id : region.ops) {
    const ir::Op& op = graph.op(id);
    const bool gathers = op.opcode == Opcode::Gather || op.opcode == Opcode::GatherElements ||
                         op.opcode == Opcode::GatherNd;
    if (!gathers) continue;
    const auto extent = indexedExtent(graph, op);
    if (!extent) continue;
    std::set<ir::ValueId> sources;
    collectSources(graph, op.operands[1], sources);
    for (const ir::ValueId parameter : region.parameters) {
      if (!sources.contains(parameter)) continue;
      const auto [at, fresh] = roles.emplace(graph.value(parameter).name, *extent);
      if (!fresh) at->second = std::min(at->second, *extent);
    }
  }
  return roles;
}

}  // namespace quartet::frontend
