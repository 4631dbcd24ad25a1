#include "ir/interpreter_memory.h"

#include "base/result.h"

namespace quartet::ir {

KernelBuffer::KernelBuffer(DType dtype, std::vector<std::byte>& bytes)
    : dtype_(dtype),
      device_(&bytes),
      touches_(bytes.size() / static_cast<size_t>(byteSize(dtype))) {}

KernelBuffer::KernelBuffer(DType dtype, int64_t elements)
    : dtype_(dtype),
      workgroup_(static_cast<size_t>(elements * byteSize(dtype))),
      defined_(static_cast<size_t>(elements)),
      touches_(static_cast<size_t>(elements)) {}

namespace {

/// One more who accesses an element, or `several` where it is another.
template <class T>
T joined(T known, T self, T nobody, T several) {
  return known == nobody || known == self ? self : several;
}

}  // namespace

KernelBuffer::Fault KernelBuffer::touch(int64_t index, const Accessor& by, Kind kind) {
  Touch& at = touches_[static_cast<size_t>(index)];
  if (at.phase != by.phase) {
    at.phase = by.phase;
    at.writer = at.reader = at.updater = kNobody;
  }
  const auto other = [](auto known, auto self) { return known != kNobody && known != self; };
  const auto conflicts = [&](auto writer, auto reader, auto updater, auto self) {
    return other(writer, self) || (kind != Kind::Read && other(reader, self)) ||
           (kind != Kind::Update && other(updater, self));
  };
  if (conflicts(at.writer, at.reader, at.updater, by.invocation)) return Fault::RaceInGroup;
  if (isDevice() && conflicts(at.writerGroup, at.readerGroup, at.updaterGroup, by.group)) {
    return Fault::RaceBetweenGroups;
  }
  int32_t& who = kind == Kind::Read ? at.reader : kind == Kind::Write ? at.writer : at.updater;
  int64_t& group = kind == Kind::Read    ? at.readerGroup
                   : kind == Kind::Write ? at.writerGroup
                                         : at.updaterGroup;
  who = joined(who, by.invocation, kNobody, kSeveral);
  group = joined(group, by.group, int64_t{kNobody}, int64_t{kSeveral});
  return Fault::None;
}

std::byte* KernelBuffer::element(int64_t index) {
  std::vector<std::byte>& bytes = device_ != nullptr ? *device_ : workgroup_;
  return bytes.data() + index * byteSize(dtype_);
}

KernelBuffer::Fault KernelBuffer::read(int64_t index, const Accessor& by, Scalar& value) {
  if (index < 0 || index >= size()) return Fault::OutOfBounds;
  if (!isDevice() && !defined_[static_cast<size_t>(index)]) return Fault::Undefined;
  const Fault race = touch(index, by, Kind::Read);
  if (race == Fault::None) value = readScalar(dtype_, element(index));
  return race;
}

KernelBuffer::Fault KernelBuffer::write(int64_t index, const Accessor& by, Scalar value) {
  if (index < 0 || index >= size()) return Fault::OutOfBounds;
  const Fault race = touch(index, by, Kind::Write);
  if (race != Fault::None) return race;
  if (!isDevice()) defined_[static_cast<size_t>(index)] = true;
  writeScalar(dtype_, value, element(index));
  return Fault::None;
}

KernelBuffer::Fault KernelBuffer::atomicAdd(int64_t index, const Accessor& by, Scalar value,
                                            Scalar& before) {
  QT_ASSERT(isDevice(), "atomics are on device memory");
  if (index < 0 || index >= size()) return Fault::OutOfBounds;
  const Fault race = touch(index, by, Kind::Update);
  if (race != Fault::None) return race;
  before = readScalar(dtype_, element(index));
  const Scalar operands[] = {before, value};
  bool divides = false;
  writeScalar(dtype_, applyScalar(Opcode::Add, dtype_, operands, divides), element(index));
  return Fault::None;
}

}  // namespace quartet::ir
