#include "runtime/memory_planner.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

namespace quartet::runtime {
namespace {

/// An arena buffer that some wave binds.
struct Item {
  size_t buffer = 0;
  int64_t bytes = 0;  // rounded up to the alignment
  int first = 0;      // waves
  int last = 0;
};

struct Placement {
  std::vector<int64_t> offsets;  // per item
  int64_t peak = INT64_MAX;
};

using Order = std::vector<size_t>;

int64_t alignUp(int64_t bytes, int64_t align) { return (bytes + align - 1) / align * align; }

std::vector<Item> collectItems(const Program& program, int64_t align) {
  std::vector<Item> all(program.buffers.size());
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = {i, alignUp(program.buffers[i].bytes, align), INT32_MAX, -1};
  }
  const auto touch = [&](int buffer, size_t wave) {
    Item& item = all[static_cast<size_t>(buffer)];
    item.first = std::min(item.first, static_cast<int>(wave));
    item.last = std::max(item.last, static_cast<int>(wave));
  };
  for (size_t wave = 0; wave < program.waves.size(); ++wave) {
    for (const Dispatch& dispatch : program.waves[wave].dispatches) {
      for (const Binding& binding : dispatch.bindings) touch(binding.buffer, wave);
    }
  }
  size_t first = 0;
  for (const Stage& stage : program.stages) {
    // A stage may have no waves: its task sets had no elements.
    const size_t after = std::max(program.waves.size(), size_t{1}) - 1;
    for (int buffer : stage.uploads) touch(buffer, std::min(first, after));
    for (int buffer : stage.downloads)
      touch(buffer, std::min(after, std::max(first + 1, stage.waveEnd) - 1));
    first = stage.waveEnd;
  }
  std::erase_if(all, [&](const Item& item) {
    return program.buffers[item.buffer].kind != BufferInfo::Kind::Arena || item.last < 0;
  });
  return all;
}

/// Bytes alive in every wave; `size` gives an item's bytes.
std::vector<int64_t> liveBytes(const std::vector<Item>& items, size_t waves,
                               const std::function<int64_t(const Item&)>& size) {
  std::vector<int64_t> live(waves, 0);
  for (const Item& item : items) {
    for (int wave = item.first; wave <= item.last; ++wave) {
      live[static_cast<size_t>(wave)] += size(item);
    }
  }
  return live;
}

/// For every item, the items alive in a common wave.
std::vector<std::vector<size_t>> findNeighbours(const std::vector<Item>& items) {
  std::vector<std::vector<size_t>> neighbours(items.size());
  for (size_t a = 0; a < items.size(); ++a) {
    for (size_t b = a + 1; b < items.size(); ++b) {
      if (items[a].first > items[b].last || items[b].first > items[a].last) continue;
      neighbours[a].push_back(b);
      neighbours[b].push_back(a);
    }
  }
  return neighbours;
}

class Planner {
 public:
  explicit Planner(const std::vector<Item>& items)
      : items_(items), neighbours_(findNeighbours(items)) {}

  /// Places the items in this order, each into the smallest gap between its placed neighbours that
  /// holds it (bestFit) or into the lowest one. Gives up above `limit`.
  Placement place(const Order& order, bool bestFit, int64_t limit) const {
    Placement placement{std::vector<int64_t>(items_.size(), -1), 0};
    std::vector<std::pair<int64_t, int64_t>> taken;  // [offset, end) of placed neighbours
    for (size_t item : order) {
      taken.clear();
      for (size_t other : neighbours_[item]) {
        const int64_t offset = placement.offsets[other];
        if (offset >= 0) taken.emplace_back(offset, offset + items_[other].bytes);
      }
      std::sort(taken.begin(), taken.end());
      const int64_t offset = findGap(taken, items_[item].bytes, bestFit);
      placement.offsets[item] = offset;
      placement.peak = std::max(placement.peak, offset + items_[item].bytes);
      if (placement.peak > limit) return {{}, INT64_MAX};
    }
    return placement;
  }

  /// Roughly what placing all items once costs.
  size_t work() const {
    size_t steps = items_.size();
    for (const auto& neighbours : neighbours_) steps += neighbours.size() * 8;
    return steps;
  }

 private:
  static int64_t findGap(const std::vector<std::pair<int64_t, int64_t>>& taken, int64_t bytes,
                         bool bestFit) {
    int64_t end = 0;
    int64_t best = -1;
    int64_t bestGap = INT64_MAX;
    for (const auto& [from, to] : taken) {
      const int64_t gap = from - end;
      if (gap >= bytes && gap < bestGap) {
        best = end;
        bestGap = gap;
        if (!bestFit) break;
      }
      end = std::max(end, to);
    }
    return best >= 0 ? best : end;
  }

  const std::vector<Item>& items_;
  std::vector<std::vector<size_t>> neighbours_;
};

/// Orders worth trying: by size, by size and life, by time, and by how full the arena is.
std::vector<Order> startOrders(const std::vector<Item>& items, const std::vector<int64_t>& live) {
  Order base(items.size());
  std::iota(base.begin(), base.end(), 0);
  const auto by = [&](auto key) {
    Order order = base;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return key(items[a]) > key(items[b]); });
    return order;
  };
  const auto fullest = [&](const Item& item) {
    return *std::max_element(live.begin() + item.first, live.begin() + item.last + 1);
  };
  const auto life = [](const Item& item) { return int64_t{item.last} - item.first + 1; };
  return {
      by([](const Item& item) { return item.bytes; }),
      by([&](const Item& item) { return static_cast<double>(item.bytes) * double(life(item)); }),
      by([&](const Item& item) { return std::pair(fullest(item), item.bytes); }),
      by([&](const Item& item) { return std::pair(life(item), item.bytes); }),
      by([](const Item& item) { return std::pair(-item.first, item.bytes); }),
      by([](const Item& item) { return std::pair(item.last, item.bytes); }),
  };
}

/// Moves items that reach up to the peak to earlier, deterministic pseudo-random places of the
/// order, for as long as the budget of placements lasts. Sideways moves are kept: they lead out of
/// dead ends.
void improve(const Planner& planner, const std::vector<Item>& items, Order order, int64_t bound,
             Placement& best) {
  uint64_t state = 0x9e3779b97f4a7c15ULL;
  const auto random = [&](size_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<size_t>((state >> 33) % n);
  };
  const size_t rounds = std::clamp<size_t>(20'000'000 / (planner.work() + 1), 50, 4000);
  for (size_t round = 0; round < rounds && best.peak > bound; ++round) {
    std::vector<size_t> highest;  // positions in the order
    for (size_t at = 1; at < order.size(); ++at) {
      if (best.offsets[order[at]] + items[order[at]].bytes == best.peak) highest.push_back(at);
    }
    // Now and then any item: what blocks the highest may be elsewhere.
    const bool any = highest.empty() || random(4) == 0;
    const size_t from = any ? random(order.size()) : highest[random(highest.size())];
    const size_t to = random(from + 1);
    Order changed = order;
    const auto start = changed.begin();
    std::rotate(start + static_cast<int64_t>(to), start + static_cast<int64_t>(from),
                start + static_cast<int64_t>(from) + 1);
    Placement placement = planner.place(changed, round % 2 == 0, best.peak);
    if (placement.peak > best.peak) continue;
    best = std::move(placement);
    order = std::move(changed);
  }
}

Placement findPlacement(const std::vector<Item>& items, const std::vector<int64_t>& live) {
  const Planner planner(items);
  const int64_t bound = live.empty() ? 0 : *std::max_element(live.begin(), live.end());
  Placement best;
  Order bestOrder;
  for (const Order& order : startOrders(items, live)) {
    for (bool bestFit : {true, false}) {
      Placement placement = planner.place(order, bestFit, best.peak);
      if (placement.peak >= best.peak) continue;
      best = std::move(placement);
      bestOrder = order;
      if (best.peak <= bound) return best;
    }
  }
  improve(planner, items, bestOrder, bound, best);
  return best;
}

}  // namespace

IntervalPlan placeIntervals(const std::vector<Interval>& intervals, int64_t alignBytes) {
  if (intervals.empty()) return {};
  std::vector<Item> items;
  size_t moments = 0;
  for (size_t i = 0; i < intervals.size(); ++i) {
    const Interval& interval = intervals[i];
    items.push_back({i, alignUp(interval.bytes, alignBytes), interval.first, interval.last});
    moments = std::max(moments, static_cast<size_t>(interval.last) + 1);
  }
  const auto live = liveBytes(items, moments, [](const Item& item) { return item.bytes; });
  Placement placement = findPlacement(items, live);
  return {std::move(placement.offsets), placement.peak};
}

void planMemory(Program& program, int64_t alignBytes) {
  QT_ASSERT(alignBytes > 0, "alignment " + std::to_string(alignBytes));
  program.arenaBytes = program.arenaBound = program.arenaSum = 0;
  for (BufferInfo& buffer : program.buffers) {
    if (buffer.kind != BufferInfo::Kind::Arena) continue;
    program.arenaSum += buffer.bytes;
    buffer.arenaOffset = 0;  // stays for buffers that no wave binds
  }
  const std::vector<Item> items = collectItems(program, alignBytes);
  if (items.empty()) return;
  const size_t waves = std::max(program.waves.size(), size_t{1});
  const auto exact =
      liveBytes(items, waves, [&](const Item& item) { return program.buffers[item.buffer].bytes; });
  program.arenaBound = *std::max_element(exact.begin(), exact.end());

  const auto aligned = liveBytes(items, waves, [](const Item& item) { return item.bytes; });
  const Placement placement = findPlacement(items, aligned);
  for (size_t i = 0; i < items.size(); ++i) {
    program.buffers[items[i].buffer].arenaOffset = placement.offsets[i];
  }
  program.arenaBytes = placement.peak;
}

}  // namespace quartet::runtime
