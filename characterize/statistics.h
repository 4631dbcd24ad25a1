// What repeated measurements say.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"

namespace quartet::characterize {

/// Above this spread, (p90 - p10) / median of the times, a reading is noisy.
inline constexpr double kNoisySpread = 0.2;

/// What repeated runs of a measurement say, in any unit.
struct Reading {
  /// Of the median run; when noisy, of a run that nine tenths of the others did not beat: what else
  /// goes on in a machine only ever slows a run down.
  double value = 0;
  double p10 = 0, p90 = 0;
  int runs = 0;
  bool noisy = false;  // the runs disagree so much that the value says little
};

/// `times` holds at least one.
Reading summarise(std::vector<double> times);

/// Readings of times as rates: `work` per time.
Reading rateOf(double work, const Reading& time);
/// What the second adds to the first, per piece: (more - less) / pieces. Never negative.
Reading differenceOf(const Reading& more, const Reading& less, double pieces);
Reading scaled(const Reading& reading, double factor);

/// How hard a measurement tries.
struct Effort {
  int leastRuns = 5;
  int mostRuns = 40;
  double seconds = 0.5;  // after which no further run starts, once there are two
  double spread = 0.03;  // at or below which more runs are not needed
};

/// Repeats `once`, which gives one time, until the readings agree or the effort is spent. The first
/// run only warms up.
Result<Reading> measure(const std::function<Result<double>()>& once, const Effort& effort);

}  // namespace quartet::characterize
