// Rammer on random plans, against the dependences found by brute force.
#include <doctest/doctest.h>

#include "ir/pass.h"
#include "ir/text.h"
#include "sched/cost/roofline.h"
#include "sched/rammer/rammer.h"
#include "tests/common/run.h"
#include "tests/fuzz/random.h"
#include "tests/sched/properties.h"

using namespace quartet;
using ir::Expr;
using ir::Opcode;
using ir::ValueId;

namespace {

/// One task set: adds up the elements of `reads` into every one of `writes`.
void addTasks(ir::Module& plan, ir::RegionId body, const std::vector<ValueId>& reads,
              const std::vector<ValueId>& writes, const std::string& name) {
  ir::TensorExpr expr;
  expr.domain = {4};
  Expr sum = Expr::literal(0.0, ir::DType::F32);
  for (size_t i = 0; i < reads.size(); ++i) {
    const Expr load = Expr::load(static_cast<int>(i), ir::DType::F32, {Expr::axis(0)});
    sum = i == 0 ? load : Expr::apply(Opcode::Add, {sum, load});
  }
  expr.results = {sum};
  ir::Attributes attributes;
  attributes.set("expr", std::make_shared<const ir::TensorExpr>(expr));
  attributes.set("tile", ir::Tile{{4}, {1}, {}, -1, 1, -1, {}, {0}});
  const ir::RegionId region = plan.addRegion();
  const ir::OpId tile =
      plan.addOp(region, Opcode::Tile, reads, {ir::Type::tensor(ir::DType::F32, {4})}, attributes);
  for (ValueId buffer : writes) {
    plan.addOp(region, Opcode::Write, {plan.result(tile), buffer}, {});
  }
  ir::Attributes named;
  named.set("name", name);
  plan.addOp(body, Opcode::Tasks, {}, {}, named, {region});
}

/// Task sets that read and write random buffers, some of them views of others.
ir::Module randomPlan(uint64_t seed) {
  fuzz::Random random(seed);
  ir::Module plan(ir::Level::Plan, "random");
  const ir::Type type = ir::Type::buffer(ir::DType::F32, {4});
  std::vector<ValueId> buffers;
  for (int i = 0; i < 2; ++i) buffers.push_back(plan.addParameter(plan.top(), type));
  const ValueId input = buffers[0];
  plan.outputs = {"y"};
  for (int64_t i = random.between(1, 10); i > 0; --i) {
    std::vector<ValueId> base;
    if (random.chance(0.25)) base.push_back(random.pick(buffers));
    if (!base.empty() && base[0] == input) base.clear();
    buffers.push_back(plan.result(plan.addOp(plan.top(), Opcode::Buffer, base, {type})));
  }
  const ir::RegionId body = plan.addRegion();
  // A buffer is written before it is read.
  std::vector<ValueId> sources(buffers.begin() + 1, buffers.end());
  for (size_t i = 0; i < sources.size(); ++i) {
    addTasks(plan, body, {input}, {sources[i]}, "first" + std::to_string(i));
  }
  for (int64_t i = random.between(1, 14); i > 0; --i) {
    std::vector<ValueId> reads{random.pick(buffers)};
    while (random.chance(0.5)) reads.push_back(random.pick(buffers));
    addTasks(plan, body, reads, {random.pick(sources)}, "t" + std::to_string(i));
  }
  plan.addOp(plan.top(), Opcode::Seq, {}, {}, {}, {body});
  plan.addOp(plan.top(), Opcode::Return, {}, {});
  return plan;
}

}  // namespace

TEST_CASE("waves never hold dependent task sets, and every set stands as early as it can") {
  const hwdb::Description device = test::vectorCpu();
  const sched::Env env{device, sched::roofline, {}};
  constexpr uint64_t kPlans = 2000;
  for (uint64_t seed = 1; seed <= kPlans; ++seed) {
    CAPTURE(seed);
    const ir::Module plan = randomPlan(seed);
    const auto waves = sched::rammer(plan, {2}, env);
    REQUIRE(waves.has_value());
    const auto broken = test::brokenWaves(plan, *waves);
    REQUIRE_MESSAGE(!broken, *broken << "\n" << ir::print(plan));
  }
}
