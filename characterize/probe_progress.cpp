// Whether groups that are resident at once all make progress: groups that wait for each other.
//
// Nothing here can hang: a group looks for the others a bounded number of times. What was seen is
// certain, since all of the groups saw the last one arrive; what was not seen proves nothing, since
// other programs may have kept some from being resident. So attempts are repeated, and begin with
// few turns: where groups do meet, they do so at once.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "characterize/bench.h"

namespace quartet::characterize {

namespace {

constexpr uint32_t kTurns[] = {256, 4096, 60000};  // the last: as many as all drivers do
static_assert(kTurns[2] <= kMostIterations);
/// Drivers take a launch of seconds for one that hangs. An attempt is followed by one with 16 times
/// as many turns.
constexpr double kLongestMicroseconds = 50000;

/// Groups of one invocation that can be resident at once, as far as the device says.
int64_t residentGroups(const hwdb::Description& device) {
  int64_t perUnit = 1;
  const bool counted = hwdb::given(device.maxGroupsPerUnit);
  if (counted) perUnit = device.maxGroupsPerUnit.value;
  if (hwdb::given(device.maxInvocationsPerUnit)) {
    const int64_t subgroups = device.maxInvocationsPerUnit.value / device.subgroup.value;
    perUnit = counted ? std::min(perUnit, subgroups) : subgroups;
  }
  return std::min(device.units.value * std::max<int64_t>(perUnit, 1),
                  device.maxGroupsPerAxis.value);
}

/// 2, 4, 8, ... and the most.
std::vector<int64_t> counts(int64_t most) {
  std::vector<int64_t> groups;
  for (int64_t count = 2; count < most; count *= 2) groups.push_back(count);
  if (most > 1) groups.push_back(most);
  return groups;
}

struct Meeting {
  std::unique_ptr<api::LoadedSuite> suite;
  std::vector<std::vector<size_t>> sequences;  // by number of groups, by turns
  size_t seen = 0;                             // the buffer
  int attempts = 0;                            // so far
};

Result<Meeting> load(const Bench& bench, const std::vector<int64_t>& groups) {
  SuiteBuilder builder("meetings");
  const int kernel = builder.kernel(meetingKernel(bench.shape().invocations, groups.back()));
  const int arrived = builder.buffer("arrived", 16, true);
  const int seen = builder.buffer("seen", groups.back() * 4);
  Meeting meeting;
  meeting.seen = static_cast<size_t>(seen);
  for (const int64_t count : groups) {
    meeting.sequences.emplace_back();
    for (const uint32_t turns : kTurns) {
      meeting.sequences.back().push_back(
          builder.sequence({kernel,
                            count,
                            {static_cast<uint32_t>(count), turns},
                            {builder.whole(arrived), builder.whole(seen)}}));
    }
  }
  meeting.suite = QT_TRY(bench.runner.load(builder.suite()));
  return meeting;
}

/// Whether all of `count` groups saw as many.
Result<bool> allSaw(Meeting& meeting, int64_t count) {
  const std::vector<std::byte> bytes = QT_TRY(meeting.suite->download(meeting.seen));
  std::vector<int32_t> seen(static_cast<size_t>(count));
  std::memcpy(seen.data(), bytes.data(), seen.size() * sizeof(int32_t));
  return std::all_of(seen.begin(), seen.end(), [&](int32_t groups) { return groups == count; });
}

/// Whether so many groups were seen to meet, in one of several attempts.
Result<bool> meet(Meeting& meeting, size_t number, int64_t count, int attempts) {
  const std::vector<std::byte> none(16);
  for (const size_t sequence : meeting.sequences[number]) {
    double shortest = 2 * kLongestMicroseconds;  // some drivers compile at the first submission
    for (int i = 0; i < attempts; ++i) {
      QT_CHECK(meeting.suite->upload({none}));
      const double time = QT_TRY(meeting.suite->runOnHost(sequence));
      shortest = std::min(shortest, time);
      ++meeting.attempts;
      if (QT_TRY(allSaw(meeting, count))) return true;
    }
    if (shortest > kLongestMicroseconds) return false;
  }
  return false;
}

/// The most groups that were seen to meet, and the next number, which was not in so many attempts
/// (0: there is none).
struct Outcome {
  int64_t most = 1;
  int64_t missed = 0;
  int attempts = 0;
};

Result<Outcome> largestMeeting(Meeting& meeting, const std::vector<int64_t>& groups, int attempts) {
  Outcome outcome;
  for (size_t i = 0; i < groups.size() && outcome.missed == 0; ++i) {
    const int before = meeting.attempts;
    const bool met = QT_TRY(meet(meeting, i, groups[i], attempts));
    (met ? outcome.most : outcome.missed) = groups[i];
    outcome.attempts = meeting.attempts - before;
  }
  return outcome;
}

}  // namespace

Status probeProgress(Bench& bench) {
  bench.step("progress of groups");
  const int64_t resident = residentGroups(bench.device());
  const std::vector<int64_t> groups = counts(resident);
  if (groups.empty()) {
    bench.note("progress of groups: one is resident at a time, none waits for another");
    return {};
  }
  Meeting meeting = QT_TRY(load(bench, groups));
  const Outcome outcome = QT_TRY(largestMeeting(meeting, groups, bench.quick ? 5 : 20));
  const auto most = static_cast<double>(outcome.most);
  const std::string limit = fmt::format("as far as the device says, {} can be resident", resident);
  bench.add({"progress",
             "groups that met",
             "groups",
             {most, most, most, meeting.attempts},
             "the most that waited for each other, a bounded time; " + limit});
  std::string method = fmt::format("{} groups waited for each other and met", outcome.most);
  if (outcome.missed > 0) {
    const std::string missed = fmt::format("not seen in {} attempts: {} groups that meet",
                                           outcome.attempts, outcome.missed);
    bench.note("progress of groups: " + missed + ", which proves nothing");
    method = outcome.most > 1 ? method + "; " + missed : missed;
  }
  // One group on each unit is the least that is resident for certain.
  const bool progress = outcome.most >= std::min(resident, std::max<int64_t>(bench.units(), 2));
  bench.findings.describe(bench.findings.measured.forwardProgress, progress, method + "; " + limit);
  return {};
}

}  // namespace quartet::characterize
