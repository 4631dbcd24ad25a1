#pragma once

#include <string_view>

namespace quartet::tests {

/// Marks the running test case as skipped and prints why; the case must then return. A skipped case
/// that also fails a check counts as failed.
void skip(std::string_view why);

}  // namespace quartet::tests

// SKIP_TEST("llvmpipe is not installed: apt-get install mesa-vulkan-drivers");
#define SKIP_TEST(why)           \
  do {                           \
    ::quartet::tests::skip(why); \
    return;                      \
  } while (false)
