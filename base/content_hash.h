// A hash of contents, for names and checksums: 128 bits at memory speed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace quartet {

struct ContentHash {
  uint64_t high = 0;
  uint64_t low = 0;

  bool operator==(const ContentHash&) const = default;
  /// 32 hexadecimal digits.
  std::string hex() const;
};

/// Four lanes of 128 bits each, so that long contents hash at memory speed. Every step is a
/// bijection of a lane's state for given input and of the input for given state: a change within
/// one lane is always seen. No secret, no defence against an adversary.
class ContentHasher {
 public:
  static constexpr size_t kLanes = 4;
  static constexpr size_t kStripe = kLanes * 16;  // bytes of a block

  ContentHasher();

  /// `data` in blocks, the last one filled with zeros: where lengths vary, hash the length too.
  void addBytes(std::span<const std::byte> data);
  /// Two words into one of the lanes 0 to 3.
  void addWords(size_t lane, uint64_t x, uint64_t y) { lanes_[lane].absorb(x, y); }

  ContentHash finish() const;

 private:
  struct Lane {
    uint64_t a;
    uint64_t b;
    void absorb(uint64_t x, uint64_t y);
  };

  void addStripe(const std::byte* from);

  std::array<Lane, kLanes> lanes_;
};

/// Of bytes and their number.
ContentHash contentHash(std::span<const std::byte> data);

}  // namespace quartet
