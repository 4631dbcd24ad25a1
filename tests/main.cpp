// The main function of every test program. Beside doctest's own report it writes the counts of the
// run where `./dev test` can add them up: one line "passed failed skipped" in the file that the
// environment variable QUARTET_TEST_SUMMARY names.

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "tests/count.h"
#include "tests/skip.h"

namespace {

struct Counts {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
};

Counts counts;
Counts within;  // the running case's own, when it stands for several
bool skipping = false;
std::string running;

// Follows the run case by case; doctest creates one instance.
class Counter : public doctest::IReporter {
 public:
  explicit Counter(const doctest::ContextOptions& /*options*/) {}
  void report_query(const doctest::QueryData& /*query*/) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& /*stats*/) override {}
  void test_case_start(const doctest::TestCaseData& data) override {
    running = data.m_name;
    skipping = false;
    within = {};
  }
  void test_case_reenter(const doctest::TestCaseData& /*data*/) override {}
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    const bool several = within.passed + within.failed + within.skipped > 0;
    if (several) {
      if (!stats.testCaseSuccess && within.failed == 0) within.failed = 1;
      counts.passed += within.passed;
      counts.failed += within.failed;
      counts.skipped += within.skipped;
    } else if (!stats.testCaseSuccess) {
      ++counts.failed;
    } else if (skipping) {
      ++counts.skipped;
    } else {
      ++counts.passed;
    }
  }
  void test_case_exception(const doctest::TestCaseException& /*exception*/) override {}
  void subcase_start(const doctest::SubcaseSignature& /*signature*/) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& /*data*/) override {}
  void log_message(const doctest::MessageData& /*data*/) override {}
  // Called for cases that a filter leaves out and for those marked with doctest::skip().
  void test_case_skipped(const doctest::TestCaseData& data) override {
    if (data.m_skip) ++counts.skipped;
  }
};

REGISTER_LISTENER("counter", 1, Counter);

}  // namespace

namespace quartet::tests {

void skip(std::string_view why) {
  skipping = true;
  std::cout << "[SKIP] " << running << ": " << why << std::endl;
}

void countCases(int passed, int failed, int skipped) { within = {passed, failed, skipped}; }

}  // namespace quartet::tests

int main(int argc, char** argv) {
  // No test sees what another program has compiled. Those of the cache name folders of their own.
  ::setenv("QUARTET_CACHE", "off", 1);
  doctest::Context context(argc, argv);
  const int status = context.run();
  if (context.shouldExit()) return status;
  if (const char* path = std::getenv("QUARTET_TEST_SUMMARY")) {
    std::ofstream(path) << counts.passed << ' ' << counts.failed << ' ' << counts.skipped << '\n';
  }
  return status;
}
