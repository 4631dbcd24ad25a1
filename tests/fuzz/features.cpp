#include "tests/fuzz/features.h"

#include <algorithm>
#include <set>

#include "sched/task_set.h"

namespace quartet::fuzz {

using ir::Opcode;

std::string name(Feature feature) {
  constexpr const char* kNames[] = {"a packed constant",
                                    "a padded copy",
                                    "a padded box",
                                    "a register tile",
                                    "lanes on a reduction",
                                    "a turned tile",
                                    "a sliced reduction",
                                    "a joined epilogue",
                                    "an inlined producer",
                                    "cut rows",
                                    "cut lanes",
                                    "a transposed buffer",
                                    "an alias",
                                    "a shared wave",
                                    "shared memory",
                                    "windows",
                                    "a symbolic extent"};
  static_assert(std::size(kNames) == kFeatureCount);
  return kNames[static_cast<size_t>(feature)];
}

namespace {

void ofTile(const ir::Op& tile, std::set<Feature>& found) {
  const auto& shape = tile.attributes.get<ir::Tile>("tile");
  const ir::TensorExpr& expr = tile.attributes.expr();
  if (shape.laneAxis >= expr.domainRank()) found.insert(Feature::ReductionLanes);
  if (!shape.stage.empty()) found.insert(Feature::PaddedBox);
  if (shape.storeAxis >= 0) found.insert(Feature::TurnedTile);
  for (size_t i = expr.domain.size(); i < shape.group.size(); ++i) {
    const auto extent = expr.reduction[i - expr.domain.size()].constant();
    if (extent && shape.group[i] < *extent) found.insert(Feature::SlicedReduction);
  }
  bool rows = false;
  bool vectors = false;
  for (size_t i = 0; i < expr.domain.size(); ++i) {
    const bool lane = shape.laneAxis == static_cast<int>(i);
    if (shape.reg[i] > (lane ? shape.lanes : 1)) (lane ? vectors : rows) = true;
    if (shape.reg[i] == 1 || ir::Dim::mod(expr.domain[i], shape.reg[i]) == ir::Dim(0)) continue;
    found.insert(lane ? Feature::CutLanes : Feature::CutRows);
  }
  if (rows && vectors) found.insert(Feature::RegisterTile);
}

void ofTaskSet(const ir::Module& plan, ir::OpId tasks, std::set<Feature>& found) {
  const ir::Op& op = plan.op(tasks);
  // Roller makes several task sets of one, "t3" and "t3.1", when it copies an operand in front.
  if (op.attributes.get<std::string>("name").find('.') != std::string::npos) {
    found.insert(Feature::PaddedCopy);
  }
  bool anchor = false;
  for (ir::OpId id : plan.region(op.regions[0]).ops) {
    const ir::Op& tile = plan.op(id);
    if (tile.opcode != Opcode::Tile) continue;
    if (!tile.attributes.get<ir::Tile>("tile").empty()) {
      anchor = true;
      ofTile(tile, found);
    } else {
      found.insert(anchor ? Feature::JoinedEpilogue : Feature::InlinedProducer);
    }
  }
}

void ofBuffers(const ir::Module& plan, std::set<Feature>& found) {
  for (ir::OpId id : plan.region(plan.top()).ops) {
    const ir::Op& op = plan.op(id);
    if (op.results.empty()) continue;
    const ir::Layout& layout = plan.type(op.results[0]).layout;
    const bool panels = std::any_of(layout.axes.begin(), layout.axes.end(),
                                    [](const auto& axis) { return axis.modulo > 1; });
    if (op.opcode == Opcode::Constant && panels) found.insert(Feature::PackedConstant);
    if (op.opcode != Opcode::Buffer) continue;
    if (!layout.rowMajor()) found.insert(Feature::TransposedBuffer);
    if (!op.operands.empty()) found.insert(Feature::Alias);
  }
}

void ofProgram(const runtime::Program& program, std::set<Feature>& found) {
  for (const runtime::Wave& wave : program.waves) {
    std::set<std::string> names;
    std::set<std::pair<std::string, int>> sets;
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      if (!sets.emplace(dispatch.name, dispatch.kernel).second) found.insert(Feature::Windows);
      names.insert(dispatch.name);
      for (const runtime::Binding& binding : dispatch.bindings) {
        if (binding.offset > 0) found.insert(Feature::Windows);
      }
    }
    if (names.size() > 1) found.insert(Feature::SharedWave);
  }
  if (program.arenaBytes < program.arenaSum) found.insert(Feature::SharedMemory);
}

}  // namespace

void countFeatures(const ir::Module& plan, const runtime::Program& program, FeatureCounts& counts) {
  std::set<Feature> found;
  for (ir::OpId tasks : sched::taskSets(plan)) ofTaskSet(plan, tasks, found);
  ofBuffers(plan, found);
  ofProgram(program, found);
  if (!plan.symbols.empty()) found.insert(Feature::SymbolicExtent);
  for (Feature feature : found) ++counts[feature];
}

}  // namespace quartet::fuzz
