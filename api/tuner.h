// Runs alternatives of task sets on a device, to see which is fastest.
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/tuning_store.h"
#include "quartet/quartet.h"
#include "runtime/device.h"
#include "sched/env.h"

namespace quartet::api {

/// An alternative's buffers are filled with values in [-1, 1) (integers: 0 and 1), its open extents
/// have their usual values, and it runs by itself, by the device's clock where there is one. The
/// alternatives of a task set take turns, so that all meet what else goes on in the machine, and
/// the shortest time counts, since that only ever slows a run down. What the store has is not run
/// again.
class Tuner {
 public:
  Tuner(std::shared_ptr<runtime::Device> device, std::shared_ptr<TuningStore> store)
      : device_(std::move(device)), store_(std::move(store)) {}

  /// Microseconds of each; infinite where one does not compile or run by itself with such values
  /// (an integer division by zero). Errors: too little memory, a device lost, bugs.
  Result<std::vector<double>> measure(const std::vector<sched::Alternative>& alternatives);

  /// All that was asked for, in order.
  const std::vector<TileTrial>& trials() const { return trials_; }
  /// Why a tile has no time, of the first that has none; else empty.
  const std::string& note() const { return note_; }

 private:
  /// One alternative of those that take turns.
  struct Candidate {
    runtime::Program program;
    TuningKey key;
    bool stored = false;
    double microseconds = std::numeric_limits<double>::infinity();
    std::shared_ptr<runtime::Executable> executable;  // null: not to be run
    std::vector<size_t> contents;                     // numbers of what its first stage uploads
  };
  /// What buffers are filled with: shared by those of one size and type.
  struct Contents {
    std::map<std::pair<int64_t, ir::DType>, size_t> numbers;
    std::vector<std::vector<std::byte>> values;
  };

  Result<Candidate> prepare(const sched::Alternative& alternative, Contents& contents) const;
  Status turn(Candidate& candidate, const Contents& contents) const;
  void record(const sched::Alternative& alternative, const Candidate& candidate);

  std::shared_ptr<runtime::Device> device_;
  std::shared_ptr<TuningStore> store_;
  std::vector<TileTrial> trials_;
  std::string note_;
};

}  // namespace quartet::api
