#include "characterize/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

namespace quartet::characterize {

namespace {

/// Slow devices: from then on the effort is that of a quick run, so that all is done in minutes.
constexpr double kSecondsOfCare = 90;

}  // namespace

KernelShape Bench::shape() const {
  return {static_cast<int>(device().vectorLanes.value),
          cpu() ? 0 : device().groupInvocations.value};
}

Effort Bench::effort() const {
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
  if (quick || spent.count() > kSecondsOfCare)
    return {.leastRuns = 3, .mostRuns = 5, .seconds = 0.03, .spread = 0.1};
  return {};
}

Result<Reading> Bench::onHost(api::LoadedSuite& suite, size_t sequence) const {
  return measure([&] { return suite.runOnHost(sequence); }, effort());
}

Result<Reading> Bench::onDevice(api::LoadedSuite& suite, size_t sequence) const {
  return measure(
      [&]() -> Result<double> {
        const std::vector<double> times = QT_TRY(suite.runOnDevice(sequence));
        return std::accumulate(times.begin(), times.end(), 0.0);
      },
      effort());
}

Result<Reading> Bench::rate(api::LoadedSuite& suite, const Ladder& ladder) const {
  // Long against what a launch costs and what a clock resolves; short against the slices of time
  // for which a busy machine runs other programs.
  const double enough = (cpu() ? 400 : 1500) / (quick ? 2.0 : 1.0);
  QT_ASSERT(!ladder.empty(), "a ladder has rungs");
  for (const Rung& rung : ladder) {
    const std::vector<double> times = QT_TRY(suite.runOnDevice(rung.sequence));
    const bool last = &rung == &ladder.back();
    if (!last && std::accumulate(times.begin(), times.end(), 0.0) < enough) continue;
    const Reading time = QT_TRY(onDevice(suite, rung.sequence));
    // A first run that compiles is no measure.
    if (!last && time.value < enough / 2) continue;
    return rateOf(rung.work, time);
  }
  throwInternalError("the last rung is taken", "ladder");
}

void Bench::add(Figure figure) const {
  progress_(fmt::format("  {:<46} {:>10.4g} {}{}", figure.name, figure.reading.value, figure.unit,
                        figure.reading.noisy ? "  (noisy)" : ""));
  findings.figures.push_back(std::move(figure));
}

void Bench::note(std::string text) const {
  progress_("  " + text);
  findings.notes.push_back(std::move(text));
}

int SuiteBuilder::kernel(std::string text) {
  const auto found = std::find(suite_.kernels.begin(), suite_.kernels.end(), text);
  if (found != suite_.kernels.end()) return static_cast<int>(found - suite_.kernels.begin());
  suite_.kernels.push_back(std::move(text));
  return static_cast<int>(suite_.kernels.size()) - 1;
}

int SuiteBuilder::buffer(const std::string& name, int64_t bytes, bool uploaded) {
  suite_.buffers.push_back({name, (std::max<int64_t>(bytes, 1) + 15) / 16 * 16, uploaded});
  return static_cast<int>(suite_.buffers.size()) - 1;
}

api::KernelWindow SuiteBuilder::whole(int buffer) const {
  return {buffer, 0, suite_.buffers[static_cast<size_t>(buffer)].bytes};
}

size_t SuiteBuilder::sequence(api::KernelSequence launches) {
  suite_.sequences.push_back(std::move(launches));
  return suite_.sequences.size() - 1;
}

Ladder SuiteBuilder::ladder(const std::function<api::KernelLaunch(uint32_t)>& launch, double work,
                            uint32_t first, uint32_t factor, int rungs) {
  Ladder ladder;
  uint32_t count = first;
  for (int i = 0; i < rungs; ++i, count *= factor) {
    ladder.push_back({sequence(launch(count)), work * count});
  }
  return ladder;
}

}  // namespace quartet::characterize
