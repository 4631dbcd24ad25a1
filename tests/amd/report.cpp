#include "tests/amd/report.h"

#include <doctest/doctest.h>

namespace quartet::tests {

double figure(const runtime::CompilerReport& report, std::string_view name) {
  for (const auto& [each, value] : report.figures) {
    if (each == name) return value;
  }
  FAIL("RADV reports no " << name);
  return 0;
}

}  // namespace quartet::tests
