#include "runtime/status_report.h"

#include "ir/kernel.h"

namespace quartet::runtime {

Status statusReport(const Program& program, uint32_t code, uint32_t node) {
  std::string where;
  if (node < program.statusNodes.size()) where = "node " + ir::str(program.statusNodes[node]);
  const std::string hint = "check the integer inputs of the model";
  switch (static_cast<ir::StatusCode>(code)) {
    case ir::StatusCode::Ok:
      return {};
    case ir::StatusCode::IndexOutOfRange:
      return userError("an index lies outside the tensor that it indexes", where, hint);
    case ir::StatusCode::DivisionByZero:
      return userError("integer division by zero", where, hint);
  }
  throwInternalError("a status code", std::to_string(code));
}

}  // namespace quartet::runtime
