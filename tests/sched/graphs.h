// The graphs whose schedules are kept as goldens.
#pragma once

#include <span>
#include <string_view>

namespace quartet::test {

struct NamedGraph {
  std::string_view name;
  std::string_view text;
};
std::span<const NamedGraph> scheduledGraphs();

}  // namespace quartet::test
