#include "backends/cpu/probe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <span>

#include "backends/cpu/executor.h"
#include "backends/cpu/jit.h"
#include "backends/cpu/memory.h"
#include "ir/kernel.h"

namespace quartet::cpu {

namespace {

using ir::DType;
using ir::KernelBuilder;
using ir::Opcode;
using ir::Type;
using ir::ValueId;

constexpr int kChains = 12;  // independent accumulators: more than latency times ports
constexpr int kUnroll = 4;
constexpr int kStreams = 4;  // vectors in flight of the reading probe

// out[0..lanes) = `chains` chains of FMAs, param(0) * kUnroll links each.
ir::Module fmaKernel(int lanes, int chains) {
  ir::Module kernel(ir::Level::Kernel, "probe_fma");
  const ValueId out = kernel.addParameter(
      kernel.top(), Type::kernelBuffer(DType::F32, int64_t{2} * lanes, Type::Access::ReadWrite),
      "out");
  KernelBuilder b(kernel);
  const ValueId factor = b.load(out, b.literal(0), lanes);
  const ValueId addend = b.load(out, b.literal(lanes), lanes);
  std::vector<ValueId> sums;
  for (int i = 0; i < chains; ++i) {
    sums.push_back(b.var(DType::F32, lanes));
    b.set(sums.back(), b.apply(Opcode::Mul, {factor, b.literal(1.0 + i, DType::F32, lanes)}));
  }
  b.loop(b.literal(0), b.param(0), b.literal(1), [&](ValueId) {
    for (int k = 0; k < kUnroll; ++k) {
      for (ValueId sum : sums) b.set(sum, b.apply(Opcode::Fma, {b.get(sum), factor, addend}));
    }
  });
  ValueId total = b.get(sums[0]);
  for (size_t i = 1; i < sums.size(); ++i) total = b.apply(Opcode::Add, {total, b.get(sums[i])});
  b.store(out, b.literal(0), total);
  return kernel;
}

// Group g reads elements [g*n, (g+1)*n), n = param(0), param(1) times; the sums are kept.
ir::Module readKernel(int lanes) {
  ir::Module kernel(ir::Level::Kernel, "probe_read");
  const ValueId in = kernel.addParameter(
      kernel.top(), Type::kernelBuffer(DType::F32, 1 << 30, Type::Access::Read), "in");
  const ValueId out = kernel.addParameter(
      kernel.top(), Type::kernelBuffer(DType::F32, 1 << 20, Type::Access::Write), "out");
  KernelBuilder b(kernel);
  const ValueId base = b.apply(Opcode::Mul, {b.groupId(), b.param(0)});
  std::vector<ValueId> sums;
  for (int i = 0; i < kStreams; ++i) {
    sums.push_back(b.var(DType::F32, lanes));
    b.set(sums.back(), b.literal(0.0, DType::F32, lanes));
  }
  b.loop(b.literal(0), b.param(1), b.literal(1), [&](ValueId) {
    b.loop(b.literal(0), b.param(0), b.literal(kStreams * lanes), [&](ValueId i) {
      for (int s = 0; s < kStreams; ++s) {
        const ValueId offset = b.apply(Opcode::Add, {i, b.literal(s * lanes)});
        const ValueId value = b.load(in, b.apply(Opcode::Add, {base, offset}), lanes);
        const ValueId sum = sums[static_cast<size_t>(s)];
        b.set(sum, b.apply(Opcode::Add, {b.get(sum), value}));
      }
    });
  });
  ValueId total = b.get(sums[0]);
  for (size_t i = 1; i < sums.size(); ++i) total = b.apply(Opcode::Add, {total, b.get(sums[i])});
  b.store(out, b.apply(Opcode::Mul, {b.groupId(), b.literal(lanes)}), total);
  return kernel;
}

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double bestSeconds(int repetitions, const std::function<void()>& work) {
  double best = seconds(work);
  for (int i = 1; i < repetitions; ++i) best = std::min(best, seconds(work));
  return best;
}

struct Kernels {
  std::unique_ptr<Jit> jit;
  KernelFunction throughput, latency, read;
};

Kernels compileKernels(int lanes, runtime::CodeCache* cache) {
  const std::vector<ir::Module> modules = {fmaKernel(lanes, kChains), fmaKernel(lanes, 1),
                                           readKernel(lanes)};
  auto jit = Jit::compile({&modules[0], &modules[1], &modules[2]}, {.cache = cache});
  QT_ASSERT(jit.has_value(), jit.error().message);
  const auto& functions = (*jit)->functions();
  return {std::move(*jit), functions[0], functions[1], functions[2]};
}

void probeFma(const Kernels& kernels, int lanes, ProbeResult& result) {
  std::vector<float> data(2 * static_cast<size_t>(lanes), 0.5F);
  void* buffers[] = {data.data()};  // NOLINT(modernize-avoid-c-arrays)
  std::array<uint32_t, 2> status{};
  const auto nanoseconds = [&](KernelFunction function, uint32_t count, int chains) {
    const double time = bestSeconds(5, [&] { function(buffers, &count, status.data(), 0, 1); });
    return time * 1e9 / (static_cast<double>(count) * kUnroll * chains);
  };
  nanoseconds(kernels.throughput, 200'000, kChains);  // brings the core up to speed
  result.fmaNanoseconds = nanoseconds(kernels.throughput, 40'000, kChains);
  result.fmaLatencyNanoseconds = nanoseconds(kernels.latency, 100'000, 1);
  result.gigaflops = 2.0 * lanes / result.fmaNanoseconds;
}

// Bandwidth of `groups` groups that each read `bytes` bytes.
double readBandwidth(const Kernels& kernels, runtime::Executor& executor, const Block& memory,
                     int lanes, int64_t groups, int64_t bytes) {
  const int64_t step = int64_t{kStreams} * lanes * 4;
  bytes = std::max(step, bytes / step * step);
  const auto repeats =
      static_cast<uint32_t>(std::max<int64_t>(1, (int64_t{4} << 20) / (bytes * groups)));
  const std::array<uint32_t, 2> params = {static_cast<uint32_t>(bytes / 4), repeats};
  std::vector<float> out(static_cast<size_t>(groups * lanes));
  std::array<void*, 2> buffers = {memory.data(), out.data()};
  alignas(8) std::array<uint32_t, 4> status{};
  const double time = bestSeconds(3, [&] {
    executor.parallelFor(groups, [&](int64_t group) {
      kernels.read(buffers.data(), params.data(), status.data(), group, group + 1);
    });
  });
  return static_cast<double>(bytes * groups) * repeats / time * 1e-9;
}

// A wave of two tasks of a few microseconds costs more than one task alone: what waking and joining
// a thread takes. Empty tasks would be done by the caller before another thread wakes.
void probeWaves(const Kernels& kernels, int lanes, runtime::Executor& executor,
                ProbeResult& result) {
  if (executor.threads() == 1) return;
  constexpr int kWaves = 100;
  constexpr double kTaskNanoseconds = 4000;
  const auto count =
      static_cast<uint32_t>(kTaskNanoseconds / (result.fmaLatencyNanoseconds * kUnroll)) + 1;
  const auto width = 2 * static_cast<size_t>(lanes);
  std::vector<float> data(2 * width, 0.5F);
  const auto task = [&](int64_t i) {
    std::array<void*, 1> buffers = {data.data() + static_cast<size_t>(i) * width};
    alignas(8) std::array<uint32_t, 4> status{};
    kernels.latency(buffers.data(), &count, status.data(), 0, 1);
  };
  const auto microseconds = [&](const std::function<void()>& wave) {
    return 1e6 / kWaves * bestSeconds(5, [&] {
             for (int i = 0; i < kWaves; ++i) wave();
           });
  };
  const double alone = microseconds([&] { task(0); });
  const double together = microseconds([&] { executor.parallelFor(2, task); });
  result.waveMicroseconds = std::max(0.1, together - alone);
  const auto empty = [](int64_t) {};
  const double few = microseconds([&] { executor.parallelFor(2, empty); });
  const double many = microseconds([&] { executor.parallelFor(66, empty); });
  result.taskMicroseconds = std::max(0.01, (many - few) / 64.0);
}

// As much as the process may have, where that is less: a limit that lets a small model run must not
// keep the device from being described.
Block probeMemory(int64_t bytes) {
  constexpr int64_t kLeast = 1 << 20;
  for (;; bytes /= 2) {
    auto memory = Block::allocate(bytes, "the bandwidth probe");
    if (memory) return *std::move(memory);
    QT_ASSERT(bytes > kLeast, memory.error().message);
  }
}

constexpr const char* kCacheKind = "cpu probe";
constexpr size_t kFixedNumbers = 6;  // those in front of the bandwidths by size

std::vector<double> toNumbers(const ProbeResult& probe) {
  std::vector<double> numbers = {
      probe.gigaflops,        probe.fmaLatencyNanoseconds,      probe.fmaNanoseconds,
      probe.taskMicroseconds, probe.allCoresGigabytesPerSecond, probe.waveMicroseconds};
  numbers.insert(numbers.end(), probe.gigabytesPerSecond.begin(), probe.gigabytesPerSecond.end());
  return numbers;
}

ProbeResult fromNumbers(std::span<const double> numbers) {
  ProbeResult probe;
  probe.gigaflops = numbers[0];
  probe.fmaLatencyNanoseconds = numbers[1];
  probe.fmaNanoseconds = numbers[2];
  probe.taskMicroseconds = numbers[3];
  probe.allCoresGigabytesPerSecond = numbers[4];
  probe.waveMicroseconds = numbers[5];
  probe.gigabytesPerSecond.assign(numbers.begin() + kFixedNumbers, numbers.end());
  return probe;
}

}  // namespace

ProbeResult probeHost(int lanes, int threads, const std::vector<int64_t>& bufferBytes,
                      runtime::CodeCache* cache) {
  ProbeResult result;
  const Kernels kernels = compileKernels(lanes, cache);
  probeFma(kernels, lanes, result);
  const Block memory = probeMemory(bufferBytes.back());
  const auto one = makeExecutor(ExecutorKind::Inline, 1);
  for (const int64_t bytes : bufferBytes) {
    result.gigabytesPerSecond.push_back(
        readBandwidth(kernels, *one, memory, lanes, 1, std::min(bytes, memory.size())));
  }
  const auto all = makeExecutor(ExecutorKind::Tbb, threads);
  result.allCoresGigabytesPerSecond =
      readBandwidth(kernels, *all, memory, lanes, threads, memory.size() / threads);
  probeWaves(kernels, lanes, *all, result);
  return result;
}

ProbeResult recallOrProbe(const std::string& host, int lanes, int threads,
                          const std::vector<int64_t>& bufferBytes, runtime::CodeCache* cache) {
  if (cache == nullptr) return probeHost(lanes, threads, bufferBytes);
  const std::string key = fmt::format("{} lanes {} threads {} buffers {}", host, lanes, threads,
                                      fmt::join(bufferBytes, " "));
  if (const auto stored = cache->get(kCacheKind, key)) {
    std::vector<double> numbers(stored->size() / sizeof(double));
    QT_ASSERT(numbers.size() == kFixedNumbers + bufferBytes.size(), "a probe of another size");
    std::memcpy(numbers.data(), stored->data(), numbers.size() * sizeof(double));
    return fromNumbers(numbers);
  }
  ProbeResult probe = probeHost(lanes, threads, bufferBytes, cache);
  const std::vector<double> numbers = toNumbers(probe);
  cache->put(kCacheKind, key, std::as_bytes(std::span(numbers)));
  return probe;
}

}  // namespace quartet::cpu
