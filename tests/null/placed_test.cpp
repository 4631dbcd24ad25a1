// Programs of several devices: a sound one, and faults planted into it.
#include <doctest/doctest.h>

#include <functional>

#include "backends/null/check.h"
#include "backends/null/device.h"
#include "tests/common/harness.h"
#include "tests/sched/placed.h"

using namespace quartet;
using namespace quartet::test;
using runtime::PlacedProgram;

namespace {

/// gpu: a = neg x, p = e + a, y = q - a; cpu: e = exp a, q = exp p.
PlacedProgram soundProgram() {
  return placedProgram(placedPlan(placedGraph()), weakGpu(), vectorCpu());
}

Status check(const PlacedProgram& placed) {
  const hwdb::Description gpu = weakGpu();
  const hwdb::Description cpu = vectorCpu();
  return null::checkPlaced(placed, {&gpu, &cpu});
}

void checkFound(const std::function<void(PlacedProgram&)>& plant, const std::string& message) {
  PlacedProgram placed = soundProgram();
  plant(placed);
  const Status status = check(placed);
  REQUIRE_FALSE(status.has_value());
  INFO(status.error().str());
  CHECK(status.error().kind == Diagnostic::Kind::Internal);
  CHECK(status.error().message.find(message) != std::string::npos);
}

/// Takes copy `i` out of the list and out of the stages that it connects.
void removeCopy(PlacedProgram& placed, size_t i) {
  const PlacedProgram::Copy copy = placed.copies[i];
  auto& from = placed.programs[copy.from.device].stages[copy.from.stage].downloads;
  auto& to = placed.programs[copy.to.device].stages[copy.to.stage].uploads;
  std::erase(from, copy.from.buffer);
  std::erase(to, copy.to.buffer);
  placed.copies.erase(placed.copies.begin() + static_cast<int64_t>(i));
}

}  // namespace

TEST_CASE("null placed: a sound program passes; a value is copied once in each direction") {
  const PlacedProgram placed = soundProgram();
  const Status status = check(placed);
  CHECK_MESSAGE(status.has_value(), status.error().str());
  REQUIRE(placed.steps.size() == 5);
  // a and p leave the GPU, e and q come back; a stays there for y as well.
  REQUIRE(placed.copies.size() == 4);
  for (const auto& copy : placed.copies) CHECK(copy.bytes == 4 * 16 * 4);
  // Copies that do not live at once share their host memory.
  CHECK(placed.hostBytes < 4 * 4 * 16 * 4);
}

TEST_CASE("null placed: a missing copy") {
  for (size_t i = 0; i < 4; ++i) {
    checkFound([i](PlacedProgram& p) { removeCopy(p, i); }, "nothing has written");
  }
  // In the list alone.
  checkFound([](PlacedProgram& p) { p.copies.erase(p.copies.begin()); }, "0 copies move");
  checkFound([](PlacedProgram& p) { p.copies.push_back(p.copies[0]); }, "shares host memory");
}

TEST_CASE("null placed: faults of copies") {
  checkFound([](PlacedProgram& p) { p.copies[0].to.buffer = 99; }, "no such buffer");
  checkFound([](PlacedProgram& p) { p.copies[0].from.stage = 1; }, "does not exchange");
  checkFound([](PlacedProgram& p) { p.copies[0].bytes = 8; }, "8 bytes");
  checkFound([](PlacedProgram& p) { p.copies[0].hostOffset = p.hostBytes; }, "outside the host");
  checkFound([](PlacedProgram& p) { p.copies[1].hostOffset = p.copies[0].hostOffset; },
             "shares host memory");
}

TEST_CASE("null placed: faults of stages and of the lives of what they exchange") {
  checkFound([](PlacedProgram& p) { std::swap(p.steps[0], p.steps[2]); }, "out of order");
  checkFound([](PlacedProgram& p) { p.steps.pop_back(); }, "never runs");
  checkFound([](PlacedProgram& p) { std::swap(p.steps[0], p.steps[1]); }, "before it leaves");
  checkFound(
      [](PlacedProgram& p) {  // leaves before its wave has run
        p.programs[0].stages[0].waveEnd = 0;
      },
      "before it is written in full");
  checkFound(
      [](PlacedProgram& p) {  // the value that stays, under one that arrives
        auto& program = p.programs[0];
        auto& a = program.buffers[static_cast<size_t>(p.copies[0].from.buffer)];
        program.buffers[static_cast<size_t>(program.stages[1].uploads[0])].arenaOffset =
            a.arenaOffset;
      },
      "while both live");
}
