// The content hash of constants: 128 bits, over four lanes of 128 bits each so that long weights
// hash at memory speed. Every step is a bijection of a lane's state for given input and of the
// input for given state; no secret, no defence against an adversary.
#include <array>
#include <bit>
#include <cstring>

#include "base/mapped_file.h"
#include "ir/module.h"

namespace quartet::ir {

namespace {

static_assert(std::endian::native == std::endian::little, "hashes are of little-endian words");

constexpr uint64_t kMultiplier0 = 0xd1342543de82ef95;  // odd, with well-spread bits
constexpr uint64_t kMultiplier1 = 0xaf251af3b0f025b5;
constexpr size_t kLanes = 4;
constexpr size_t kStripe = kLanes * 16;
constexpr size_t kWindow = MappedFile::kWindow;
static_assert(kWindow % kStripe == 0, "windows are hashed one after another");

struct Lane {
  uint64_t a;
  uint64_t b;

  void absorb(uint64_t x, uint64_t y) {
    a = (a ^ x) * kMultiplier0;
    b = (std::rotl(b, 29) + y) * kMultiplier1 ^ a;
    a = std::rotl(a, 31) + b;
  }
};

struct Hasher {
  std::array<Lane, kLanes> lanes;

  Hasher() {
    for (size_t i = 0; i < kLanes; ++i) {
      lanes[i] = {0x243f6a8885a308d3 + i * kMultiplier0, 0x13198a2e03707344 + i * kMultiplier1};
    }
  }

  void stripe(const std::byte* from) {
    std::array<uint64_t, 2 * kLanes> words;
    std::memcpy(words.data(), from, kStripe);
    for (size_t i = 0; i < kLanes; ++i) lanes[i].absorb(words[2 * i], words[2 * i + 1]);
  }

  void bytes(std::span<const std::byte> data) {
    while (data.size() >= kStripe) {
      stripe(data.data());
      data = data.subspan(kStripe);
    }
    if (data.empty()) return;
    std::array<std::byte, kStripe> last{};  // the total length is hashed too
    std::memcpy(last.data(), data.data(), data.size());
    stripe(last.data());
  }

  Lane finish() const {
    Lane state = lanes[0];
    for (size_t i = 1; i < kLanes; ++i) state.absorb(lanes[i].a, lanes[i].b);
    for (int round = 0; round < 4; ++round) {
      state.a ^= state.a >> 32;
      state.b ^= state.b >> 29;
      state.absorb(kMultiplier1, kMultiplier0);
    }
    return {state.a ^ state.a >> 33, state.b ^ state.b >> 33};
  }
};

std::string hex(uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) text[i] = kDigits[value & 15];
  return text;
}

}  // namespace

std::string contentHash(const ConstantData& data) {
  Hasher hasher;
  std::span<const std::byte> rest = data.bytes;
  for (; rest.size() > kWindow; rest = rest.subspan(kWindow)) {
    hasher.bytes(rest.first(kWindow));
    data.release(rest.first(kWindow));
  }
  hasher.bytes(rest);
  hasher.lanes[0].absorb(static_cast<uint64_t>(data.dtype), data.bytes.size());
  for (const int64_t extent : data.shape) {
    hasher.lanes[1].absorb(static_cast<uint64_t>(extent), data.shape.size());
  }
  const Lane hash = hasher.finish();
  return hex(hash.a) + hex(hash.b);
}

}  // namespace quartet::ir
