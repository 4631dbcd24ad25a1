// Compiles models for a device: a schedule for all values of the extents that are open, programs
// for the values that a run has.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/code_cache.h"
#include "api/devices.h"
#include "api/driver.h"
#include "api/model.h"
#include "api/session.h"

namespace quartet::api {

/// Opens each device once, for all that is compiled for one session.
class DevicePool {
 public:
  static Result<std::shared_ptr<DevicePool>> create(const CompileOptions& options);
  Result<std::shared_ptr<runtime::Device>> open(const DeviceEntry& entry);
  /// Where the devices keep compiled code.
  const CodeCache& cache() const { return cache_; }
  /// Where measured times are kept; null when nothing is to be measured.
  const std::shared_ptr<TuningStore>& tuning() const { return tuning_; }

 private:
  DevicePool(int threads, CodeCache cache, std::shared_ptr<TuningStore> tuning)
      : threads_(threads), cache_(std::move(cache)), tuning_(std::move(tuning)) {}

  int threads_;
  CodeCache cache_;
  std::shared_ptr<TuningStore> tuning_;
  std::map<std::string, std::shared_ptr<runtime::Device>> devices_;  // by id
};

/// A model scheduled for the devices that its operations are placed on.
struct ScheduledModel {
  Placement placement;
  DeviceEntry entry;                                      // asked for, or the fallback
  std::vector<std::string> ids;                           // of the devices, `entry` first
  std::vector<std::shared_ptr<runtime::Device>> devices;  // none for the reference
  Schedule schedule;                                      // empty for the reference
  double milliseconds = 0;                                // that scheduling took
  std::vector<TileTrial> trials;                          // of CompileOptions::measure

  std::vector<CompileTarget> targets() const;
};

/// One schedule of a model, and the sessions that are made of it: one for each set of values of the
/// model's open extents. What the device cannot do is done by the CPU, and said; unless the options
/// are strict.
class Specialisation {
 public:
  /// Schedules. Errors: what the device cannot compute, when strict or when nothing is left for it.
  static Result<std::shared_ptr<Specialisation>> create(std::shared_ptr<const Model::Data> model,
                                                        const CompileOptions& options,
                                                        std::shared_ptr<DevicePool> devices);

  /// Compiles for these values of the model's symbols; all of them must have one.
  Result<std::shared_ptr<Session::Data>> compile(const ir::SymbolValues& symbols);

  const ScheduledModel& scheduled() const { return scheduled_; }

 private:
  Result<ScheduledModel> schedule(const DeviceEntry& entry, std::vector<std::string> notes) const;
  Status scheduleOn(PlacedGraph placed, ScheduledModel& scheduled) const;
  Status moveToFallback(const Diagnostic& reason);
  Result<std::shared_ptr<Session::Data>> compileScheduled(const ir::SymbolValues& symbols) const;
  Result<std::shared_ptr<Session::Data>> compileReference(const ir::SymbolValues& symbols) const;
  bool mayFallBack(const Diagnostic& error) const;

  std::shared_ptr<const Model::Data> model_;
  CompileOptions options_;
  std::shared_ptr<DevicePool> devices_;
  ScheduledModel scheduled_;
};

}  // namespace quartet::api
