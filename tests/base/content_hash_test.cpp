#include "base/content_hash.h"

#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

using namespace quartet;

TEST_CASE("content hash: every bit and the length count") {
  std::set<std::string> seen;
  for (const size_t size : {0, 1, 15, 16, 63, 64, 65, 200}) {
    std::vector<std::byte> data(size);
    CHECK(seen.insert(contentHash(data).hex()).second);
    for (size_t i = 0; i < size; ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        data[i] ^= std::byte(1 << bit);
        CHECK(seen.insert(contentHash(data).hex()).second);
        data[i] ^= std::byte(1 << bit);
      }
    }
  }
}

TEST_CASE("content hash: 32 digits, the same on every machine") {
  CHECK(ContentHash{0x1234, 0xff}.hex() == "000000000000123400000000000000ff");
  const std::string text = "the quick brown fox";
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  CHECK(contentHash(bytes).hex() == "d83471f97860b42896240a20ea3241d0");
}
