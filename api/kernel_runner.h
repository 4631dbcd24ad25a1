// Kernels run by themselves on a live device, and timed: what probes are made of.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"

namespace quartet::api {

/// Memory on the device. What nothing was written to holds any value.
struct KernelBuffer {
  std::string name;
  int64_t bytes = 0;      // a multiple of 16
  bool uploaded = false;  // `upload` writes it
};

/// A part of a buffer that one kernel parameter sees. The offset is a multiple of the device's
/// bindingAlignBytes.
struct KernelWindow {
  int buffer = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
};

/// `groups` groups of a kernel.
struct KernelLaunch {
  int kernel = 0;
  int64_t groups = 1;
  std::vector<uint32_t> parameters;
  std::vector<KernelWindow> windows;  // one per kernel parameter
};

/// Launches that are recorded once and submitted as one. Each sees what the ones before it wrote;
/// those that touch nothing in common may overlap.
using KernelSequence = std::vector<KernelLaunch>;

struct KernelSuite {
  std::string name;                  // for messages
  std::vector<std::string> kernels;  // kernel-level IR, in text form
  std::vector<KernelBuffer> buffers;
  std::vector<KernelSequence> sequences;
};

/// A suite on the device, ready to run.
class LoadedSuite {
 public:
  virtual ~LoadedSuite() = default;
  /// Writes the buffers that are uploaded, in their order, each in full.
  virtual Status upload(const std::vector<std::span<const std::byte>>& contents) = 0;
  /// Runs a sequence and waits for it: microseconds on the host's clock, submission included.
  virtual Result<double> runOnHost(size_t sequence) = 0;
  /// The same by the device's clock, launch by launch; the host's on a CPU, and where the device
  /// has no timestamps.
  virtual Result<std::vector<double>> runOnDevice(size_t sequence) = 0;
  /// The bytes of a buffer.
  virtual Result<std::vector<std::byte>> download(size_t buffer) = 0;
  /// From text to code that can be submitted, in microseconds.
  virtual double compileMicroseconds() const = 0;
};

/// An open device.
class KernelRunner {
 public:
  virtual ~KernelRunner() = default;
  /// `device`: as for api::findDevice. `threads`: of a CPU, 0 for all cores. An error (Unsupported)
  /// for a device that runs no kernels: the reference, null, a driver without memory.
  static Result<std::unique_ptr<KernelRunner>> open(const std::string& device, int threads);
  /// "cpu", "vulkan:0"
  virtual const std::string& id() const = 0;
  virtual const hwdb::Description& description() const = 0;
  /// Which clock runOnDevice reads: "device timestamps", "the host's clock".
  virtual const std::string& clock() const = 0;
  /// Compiles the suite, without any cache, and allocates its memory. Errors: a kernel that is not
  /// well-formed (a bug of the caller's); what the device lacks; too little memory.
  virtual Result<std::unique_ptr<LoadedSuite>> load(const KernelSuite& suite) = 0;
};

}  // namespace quartet::api
