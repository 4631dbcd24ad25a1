#include "backends/common/index_limits.h"

#include <algorithm>

#include "backends/common/lower_tasks.h"

namespace quartet::common {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

constexpr int64_t kMost = INT32_MAX;

/// Saturates at INT64_MAX.
int64_t product(const std::vector<int64_t>& extents) {
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return 0;
  int64_t count = 1;
  for (int64_t extent : extents) {
    if (__builtin_mul_overflow(count, extent, &count)) return INT64_MAX;
  }
  return count;
}

std::string countText(int64_t count) {
  return count == INT64_MAX ? "more than 2^63" : std::to_string(count);
}

/// "input 'x'", "output 'y'", or "tensor 'm' of node conv1": what is known of a buffer.
std::string describe(const ir::Module& plan, ValueId buffer) {
  const auto& parameters = plan.region(plan.top()).parameters;
  const auto at = std::find(parameters.begin(), parameters.end(), buffer);
  if (at != parameters.end()) {
    const auto number = static_cast<size_t>(at - parameters.begin());
    const size_t inputs = parameters.size() - plan.outputs.size();
    if (number < inputs) return "input '" + plan.value(buffer).name + "'";
    return "output '" + plan.outputs[number - inputs] + "'";
  }
  const std::string& name = plan.value(buffer).name;
  std::string text = name.empty() ? "an intermediate tensor" : "tensor '" + name + "'";
  for (int i = 0; i < plan.opCount(); ++i) {
    const ir::Op& tasks = plan.op({i});
    if (tasks.opcode != Opcode::Tasks) continue;
    for (OpId id : plan.region(tasks.regions[0]).ops) {
      const ir::Op& op = plan.op(id);
      const bool writes = op.opcode == Opcode::Write && op.operands[1] == buffer;
      if (writes && !tasks.origin.empty()) return text += " of node " + ir::str(tasks.origin);
    }
  }
  return text;
}

Result<std::vector<int64_t>> evaluate(const ir::Dims& dims, const ir::SymbolValues& symbols) {
  std::vector<int64_t> extents;
  for (const ir::Dim& dim : dims) extents.push_back(QT_TRY(dim.evaluate(symbols)));
  return extents;
}

constexpr const char* kHint = "use smaller shapes (--shape)";

}  // namespace

Result<int64_t> storedElements(const ir::Module& plan, ValueId buffer,
                               const ir::SymbolValues& symbols) {
  const ir::Type& type = plan.type(buffer);
  const auto shape = QT_TRY(evaluate(type.shape, symbols));
  // Padding rounds up to multiples, which may overflow where the elements themselves do.
  int64_t count = product(shape);
  const bool padded = count <= kMost && !type.layout.rowMajor();
  if (padded) count = product(QT_TRY(evaluate(type.layout.physicalShape(type.shape), symbols)));
  if (count <= kMost) return count;
  return unsupported("found " + countText(count) + " elements" +
                         (padded ? " as stored with padding" : "") + ", kernels index at most " +
                         std::to_string(kMost) + " in one tensor",
                     describe(plan, buffer), kHint);
}

Status checkLoops(const ir::Module& plan, OpId tasks, const ir::SymbolValues& symbols) {
  const ir::Op& anchor = plan.op(anchorOf(plan, tasks));
  const ir::TensorExpr& expr = anchor.attributes.expr();
  const auto& tile = anchor.attributes.get<ir::Tile>("tile");
  auto extents = QT_TRY(evaluate(expr.domain, symbols));
  const size_t domain = extents.size();
  const auto reduction = QT_TRY(evaluate(expr.reduction, symbols));
  extents.insert(extents.end(), reduction.begin(), reduction.end());
  const std::string where = "node " + ir::str(plan.op(tasks).origin);
  std::vector<int64_t> counts;
  for (size_t i = 0; i < extents.size(); ++i) {
    // Groups are whole along the domain, and a register tile may start at their end.
    const int64_t group = i < domain ? tile.group[i] : 1;
    const int64_t count = extents[i] / group + (extents[i] % group != 0 ? 1 : 0);
    const int64_t step = std::max(tile.reg[i], tile.lanes);
    if (count > (kMost - 2 * step) / group) {
      return unsupported("found a loop over " + std::to_string(extents[i]) +
                             " elements in tiles of " + std::to_string(std::max(group, step)) +
                             ", kernels reach at most " + std::to_string(kMost),
                         where, kHint);
    }
    if (i < domain) counts.push_back(count);
  }
  if (const int64_t groups = product(counts); groups > kMost) {
    return unsupported(
        "found " + countText(groups) + " tasks, kernels number at most " + std::to_string(kMost),
        where, kHint);
  }
  return {};
}

}  // namespace quartet::common
