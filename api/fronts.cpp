#include "api/fronts.h"

#include <fmt/format.h>

#include "ir/origin.h"
#include "sched/task_set.h"

namespace quartet::api {
namespace {

/// The tiles of all task sets of a plan, in order.
std::string tilesText(const ir::Module& plan) {
  std::string text;
  for (const ir::OpId tasks : sched::taskSets(plan)) {
    const ir::Op& anchor = plan.op(sched::governingTile(plan, tasks));
    if (!text.empty()) text += ", then ";
    text += anchor.attributes.get<ir::Tile>("tile").str();
  }
  return text;
}

}  // namespace

std::string frontText(const std::vector<sched::Alternative>& front) {
  const ir::Module& first = front.front().plan;
  const ir::Origin& origin = first.op(sched::taskSets(first).back()).origin;
  std::string text = fmt::format("  {}\n", origin.empty() ? "(no node)" : ir::str(origin));
  text += fmt::format("    {:>10} {:>12} {:>8} {:>11} {:>9} {:>10}  {}\n", "us", "unit us", "tasks",
                      "workgroup B", "private B", "registers", "tiles");
  for (const sched::Alternative& member : front) {
    text += fmt::format("    {:>10.4g} {:>12.4g} {:>8} {:>11} {:>9} {:>10}  {}\n",
                        member.microseconds, member.unitMicroseconds, member.tasks,
                        member.resources.workgroupBytes, member.resources.privateBytes,
                        member.resources.registers, tilesText(member.plan));
  }
  return text;
}

}  // namespace quartet::api
