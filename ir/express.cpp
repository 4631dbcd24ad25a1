#include "ir/express.h"

#include <memory>
#include <optional>
#include <utility>

#include "ir/express_parts.h"

namespace quartet::ir {
namespace {

using Express = Result<TensorExpr> (*)(const express_parts::Primitive&);

// How to express a primitive; null for what is no computation.
Express expresserOf(Opcode op) {
  if (isScalar(op)) return express_parts::scalarOp;
  switch (op) {
    case Opcode::Contract:
      return express_parts::contract;
    case Opcode::Conv:
      return express_parts::conv;
    case Opcode::ConvTranspose:
      return express_parts::convTranspose;
    case Opcode::Window:
      return express_parts::window;
    case Opcode::Reduce:
      return express_parts::reduce;
    case Opcode::ArgReduce:
      return express_parts::argReduce;
    case Opcode::Transpose:
      return express_parts::transpose;
    case Opcode::Broadcast:
      return express_parts::broadcast;
    case Opcode::Slice:
      return express_parts::slice;
    case Opcode::Concat:
      return express_parts::concat;
    case Opcode::Pad:
      return express_parts::pad;
    case Opcode::Gather:
      return express_parts::gather;
    case Opcode::GatherElements:
      return express_parts::gatherElements;
    case Opcode::GatherNd:
      return express_parts::gatherNd;
    case Opcode::Scan:
      return express_parts::scan;
    case Opcode::ScatterElements:
      return express_parts::scatterElements;
    case Opcode::ScatterNd:
      return express_parts::scatterNd;
    case Opcode::Argsort:
      return express_parts::argsort;
    case Opcode::Iota:
      return express_parts::iota;
    default:
      return nullptr;
  }
}

bool stays(Opcode op) {
  return op == Opcode::Constant || op == Opcode::Reshape || op == Opcode::Return ||
         op == Opcode::Compute;
}

}  // namespace

Result<Module> express(Module graph) {
  QT_ASSERT(graph.level == Level::Graph, "express wants a graph");
  for (const OpId id : graph.region(graph.top()).ops) {
    Op& op = graph.op(id);
    if (stays(op.opcode)) continue;
    const Express expresser = expresserOf(op.opcode);
    if (expresser == nullptr) {
      return unsupported("'" + std::string(name(op.opcode)) + "' has no tensor expression",
                         str(op.origin));
    }
    Result<TensorExpr> expr = expresser({graph, op});
    if (!expr) {
      Diagnostic why = std::move(expr).error();
      if (why.where.empty()) why.where = str(op.origin);
      return tl::unexpected(std::move(why));
    }
    op.opcode = Opcode::Compute;
    op.attributes = {};
    op.attributes.set("expr", std::make_shared<const TensorExpr>(*std::move(expr)));
  }
  return graph;
}

}  // namespace quartet::ir
