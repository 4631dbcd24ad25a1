#include "frontend/onnx/registry.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

using namespace quartet::frontend;

TEST_CASE("the registry is sorted by operator and version, each once") {
  const auto rows = operators();
  const auto key = [](const Operator& row) {
    return std::make_tuple(row.domain, row.type, row.since);
  };
  for (size_t i = 1; i < rows.size(); ++i) {
    CAPTURE(std::string(rows[i].type));
    CHECK(key(rows[i - 1]) < key(rows[i]));
  }
}

TEST_CASE("lookup takes the newest row that the version has") {
  const Operator* old = findOperator("", "Add", 6);
  const Operator* current = findOperator("", "Add", 22);
  REQUIRE(old != nullptr);
  REQUIRE(current != nullptr);
  CHECK(old->since == 1);
  CHECK(current->since == 7);
  CHECK(findOperator("", "Gelu", 19) == nullptr);
  CHECK(findOperator("", "Gelu", 20) != nullptr);
  CHECK(findOperator("com.example", "Add", 17) == nullptr);
}

TEST_CASE("at least the sixty operator types of a first release") {
  std::set<std::string> types;
  for (const Operator& row : operators()) types.insert(std::string(row.type));
  CHECK(types.size() >= 60);
}
