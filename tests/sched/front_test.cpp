// The alternatives among which time is traded for what units are taken for.
#include "sched/roller/front.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "backends/common/gpu/raise.h"
#include "hwdb/load.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "sched/cost/roofline.h"
#include "sched/grinder/grinder.h"
#include "sched/pipeline.h"
#include "sched/roller/resources.h"
#include "sched/roller/roller.h"
#include "sched/roller/ways.h"
#include "sched/welder/welder.h"
#include "tests/common/counted_registers.h"
#include "tests/common/harness.h"
#include "tests/sched/operators.h"

using namespace quartet;
using sched::Alternative;
using sched::Measures;

namespace {

hwdb::Description stagingGpu() {
  hwdb::Description device = test::weakGpu();
  device.stagingPays.value = true;
  hwdb::MemoryLevel workgroup;
  workgroup.name = "workgroup";
  workgroup.kind = hwdb::MemoryLevel::Kind::Explicit;
  workgroup.bytes.value = 4 << 10;
  workgroup.gigabytesPerSecond.value = 1e-3;
  hwdb::MemoryLevel shared = test::cache("L2", 1 << 20);
  shared.sharers = 2;
  shared.gigabytesPerSecond.value = 1e-3;
  device.memory = {shared, workgroup};
  return device;
}

/// Copies operands in panels, which ones and how depends on the tile.
hwdb::Description packingCpu() {
  hwdb::Description device = test::cachedCpu(1 << 10, 1 << 14, 4);
  device.packedCopySteps = {2, hwdb::Provenance::Derived, "test"};
  device.packedCopyStride = {256, hwdb::Provenance::Derived, "test"};
  device.memory[0].ways = {2, hwdb::Provenance::Derived, "test"};
  return device;
}

std::vector<hwdb::Description> devices() {
  return {test::vectorCpu(), test::cachedCpu(2 << 10, 1 << 17, 4),
          packingCpu(),      test::weakGpu(),
          test::scalarGpu(), stagingGpu()};
}

hwdb::Description ofUnits(hwdb::Description device, int64_t units) {
  device.units.value = units;
  device.peakGigaflops.value *= static_cast<double>(units);
  device.memoryGigabytesPerSecond.value *= static_cast<double>(units);
  return device;
}

template <class T>
T need(Result<T> result) {
  if (!result) FAIL(result.error().str());
  return *std::move(result);
}

/// 132 units.
hwdb::Description wideGpu() {
  const auto entries = need(hwdb::embeddedEntries());
  return need(hwdb::describeEntry(*need(hwdb::findEntry("NVIDIA H100 SXM", entries))));
}

/// What Welder asks of Roller for a graph.
std::vector<sched::Region> regionsOf(const ir::Module& graph, const hwdb::Description& device) {
  std::vector<sched::Region> regions;
  const sched::TileSource asked = [&](const sched::Region& region, const sched::Budget& budget,
                                      const sched::Env& env) {
    regions.push_back(region);
    return sched::roller(region, budget, env);
  };
  const sched::Env env{device, sched::roofline, {}};
  need(sched::grinder(
      graph,
      [&](ir::Module plan, const sched::Budget& budget, const sched::Env& inner) {
        return sched::welder(std::move(plan), budget, asked, inner);
      },
      env));
  return regions;
}

/// Of a graph that becomes one task set.
sched::Region onlyRegion(const ir::Module& graph, const hwdb::Description& device) {
  const std::vector<sched::Region> regions = regionsOf(graph, device);
  REQUIRE(regions.size() == 1);
  return regions[0];
}

std::vector<ir::ValueId> freeLayoutOf(const sched::Region& region) {
  std::vector<ir::ValueId> open;
  const auto& parameters = region.plan.region(region.plan.top()).parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (region.freeLayout[i]) open.push_back(parameters[i]);
  }
  return open;
}

std::vector<Alternative> alternatives(const sched::Region& region, const hwdb::Description& device,
                                      const sched::Options& options, int64_t units = 0) {
  const sched::Budget budget{units == 0 ? device.units.value : units};
  return need(sched::roller(region, budget, {device, sched::roofline, options}));
}

bool asGood(const Measures& a, const Measures& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
  }
  return true;
}

/// What is compared, as it is: not in steps.
Measures exact(const Alternative& of) {
  return {of.microseconds, of.unitMicroseconds, static_cast<double>(of.resources.workgroupBytes),
          static_cast<double>(of.resources.privateBytes),
          static_cast<double>(of.resources.registers)};
}

/// Every way with every tile and group that it may have.
std::vector<Alternative> allCandidates(const sched::Region& region, const sched::Env& env) {
  const sched::Budget budget{env.device.units.value};
  const std::vector<ir::ValueId> open = freeLayoutOf(region);
  std::vector<sched::Way> ways = sched::directWays(region.plan, open, env);
  if (auto other = sched::otherWay(region.plan, env)) ways.push_back(*std::move(other));
  std::vector<Alternative> all;
  for (const sched::Way& way : ways) {
    const auto every = [&](const sched::Tiling& tiling, const ir::Module& plan) {
      return sched::candidateTiles(tiling, plan, budget, env);
    };
    for (Alternative& made : sched::completed(way, open, every, budget, env)) {
      sched::setDemand(made, budget, env);
      all.push_back(std::move(made));
    }
  }
  return all;
}

/// The graph scheduled with member `k` of each front, the last where there are fewer.
ir::Module planWith(const ir::Module& graph, const hwdb::Description& device, size_t k) {
  const sched::Measure choose = [k](const std::vector<Alternative>& front) {
    std::vector<double> times(front.size(), 2);
    times[std::min(k, front.size() - 1)] = 1;
    return Result<std::vector<double>>(times);
  };
  ir::PassRunner runner;
  return need(sched::schedule(graph, {device, sched::roofline, {.front = true}, choose}, runner));
}

/// Bytes that a kernel has in memory of its groups' own: arrays, not single vectors.
int64_t arrayBytes(const ir::Module& kernel) {
  int64_t bytes = 0;
  for (int i = 0; i < kernel.valueCount(); ++i) {
    const ir::Type& type = kernel.type(ir::ValueId{i});
    if (type.kind != ir::Type::Kind::Variable || type.shape.empty()) continue;
    bytes += type.shape[0].value() * type.lanes * ir::byteSize(type.dtype);
  }
  return bytes;
}

/// What is predicted of a member is what its kernels have, and what is counted of its plan.
void checkLowered(const Alternative& member, const ir::Module& plan,
                  const runtime::Program& program, const hwdb::Description& device) {
  const bool alone = device.groupInvocations.value == 1;
  int64_t groups = 0;
  for (const runtime::Wave& wave : program.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      groups = std::max(groups, dispatch.groups);
    }
  }
  CHECK(groups == member.tasks);
  int64_t shared = 0;
  int64_t own = 0;
  for (const ir::Module& kernel : program.kernels) {
    const int64_t bytes = gpu::sharedBytes(kernel);
    // A task of one invocation has padded boxes for itself.
    shared = std::max(shared, alone ? 0 : bytes);
    own = std::max(own, alone ? bytes + arrayBytes(kernel) : 0);
  }
  CHECK(shared == member.resources.workgroupBytes);
  CHECK(own == member.resources.privateBytes);
  int64_t registers = 0;
  for (const auto& [name, counted] : test::countedRegisters(plan, device)) {
    registers = std::max(registers, alone ? 0 : counted.registers);
  }
  CHECK(registers == member.resources.registers);
}

struct Seen {
  bool workgroup = false;
  bool ownMemory = false;
  bool several = false;

  void add(const Alternative& member) {
    workgroup |= member.resources.workgroupBytes > 0;
    ownMemory |= member.resources.privateBytes > 0;
  }
};

void checkFront(const std::vector<Alternative>& front, const hwdb::Description& device,
                Seen& seen) {
  REQUIRE_FALSE(front.empty());
  const auto units = static_cast<double>(device.units.value);
  for (size_t i = 0; i < front.size(); ++i) {
    const Alternative& member = front[i];
    CHECK(member.unitMicroseconds > 0);
    CHECK(member.unitMicroseconds <= member.microseconds * units * (1 + 1e-9));
    CHECK(member.tasks >= 1);
    if (const Status sound = ir::verify(member.plan); !sound) FAIL(sound.error().str());
    if (i > 0) CHECK(front[i - 1].microseconds <= member.microseconds);
    for (size_t j = 0; j < front.size(); ++j) {
      if (i != j) CHECK_FALSE(asGood(exact(front[j]), exact(member)));
    }
    seen.add(member);
  }
  seen.several |= front.size() > 1;
}

bool covered(const std::vector<Alternative>& front, const Alternative& candidate) {
  // Between ways that are added up in another order there are the last bits. Tiles of a task set
  // that are a step of unit time apart count as equal; in the sum over several that can be one
  // step.
  constexpr double kLastBits = 1e-12;
  constexpr double kStep = 1.0 / 32;
  Measures room = sched::measuresOf(candidate);
  room[0] *= 1 + kLastBits;
  room[1] *= 1 + (sched::taskSets(candidate.plan).size() > 1 ? kStep : kLastBits);
  return std::any_of(front.begin(), front.end(), [&](const Alternative& member) {
    return asGood(sched::measuresOf(member), room);
  });
}

}  // namespace

TEST_CASE("front: of random measures, those that none beats, in the order of time") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<Measures> all(random() % 40 + 1);
    const uint64_t values = random() % 8 + 1;  // few: many are equal
    for (Measures& one : all) {
      for (double& value : one) value = static_cast<double>(random() % values);
    }
    const std::vector<size_t> members = sched::paretoFront(all);
    const auto isMember = [&](size_t i) {
      return std::find(members.begin(), members.end(), i) != members.end();
    };
    for (size_t i = 0; i < all.size(); ++i) {
      bool beaten = false;  // by one that is better somewhere, or stands before it
      for (size_t j = 0; j < all.size(); ++j) {
        if (i == j || !asGood(all[j], all[i])) continue;
        beaten |= all[j] != all[i] || j < i;
      }
      CHECK(isMember(i) == !beaten);
    }
    CHECK(std::is_sorted(members.begin(), members.end(),
                         [&](size_t a, size_t b) { return all[a] < all[b]; }));
  }
}

TEST_CASE("front: members of drawn operators, against all candidates") {
  Seen seen;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const std::string text = test::drawnOperator(seed);
    INFO(text);
    const ir::Module graph = test::expressed(text);
    for (const hwdb::Description& device : devices()) {
      for (const sched::Region& region : regionsOf(graph, device)) {
        const std::vector<Alternative> front = alternatives(region, device, {.front = true});
        checkFront(front, device, seen);
        const std::vector<Alternative> ranked = alternatives(region, device, {});
        CHECK(front[0].microseconds <= ranked[0].microseconds);
        for (const Alternative& other : alternatives(region, device, {.alternatives = 1 << 20})) {
          CHECK(covered(front, other));
        }
        const sched::Env env{device, sched::roofline, {}};
        for (const Alternative& candidate : allCandidates(region, env)) {
          CHECK(covered(front, candidate));
        }
      }
    }
  }
  CHECK(seen.several);
  CHECK(seen.workgroup);
  CHECK(seen.ownMemory);
}

TEST_CASE("front: every member computes what the graph says, in the memory predicted") {
  Seen seen;
  for (uint64_t seed = 0; seed < 24; ++seed) {
    const std::string text = test::drawnOperator(seed);
    INFO(text);
    const ir::Module graph = test::expressed(text);
    const test::Tensors inputs = test::makeInputs(graph, seed);
    const test::Tensors want = test::evaluateExpressed(graph, inputs);
    for (const hwdb::Description& device : devices()) {
      const sched::Region region = onlyRegion(graph, device);
      const std::vector<Alternative> front = alternatives(region, device, {.front = true});
      const size_t step = std::max<size_t>(front.size() / 6, 1);
      for (size_t k = 0; k < front.size(); k += step) {
        const ir::Module plan = planWith(graph, device, k);
        CAPTURE(ir::print(plan));
        const runtime::Program program = test::lowered(plan, device);
        checkLowered(front[k], plan, program, device);
        test::checkClose(test::interpretProgram(program, inputs), want);
        seen.add(front[k]);
      }
    }
  }
  CHECK(seen.workgroup);
  CHECK(seen.ownMemory);
}

TEST_CASE("front: units that a fast alternative takes are saved by a slower one") {
  const hwdb::Description wide = wideGpu();
  // A product of few rows, which many groups compute in parts; a convolution of few pixels.
  for (const std::string& text : {test::matmul(16, 4096, 256), test::convolution(64, 64, 14)}) {
    INFO(text);
    const std::vector<Alternative> front =
        alternatives(onlyRegion(test::expressed(text), wide), wide, {.front = true});
    const auto least = std::ranges::min_element(front, {}, &Alternative::unitMicroseconds);
    CHECK(least->unitMicroseconds < 0.6 * front[0].unitMicroseconds);
    CHECK(least->microseconds > front[0].microseconds);
    CHECK(least->tasks < front[0].tasks);
  }
  const std::vector<Alternative> front = alternatives(
      onlyRegion(test::expressed(test::matmul(16, 4096, 256)), wide), wide, {.front = true});
  const auto setsOf = [](const Alternative& of) { return sched::taskSets(of.plan).size(); };
  CHECK(setsOf(front.front()) == 2);
  CHECK(setsOf(front.back()) == 1);
}

TEST_CASE("front: with fewer units times are longer, and nothing else is asked of them") {
  const hwdb::Description device = ofUnits(test::weakGpu(), 32);
  const ir::Module graph = test::expressed(test::matmul(64, 256, 64));
  const sched::Region region = onlyRegion(graph, device);
  double before = 0;
  for (const int64_t units : {32, 16, 4, 1}) {
    const std::vector<Alternative> front = alternatives(region, device, {.front = true}, units);
    CHECK(front[0].microseconds > before);
    before = front[0].microseconds;
    for (const Alternative& member : front) {
      CHECK(member.unitMicroseconds <=
            member.microseconds * static_cast<double>(units) * (1 + 1e-9));
    }
  }
}

TEST_CASE("front: Winograd's algorithm and direct sums are members, unless one is asked for") {
  const hwdb::Description device = wideGpu();
  const sched::Region region = onlyRegion(test::expressed(test::convolution(64, 64, 14)), device);
  const auto transformed = [&](const sched::Options& options) {  // whether weights are
    std::set<bool> found;
    for (const Alternative& member : alternatives(region, device, options)) {
      REQUIRE(member.plan.constants.size() == 1);
      const ir::ConstantData& weights = *member.plan.constants.begin()->second;
      found.insert(weights.shape[0] == 16);
      const auto values = weights.as<float>();
      CHECK(std::ranges::any_of(values, [](float value) { return value != 0; }));
    }
    return found;
  };
  CHECK(transformed({.front = true}) == std::set<bool>{false, true});
  CHECK(transformed({.winograd = true, .front = true}) == std::set<bool>{true});
  CHECK(transformed({.winograd = false, .front = true}) == std::set<bool>{false});
}

TEST_CASE("front: what is chosen without it does not depend on it") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const ir::Module graph = test::expressed(test::drawnOperator(seed));
    for (const hwdb::Description& device : devices()) {
      size_t fronts = 0;
      const sched::FrontReport report = [&](const std::vector<Alternative>& front) {
        CHECK_FALSE(front.empty());
        ++fronts;
      };
      ir::PassRunner runner;
      const ir::Module plan =
          need(sched::schedule(graph, {device, sched::roofline, {}, nullptr, report}, runner));
      CHECK(fronts == regionsOf(graph, device).size());
      CHECK(ir::print(plan) == ir::print(test::planned(graph, device)));
    }
  }
}
