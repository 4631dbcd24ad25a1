#include "ir/interpreter_memory.h"

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

KernelBuffer::Touch& KernelBuffer::touch(int64_t index, const Accessor& by) {
  Touch& touch = touches_[static_cast<size_t>(index)];
  if (touch.phase != by.phase) {
    touch.phase = by.phase;
    touch.writer = kNobody;
    touch.reader = kNobody;
  }
  return touch;
}

std::byte* KernelBuffer::element(int64_t index) {
  std::vector<std::byte>& bytes = device_ != nullptr ? *device_ : workgroup_;
  return bytes.data() + index * byteSize(dtype_);
}

KernelBuffer::Fault KernelBuffer::read(int64_t index, const Accessor& by, Scalar& value) {
  if (index < 0 || index >= size()) return Fault::OutOfBounds;
  if (!isDevice() && !defined_[static_cast<size_t>(index)]) return Fault::Undefined;
  Touch& at = touch(index, by);
  if (at.writer != kNobody && at.writer != by.invocation) return Fault::RaceInGroup;
  if (isDevice() && at.writerGroup != kNobody && at.writerGroup != by.group) {
    return Fault::RaceBetweenGroups;
  }
  at.reader = at.reader == kNobody || at.reader == by.invocation ? by.invocation : kSeveral;
  at.readerGroup = at.readerGroup == kNobody || at.readerGroup == by.group ? by.group : kSeveral;
  value = readScalar(dtype_, element(index));
  return Fault::None;
}

KernelBuffer::Fault KernelBuffer::write(int64_t index, const Accessor& by, Scalar value) {
  if (index < 0 || index >= size()) return Fault::OutOfBounds;
  Touch& at = touch(index, by);
  const auto other = [](auto known, auto self) { return known != kNobody && known != self; };
  if (other(at.writer, by.invocation) || other(at.reader, by.invocation)) return Fault::RaceInGroup;
  if (isDevice() && (other(at.writerGroup, by.group) || other(at.readerGroup, by.group))) {
    return Fault::RaceBetweenGroups;
  }
  at.writer = by.invocation;
  at.writerGroup = by.group;
  if (!isDevice()) defined_[static_cast<size_t>(index)] = true;
  writeScalar(dtype_, value, element(index));
  return Fault::None;
}

}  // namespace quartet::ir
