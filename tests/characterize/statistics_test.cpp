#include "characterize/statistics.h"

#include <doctest/doctest.h>

#include "characterize/working_sets.h"

using namespace quartet;
using namespace quartet::characterize;

TEST_CASE("characterize: a reading is the median, and says how far the runs are apart") {
  const Reading quiet = summarise({103, 101, 102, 105, 104});
  CHECK(quiet.value == 103);
  CHECK(quiet.p10 == doctest::Approx(101.4));
  CHECK(quiet.p90 == doctest::Approx(104.6));
  CHECK(quiet.runs == 5);
  CHECK_FALSE(quiet.noisy);
  const Reading loud = summarise({3, 1, 2, 5, 4});
  CHECK(loud.noisy);
  CHECK(loud.value == doctest::Approx(1.4));  // the fast end
  CHECK_FALSE(summarise({7}).noisy);
  CHECK_FALSE(summarise({0, 0}).noisy);
}

TEST_CASE("characterize: rates and differences keep the order of their bounds") {
  const Reading time{2, 1, 4, 9, true};
  const Reading rate = rateOf(8, time);
  CHECK(rate.value == 4);
  CHECK(rate.p10 == 2);
  CHECK(rate.p90 == 8);
  CHECK(rate.runs == 9);
  CHECK(rate.noisy);
  CHECK(rateOf(1, Reading{0, 0, 0, 1}).value > 0);
  const Reading more = differenceOf({65, 64, 66, 5}, {2, 1, 3, 7}, 63);
  CHECK(more.value == doctest::Approx(1));
  CHECK(more.p10 == doctest::Approx(61.0 / 63));
  CHECK(more.p90 == doctest::Approx(65.0 / 63));
  CHECK(more.runs == 5);
  CHECK(differenceOf({1, 1, 1, 1}, {2, 2, 2, 1}, 1).value == 0);
}

TEST_CASE("characterize: measuring stops when runs agree, and gives up when they never do") {
  int calls = 0;
  const auto steady = [&]() -> Result<double> { return calls++ == 0 ? 1000.0 : 10.0; };
  const auto reading = measure(steady, {.leastRuns = 4, .mostRuns = 50, .seconds = 60});
  REQUIRE(reading);
  CHECK(reading->value == 10);  // the first, which warms up, is not counted
  CHECK(reading->runs == 4);
  const auto wild = [&]() -> Result<double> { return (calls++ % 2) + 1.0; };
  const auto noisy = measure(wild, {.leastRuns = 4, .mostRuns = 50, .seconds = 60});
  REQUIRE(noisy);
  CHECK(noisy->runs == 50);
  CHECK(noisy->noisy);
  const auto slow = measure(wild, {.leastRuns = 4, .mostRuns = 50, .seconds = 0});
  REQUIRE(slow);
  CHECK(slow->runs == 2);
  const auto failing = []() -> Result<double> { return userError("no"); };
  CHECK_FALSE(measure(failing, {}));
}

namespace {

hwdb::Description device(hwdb::Description::Kind kind) {
  hwdb::Description device;
  device.kind = kind;
  device.memoryBytes.value = int64_t{64} << 30;
  device.maxBindingBytes.value = int64_t{128} << 20;
  device.maxAllocationBytes.value = int64_t{4} << 30;
  const auto add = [&](const char* name, hwdb::MemoryLevel::Kind of, int64_t bytes) {
    hwdb::MemoryLevel level;
    level.name = name;
    level.kind = of;
    level.bytes.value = bytes;
    device.memory.push_back(level);
  };
  add("memory", hwdb::MemoryLevel::Kind::Device, int64_t{64} << 30);
  add("L2", hwdb::MemoryLevel::Kind::Cache, 3 << 20);
  add("L1", hwdb::MemoryLevel::Kind::Cache, 48 << 10);
  add("workgroup", hwdb::MemoryLevel::Kind::Explicit, 32 << 10);
  return device;
}

}  // namespace

TEST_CASE("characterize: working sets cover every level and what lies beyond") {
  for (const bool quick : {false, true}) {
    for (const auto kind : {hwdb::Description::Kind::Cpu, hwdb::Description::Kind::Gpu}) {
      const WorkingSets sets = workingSets(device(kind), quick, 16);
      CHECK(sets.bytes.size() <= 16);
      CHECK(sets.largest() >= 4 * (3 << 20));
      CHECK(sets.largest() <= 128 << 20);
      REQUIRE(sets.levels.size() == 3);
      CHECK(sets.levels[0].first == "memory");
      CHECK(sets.levels[0].second == sets.largest());
      CHECK(sets.levels[2].second <= 24 << 10);
      for (const int64_t bytes : sets.bytes) {
        CHECK(bytes % kGranule == 0);
        if (kind == hwdb::Description::Kind::Gpu) CHECK((bytes & (bytes - 1)) == 0);
      }
    }
  }
}
