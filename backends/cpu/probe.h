// Measures the host with kernels of our own, compiled as all kernels are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/code_cache.h"

namespace quartet::cpu {

struct ProbeResult {
  double gigaflops = 0;  // f32 FMA, one core
  double fmaLatencyNanoseconds = 0;
  double fmaNanoseconds = 0;  // between two independent vector FMAs of one core
  /// Read bandwidth of one core from a buffer of each given size, GB/s.
  std::vector<double> gigabytesPerSecond;
  double allCoresGigabytesPerSecond = 0;  // from memory, `threads` cores together
  double taskMicroseconds = 0;            // one more task of a wave
  double waveMicroseconds = 0;            // what a wave of two tasks takes beyond one of them

  bool operator==(const ProbeResult&) const = default;
};

/// `lanes`: of f32 vectors. `bufferBytes`: sizes to read, the last being that of main memory.
ProbeResult probeHost(int lanes, int threads, const std::vector<int64_t>& bufferBytes,
                      runtime::CodeCache* cache = nullptr);

/// What an earlier process has measured of `host` (the CPU's model) and left in the cache, so that
/// predicted times do not change from process to process; else what `probeHost` measures now.
ProbeResult recallOrProbe(const std::string& host, int lanes, int threads,
                          const std::vector<int64_t>& bufferBytes, runtime::CodeCache* cache);

}  // namespace quartet::cpu
