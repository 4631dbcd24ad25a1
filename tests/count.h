#pragma once

namespace quartet::tests {

// The running test case stands for this many cases in the counts of the run, instead of for one:
// for programs that run a suite of cases found at run time. A case that fails a check counts at
// least one failure.
void countCases(int passed, int failed, int skipped);

}  // namespace quartet::tests
