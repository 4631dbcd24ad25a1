#include "sched/symbols.h"

#include "sched/task_set.h"

namespace quartet::sched {

std::set<std::string> loopSymbols(const ir::Module& plan) {
  std::set<std::string> symbols;
  const auto add = [&](const ir::Dim& extent) {
    for (std::string& symbol : extent.symbols()) symbols.insert(std::move(symbol));
  };
  for (ir::OpId tasks : taskSets(plan)) {
    const ir::Op& anchor = plan.op(governingTile(plan, tasks));
    const ir::TensorExpr& expr = anchor.attributes.expr();
    for (const ir::Dim& extent : expr.reduction) add(extent);
    const int lane = anchor.attributes.get<ir::Tile>("tile").laneAxis;
    if (lane >= 0 && lane < expr.domainRank()) add(expr.domain[static_cast<size_t>(lane)]);
  }
  return symbols;
}

}  // namespace quartet::sched
