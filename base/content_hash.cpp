#include "base/content_hash.h"

#include <bit>
#include <cstring>

namespace quartet {

namespace {

static_assert(std::endian::native == std::endian::little, "hashes are of little-endian words");

constexpr uint64_t kMultiplier0 = 0xd1342543de82ef95;  // odd, with well-spread bits
constexpr uint64_t kMultiplier1 = 0xaf251af3b0f025b5;

std::string hexOf(uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) text[i] = kDigits[value & 15];
  return text;
}

}  // namespace

std::string ContentHash::hex() const { return hexOf(high) + hexOf(low); }

void ContentHasher::Lane::absorb(uint64_t x, uint64_t y) {
  a = (a ^ x) * kMultiplier0;
  b = (std::rotl(b, 29) + y) * kMultiplier1 ^ a;
  a = std::rotl(a, 31) + b;
}

ContentHasher::ContentHasher() : lanes_() {
  for (size_t i = 0; i < kLanes; ++i) {
    lanes_[i] = {0x243f6a8885a308d3 + i * kMultiplier0, 0x13198a2e03707344 + i * kMultiplier1};
  }
}

void ContentHasher::addStripe(const std::byte* from) {
  std::array<uint64_t, 2 * kLanes> words;
  std::memcpy(words.data(), from, kStripe);
  for (size_t i = 0; i < kLanes; ++i) lanes_[i].absorb(words[2 * i], words[2 * i + 1]);
}

void ContentHasher::addBytes(std::span<const std::byte> data) {
  while (data.size() >= kStripe) {
    addStripe(data.data());
    data = data.subspan(kStripe);
  }
  if (data.empty()) return;
  std::array<std::byte, kStripe> last{};
  std::memcpy(last.data(), data.data(), data.size());
  addStripe(last.data());
}

ContentHash ContentHasher::finish() const {
  Lane state = lanes_[0];
  for (size_t i = 1; i < kLanes; ++i) state.absorb(lanes_[i].a, lanes_[i].b);
  for (int round = 0; round < 4; ++round) {
    state.a ^= state.a >> 32;
    state.b ^= state.b >> 29;
    state.absorb(kMultiplier1, kMultiplier0);
  }
  return {state.a ^ state.a >> 33, state.b ^ state.b >> 33};
}

ContentHash contentHash(std::span<const std::byte> data) {
  ContentHasher hasher;
  hasher.addBytes(data);
  hasher.addWords(0, data.size(), 0);
  return hasher.finish();
}

}  // namespace quartet
