#include "ir/origin.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace quartet::ir {

Origin mergeOrigins(std::span<const Origin* const> origins) {
  Origin merged;
  std::unordered_set<std::string_view> seen;
  for (const Origin* origin : origins) {
    for (const std::string& node : *origin) {
      if (seen.insert(node).second) merged.push_back(node);
    }
  }
  return merged;
}

void addOrigin(Origin& to, const Origin& from) {
  for (const std::string& node : from) {
    // From the end: what comes often came last.
    if (std::find(to.rbegin(), to.rend(), node) == to.rend()) to.push_back(node);
  }
}

Origin mergeOrigins(const Origin& a, const Origin& b) {
  Origin merged = a;
  addOrigin(merged, b);
  return merged;
}

std::string str(const Origin& origin) {
  std::string text;
  for (const std::string& node : origin) text += (text.empty() ? "" : ", ") + node;
  return text;
}

}  // namespace quartet::ir
