#include "backends/common/gpu/launch.h"

#include <algorithm>
#include <map>

namespace quartet::gpu {

using runtime::BufferInfo;
using runtime::Dispatch;
using runtime::Program;

namespace {

/// Drivers' compilers take more than proportionally longer over larger shaders.
constexpr size_t kMaxKernelsPerLaunch = 16;

/// Bytes that a dispatch may touch. Arena buffers share one space, every other buffer has its own.
struct Range {
  int space = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

struct Accesses {
  std::vector<Range> reads;
  std::vector<Range> writes;
  void add(const Accesses& other) {
    reads.insert(reads.end(), other.reads.begin(), other.reads.end());
    writes.insert(writes.end(), other.writes.begin(), other.writes.end());
  }
};

bool overlap(const std::vector<Range>& a, const std::vector<Range>& b) {
  return std::any_of(a.begin(), a.end(), [&](const Range& x) {
    return std::any_of(b.begin(), b.end(), [&](const Range& y) {
      return x.space == y.space && x.begin < y.end && y.begin < x.end;
    });
  });
}

bool conflict(const Accesses& before, const Accesses& after) {
  return overlap(before.writes, after.reads) || overlap(before.writes, after.writes) ||
         overlap(before.reads, after.writes);
}

Accesses accessesOf(const Program& program, const Dispatch& dispatch, const ir::Module& kernel) {
  Accesses accesses;
  const auto& parameters = kernel.region(kernel.top()).parameters;
  QT_ASSERT(parameters.size() == dispatch.bindings.size(),
            "one binding per parameter of kernel " + kernel.name);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const runtime::Binding& binding = dispatch.bindings[i];
    const BufferInfo& buffer = program.buffers[static_cast<size_t>(binding.buffer)];
    const bool arena = buffer.kind == BufferInfo::Kind::Arena;
    const int64_t begin = (arena ? buffer.arenaOffset : 0) + binding.offset;
    const Range range{arena ? -1 : binding.buffer, begin, begin + binding.bytes};
    const ir::Type::Access access = kernel.type(parameters[i]).access;
    if (access != ir::Type::Access::Write) accesses.reads.push_back(range);
    if (access != ir::Type::Access::Read) accesses.writes.push_back(range);
  }
  return accesses;
}

class Planner {
 public:
  Planner(const Program& program, const std::vector<ir::Module>& kernels, const Limits& limits,
          bool separate)
      : program_(program), kernels_(kernels), limits_(limits), separate_(separate) {}

  LaunchPlan run() {
    for (const runtime::Wave& wave : program_.waves) {
      addWave(wave);
      plan_.waveEnds.push_back(plan_.launches.size());
    }
    return std::move(plan_);
  }

 private:
  const ir::Module& kernel(const Dispatch& dispatch) const {
    return kernels_[static_cast<size_t>(dispatch.kernel)];
  }

  void addWave(const runtime::Wave& wave) {
    std::vector<const Dispatch*> dispatches;
    Accesses accesses;
    for (const Dispatch& dispatch : wave.dispatches) {
      if (dispatch.groups == 0) continue;
      dispatches.push_back(&dispatch);
      accesses.add(accessesOf(program_, dispatch, kernel(dispatch)));
    }
    if (dispatches.empty()) return;
    // In the order of kernels, so that waves of the same kernels share their entry.
    std::stable_sort(dispatches.begin(), dispatches.end(), [&](const auto* a, const auto* b) {
      const auto local = [&](const Dispatch* d) { return kernel(*d).attributes.integer("local"); };
      return std::pair(local(a), a->kernel) < std::pair(local(b), b->kernel);
    });
    bool barrier = conflict(pending_, accesses);
    if (barrier) pending_ = {};
    pending_.add(accesses);
    for (size_t at = 0; at < dispatches.size();) {
      const size_t count = fitting(dispatches, at);
      addLaunch({dispatches.begin() + static_cast<int64_t>(at),
                 dispatches.begin() + static_cast<int64_t>(at + count)},
                barrier);
      barrier = false;
      at += count;
    }
  }

  /// How many dispatches from `at` fit one launch.
  size_t fitting(const std::vector<const Dispatch*>& dispatches, size_t at) const {
    int64_t bindings = 0;
    int64_t shared = 0;
    const int64_t local = kernel(*dispatches[at]).attributes.integer("local");
    size_t count = 0;
    for (; at + count < dispatches.size() && count < kMaxKernelsPerLaunch; ++count) {
      const ir::Module& next = kernel(*dispatches[at + count]);
      bindings += static_cast<int64_t>(next.region(next.top()).parameters.size());
      shared += sharedBytes(next);
      const bool fits = bindings <= limits_.bindings && shared <= limits_.sharedBytes &&
                        next.attributes.integer("local") == local;
      if (count > 0 && (!fits || separate_)) break;
    }
    return count;
  }

  void addLaunch(std::vector<const Dispatch*> dispatches, bool barrier) {
    std::vector<int> kernels;
    Launch launch;
    for (const Dispatch* dispatch : dispatches) {
      kernels.push_back(dispatch->kernel);
      launch.groups += dispatch->groups;
    }
    const auto [found, fresh] = entries_.emplace(kernels, static_cast<int>(plan_.entries.size()));
    if (fresh) plan_.entries.push_back(std::move(kernels));
    launch.entry = found->second;
    launch.dispatches = std::move(dispatches);
    launch.barrier = barrier;
    plan_.launches.push_back(std::move(launch));
  }

  const Program& program_;
  const std::vector<ir::Module>& kernels_;
  const Limits& limits_;
  bool separate_;
  LaunchPlan plan_;
  std::map<std::vector<int>, int> entries_;
  Accesses pending_;  // since the last barrier
};

}  // namespace

LaunchPlan planLaunches(const Program& program, const std::vector<ir::Module>& kernels,
                        const Limits& limits, bool separate) {
  return Planner(program, kernels, limits, separate).run();
}

Grid gridOf(int64_t groups, int64_t maxPerAxis) {
  const int64_t y = (groups + maxPerAxis - 1) / maxPerAxis;
  QT_ASSERT(y <= maxPerAxis && groups <= INT32_MAX,
            "a launch of " + std::to_string(groups) + " groups");
  const int64_t rows = std::max<int64_t>(y, 1);
  return {static_cast<uint32_t>((groups + rows - 1) / rows), static_cast<uint32_t>(rows)};
}

}  // namespace quartet::gpu
