// The pass criterion and the list of exceptions themselves.

#include "tests/conformance/compare.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "tests/conformance/runner.h"

namespace quartet::tests {
namespace {

using ir::DType;

std::string differenceOf(const std::vector<float>& want, const std::vector<float>& got) {
  const auto tensor = [](const std::vector<float>& values) {
    return ir::makeConstant(DType::F32, {static_cast<int64_t>(values.size())}, values);
  };
  return difference(*tensor(want), *tensor(got));
}

TEST_CASE("close is relative to what was computed, with a small absolute part") {
  CHECK(differenceOf({1000, 0}, {1000.9f, 9e-8f}).empty());
  CHECK(differenceOf({1000}, {1002}) == "1 of 1 elements differ; element 0 is 1002, expected 1000");
  CHECK(!differenceOf({0}, {2e-7f}).empty());
  CHECK(differenceOf({NAN, INFINITY}, {NAN, INFINITY}).empty());
  CHECK(!differenceOf({NAN}, {0}).empty());
  CHECK(!differenceOf({INFINITY}, {-INFINITY}).empty());
  CHECK(!differenceOf({1e30f}, {INFINITY}).empty());
}

TEST_CASE("dtype and shape must agree") {
  const auto a = ir::makeConstant(DType::F32, {2}, std::vector<float>{1, 2});
  const auto b = ir::makeConstant(DType::F32, {2, 1}, std::vector<float>{1, 2});
  const auto c = ir::makeConstant(DType::I32, {2}, std::vector<int32_t>{1, 2});
  CHECK(difference(*a, *b) == "got f32[2, 1], expected f32[2]");
  CHECK(difference(*a, *c) == "got i32[2], expected f32[2]");
}

TEST_CASE("large integers compare exactly where they are equal") {
  const int64_t big = (INT64_C(1) << 60) + 1;
  const auto a = ir::makeConstant(DType::I64, {1}, std::vector<int64_t>{big});
  CHECK(difference(*a, *a).empty());
  const auto zero = ir::makeConstant(DType::I64, {1}, std::vector<int64_t>{0});
  const auto one = ir::makeConstant(DType::I64, {1}, std::vector<int64_t>{1});
  CHECK(!difference(*zero, *one).empty());
}

TEST_CASE("an exception needs a reason") {
  const auto file = std::filesystem::temp_directory_path() / "quartet_expected_failures.txt";
  std::ofstream(file) << "# comment\n\nreference test_a because of this\nall test_b that\n"
                      << "cpu test_c other\n";
  const auto reasons = readExpectedFailures(file, "reference");
  REQUIRE(reasons.has_value());
  CHECK(*reasons ==
        std::map<std::string, std::string>{{"test_a", "because of this"}, {"test_b", "that"}});
  std::ofstream(file) << "reference test_a\n";
  CHECK(!readExpectedFailures(file, "reference").has_value());
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace quartet::tests
