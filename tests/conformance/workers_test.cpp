// Jobs in child processes: results, crashes, hangs.

#include "tests/conformance/workers.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>

namespace quartet::tests {
namespace {

TEST_CASE("every job gives its result, whatever happens to others") {
  const auto results = runInWorkers(20, 2, 1, [](size_t i) -> std::string {
    if (i == 3) raise(SIGSEGV);
    if (i == 5) _exit(7);
    if (i == 7) sleep(60);
    return i == 9 ? "two\nlines" : std::to_string(i);
  });
  REQUIRE(results.size() == 20);
  CHECK(results[3] == "crashed: Segmentation fault");
  CHECK(results[5] == "crashed: exit status 7");
  CHECK(results[7] == "timed out after 1 s");
  CHECK(results[9] == "two; lines");
  CHECK(results[19] == "19");
}

TEST_CASE("no jobs") {
  CHECK(runInWorkers(0, 2, 1, [](size_t) { return ""; }).empty());
}

}  // namespace
}  // namespace quartet::tests
