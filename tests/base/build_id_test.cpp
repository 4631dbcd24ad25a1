#include "base/build_id.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string_view>

using namespace quartet;

TEST_CASE("build id: a program and a library have their own") {
  const std::string own = buildId();
  CHECK(own.size() >= 16);
  CHECK(own.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(buildId() == own);
  CHECK(buildIdOf(reinterpret_cast<const void*>(&buildIdOf)) == own);
  // The C library is another object, whose id is another one, where its distributor left it one.
  CHECK(buildIdOf(reinterpret_cast<const void*>(&std::getenv)) != own);
}

TEST_CASE("build id: an address of no program has none") {
  const int local = 0;
  CHECK(buildIdOf(&local).empty());
  CHECK(buildIdOf(nullptr).empty());
}
