// Roller's ranking of register tiles beside what AMD's compiler says of their code.
//
// RADV's "Inverse Throughput" counts the cycles that a SIMD takes for a wave of the whole shader:
// the issue of its instructions, or their latency where there are too few waves to hide it. It
// takes a loop to run 8 times and code behind a condition to run half of the times. So the shaders
// that are compared have reductions of 8 turns of their loop and extents that all of their groups
// divide (there are no edges), and what counts is the time of a product.
//
// It knows neither caches nor lines: loads and stores cost their instructions alone, beside the
// arithmetic, where Roller has them wait for the innermost cache. Tiles that differ in that alone
// are the same to the compiler: of 1.3 times the best time there are many. It is asked about what
// it holds clearly apart, and about the order of all tiles only where no taps overlap: neighbouring
// ones of a convolution read the same elements, which the compiler may load once.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "ir/pass.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"
#include "sched/roller/shape.h"
#include "tests/amd/correlation.h"
#include "tests/amd/family.h"
#include "tests/amd/report.h"
#include "tests/common/harness.h"

using namespace quartet;
using namespace quartet::test;
using namespace quartet::tests;

namespace {

constexpr int64_t kTurns = 8;
constexpr int64_t kKernel = 3;
/// The compiler holds tiles apart whose times differ by more.
constexpr double kApart = 1.25;
/// A multiple of the groups of most tiles: of 16 rows of 1 to 8, 10, 12, 14, 15 and 16.
constexpr int64_t kExtent = 26880;

/// Graphs of one operator, whose reductions have as many steps as are asked for.
struct Operator {
  std::string name;
  std::string (*text)(int64_t steps);
  int64_t leastUnrolled = 1;  // steps of a turn of the loop
  int64_t mostUnrolled = 8;
  /// Of tiles whose lanes lie together where the result is stored: a little below what it is with
  /// Mesa 22.3, and above what it is with a model that forgets what rows load.
  std::optional<double> spearman = std::nullopt;
};

std::string matmul(int64_t steps) {
  return fmt::format(R"(graph @matmul(%x: f32[{0}, {1}], %w: f32[{1}, {0}]) -> ("y") {{
    %y = contract %x, %w {{lhs = [0, 2], out = [0, 1], rhs = [2, 1]}} : f32[{0}, {0}] from "y"
    return %y
  }})",
                     kExtent, steps);
}

std::string pointwiseConv(int64_t steps) {
  return fmt::format(R"(graph @conv(%x: f32[1, {1}, {0}]) -> ("y") {{
    %w = constant {{hash = "w"}} : f32[{0}, {1}, 1]
    %y = conv %x, %w {{dilations = [1], group = 1, pads = [0, 0], strides = [1]}} : f32[1, {0}, {0}] from "y"
    return %y
  }}
  constant "w" f32[{0}, {1}, 1] = elided)",
                     kExtent, steps);
}

/// Its innermost axis is the kernel's, which only tiles go through at once that unroll three steps.
std::string conv(int64_t steps) {
  return fmt::format(R"(graph @conv(%x: f32[1, {1}, {2}]) -> ("y") {{
    %w = constant {{hash = "w"}} : f32[{0}, {1}, {3}]
    %y = conv %x, %w {{dilations = [1], group = 1, pads = [0, 0], strides = [1]}} : f32[1, {0}, {0}] from "y"
    return %y
  }}
  constant "w" f32[{0}, {1}, {3}] = elided)",
                     kExtent, steps / kKernel, kExtent + kKernel - 1, kKernel);
}

struct Trial {
  bool storesRows = false;  // lanes lie together where the result is stored
  double predicted = 0;     // cycles of a product
  double reported = 0;
};

/// Whether the innermost loop of the reduction takes `unrolled` steps in a turn, and groups leave
/// no edge.
bool comparable(const sched::TaskView& view, const ir::Tile& tile, int64_t unrolled) {
  if (tile.reg[static_cast<size_t>(tile.order.back())] != unrolled) return false;
  for (size_t axis = 0; axis < static_cast<size_t>(view.rank()); ++axis) {
    if (view.extents[axis] % tile.group[axis] != 0) return false;
  }
  return true;
}

/// What the compiler says of the one shader of a plan.
double reportedThroughput(runtime::Device& device, const ir::Module& plan) {
  const auto executable = device.compile(lowered(plan, device.description()));
  REQUIRE_MESSAGE(executable.has_value(), (executable ? "" : executable.error().str()));
  const auto reports = (*executable)->compilerReports();
  REQUIRE(reports.has_value());
  REQUIRE(reports->size() == 1);
  return figure(reports->front(), "Inverse Throughput");
}

void tryTile(const ir::Module& plan, int64_t unrolled, runtime::Device& device,
             std::vector<Trial>& trials) {
  const ir::OpId tasks = sched::taskSets(plan).back();
  const sched::TaskView view = sched::viewOf(plan, tasks, {});
  const ir::Tile& tile = plan.op(view.anchor).attributes.get<ir::Tile>("tile");
  if (!comparable(view, tile, unrolled)) return;
  double products = kTurns;  // of an invocation
  for (const int64_t extent : tile.reg) products *= static_cast<double>(extent);
  const auto all = static_cast<double>(view.domainCount() * view.reductionCount());
  Trial trial;
  trial.storesRows = tile.laneAxis == view.rank() - 1;
  trial.predicted = plan.op(tasks).attributes.get<double>("cycles") / all;
  trial.reported = reportedThroughput(device, plan) / products;
  trials.push_back(trial);
}

/// All comparable tiles of an operator, those predicted to be fastest first.
std::vector<Trial> trialsOf(const Operator& op, runtime::Device& device) {
  std::vector<Trial> trials;
  // The step model counts loads that go through the caches.
  hwdb::Description direct = device.description();
  direct.stagingPays.value = false;
  for (int64_t unrolled = op.leastUnrolled; unrolled <= op.mostUnrolled; ++unrolled) {
    const sched::Measure measure = [&](const std::vector<sched::Alternative>& alternatives) {
      for (const sched::Alternative& alternative : alternatives) {
        tryTile(alternative.plan, unrolled, device, trials);
      }
      return Result<std::vector<double>>(std::vector<double>(alternatives.size(), 1.0));
    };
    constexpr int kAll = 10000;
    const sched::Env env{direct, sched::roofline, {.alternatives = kAll}, measure};
    ir::PassRunner runner;
    const auto plan = sched::schedule(expressed(op.text(kTurns * unrolled)), env, runner);
    REQUIRE_MESSAGE(plan.has_value(), (plan ? "" : plan.error().str()));
  }
  std::stable_sort(trials.begin(), trials.end(),
                   [](const Trial& a, const Trial& b) { return a.predicted < b.predicted; });
  return trials;
}

struct Times {
  std::vector<double> predicted;
  std::vector<double> reported;
};

Times timesOf(const std::vector<Trial>& trials, const std::function<bool(const Trial&)>& wanted) {
  Times times;
  for (const Trial& trial : trials) {
    if (!wanted(trial)) continue;
    times.predicted.push_back(trial.predicted);
    times.reported.push_back(trial.reported);
  }
  return times;
}

}  // namespace

TEST_CASE("amd: rank correlation") {
  CHECK(spearman({1, 2, 3, 4}, {10, 20, 30, 40}) == doctest::Approx(1));
  CHECK(spearman({1, 2, 3, 4}, {4, 3, 2, 1}) == doctest::Approx(-1));
  CHECK(spearman({1, 2, 3, 4}, {1, 2, 4, 3}) == doctest::Approx(0.8));
  CHECK(spearman({1, 1, 2, 2}, {1, 2, 3, 4}) == doctest::Approx(4 / std::sqrt(20.0)));
  CHECK(agreement({1, 2, 3}, {10, 11, 20}, 1.5) == 1);
  CHECK(agreement({3, 2, 1}, {10, 11, 20}, 1.5) == 0);
  CHECK(agreement({1, 3, 2}, {10, 11, 20}, 1.5) == 0.5);
}

TEST_CASE("amd: tiles are ranked as the compiler's inverse throughput has them") {
  if (!inFamilyProcess("amd: tiles are ranked*")) return;
  const auto device = familyDevice();
  const Operator operators[] = {{"matmul", matmul, 1, 8, 0.92},
                                {"pointwise conv", pointwiseConv, 1, 8, 0.85},
                                {"conv", conv, kKernel, kKernel}};
  for (const Operator& op : operators) {
    const std::vector<Trial> trials = trialsOf(op, *device);
    const Times all = timesOf(trials, [](const Trial&) { return true; });
    const Times rows = timesOf(trials, [](const Trial& trial) { return trial.storesRows; });
    REQUIRE(rows.predicted.size() >= 20);
    const double apart = agreement(all.predicted, all.reported, kApart);
    const double order = spearman(rows.predicted, rows.reported);
    const double first = all.reported[0] / *std::ranges::min_element(all.reported);
    INFO(familyName(), ", ", op.name, ", ", all.predicted.size(), " tiles: agreement ", apart,
         ", Spearman ", order, ", the first takes ", first, " times the best");
    CHECK(apart >= 0.9);
    if (op.spearman) CHECK(order >= *op.spearman);
    CHECK(first <= 1.3);
  }
}
