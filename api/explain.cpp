#include "api/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "api/host_memory.h"
#include "hwdb/load.h"
#include "ir/text.h"
#include "sched/cost/roofline.h"

namespace quartet::api {
namespace {

std::string header(const std::string& model, const Placement& placement) {
  std::string text = fmt::format("model {}\n\nplacement\n  all of it on {} ({})\n", model,
                                 placement.device.id, placement.device.name);
  for (const std::string& note : placement.notes) text += "  " + note + "\n";
  return text;
}

/// Every operation with its device, and what goes from one device to another.
std::string placementText(const std::string& model, const Placement& placement,
                          const ir::Module& graph, const runtime::PlacedProgram& program) {
  std::string text = fmt::format("model {}\n\nplacement\n", model);
  for (const std::string& note : placement.notes) text += "  " + note + "\n";
  for (ir::OpId id : graph.region(graph.top()).ops) {
    const ir::Op& op = graph.op(id);
    if (op.opcode != ir::Opcode::Compute) continue;
    text += fmt::format("  {:<10} {}", op.attributes.get<std::string>("device"),
                        op.origin.empty() ? "(no node)" : ir::str(op.origin));
    if (op.attributes.has("lacking")) text += ": " + op.attributes.get<std::string>("lacking");
    text += "\n";
  }
  int64_t bytes = 0;
  for (const auto& copy : program.copies) bytes += copy.bytes;
  text += fmt::format("\ncopies ({}; {} bytes in one run, through {} bytes of host memory)\n",
                      program.copies.size(), bytes, program.hostBytes);
  for (const auto& copy : program.copies) {
    text += fmt::format("  {} -> {}: {} bytes", program.devices[copy.from.device],
                        program.devices[copy.to.device], copy.bytes);
    if (!copy.origin.empty()) text += " from " + ir::str(copy.origin);
    text += "\n";
  }
  return text;
}

std::string memoryText(const Statistics& statistics) {
  const double ratio = statistics.arenaBound > 0 ? static_cast<double>(statistics.arenaBytes) /
                                                       static_cast<double>(statistics.arenaBound)
                                                 : 1.0;
  return fmt::format(
      "\nmemory\n  intermediates: peak {} ({} bytes), sum {}, bound {} (peak / bound {:.3f})\n"
      "  constants {}, inputs and outputs {}, all {}\n",
      bytesText(statistics.arenaBytes), statistics.arenaBytes, bytesText(statistics.arenaSum),
      bytesText(statistics.arenaBound), ratio, bytesText(statistics.constantBytes),
      bytesText(statistics.inputOutputBytes), bytesText(statistics.peakBytes()));
}

/// The governing tiles of the plan's task sets, by name: what `dispatch.name` refers to.
std::map<std::string, std::string> tilesByName(const ir::Module& plan) {
  std::map<std::string, std::string> tiles;
  for (int i = 0; i < plan.opCount(); ++i) {
    const ir::Op& op = plan.op({i});
    if (op.opcode != ir::Opcode::Tasks || !op.attributes.has("name")) continue;
    std::string text;
    int joined = 0;
    for (ir::OpId inner : plan.region(op.regions[0]).ops) {
      const ir::Op& leaf = plan.op(inner);
      if (leaf.opcode != ir::Opcode::Tile) continue;
      ++joined;
      if (!leaf.attributes.has("tile")) continue;
      const ir::Tile& tile = leaf.attributes.get<ir::Tile>("tile");
      if (!tile.empty()) text += (text.empty() ? "" : "; ") + tile.str();
    }
    if (joined > 1) text += fmt::format(" ({} expressions joined)", joined);
    tiles[op.attributes.get<std::string>("name")] = text;
  }
  return tiles;
}

std::string waveText(const runtime::Wave& wave, const std::map<std::string, std::string>& tiles) {
  std::string text;
  for (const runtime::Dispatch& dispatch : wave.dispatches) {
    text += fmt::format("    {}: {} groups of kernel {}, {:.4g} Mflop, {:.4g} MB, {:.4g} us",
                        dispatch.name, dispatch.groups, dispatch.kernel, dispatch.flops / 1e6,
                        dispatch.bytes / 1e6, dispatch.microseconds);
    if (!dispatch.origin.empty()) text += " from " + ir::str(dispatch.origin);
    text += "\n";
    const auto tile = tiles.find(dispatch.name);
    if (tile != tiles.end() && !tile->second.empty()) text += "      " + tile->second + "\n";
  }
  return text;
}

/// The waves in the order in which they run.
std::string wavesText(const ir::Module& plan, const runtime::PlacedProgram& placed,
                      int64_t launches) {
  const std::map<std::string, std::string> tiles = tilesByName(plan);
  std::string text = fmt::format("\nwaves ({}; one launch each)\n", launches);
  size_t number = 0;
  for (const auto& step : placed.steps) {
    const runtime::Program& program = placed.programs[step.device];
    const auto stages = runtime::stagesOf(program);
    size_t wave = step.stage == 0 ? 0 : stages[step.stage - 1].waveEnd;
    for (; wave < stages[step.stage].waveEnd; ++wave) {
      text += fmt::format("  wave {}", number++);
      if (placed.programs.size() > 1) text += " on " + placed.devices[step.device];
      text += "\n" + waveText(program.waves[wave], tiles);
    }
  }
  return text;
}

/// What the predicted time of a run rests on, by provenance and field.
std::string estimateText(const runtime::PlacedProgram& placed,
                         const std::vector<CompileTarget>& targets) {
  std::map<hwdb::Provenance, std::map<std::string_view, double>> shares;
  double all = 0;
  const auto add = [&](const sched::CostShare& share) {
    shares[share.provenance][share.field] += share.microseconds;
    all += share.microseconds;
  };
  for (size_t i = 0; i < targets.size(); ++i) {
    const hwdb::Description& device = *targets[i].description;
    for (const runtime::Wave& wave : placed.programs[i].waves) {
      for (const runtime::Dispatch& dispatch : wave.dispatches) {
        const sched::Work work{.flops = dispatch.flops,
                               .bytes = dispatch.bytes,
                               .cycles = dispatch.cycles,
                               .gigaflops = dispatch.gigaflops};
        for (const sched::CostShare& share : sched::rooflineShares(work, device)) add(share);
      }
      add(sched::launchShare(device));
    }
  }
  std::string text = fmt::format("\nestimate\n  {:.4g} us in one run\n", all);
  const double whole = all > 0 ? all / 100 : 1;
  for (const auto& [provenance, fields] : shares) {
    double sum = 0;
    std::string list;
    for (const auto& [field, microseconds] : fields) {
      sum += microseconds;
      list += fmt::format("{}{} {:.1f} %", list.empty() ? "" : ", ", field, microseconds / whole);
    }
    text += fmt::format("  {:5.1f} % rests on {} values: {}\n", sum / whole, hwdb::name(provenance),
                        list);
  }
  return text;
}

std::string frontsText(const Schedule& schedule) {
  if (schedule.fronts.empty()) return {};
  return "\nfronts (alternatives than which no other is at least as good in everything)\n" +
         schedule.fronts;
}

std::string timesText(const Schedule& schedule) {
  std::string text = "\npasses\n";
  for (const ir::PassTime& time : schedule.times) {
    text += fmt::format("  {:<20} {:8.2f} ms\n", time.pass, time.milliseconds);
  }
  return text;
}

}  // namespace

std::string explainProgram(const std::string& model, const Placement& placement,
                           const Statistics& statistics, const Schedule& schedule,
                           const runtime::PlacedProgram& program,
                           const std::vector<CompileTarget>& targets) {
  const std::string head = program.programs.size() == 1
                               ? header(model, placement)
                               : placementText(model, placement, schedule.graph, program);
  return head +
         fmt::format(
             "\n{} launches of {} task sets, {} distinct kernels ({} from the cache); predicted "
             "{:.4g} Gflop, "
             "{:.4g} MB moved\n",
             statistics.launches, statistics.taskSets, statistics.kernels, statistics.cachedKernels,
             statistics.flops / 1e9, statistics.trafficBytes / 1e6) +
         memoryText(statistics) + wavesText(schedule.plan, program, statistics.launches) +
         frontsText(schedule) + estimateText(program, targets) + timesText(schedule) +
         "\ndescription used\n" + hwdb::print(*targets[0].description);
}

std::string compilerText(const runtime::Executable& executable) {
  const auto reports = executable.compilerReports();
  constexpr const char* kTitle = "\ncompiled code, in the words of the driver's compiler\n";
  if (!reports) return fmt::format("{}  {}\n", kTitle, reports.error().str());
  if (reports->empty()) return {};
  std::string text = kTitle;
  for (const runtime::CompilerReport& report : *reports) {
    text += fmt::format("  kernel {}:", fmt::join(report.kernels, ", "));
    for (size_t i = 0; i < report.figures.size(); ++i) {
      const auto& [name, value] = report.figures[i];
      text += fmt::format("{} {} {:.6g}", i == 0 ? "" : ",", name, value);
    }
    text += "\n";
  }
  return text;
}

std::string explainGraph(const std::string& model, const Placement& placement,
                         const ir::Module& graph) {
  return header(model, placement) +
         fmt::format("\nmemory\n  at least {} of values alive at once, constants apart\n",
                     bytesText(evaluationBytes(graph))) +
         "\ngraph, evaluated op by op\n" + ir::print(graph, {0, true});
}

}  // namespace quartet::api
