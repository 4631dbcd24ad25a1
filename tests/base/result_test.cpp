#include "base/result.h"

#include <doctest/doctest.h>

#include <memory>

namespace quartet {
namespace {

Result<int> half(int x) {
  if (x % 2 != 0) return userError(std::to_string(x) + " is odd", "here", "double it");
  return x / 2;
}

Result<int> quarter(int x) { return half(QT_TRY(half(x))); }

Status twoHalves(int x) {
  const auto check = [](int y) -> Status {
    (void)QT_TRY(half(y));
    return {};
  };
  QT_CHECK(check(x));
  QT_CHECK(check(x / 2));
  return {};
}

TEST_CASE("errors travel to the caller") {
  CHECK(quarter(8).value() == 2);
  CHECK(quarter(6).error().message == "3 is odd");
  CHECK(twoHalves(8).has_value());
  CHECK(twoHalves(6).error().message == "3 is odd");
}

TEST_CASE("values may be movable only") {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(3); };
  const auto use = [&]() -> Result<int> {
    const std::unique_ptr<int> value = QT_TRY(make());
    return *value;
  };
  CHECK(use().value() == 3);
}

TEST_CASE("a diagnostic as text") {
  Diagnostic diagnostic = half(3).error();
  diagnostic.notes = {"first", "second"};
  CHECK(diagnostic.str() ==
        "error: here: 3 is odd\n  note: first\n  note: second\n  hint: double it");
  CHECK(Result<int>(unsupported("no")).error().str() == "error: unsupported: no");
  CHECK(Result<int>(resourceError("full")).error().str() == "error: resources: full");
}

TEST_CASE("a broken invariant names its place") {
  try {
    QT_ASSERT(1 + 1 == 3, "sums are off");
    FAIL("no exception");
  } catch (const InternalError& error) {
    const std::string text = error.what();
    CHECK(text.find("result_test.cpp:") != std::string::npos);
    CHECK(text.find("sums are off (1 + 1 == 3)") != std::string::npos);
  }
}

}  // namespace
}  // namespace quartet
