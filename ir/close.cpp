#include "ir/close.h"

#include "ir/verifier.h"

namespace quartet::ir {

namespace {

Status closeAll(Dims& dims, const SymbolValues& values) {
  for (Dim& dim : dims) dim = QT_TRY(dim.evaluate(values));
  return {};
}

}  // namespace

Result<Module> close(Module graph, const SymbolValues& values) {
  QT_ASSERT(graph.level == Level::Graph, "only graphs are closed");
  for (int i = 0; i < graph.valueCount(); ++i) {
    Type& type = graph.value(ValueId{i}).type;
    QT_CHECK(closeAll(type.shape, values));
    for (const Dim& extent : type.shape) {
      if (extent.value() < 0) return userError("an extent is " + extent.str());
    }
  }
  graph.symbols.clear();
  QT_CHECK(verify(graph));
  return graph;
}

}  // namespace quartet::ir
