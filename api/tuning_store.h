// Measured times of kernels, kept for the next compilation that asks for measuring.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"

namespace quartet::api {

/// What was measured: launches of kernels on a device.
struct TuningKey {
  std::string kernels;  // hash of everything that is run
  std::string device;   // full name, with the number of units that kernels were spread over
  std::string driver;   // as the device's description names it

  bool operator<(const TuningKey& other) const {
    return std::tie(kernels, device, driver) < std::tie(other.kernels, other.device, other.driver);
  }
};

/// A file of one JSON object per line:
///
///     {"device":"...","driver":"...","kernels":"<hash>","microseconds":12.5}
///
/// Files of several machines are merged by putting one behind the other. Of several times with one
/// key the shortest counts, since other programs only ever slow a run down. A line that is no such
/// object (cut off, damaged) is passed over, and a new one never continues it. Processes that
/// append at the same time do not mix their lines. Thread-safe.
class TuningStore {
 public:
  static constexpr const char* kFile = "tuning.jsonl";

  /// Reads the file in `folder`, if it is there; a folder that is not is made for its owner only.
  /// An error (Resource): the folder cannot be made, the file cannot be read.
  static Result<std::shared_ptr<TuningStore>> open(const std::string& folder);
  /// Keeps times in memory only; `problem`: why, if they were wanted on disk.
  static std::shared_ptr<TuningStore> inMemory(std::string problem = {});

  std::optional<double> find(const TuningKey& key) const;  // microseconds
  void add(const TuningKey& key, double microseconds);

  /// Why times are not kept any more: empty as long as all is well.
  std::string problem() const;

 private:
  explicit TuningStore(std::string path) : path_(std::move(path)) {}
  void read(const std::string& text);

  std::string path_;  // empty: in memory only
  mutable std::mutex mutex_;
  std::map<TuningKey, double> times_;
  std::string problem_;
};

}  // namespace quartet::api
