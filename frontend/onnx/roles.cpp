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
  if (op.opcode == Opcode::Gather || op.opcode == Opcode::GatherElements ||
      op.opcode == Opcode::ScatterElements) {
    return shape[static_cast<size_t>(op.attributes.integer("axis"))].constant();
  }
  const bool scatters = op.opcode == Opcode::ScatterNd;
  if (op.opcode != Opcode::GatherNd && !scatters) return std::nullopt;
  const int64_t batch = scatters ? 0 : op.attributes.integer("batch_dims");
  const auto depth = graph.type(op.operands[1]).shape.back().constant();
  std::optional<int64_t> least;
  for (int64_t i = batch; i < batch + depth.value_or(0); ++i) {
    const auto extent = shape[static_cast<size_t>(i)].constant();
    if (extent && (!least || *extent < *least)) least = extent;
  }
  return least;
}

// n when `value` is the integers 0, 1, ..., n - 1 along one axis.
std::optional<int64_t> countedTo(const ir::Module& graph, ir::ValueId value) {
  const auto data = graph.constantOf(value);
  if (!data) return std::nullopt;
  const int64_t count = data->elementCount();
  const auto axes = std::count_if(data->shape.begin(), data->shape.end(),
                                  [](int64_t extent) { return extent != 1; });
  if (count < 2 || axes != 1) return std::nullopt;
  const auto counts = [&](auto zero) {
    for (int64_t i = 0; i < count; ++i) {
      if (data->element<decltype(zero)>(i) != i) return false;
    }
    return true;
  };
  if (data->dtype == ir::DType::I32 && counts(int32_t{0})) return count;
  if (data->dtype == ir::DType::I64 && counts(int64_t{0})) return count;
  return std::nullopt;
}

// An op by which integers select: the operand that holds them, and the extent they stay below.
struct Selection {
  ir::ValueId integers;
  int64_t extent = 0;
};

std::optional<Selection> selectionOf(const ir::Module& graph, const ir::Op& op) {
  switch (op.opcode) {
    case Opcode::Gather:
    case Opcode::GatherElements:
    case Opcode::GatherNd:
    case Opcode::ScatterElements:
    case Opcode::ScatterNd:
      if (const auto extent = indexedExtent(graph, op)) return Selection{op.operands[1], *extent};
      return std::nullopt;
    case Opcode::Eq:  // with 0, 1, ..., n - 1: a one-hot encoding
      for (const size_t side : {size_t{0}, size_t{1}}) {
        if (const auto extent = countedTo(graph, op.operands[side])) {
          return Selection{op.operands[1 - side], *extent};
        }
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
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
    const auto selection = selectionOf(graph, graph.op(id));
    if (!selection) continue;
    std::set<ir::ValueId> sources;
    collectSources(graph, selection->integers, sources);
    for (const ir::ValueId parameter : region.parameters) {
      if (!sources.contains(parameter)) continue;
      const auto [at, fresh] = roles.emplace(graph.value(parameter).name, selection->extent);
      if (!fresh) at->second = std::min(at->second, selection->extent);
    }
  }
  return roles;
}

}  // namespace quartet::frontend
