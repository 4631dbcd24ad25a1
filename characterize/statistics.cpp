#include "characterize/statistics.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace quartet::characterize {

namespace {

/// Linear between the neighbours; `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = at - static_cast<double>(below);
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

/// (p90 - p10) / median of sorted times.
double spreadOf(const std::vector<double>& sorted) {
  const double median = quantile(sorted, 0.5);
  return median == 0 ? 0 : (quantile(sorted, 0.9) - quantile(sorted, 0.1)) / median;
}

}  // namespace

Reading summarise(std::vector<double> times) {
  QT_ASSERT(!times.empty(), "times to summarise");
  std::sort(times.begin(), times.end());
  const bool noisy = spreadOf(times) > kNoisySpread;
  return {quantile(times, noisy ? 0.1 : 0.5), quantile(times, 0.1), quantile(times, 0.9),
          static_cast<int>(times.size()), noisy};
}

Reading rateOf(double work, const Reading& time) {
  // A time below the clock's resolution is taken as that.
  constexpr double kLeast = 1e-3;
  const auto rate = [&](double microseconds) { return work / std::max(microseconds, kLeast); };
  return {rate(time.value), rate(time.p90), rate(time.p10), time.runs, time.noisy};
}

Reading differenceOf(const Reading& more, const Reading& less, double pieces) {
  const auto piece = [&](double a, double b) { return std::max(0.0, a - b) / pieces; };
  return {piece(more.value, less.value), piece(more.p10, less.p90), piece(more.p90, less.p10),
          std::min(more.runs, less.runs), more.noisy || less.noisy};
}

Reading scaled(const Reading& reading, double factor) {
  return {reading.value * factor, reading.p10 * factor, reading.p90 * factor, reading.runs,
          reading.noisy};
}

Result<Reading> measure(const std::function<Result<double>()>& once, const Effort& effort) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto spent = [&] {
    return std::chrono::duration<double>(Clock::now() - start).count() > effort.seconds;
  };
  QT_TRY(once());
  std::vector<double> times;  // sorted
  while (static_cast<int>(times.size()) < effort.mostRuns) {
    const double time = QT_TRY(once());
    times.insert(std::upper_bound(times.begin(), times.end(), time), time);
    const auto runs = static_cast<int>(times.size());
    if (runs >= 2 && spent()) break;
    if (runs >= effort.leastRuns && spreadOf(times) <= effort.spread) break;
  }
  return summarise(std::move(times));
}

}  // namespace quartet::characterize
