// The buffers of an interpreted kernel: elements, and who touched them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/scalar_eval.h"

namespace quartet::ir {

/// Who accesses, and when: `phase` counts the barriers, over all groups.
struct Accessor {
  int64_t group = 0;
  int64_t phase = 0;
  int32_t invocation = 0;
};

/// A buffer of device or workgroup memory that remembers enough of each element's accesses to tell
/// when two of them race: a write and another access by two invocations in one phase, or, in device
/// memory, by two groups at all. Atomics are writes that do not race with each other.
class KernelBuffer {
 public:
  enum class Fault : uint8_t { None, OutOfBounds, Undefined, RaceInGroup, RaceBetweenGroups };

  /// Device memory: `bytes` hold the elements and outlive the buffer.
  KernelBuffer(DType dtype, std::vector<std::byte>& bytes);
  /// Workgroup memory of `elements`, undefined until written.
  KernelBuffer(DType dtype, int64_t elements);

  DType dtype() const { return dtype_; }
  bool isDevice() const { return device_ != nullptr; }
  int64_t size() const { return static_cast<int64_t>(touches_.size()); }

  Fault read(int64_t index, const Accessor& by, Scalar& value);
  Fault write(int64_t index, const Accessor& by, Scalar value);
  /// `before`: what the element held.
  Fault atomicAdd(int64_t index, const Accessor& by, Scalar value, Scalar& before);

 private:
  struct Touch {
    int64_t phase = -1;
    int32_t writer = kNobody;  // invocations, in this phase
    int32_t reader = kNobody;
    int32_t updater = kNobody;  // by atomics
    int64_t writerGroup = kNobody;
    int64_t readerGroup = kNobody;
    int64_t updaterGroup = kNobody;
  };
  enum class Kind : uint8_t { Read, Write, Update };
  static constexpr int32_t kNobody = -1;
  static constexpr int32_t kSeveral = -2;

  /// Notes an access to an element that exists, if it races with none before it.
  Fault touch(int64_t index, const Accessor& by, Kind kind);
  std::byte* element(int64_t index);

  DType dtype_;
  std::vector<std::byte>* device_ = nullptr;
  std::vector<std::byte> workgroup_;
  std::vector<bool> defined_;  // workgroup memory only
  std::vector<Touch> touches_;
};

}  // namespace quartet::ir
