// Groups that wait for each other: on a device that says by itself how many meet, and when.
#include <doctest/doctest.h>

#include <cstring>
#include <utility>

#include "characterize/bench.h"

using namespace quartet;
using namespace quartet::characterize;

namespace {

/// What the device does: up to so many groups meet, in launches of so many turns and more.
struct Script {
  int64_t meet = 0;
  uint32_t turns = 0;
  double microseconds = 10;  // of a launch
  int runs = 0;
  uint32_t longest = 0;  // turns that were asked for
};

class ScriptedSuite : public api::LoadedSuite {
 public:
  ScriptedSuite(api::KernelSuite suite, Script& script)
      : suite_(std::move(suite)), script_(script) {}
  Status upload(const std::vector<std::span<const std::byte>>& contents) override {
    REQUIRE(contents.size() == 1);
    for (const std::byte byte : contents[0]) CHECK(byte == std::byte{0});
    return {};
  }
  Result<double> runOnHost(size_t sequence) override {
    const api::KernelLaunch& launch = suite_.sequences.at(sequence).at(0);
    CHECK(launch.parameters.at(0) == static_cast<uint32_t>(launch.groups));
    script_.longest = std::max(script_.longest, launch.parameters.at(1));
    ++script_.runs;
    met_ = launch.groups <= script_.meet && launch.parameters[1] >= script_.turns;
    groups_ = launch.groups;
    return script_.microseconds;
  }
  Result<std::vector<double>> runOnDevice(size_t) override { return userError("not asked for"); }
  /// One after another where they do not meet: the last one sees all.
  Result<std::vector<std::byte>> download(size_t buffer) override {
    std::vector<std::byte> bytes(static_cast<size_t>(suite_.buffers.at(buffer).bytes));
    for (int64_t group = 0; group < groups_; ++group) {
      const auto seen = static_cast<int32_t>(met_ ? groups_ : group + 1);
      std::memcpy(bytes.data() + group * 4, &seen, sizeof(seen));
    }
    return bytes;
  }
  double compileMicroseconds() const override { return 0; }

 private:
  api::KernelSuite suite_;
  Script& script_;
  bool met_ = false;
  int64_t groups_ = 0;
};

class ScriptedRunner : public api::KernelRunner {
 public:
  explicit ScriptedRunner(Script& script) : script_(script) {
    device_.name = "scripted";
    device_.driver = "none";
    device_.kind = hwdb::Description::Kind::Gpu;
    device_.units.value = 4;
    device_.subgroup.value = 32;
    device_.groupInvocations.value = 64;
    device_.maxGroupsPerAxis.value = 65535;
  }
  hwdb::Description& device() { return device_; }
  const std::string& id() const override { return name_; }
  const hwdb::Description& description() const override { return device_; }
  const std::string& clock() const override { return name_; }
  Result<std::unique_ptr<api::LoadedSuite>> load(const api::KernelSuite& suite) override {
    return std::make_unique<ScriptedSuite>(suite, script_);
  }

 private:
  Script& script_;
  hwdb::Description device_;
  std::string name_ = "scripted";
};

Findings progressOf(ScriptedRunner& runner, bool quick = true) {
  Findings findings;
  findings.device = runner.description();
  Bench bench(runner, quick, findings, [](const std::string&) {});
  REQUIRE(probeProgress(bench));
  return findings;
}

double met(const Findings& findings) {
  const Figure* figure = findings.figure("groups that met");
  REQUIRE(figure != nullptr);
  return figure->reading.value;
}

bool says(const Findings& findings, const std::string& text) {
  return findings.measured.forwardProgress.source.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("characterize progress: all groups that can be resident meet") {
  Script script{.meet = 1000};
  ScriptedRunner runner(script);
  const Findings findings = progressOf(runner);
  CHECK(met(findings) == 4);
  CHECK(findings.measured.forwardProgress.value);
  CHECK(findings.measured.forwardProgress.provenance == hwdb::Provenance::Measured);
  CHECK(says(findings, "4 groups waited for each other and met; as far as the device says, 4 can"));
  CHECK_FALSE(says(findings, "not seen"));
  CHECK(findings.notes.empty());
  CHECK(script.runs == 2);  // of 2 and of 4 groups, each at once
}

TEST_CASE("characterize progress: how many can be resident follows from the device's limits") {
  const auto give = [](hwdb::Count& field, int64_t value) {
    field = {value, hwdb::Provenance::Datasheet, "test"};
  };
  Script script{.meet = 1 << 20};
  ScriptedRunner runner(script);
  give(runner.device().maxGroupsPerUnit, 16);
  CHECK(met(progressOf(runner)) == 4 * 16);
  give(runner.device().maxInvocationsPerUnit, 256);  // 8 subgroups
  CHECK(met(progressOf(runner)) == 4 * 8);
  runner.device().maxGroupsPerUnit = {};
  CHECK(met(progressOf(runner)) == 4 * 8);
  runner.device().maxGroupsPerAxis.value = 10;
  CHECK(met(progressOf(runner)) == 10);
}

TEST_CASE("characterize progress: groups that never meet were not seen to, and end") {
  Script script{.meet = 1};
  ScriptedRunner runner(script);
  const Findings findings = progressOf(runner);
  CHECK(met(findings) == 1);
  CHECK_FALSE(findings.measured.forwardProgress.value);
  CHECK(says(findings, "not seen in 15 attempts: 2 groups that meet"));
  CHECK(script.runs == 15);
  CHECK(script.longest <= kMostIterations);
  REQUIRE(findings.notes.size() == 1);
  CHECK(findings.notes[0].find("proves nothing") != std::string::npos);
  Script again{.meet = 1};
  ScriptedRunner careful(again);
  progressOf(careful, false);
  CHECK(again.runs == 60);
}

TEST_CASE("characterize progress: a part of the resident groups met, one on each unit or fewer") {
  Script script{.meet = 5};
  ScriptedRunner runner(script);
  runner.device().maxGroupsPerUnit = {2, hwdb::Provenance::Datasheet, "test"};
  const Findings some = progressOf(runner);
  CHECK(met(some) == 4);
  CHECK(some.measured.forwardProgress.value);
  CHECK(says(some, "4 groups waited for each other and met; not seen in 15 attempts: 8 groups"));
  script.meet = 3;
  const Findings few = progressOf(runner);
  CHECK(met(few) == 2);
  CHECK_FALSE(few.measured.forwardProgress.value);
}

TEST_CASE("characterize progress: turns rise where groups come late, not where launches are long") {
  Script script{.meet = 8, .turns = 5000};
  ScriptedRunner runner(script);
  CHECK(progressOf(runner).measured.forwardProgress.value);
  CHECK(script.longest == 60000);
  Script slow{.meet = 8, .turns = 5000, .microseconds = 60000};
  ScriptedRunner late(slow);
  CHECK_FALSE(progressOf(late).measured.forwardProgress.value);
  CHECK(slow.longest == 256);  // more could look like a launch that hangs
  CHECK(slow.runs == 5);
}

TEST_CASE("characterize progress: a unit alone has nothing to wait for") {
  Script script;
  ScriptedRunner runner(script);
  runner.device().units.value = 1;
  const Findings findings = progressOf(runner);
  CHECK_FALSE(hwdb::given(findings.measured.forwardProgress));
  CHECK(findings.figure("groups that met") == nullptr);
  CHECK(script.runs == 0);
  REQUIRE(findings.notes.size() == 1);
}
