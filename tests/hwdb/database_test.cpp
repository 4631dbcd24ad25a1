// What holds of every entry of this binary, and which entry a device gets.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "hwdb/fields.h"
#include "hwdb/load.h"

using namespace quartet;
using namespace quartet::hwdb;

namespace {

std::span<const Entry> entries() {
  const auto loaded = embeddedEntries();
  REQUIRE_MESSAGE(loaded.has_value(), loaded.error().str());
  return *loaded;
}

/// Every device that an entry describes.
std::vector<Description> describedDevices() {
  std::vector<Description> devices;
  for (const Entry& entry : entries()) {
    if (!entry.isDevice()) continue;
    auto description = describeEntry(entry);
    REQUIRE_MESSAGE(description.has_value(), description.error().str());
    devices.push_back(*std::move(description));
  }
  return devices;
}

std::string entryFor(const std::string& name, const std::string& driver,
                     Description::Kind kind = Description::Kind::Gpu) {
  Description device;
  device.name = name;
  device.driver = driver;
  device.kind = kind;
  const auto entry = matchEntry(device, entries());
  REQUIRE_MESSAGE(entry.has_value(), entry.error().str());
  return *entry == nullptr ? "" : (*entry)->description.name;
}

/// No more than `b`, where both are given.
template <class A, class B>
bool atMost(const Field<A>& a, const Field<B>& b) {
  return !given(a) || !given(b) || static_cast<double>(a.value) <= static_cast<double>(b.value);
}

double gigabytes(const Count& bytes) { return static_cast<double>(bytes.value) / 1e9; }

void checkRates(const Description& d) {
  if (given(d.gigahertz) && given(d.fmaLanes)) {
    const double peak =
        static_cast<double>(d.units.value * d.fmaLanes.value) * 2 * d.gigahertz.value;
    CHECK(d.peakGigaflops.value == doctest::Approx(peak).epsilon(0.1));
  }
  CHECK(atMost(d.peakGigaflops, d.peakGigaflopsF16));
  CHECK(atMost(d.peakGigaflopsBf16, d.peakGigaflopsF16));
  CHECK(atMost(d.peakGigaflopsF64, d.peakGigaflops));
  CHECK(d.memoryGigabytesPerSecond.value < 10000);
  for (const MatrixUnit& unit : d.matrixUnits) {
    CAPTURE(unit.a);
    if (!given(unit.gigaflops) || unit.a == "f64") continue;
    CHECK(unit.gigaflops.value >= 0.99 * d.peakGigaflops.value);
    for (const MatrixUnit& wider : d.matrixUnits) {  // halving the elements never slows down
      if (unit.a == "i8" && wider.a == "f16") CHECK(atMost(wider.gigaflops, unit.gigaflops));
      if (unit.a == "f16" && wider.a == "tf32") CHECK(atMost(wider.gigaflops, unit.gigaflops));
    }
  }
}

void checkMemory(const Description& d) {
  CHECK(d.memory.front().kind == MemoryLevel::Kind::Device);
  CHECK(d.memoryBytes.value >= int64_t{1} << 30);
  const MemoryLevel* outer = nullptr;
  for (const MemoryLevel& level : d.memory) {
    CAPTURE(level.name);
    CHECK(level.sharers <= d.units.value);
    if (level.kind == MemoryLevel::Kind::Explicit) {
      CHECK(atMost(level.bytes, level.perGroupMaxBytes));
      CHECK(atMost(level.perGroupMaxBytes, level.perUnitBytes));
      continue;
    }
    if (outer != nullptr) {  // inwards: smaller, shared by fewer, faster, nearer
      CHECK(level.bytes.value < outer->bytes.value);
      CHECK((outer->kind == MemoryLevel::Kind::Device || level.sharers <= outer->sharers));
      CHECK(level.gigabytesPerSecond.value >= outer->gigabytesPerSecond.value);
      CHECK(level.latencyNanoseconds.value < outer->latencyNanoseconds.value);
    }
    CHECK(atMost(level.transactionBytes, level.lineBytes));
    CHECK((!given(level.usableFraction) || level.usableFraction.value <= 1));
    outer = &level;
  }
  CHECK(gigabytes(d.memoryBytes) > gigabytes(d.memory.back().bytes));
}

void checkExecution(const Description& d) {
  CHECK(atMost(d.groupInvocations, d.maxGroupInvocations));
  CHECK(atMost(d.subgroupMin, d.subgroup));
  CHECK(atMost(d.subgroup, d.subgroupMax));
  CHECK(atMost(d.subgroup, d.maxGroupInvocations));
  CHECK(atMost(d.maxGroupInvocations, d.maxInvocationsPerUnit));
  CHECK(atMost(d.usableRegisters, d.registersPerInvocation));
  CHECK(atMost(d.registersPerInvocation, d.registersPerUnit));
  CHECK(atMost(d.launchBarrierMicroseconds, d.launchMicroseconds));
  CHECK(atMost(d.launchMicroseconds, d.submitMicroseconds));
  CHECK((d.kind == Description::Kind::Gpu || d.groupInvocations.value == 1));
}

}  // namespace

TEST_CASE("hwdb: every embedded entry loads and describes a device") {
  std::set<std::string> names;
  for (const Description& d : describedDevices()) {
    CAPTURE(d.name);
    names.insert(d.name);
    CHECK(d.entry == d.name);
    checkRates(d);
    checkMemory(d);
    checkExecution(d);
  }
  CHECK(names.size() >= 30);
  int families = 0;
  for (const Entry& entry : entries()) families += entry.family.empty() ? 0 : 1;
  CHECK(families == 4);
}

TEST_CASE("hwdb: every given field has a source, no limit is derived, none is queried") {
  const auto check = [](std::string_view key, const auto& field, const FieldRule& rule) {
    CAPTURE(key);
    if (!given(field)) return;
    CHECK(field.provenance != Provenance::Queried);
    if (rule.fieldClass == FieldClass::Limit) CHECK(field.provenance == Provenance::Datasheet);
  };
  for (const Entry& entry : entries()) {
    CAPTURE(entry.where);
    visitFields(entry.description, check);
    for (const MemoryLevel& level : entry.description.memory) visitLevelFields(level, check);
    for (const MatrixUnit& unit : entry.description.matrixUnits) visitMatrixFields(unit, check);
  }
}

TEST_CASE("hwdb: a device's words find its entry, under its driver") {
  for (const Entry& entry : entries()) {
    CAPTURE(entry.description.name);
    for (const std::string& words : entry.matches) {
      CHECK(entryFor(words, entry.driver, entry.description.kind) == entry.description.name);
    }
    const auto found = findEntry(slug(entry.description.name), entries());
    REQUIRE(found.has_value());
    CHECK(*found == &entry);
  }
  const auto none = findEntry("toaster", entries());
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().notes.size() >= 30);
}

TEST_CASE("hwdb: names of devices and drivers as they are found") {
  struct Found {
    const char *name, *driver, *entry;
  };
  const char* nvidia = "NVIDIA 550.54.14";
  const char* radv = "radv Mesa 24.0.3";
  const char* mesa = "Intel open-source Mesa driver Mesa 24.0.3";
  const Found gpus[] = {
      {"NVIDIA H200", nvidia, "NVIDIA H200"},
      {"NVIDIA H100 80GB HBM3", nvidia, "NVIDIA H100 SXM"},
      {"NVIDIA A100-SXM4-80GB", nvidia, "NVIDIA A100 80GB SXM"},
      {"NVIDIA A100-SXM4-40GB MIG 1g.5gb", nvidia, ""},
      {"NVIDIA RTX A1000", nvidia, ""},
      {"Tesla V100-SXM2-32GB", nvidia, "NVIDIA V100 SXM2"},
      {"NVIDIA GeForce RTX 3090", nvidia, "NVIDIA GeForce RTX 3090"},
      {"NVIDIA GeForce RTX 3090 Ti", nvidia, ""},
      {"NVIDIA GeForce RTX 4090 Laptop GPU", nvidia, ""},
      {"AMD Radeon RX 7900 XTX (RADV NAVI31)", radv, "AMD Radeon RX 7900 XTX, RADV"},
      {"AMD Radeon RX 7900 XTX", "AMD open-source driver 2024.Q1", "AMD Radeon RX 7900 XTX"},
      {"AMD Radeon RX 7900 XTX", "AMD proprietary driver 24.3.1", "AMD Radeon RX 7900 XTX"},
      {"AMD Radeon RX 7900 XT (RADV NAVI31)", radv, ""},
      {"AMD RADV GFX1100 (LLVM 15.0.7)", radv, "AMD Radeon RX 7900 XTX, RADV"},
      {"AMD RADV VEGA20", radv, "AMD Instinct MI50, RADV"},
      {"AMD RADV VEGA10", radv, ""},
      {"AMD Radeon RX 6800 XT (RADV NAVI21)", radv, "AMD Radeon RX 6800 XT, RADV"},
      {"AMD Radeon RX 6800 (RADV NAVI21)", radv, ""},
      {"AMD Radeon 780M (RADV PHOENIX)", radv, "AMD Radeon 780M, RADV"},
      {"Intel(R) Arc(tm) A770 Graphics (DG2)", mesa, "Intel Arc A770, Mesa"},
      {"Intel(R) Arc(TM) B580 Graphics", "Intel Corporation 101.6", "Intel Arc B580"},
      {"Intel(R) Iris(R) Xe Graphics (TGL GT2)", mesa, "Intel Iris Xe, Mesa"},
      {"Turnip Adreno (TM) 740", "turnip Mesa driver 24.0", "Qualcomm Adreno 740, Turnip"},
      {"Mali-G710", "Mali-G710 v1.r38p1", "Arm Mali-G710"},
      {"Mali-G7100", "Mali-G7100", ""},
      {"llvmpipe (LLVM 15.0.6, 256 bits)", "llvmpipe Mesa 22.3.6", "llvmpipe"},
      {"SwiftShader Device (Subzero)", "SwiftShader driver", "SwiftShader"},
  };
  for (const Found& gpu : gpus) {
    CAPTURE(gpu.name);
    CHECK(entryFor(gpu.name, gpu.driver) == gpu.entry);
  }
  const Found cpus[] = {
      {"AMD EPYC 9575F (2 cores, AVX-512)", "LLVM for znver5", "AMD Zen 5"},
      {"13th Gen Intel(R) Core(TM) i9-13900K", "LLVM for alderlake", "Intel Raptor Lake"},
      {"Intel(R) Xeon(R) Processor", "LLVM for skylake-avx512", "Intel Skylake-SP"},
      {"Intel(R) Core(TM) i7-6700K", "LLVM for skylake", "generic AVX2 CPU"},
      {"neoverse-n1", "LLVM for neoverse-n1", "Arm Neoverse N1"},
      {"Intel(R) Xeon(R) Processor", "LLVM for sapphirerapids", ""},
      {"NVIDIA H200", "LLVM for generic", ""},  // of another kind
  };
  for (const Found& cpu : cpus) {
    CAPTURE(cpu.name);
    CHECK(entryFor(cpu.name, cpu.driver, Description::Kind::Cpu) == cpu.entry);
  }
}

TEST_CASE("hwdb: the driver decides on limits that differ by driver") {
  const auto shared = [](const char* name) {
    const auto entry = findEntry(name, entries());
    REQUIRE(entry.has_value());
    const auto description = describeEntry(**entry);
    REQUIRE_MESSAGE(description.has_value(), description.error().str());
    return description->level("workgroup")->bytes.value;
  };
  CHECK(shared("AMD Radeon RX 9070 XT") == 32 << 10);
  CHECK(shared("AMD Radeon RX 9070 XT, RADV") == 64 << 10);
  CHECK(shared("intel-arc-b580") == 32 << 10);
  CHECK(shared("intel-arc-b580-mesa") == 64 << 10);
}

TEST_CASE("hwdb: a driver's entry comes before longer words, and equals are an error") {
  const auto text = [](const std::string& name, const std::string& rest) {
    return "name = \"" + name + "\"\nkind = \"gpu\"\n" + rest;
  };
  const std::string texts[] = {text("long", "match = \"RX 9000 XT\"\n"),
                               text("driver", "match = \"9000\"\ndriver = \"radv\"\n"),
                               text("equal", "match = \"Radeon 900\"\n")};
  const std::vector<EmbeddedFile> files{{"a", texts[0]}, {"b", texts[1]}, {"c", texts[2]}};
  const auto loaded = loadEntries(files);
  REQUIRE_MESSAGE(loaded.has_value(), loaded.error().str());
  Description device;
  device.kind = Description::Kind::Gpu;
  device.name = "RX 9000 XT";
  device.driver = "other";
  CHECK((*matchEntry(device, *loaded))->description.name == "long");
  device.driver = "RADV 24";
  CHECK((*matchEntry(device, *loaded))->description.name == "driver");
  device.driver = "other";
  device.name = "Radeon 900 aka RX 9000 XT";
  const auto tie = matchEntry(device, *loaded);
  REQUIRE_FALSE(tie.has_value());
  CHECK(tie.error().message.find("'long' (hwdb/data/a.toml:1) and 'equal' (hwdb/data/c.toml:1)") !=
        std::string::npos);
}

TEST_CASE("hwdb: a family is no device") {
  for (const char* name : {"CPU", "unknown GPU", "NVIDIA Hopper"}) {
    const auto entry = findEntry(name, entries());
    REQUIRE(entry.has_value());
    CHECK_FALSE(describeEntry(**entry).has_value());
  }
}
