#include "api/predict.h"

#include <map>
#include <string>

#include "sched/cost/roofline.h"

namespace quartet::api {
namespace {

using ir::Opcode;

double weight(Opcode op) {
  switch (op) {
    case Opcode::Cast:
    case Opcode::Select:
      return 0;
    case Opcode::Fma:
      return 2;
    case Opcode::Div:
    case Opcode::Sqrt:
      return 4;
    case Opcode::Pow:
    case Opcode::Exp:
    case Opcode::Log:
    case Opcode::Sin:
    case Opcode::Cos:
    case Opcode::Tan:
    case Opcode::Asin:
    case Opcode::Acos:
    case Opcode::Atan:
    case Opcode::Sinh:
    case Opcode::Cosh:
    case Opcode::Tanh:
    case Opcode::Asinh:
    case Opcode::Acosh:
    case Opcode::Atanh:
    case Opcode::Erf:
      return 16;
    default:
      return 1;
  }
}

/// Flops of one evaluation; index arithmetic is not counted.
double flopsOf(const std::vector<ir::Expr>& exprs) {
  double flops = 0;
  for (const ir::Expr& expr : exprs) {
    expr.visit([&](const ir::Expr& node) {
      if (node.kind() != ir::Expr::Kind::Apply || node.args().empty()) return;
      if (ir::isFloat(node.args().back().dtype())) flops += weight(node.op());
    });
  }
  return flops;
}

double pointsOf(const std::vector<ir::Dim>& extents) {
  double points = 1;
  for (const ir::Dim& extent : extents) {
    points *= static_cast<double>(extent.constant().value_or(1));
  }
  return points;
}

double flopsOf(const ir::TensorExpr& expr) {
  const double steps = pointsOf(expr.reduction);
  return pointsOf(expr.domain) *
         (steps * (flopsOf(expr.element) + flopsOf(expr.combine)) + flopsOf(expr.results));
}

std::map<std::string, double> flopsByName(const ir::Module& plan) {
  std::map<std::string, double> flops;
  for (int i = 0; i < plan.opCount(); ++i) {
    const ir::Op& op = plan.op({i});
    if (op.opcode != Opcode::Tasks || !op.attributes.has("name")) continue;
    double sum = 0;
    for (ir::OpId inner : plan.region(op.regions[0]).ops) {
      if (plan.op(inner).opcode == Opcode::Tile) sum += flopsOf(plan.op(inner).attributes.expr());
    }
    flops[op.attributes.get<std::string>("name")] = sum;
  }
  return flops;
}

}  // namespace

void predictCosts(const ir::Module& plan, const hwdb::Description& device,
                  runtime::Program& program) {
  const std::map<std::string, double> flops = flopsByName(plan);
  std::map<std::string, double> groups;
  for (const runtime::Wave& wave : program.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      groups[dispatch.name] += static_cast<double>(dispatch.groups);
    }
  }
  for (runtime::Wave& wave : program.waves) {
    for (runtime::Dispatch& dispatch : wave.dispatches) {
      const auto found = flops.find(dispatch.name);
      const double all = groups[dispatch.name];
      const auto own = static_cast<double>(dispatch.groups);
      if (found != flops.end() && all > 0) dispatch.flops = found->second * own / all;
      sched::Work work;
      work.flops = dispatch.flops;
      work.bytes = dispatch.bytes;
      work.groups = own;
      dispatch.microseconds = sched::roofline(work, device);
    }
  }
}

}  // namespace quartet::api
