#include "sched/copy_map.h"

namespace quartet::sched {

ir::TensorExpr copyOf(const ir::Type& type) {
  ir::TensorExpr expr;
  expr.domain = type.shape;
  std::vector<ir::Expr> axes;
  for (size_t i = 0; i < type.shape.size(); ++i) {
    axes.push_back(ir::Expr::axis(static_cast<int>(i)));
  }
  expr.results = {ir::Expr::load(0, type.dtype, std::move(axes))};
  return expr;
}

}  // namespace quartet::sched
