// Which bytes of a buffer have been written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace quartet::null {

/// A set of bytes as disjoint, non-adjacent intervals.
class Written {
 public:
  void add(int64_t from, int64_t to) {
    if (from >= to) return;
    auto next = ends_.upper_bound(from);
    if (next != ends_.begin() && std::prev(next)->second >= from) {
      --next;
      from = next->first;
    }
    while (next != ends_.end() && next->first <= to) {
      to = std::max(to, next->second);
      next = ends_.erase(next);
    }
    ends_.emplace(from, to);
  }
  bool covers(int64_t from, int64_t to) const {
    if (from >= to) return true;
    const auto next = ends_.upper_bound(from);
    return next != ends_.begin() && std::prev(next)->second >= to;
  }

 private:
  std::map<int64_t, int64_t> ends_;  // start -> end
};

}  // namespace quartet::null
