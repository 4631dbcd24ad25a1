#include "base/floor_division.h"

#include <doctest/doctest.h>

using namespace quartet;

TEST_CASE("division rounds down and does not trap") {
  for (int64_t a = -9; a <= 9; ++a) {
    for (int64_t b = -4; b <= 4; ++b) {
      if (b == 0) continue;
      const int64_t quotient = floorDivide(a, b);
      const int64_t rest = floorMod(a, b);
      CHECK(quotient * b + rest == a);
      CHECK((b > 0 ? rest >= 0 && rest < b : rest <= 0 && rest > b));
    }
  }
  CHECK(floorDivide(INT64_MIN, -1) == INT64_MIN);
  CHECK(floorMod(INT64_MIN, -1) == 0);
  CHECK(floorDivide(INT64_MIN, 2) == INT64_MIN / 2);
}
