#include "runtime/status_report.h"

#include "ir/kernel.h"

namespace quartet::runtime {

Status statusReport(const Program& program, const RunStatus& status) {
  StatusSite site;
  if (status.node < program.statusSites.size()) site = program.statusSites[status.node];
  std::string where = "node '" + ir::str(site.origin) + "'";
  if (!site.operation.empty()) where += " (" + site.operation + ")";
  switch (static_cast<ir::StatusCode>(status.code)) {
    case ir::StatusCode::Ok:
      return {};
    case ir::StatusCode::IndexOutOfRange:
      return userError("index " + std::to_string(status.detail) +
                           " is out of range for an axis of extent " + std::to_string(site.extent),
                       where, "indices must lie in [-extent, extent)");
    case ir::StatusCode::DivisionByZero:
      return userError("integer division by zero", where, "check the integer inputs of the model");
  }
  throwInternalError("a status code", std::to_string(status.code));
}

}  // namespace quartet::runtime
