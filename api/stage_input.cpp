#include "api/stage_input.h"

#include <algorithm>

namespace quartet::api {
namespace {

using ir::Level;
using ir::Opcode;
using ir::OpId;

/// What a module holds, as far as stages ask for it.
class Form {
 public:
  explicit Form(const ir::Module& module) : module_(module) {
    if (module.level == Level::Plan) readPlan();
  }

  bool graph() const { return module_.level == Level::Graph; }
  bool expressions() const {
    const auto& ops = module_.region(module_.top()).ops;
    return graph() && std::all_of(ops.begin(), ops.end(), [&](OpId id) {
             const Opcode opcode = module_.op(id).opcode;
             return opcode == Opcode::Constant || opcode == Opcode::Reshape ||
                    opcode == Opcode::Return || opcode == Opcode::Compute;
           });
  }
  /// A sequence of task sets of one tile each, none of which has a shape.
  bool untiled() const { return sequence_ && !waves_ && untiled_; }
  /// A sequence of task sets whose tiles have shapes.
  bool tiled() const { return sequence_ && !waves_ && tiled_; }
  /// The same in waves.
  bool waves() const { return sequence_ && waves_ && tiled_; }

  std::string str() const {
    if (module_.level == Level::Kernel) return "a kernel";
    if (graph()) return expressions() ? "a graph of tensor expressions" : "a graph of operations";
    if (!sequence_) return "a plan that is no sequence of task sets on one device";
    if (waves_) return tiled_ ? "a plan in waves" : "a plan in waves without tile shapes";
    if (untiled_) return "a plan without tile shapes";
    return tiled_ ? "a plan with tile shapes" : "a plan with tile shapes in some task sets";
  }

 private:
  void readPlan() {
    OpId root;
    for (OpId id : module_.region(module_.top()).ops) {
      if (module_.op(id).opcode != Opcode::Seq) continue;
      if (root.valid()) return;
      root = id;
    }
    if (!root.valid()) return;
    sequence_ = untiled_ = tiled_ = true;
    for (OpId node : module_.region(module_.op(root).regions[0]).ops) {
      const ir::Op& op = module_.op(node);
      if (op.opcode == Opcode::Tasks) {
        readTasks(op);
      } else if (op.opcode == Opcode::Par) {
        waves_ = true;
        for (OpId tasks : module_.region(op.regions[0]).ops) readTasks(module_.op(tasks));
      } else {
        sequence_ = false;
      }
    }
  }

  void readTasks(const ir::Op& tasks) {
    if (tasks.opcode != Opcode::Tasks) {
      sequence_ = false;
      return;
    }
    int tiles = 0;
    bool shaped = false;
    bool point = false;  // the last tile is a single point, whose shape is always empty
    for (OpId id : module_.region(tasks.regions[0]).ops) {
      const ir::Op& op = module_.op(id);
      if (op.opcode != Opcode::Tile) continue;
      ++tiles;
      shaped = shaped || !op.attributes.get<ir::Tile>("tile").empty();
      point = op.attributes.expr().axisCount() == 0;
    }
    untiled_ = untiled_ && tiles == 1 && !shaped;
    tiled_ = tiled_ && (shaped || point);
  }

  const ir::Module& module_;
  bool sequence_ = false;
  bool waves_ = false;
  bool untiled_ = false;
  bool tiled_ = false;
};

struct Requirement {
  const char* stage;
  bool (*met)(const Form&);
  const char* text;
  const char* from;  // the stage that gives it
};

constexpr Requirement kRequirements[] = {
    {"express", [](const Form& form) { return form.graph(); }, "a graph", nullptr},
    {"grinder", [](const Form& form) { return form.expressions(); },
     "a graph of tensor expressions", "express"},
    {"welder", [](const Form& form) { return form.untiled(); }, "a plan without tile shapes",
     "grinder"},
    {"roller", [](const Form& form) { return form.untiled(); }, "a plan without tile shapes",
     "grinder"},
    {"rammer", [](const Form& form) { return form.tiled(); }, "a plan with tile shapes",
     "welder or roller"},
    {"lower", [](const Form& form) { return form.tiled() || form.waves(); },
     "a plan with tile shapes or in waves", "rammer"},
};

}  // namespace

Status checkStageInput(const std::string& stage, const ir::Module& module,
                       const std::string& file) {
  const Form form(module);
  for (const Requirement& requirement : kRequirements) {
    if (stage != requirement.stage || requirement.met(form)) continue;
    return userError(
        "stage " + stage + " requires " + requirement.text + ", found " + form.str(), file,
        requirement.from == nullptr ? std::string()
                                    : "run stage " + std::string(requirement.from) + " before it");
  }
  return {};
}

}  // namespace quartet::api
