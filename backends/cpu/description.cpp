#include "backends/cpu/description.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <ranges>

#include "backends/cpu/executor.h"
#include "backends/cpu/jit.h"
#include "backends/cpu/memory.h"
#include "backends/cpu/probe.h"
#include "hwdb/load.h"

namespace quartet::cpu {

namespace {

using hwdb::Provenance;

template <class T>
hwdb::Field<T> queried(T value, std::string source) {
  return {value, Provenance::Queried, std::move(source)};
}
template <class T>
hwdb::Field<T> measured(T value) {
  return {value, Provenance::Measured, "probe at first use"};
}
template <class T>
hwdb::Field<T> derived(T value, std::string source) {
  return {value, Provenance::Derived, std::move(source)};
}

std::string firstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "48K", "32768K", "2M" in bytes.
int64_t parseSize(const std::string& text) {
  int64_t value = 0;
  size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
    value = value * 10 + (text[i] - '0');
  if (i < text.size() && text[i] == 'K') value <<= 10;
  if (i < text.size() && text[i] == 'M') value <<= 20;
  return value;
}

// Processors in a list such as "0-3,8".
int countList(const std::string& text) {
  int count = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string range = text.substr(at, comma - at);
    const size_t dash = range.find('-');
    const int64_t first = parseSize(range);
    const int64_t last = dash == std::string::npos ? first : parseSize(range.substr(dash + 1));
    count += static_cast<int>(last - first + 1);
    at = comma + 1;
  }
  return count;
}

struct Cache {
  int64_t bytes;
  int64_t lineBytes;
  int sharers;
  int64_t ways;  // 0: not known
  std::string source;
};

// Data and unified caches of the first core, by level.
std::map<int, Cache> queryCaches() {
  const std::string root = "/sys/devices/system/cpu/cpu0/cache/index";
  std::map<int, Cache> caches;
  for (int i = 0; i < 8; ++i) {
    const std::string folder = root + std::to_string(i) + "/";
    const std::string type = firstLine(folder + "type");
    if (type != "Data" && type != "Unified") continue;
    const int64_t bytes = parseSize(firstLine(folder + "size"));
    if (bytes == 0) continue;
    caches[static_cast<int>(parseSize(firstLine(folder + "level")))] = {
        bytes, std::max<int64_t>(1, parseSize(firstLine(folder + "coherency_line_size"))),
        std::max(1, countList(firstLine(folder + "shared_cpu_list"))),
        parseSize(firstLine(folder + "ways_of_associativity")), "/sys cache"};
  }
  // Where the system does not say: what every CPU of the last decade has at least.
  const char* assumed = "family cpu";
  caches.try_emplace(1, Cache{32 << 10, 64, 1, 0, assumed});
  caches.try_emplace(2, Cache{256 << 10, 64, 1, 0, assumed});
  return caches;
}

std::string modelName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos)
      return line.substr(colon + 2);
  }
  return HostTarget::get().cpu;
}

struct Shape {
  int lanes;
  int registers;
  const char* name;
};

Shape vectorShape() {
  const HostTarget& host = HostTarget::get();
  if (host.avx512) return {16, 32, "AVX-512"};
  if (host.avx2) return {8, 16, "AVX2"};
  return {4, 16, "128-bit vectors"};
}

void describeMemory(hwdb::Description& host, const std::map<int, Cache>& caches,
                    const ProbeResult& probe) {
  const char* assumed = "family cpu";
  hwdb::MemoryLevel memory;
  memory.name = "memory";
  memory.kind = hwdb::MemoryLevel::Kind::Device;
  memory.sharers = static_cast<int>(host.units.value);
  memory.bytes = queried(totalMemory(), "/proc/meminfo");
  memory.gigabytesPerSecond = measured(probe.gigabytesPerSecond.back());
  memory.lineBytes = queried(caches.begin()->second.lineBytes, "/sys cache");
  host.memory.push_back(memory);
  size_t i = caches.size();
  for (const auto& [number, cache] : std::views::reverse(caches)) {
    const bool known = cache.source != assumed;
    hwdb::MemoryLevel level;
    level.name = "L" + std::to_string(number);
    level.sharers = cache.sharers;
    level.bytes = known ? queried(cache.bytes, cache.source) : derived(cache.bytes, cache.source);
    level.gigabytesPerSecond = measured(probe.gigabytesPerSecond[--i]);
    level.lineBytes =
        known ? queried(cache.lineBytes, cache.source) : derived(cache.lineBytes, cache.source);
    if (cache.ways > 0) level.ways = queried(cache.ways, cache.source);
    host.memory.push_back(level);
  }
}

/// Of one invocation: every lane of a vector adds up products of its own.
hwdb::MatrixUnit dotProducts(const char* a, const char* b, const char* accumulator, int64_t k) {
  hwdb::MatrixUnit unit;
  unit.scope = hwdb::MatrixUnit::Scope::Invocation;
  unit.a = a;
  unit.b = b;
  unit.accumulator = accumulator;
  unit.m = queried<int64_t>(1, "cpuid");
  unit.n = queried<int64_t>(1, "cpuid");
  unit.k = queried(k, "cpuid");
  return unit;
}

void describeLimits(hwdb::Description& host, const Shape& shape, int threads) {
  const std::string cpuid = "cpuid";
  constexpr int64_t kIndexable = INT64_C(0x7fffffff);  // kernels index with 32 bits
  host.units = queried<int64_t>(threads, "threads in use");
  host.machineUnits = queried<int64_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)), "sysconf");
  host.groupInvocations = queried<int64_t>(1, "backend");
  host.maxGroupInvocations = queried<int64_t>(1, "backend");
  host.maxGroupsPerAxis = queried(kIndexable, "backend");
  host.subgroup = queried<int64_t>(1, "backend");
  host.vectorLanes = queried<int64_t>(shape.lanes, cpuid);
  host.vectorRegisters = queried<int64_t>(shape.registers, cpuid);
  host.storage8 = queried(true, "backend");
  host.storage16 = queried(true, "backend");
  host.int64 = queried(true, "backend");
  host.float64 = queried(true, "backend");
  host.float16 = queried(false, "backend");  // conversions only
  if (HostTarget::get().bf16) host.matrixUnits.push_back(dotProducts("bf16", "bf16", "f32", 2));
  if (HostTarget::get().vnni) host.matrixUnits.push_back(dotProducts("u8", "i8", "i32", 4));
  host.stagingPays = queried(false, "backend");
  host.maxBindingBytes = queried<int64_t>(kIndexable * 4, "backend");
  host.bindingAlignBytes = queried<int64_t>(64, "backend");
  host.maxBindings = queried<int64_t>(256, "backend");  // more compile ever slower
  host.maxAllocationBytes = queried(totalMemory(), "/proc/meminfo");
  host.memoryBytes = queried(totalMemory(), "/proc/meminfo");
}

Result<hwdb::Description> describe(int threads, runtime::CodeCache* cache) {
  const Shape shape = vectorShape();
  const std::map<int, Cache> caches = queryCaches();
  std::vector<int64_t> sizes;
  for (const auto& [level, cache] : caches) sizes.push_back(cache.bytes / 2);
  // Twice the last cache streams past it; more is not needed, and touching it takes time.
  constexpr int64_t kMost = int64_t{128} << 20;
  sizes.push_back(std::clamp<int64_t>(2 * caches.rbegin()->second.bytes, 32 << 20, kMost));
  for (int64_t& size : sizes) size = std::min(size, sizes.back());
  const ProbeResult probe = recallOrProbe(modelName(), shape.lanes, threads, sizes, cache);

  hwdb::Description host;
  host.kind = hwdb::Description::Kind::Cpu;
  host.name = modelName() + " (" + std::to_string(threads) +
              (threads == 1 ? " core, " : " cores, ") + shape.name + ")";
  host.driver = "LLVM for " + HostTarget::get().cpu;
  host.entry = "cpu";
  describeLimits(host, shape, threads);
  describeMemory(host, caches, probe);
  host.peakGigaflops = measured(probe.gigaflops * threads);
  host.memoryGigabytesPerSecond =
      measured(std::max(probe.allCoresGigabytesPerSecond, probe.gigabytesPerSecond.back()));
  host.launchMicroseconds = measured(probe.waveMicroseconds);
  host.submitMicroseconds = measured(probe.waveMicroseconds);
  host.taskMicroseconds = measured(probe.taskMicroseconds);
  // What is neither queried nor measured comes from hwdb: this CPU's entry, or the family of all.
  return hwdb::describe(std::move(host));
}

}  // namespace

Result<hwdb::Description> describeHost(int threads, runtime::CodeCache* cache) {
  static std::mutex mutex;
  static std::map<int, hwdb::Description> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(threads);
  if (found != known.end()) return found->second;
  hwdb::Description description = QT_TRY(describe(threads, cache));
  return known.emplace(threads, std::move(description)).first->second;
}

}  // namespace quartet::cpu
