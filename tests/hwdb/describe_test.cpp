#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#include "hwdb/load.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::hwdb;

namespace {

template <class T, class V>
Field<T> queried(V value) {
  return {static_cast<T>(value), Provenance::Queried, "live"};
}

/// What a Vulkan backend gives.
Description liveGpu(const std::string& name, const std::string& family) {
  Description device;
  device.name = name;
  device.driver = "some driver 1.0";
  device.entry = family;
  device.kind = Description::Kind::Gpu;
  for (Count* limit : {&device.maxGroupInvocations, &device.maxGroupsPerAxis, &device.subgroup,
                       &device.maxBindingBytes, &device.bindingAlignBytes, &device.maxBindings,
                       &device.maxAllocationBytes, &device.memoryBytes}) {
    *limit = queried<int64_t>(256);
  }
  for (Flag* flag :
       {&device.storage8, &device.storage16, &device.int64, &device.float64, &device.float16}) {
    *flag = queried<bool>(true);
  }
  MemoryLevel workgroup;
  workgroup.name = "workgroup";
  workgroup.kind = MemoryLevel::Kind::Explicit;
  workgroup.bytes = queried<int64_t>(32768);
  device.memory.push_back(workgroup);
  return device;
}

}  // namespace

TEST_CASE("hwdb: a known driver gets its entry, what was queried wins") {
  Description live = liveGpu("llvmpipe (LLVM 15.0.6, 256 bits)", "vulkan software");
  live.units = queried<int64_t>(64);
  const auto description = describe(live);
  REQUIRE_MESSAGE(description.has_value(), description.error().str());
  CHECK(description->entry == "llvmpipe");
  CHECK(description->peakGigaflops.value == 84.0);
  CHECK(description->peakGigaflops.provenance == Provenance::Measured);
  CHECK(description->units.value == 64);
  CHECK(description->units.provenance == Provenance::Queried);
  REQUIRE(description->level("workgroup") != nullptr);
  CHECK(description->level("workgroup")->bytes.value == 32768);
  CHECK(description->level("workgroup")->gigabytesPerSecond.value > 0);
  CHECK(description->level("memory")->bytes.value == 256);
}

TEST_CASE("hwdb: the driver's name matches too, in any case") {
  Description live = liveGpu("Device X", "vulkan software");
  live.driver = "SWIFTSHADER 5.0";
  CHECK(describe(live)->entry == "SwiftShader");
}

TEST_CASE("hwdb: an unknown device gets its family's entry, and the text says so") {
  const auto description = describe(liveGpu("Radeon 9000", "vulkan gpu"));
  REQUIRE_MESSAGE(description.has_value(), description.error().str());
  CHECK(description->entry == "family vulkan gpu");
  const std::string text = print(*description);
  CHECK(text.find("family vulkan gpu (the device itself has no entry)") != std::string::npos);
  CHECK(text.find("costs: 0 measured") != std::string::npos);
}

TEST_CASE("hwdb: a field that nobody gives is an error that names it") {
  Description live = liveGpu("Radeon 9000", "vulkan gpu");
  live.subgroup = {};
  live.memory.clear();
  const auto description = describe(live);
  REQUIRE_FALSE(description.has_value());
  CHECK(description.error().notes ==
        std::vector<std::string>{"missing: subgroup", "missing: bytes of memory level workgroup"});
  CHECK_FALSE(describe(liveGpu("Radeon 9000", "no such family")).has_value());
}

TEST_CASE("hwdb: CPU caches come from the device; a level that it lacks is dropped") {
  Description live;
  live.name = "Some CPU";
  live.entry = "cpu";
  live.units = queried<int64_t>(2);
  live.memoryBytes = queried<int64_t>(1 << 30);
  live.peakGigaflops = queried<double>(100);
  live.memoryGigabytesPerSecond = queried<double>(20);
  for (const char* name : {"L2", "L1"}) {
    MemoryLevel level;
    level.name = name;
    level.bytes = queried<int64_t>(1 << 15);
    live.memory.push_back(level);
  }
  const auto description = describe(live);
  REQUIRE_MESSAGE(description.has_value(), description.error().str());
  CHECK(description->level("L3") == nullptr);
  CHECK(description->level("L2")->bytes.value == 1 << 15);
  CHECK(description->level("memory")->gigabytesPerSecond.value == 10.0);
  CHECK(description->memory.front().name == "memory");
  CHECK(description->memory.back().name == "L1");
}

TEST_CASE("hwdb: a level that only the device has is kept in its place") {
  Description live = liveGpu("Radeon 9000", "vulkan gpu");
  MemoryLevel l3;
  l3.name = "L3";
  l3.bytes = queried<int64_t>(1 << 20);
  l3.gigabytesPerSecond = queried<double>(10);
  l3.latencyNanoseconds = queried<double>(10);
  l3.lineBytes = queried<int64_t>(64);
  MemoryLevel memory;
  memory.name = "memory";
  memory.kind = MemoryLevel::Kind::Device;
  live.memory.insert(live.memory.begin(), {memory, l3});
  const auto description = describe(live);
  REQUIRE_MESSAGE(description.has_value(), description.error().str());
  std::vector<std::string> names;
  for (const MemoryLevel& level : description->memory) names.push_back(level.name);
  CHECK(names == std::vector<std::string>{"memory", "L2", "L1", "L3", "workgroup"});
}

TEST_CASE("hwdb: a live device's matrix units are its own, their rates the entry's") {
  Description live = liveGpu("NVIDIA A100-SXM4-40GB", "vulkan gpu");
  MatrixUnit unit;
  unit.a = unit.b = "f16";
  unit.accumulator = "f32";
  unit.m = unit.n = unit.k = queried<int64_t>(32);
  live.matrixUnits.push_back(unit);
  const auto description = describe(live);
  REQUIRE_MESSAGE(description.has_value(), description.error().str());
  CHECK(description->entry == "NVIDIA A100 40GB");
  REQUIRE(description->matrixUnits.size() == 1);
  CHECK(description->matrixUnits[0].k.value == 32);
  CHECK(description->matrixUnits[0].gigaflops.value == 312000);
  CHECK(description->subgroup.value == 256);  // what was queried wins
  CHECK(description->units.value == 108);
}

namespace {

Entry measuredEntry(const std::string& level) {
  Entry entry;
  entry.where = "measured.toml";
  entry.description.peakGigaflops = {7.0, Provenance::Measured, "chains"};
  entry.description.subgroup = {3, Provenance::Datasheet, "sheet"};
  entry.description.forwardProgress = {true, Provenance::Measured, "met"};
  MemoryLevel memory;
  memory.name = level;
  memory.latencyNanoseconds = {5.0, Provenance::Measured, "chase"};
  entry.description.memory.push_back(memory);
  return entry;
}

}  // namespace

TEST_CASE("hwdb: what was measured on the device wins over every cost, and over no limit") {
  Description live = liveGpu("llvmpipe (LLVM 15.0.6, 256 bits)", "vulkan software");
  live.peakGigaflops = {1.0, Provenance::Measured, "at first use"};
  const auto known = describe(live);
  REQUIRE(known);
  const auto laid = overlay(*known, measuredEntry("L1"));
  REQUIRE_MESSAGE(laid, laid.error().str());
  CHECK(laid->entry == "measured.toml");
  CHECK(laid->peakGigaflops.value == 7.0);
  CHECK(laid->peakGigaflops.source == "chains");
  CHECK(laid->subgroup.value == 256);
  REQUIRE_FALSE(given(known->forwardProgress));
  CHECK(laid->forwardProgress.value);  // a limit that nothing else gives
  CHECK(laid->forwardProgress.source == "met");
  Description told = *known;
  told.forwardProgress = {false, Provenance::Queried, "driver"};
  CHECK_FALSE(overlay(told, measuredEntry("L1"))->forwardProgress.value);
  CHECK(laid->level("L1")->latencyNanoseconds.value == 5.0);
  CHECK(laid->level("L1")->gigabytesPerSecond.value ==
        known->level("L1")->gigabytesPerSecond.value);
  CHECK(laid->submitMicroseconds.value == known->submitMicroseconds.value);
  const auto unknown = overlay(*known, measuredEntry("L9"));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message == "the device has no memory level 'L9'");
}

TEST_CASE("hwdb: measured rates are those of one unit, by its types and its shape") {
  Description live = liveGpu("NVIDIA A100", "vulkan gpu");
  const auto unit = [](int64_t n, double rate) {
    MatrixUnit made;
    made.a = made.b = "f16";
    made.accumulator = "f32";
    made.m = made.k = {16, Provenance::Queried, "driver"};
    made.n = {n, Provenance::Queried, "driver"};
    if (rate > 0) made.gigaflops = {rate, Provenance::Measured, "chains"};
    return made;
  };
  live.matrixUnits = {unit(8, 0), unit(16, 0)};
  Entry measured = measuredEntry("L2");
  measured.device = "d";
  measured.driver = "v";
  measured.description.name = "n";
  measured.description.matrixUnits = {unit(16, 5.0)};
  const auto written = parseEntries(write(measured), "measured.toml");
  REQUIRE_MESSAGE(written, written.error().str());
  const auto laid = overlay(live, [&] {
    Entry units = written->front();
    units.description.memory.clear();
    return units;
  }());
  REQUIRE_MESSAGE(laid, laid.error().str());
  CHECK_FALSE(given(laid->matrixUnits[0].gigaflops));
  CHECK(laid->matrixUnits[1].gigaflops.value == 5.0);
  CHECK(laid->matrixUnits[1].gigaflops.provenance == Provenance::Measured);
  CHECK(laid->matrixUnits[1].n.source == "driver");
  Entry other;
  other.description.matrixUnits = {unit(32, 5.0)};
  const auto unknown = overlay(live, other);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message.find("no matrix unit for f16 and f16") != std::string::npos);
}

TEST_CASE("hwdb: QUARTET_DEVICES holds for the device and driver that a file names, in full") {
  const tests::TemporaryFolder folder;
  setenv("QUARTET_DEVICES", folder.path().c_str(), 1);
  Entry entry = measuredEntry("L1");
  entry.device = "some GPU";
  entry.driver = "some driver 1.0";
  entry.description.name = "measured";
  entry.description.kind = Description::Kind::Gpu;
  entry.description.memory[0].kind = MemoryLevel::Kind::Cache;
  std::ofstream(folder.path("b.toml")) << write(entry);
  std::ofstream(folder.path("notes.txt")) << "not a description";
  const auto peak = [](const std::string& name) {
    const auto found = describe(liveGpu(name, "vulkan gpu"));
    REQUIRE_MESSAGE(found, found.error().str());
    return found->peakGigaflops.value;
  };
  CHECK(peak("some GPU") == 7.0);
  CHECK(peak("some GPU 2") == 5000.0);
  Description newer = liveGpu("some GPU", "vulkan gpu");
  newer.driver = "some driver 1.1";
  CHECK(describe(newer)->peakGigaflops.value == 5000.0);
  std::ofstream(folder.path("a.toml")) << write(entry);
  const auto twice = describe(liveGpu("some GPU", "vulkan gpu"));
  REQUIRE_FALSE(twice);
  CHECK(twice.error().message == "two files describe the device 'some GPU'");
  std::ofstream(folder.path("a.toml")) << "name = \"x\"\nmatch = \"x\"\nkind = \"gpu\"\n";
  const auto general = describe(liveGpu("other", "vulkan gpu"));
  REQUIRE_FALSE(general);
  CHECK(general.error().message.find("not for one device") != std::string::npos);
  std::ofstream(folder.path("a.toml")) << "speed = 3";
  CHECK_FALSE(describe(liveGpu("other", "vulkan gpu")));
  setenv("QUARTET_DEVICES", "/nowhere/at/all", 1);
  CHECK_FALSE(describe(liveGpu("other", "vulkan gpu")));
  unsetenv("QUARTET_DEVICES");
}
