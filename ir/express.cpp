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

/// Whether a run may end in a status that names the operation: an index out of range or a division
/// by zero.
bool mayReport(const TensorExpr& expr) {
  bool found = false;
  const auto visit = [&](const Expr& node) {
    if (node.kind() == Expr::Kind::Bounded) found = true;
    if (node.kind() != Expr::Kind::Apply || isFloat(node.dtype())) return;
    const Opcode op = node.op();
    const bool divides =
        op == Opcode::Div || op == Opcode::Rem || op == Opcode::Mod || op == Opcode::FloorDiv;
    if (divides) found = found || !node.args()[1].isLiteral() || node.args()[1].intValue() == 0;
  };
  expr.visitParts([&](const Expr& part) { part.visit(visit); });
  return found;
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
    const std::string operation(name(op.opcode));
    op.opcode = Opcode::Compute;
    op.attributes = {};
    if (mayReport(*expr)) op.attributes.set("operation", operation);
    op.attributes.set("expr", std::make_shared<const TensorExpr>(*std::move(expr)));
  }
  return graph;
}

}  // namespace quartet::ir
