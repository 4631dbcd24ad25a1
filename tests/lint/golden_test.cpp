// The test helpers themselves.

#include "tests/golden.h"

#include <doctest/doctest.h>

using quartet::tests::diffLines;

TEST_CASE("equal texts have no diff") { CHECK(diffLines("a\nb\n", "a\nb\n").empty()); }

TEST_CASE("a diff shows the change with two lines around it") {
  CHECK(diffLines("1\n2\n3\nold\n5\n6\n7\n", "1\n2\n3\nnew\n5\n6\n7\n") ==
        "  2\n  3\n- old\n+ new\n  5\n  6\n  ...\n");
}

TEST_CASE("a diff says when only the last newline is missing") {
  CHECK(diffLines("a\n", "a") == "the texts differ in their last newline only\n");
}
