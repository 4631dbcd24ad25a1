// What is written is read back, and describes the device that it was measured on.
#include <doctest/doctest.h>

#include "characterize/characterize.h"
#include "hwdb/load.h"

using namespace quartet;
using namespace quartet::characterize;

namespace {

Findings sample() {
  Findings findings;
  findings.device.name = "GPU \"X\" \\ 1";
  findings.device.driver = "driver 2.0";
  findings.device.kind = hwdb::Description::Kind::Gpu;
  findings.date = "2026-01-31";
  hwdb::MemoryLevel level;
  level.name = "L2";
  level.sharers = 4;
  findings.device.memory.push_back(level);
  findings.device.memory.insert(findings.device.memory.begin(), findings.device.memory[0]);
  findings.device.memory[0].name = "memory";
  findings.describe(findings.measured.peakGigaflops, {1234.5678, 1000, 1300, 7, true}, "chains");
  findings.describe(findings.measured.launchMicroseconds, {3, 2, 9, 5}, "launches");
  findings.describe(findings.measured.forwardProgress, true, "4 groups met");
  findings.describe(findings.level("L2").latencyNanoseconds, {1e7, 1e7, 1e7, 3}, "chase");
  findings.describe(findings.level("memory").gigabytesPerSecond, {20, 20, 20, 3}, "reading");
  return findings;
}

}  // namespace

TEST_CASE("characterize: the description is an entry of the database") {
  const auto entries = hwdb::parseEntries(description(sample()), "x.toml");
  REQUIRE_MESSAGE(entries, entries.error().str());
  const hwdb::Entry* entry = &entries->front();
  CHECK(entry->device == "GPU \"X\" \\ 1");
  CHECK(entry->driver == "driver 2.0");
  const hwdb::Description& found = entry->description;
  CHECK(found.kind == hwdb::Description::Kind::Gpu);
  CHECK(found.peakGigaflops.value == 1235);
  CHECK(found.peakGigaflops.provenance == hwdb::Provenance::Measured);
  for (const char* part : {"chains", "7 runs", "1e+03-1.3e+03", "driver 2.0", "2026-01-31"}) {
    CHECK_MESSAGE(found.peakGigaflops.source.find(part) != std::string::npos, part);
  }
  CHECK(found.peakGigaflops.source.find("noisy") != std::string::npos);
  CHECK(found.launchMicroseconds.value == 3);
  CHECK(found.submitMicroseconds.source.empty());
  CHECK(found.forwardProgress.value);
  CHECK(found.forwardProgress.provenance == hwdb::Provenance::Measured);
  CHECK(found.forwardProgress.source == "4 groups met; driver 2.0, 2026-01-31");
  REQUIRE(found.memory.size() == 2);  // outermost first, whatever was measured first
  CHECK(found.memory[0].name == "memory");
  CHECK(found.memory[1].sharers == 4);
  CHECK(found.memory[1].latencyNanoseconds.value == 1e7);
}
