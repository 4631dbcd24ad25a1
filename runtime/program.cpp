#include "runtime/program.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "runtime/convert.h"

namespace quartet::runtime {
namespace {

int64_t product(const std::vector<int64_t>& extents) {
  int64_t count = 1;
  for (int64_t extent : extents) count *= extent;
  return count;
}

/// One physical axis of a layout, as it walks the logical, row-major tensor.
struct Walk {
  int64_t extent = 0;  // physical
  size_t axis = 0;     // logical axis that it advances
  int64_t step = 0;    // along that axis, per physical index
  int64_t from = 0;    // the same in elements of the tensor
  int64_t to = 0;      // elements of the buffer per physical index
};

/// In physical order.
std::vector<Walk> walksOf(const BufferInfo& buffer) {
  std::vector<int64_t> strides(buffer.shape.size(), 1);
  for (size_t i = buffer.shape.size(); i-- > 1;) strides[i - 1] = strides[i] * buffer.shape[i];
  std::vector<ir::Dim> shape(buffer.shape.begin(), buffer.shape.end());
  const std::vector<ir::Dim> physical = buffer.layout.physicalShape(shape);
  std::vector<Walk> walks(physical.size());
  int64_t to = 1;
  for (size_t i = physical.size(); i-- > 0;) {
    const ir::Layout::Axis& axis = buffer.layout.axes[i];
    const auto logical = static_cast<size_t>(axis.axis);
    const int64_t from = axis.divide * strides[logical];
    walks[i] = {physical[i].value(), logical, axis.divide, from, to};
    to *= walks[i].extent;
  }
  return walks;
}

/// Gives back what was read of a constant, as the reader advances through its bytes.
class Reading {
 public:
  explicit Reading(const ir::ConstantData& data) : data_(data) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() { data_.release(data_.bytes); }

  /// Nothing before this byte is read again soon.
  void reached(int64_t byte) {
    const auto at = static_cast<size_t>(byte);
    if (at < released_ + MappedFile::kWindow) return;
    data_.release(data_.bytes.subspan(released_, at - released_));
    released_ = at;
  }

 private:
  const ir::ConstantData& data_;
  size_t released_ = 0;
};

/// Copies a constant into its physical order, one run along the innermost physical axis at a time,
/// in the order in which the runs lie in the constant, so that little of it need be in memory;
/// every byte is written, padding as zero.
class Packer {
 public:
  Packer(const BufferInfo& buffer, std::byte* to)
      : buffer_(buffer),
        reading_(*buffer.data),
        outer_(walksOf(buffer)),
        inner_(outer_.back()),
        index_(buffer.shape.size(), 0),
        to_(to) {
    outer_.pop_back();
    std::stable_sort(outer_.begin(), outer_.end(),
                     [](const Walk& a, const Walk& b) { return a.from > b.from; });
  }

  void run() {
    if (product(buffer_.shape) != 0) pack(0, 0, 0);
  }

 private:
  // `from` and `to`: elements of the constant and of the buffer before those that are packed.
  void pack(size_t depth, int64_t from, int64_t to) {
    if (depth == outer_.size()) return packRun(from, to);
    const Walk& walk = outer_[depth];
    const int64_t start = index_[walk.axis];
    for (int64_t i = 0; i < walk.extent; ++i) {
      index_[walk.axis] = start + i * walk.step;
      pack(depth + 1, from + i * walk.from, to + i * walk.to);
    }
    index_[walk.axis] = start;
  }

  void packRun(int64_t from, int64_t to) {
    bool inside = true;
    for (size_t axis = 0; axis < index_.size(); ++axis) {
      inside = inside && index_[axis] < buffer_.shape[axis];
    }
    const int64_t size = ir::byteSize(buffer_.storage);
    std::byte* target = to_ + to * size;
    int64_t count = 0;
    if (inside) {
      const int64_t left = buffer_.shape[inner_.axis] - index_[inner_.axis];
      count = std::min(inner_.extent, (left + inner_.step - 1) / inner_.step);
      const int64_t byte = from * ir::byteSize(buffer_.data->dtype);
      convertElements(buffer_.data->dtype, buffer_.data->bytes.data() + byte, inner_.from,
                      buffer_.storage, target, count);
      reading_.reached(byte);
    }
    std::fill(target + count * size, target + inner_.extent * size, std::byte{0});
  }

  const BufferInfo& buffer_;
  Reading reading_;
  std::vector<Walk> outer_;  // from the longest way in the constant to the shortest
  Walk inner_;
  std::vector<int64_t> index_;  // logical, of the run's first element
  std::byte* to_;
};

void packRowMajor(const BufferInfo& buffer, std::byte* to) {
  const ir::ConstantData& data = *buffer.data;
  Reading reading(data);
  const int64_t size = ir::byteSize(data.dtype);
  const int64_t step = static_cast<int64_t>(MappedFile::kWindow) / size;
  const int64_t elements = data.elementCount();
  for (int64_t first = 0; first < elements; first += step) {
    const int64_t count = std::min(step, elements - first);
    convertElements(data.dtype, data.bytes.data() + first * size, 1, buffer.storage,
                    to + first * ir::byteSize(buffer.storage), count);
    reading.reached((first + count) * size);
  }
}

void checkSizes(const BufferInfo& buffer, size_t host, size_t device) {
  const int64_t elements = product(buffer.shape);
  QT_ASSERT(static_cast<int64_t>(host) == elements * ir::byteSize(buffer.logical),
            "buffer " + buffer.name + ": " + std::to_string(host) + " host bytes");
  QT_ASSERT(static_cast<int64_t>(device) >= elements * ir::byteSize(buffer.storage),
            "buffer " + buffer.name + ": " + std::to_string(device) + " storage bytes");
}

}  // namespace

std::vector<Stage> stagesOf(const Program& program) {
  if (!program.stages.empty()) return program.stages;
  return {{program.waves.size(), {}, {}}};
}

std::string packedKey(const BufferInfo& constant) {
  return constant.hash + " " + std::string(ir::name(constant.storage)) + " " +
         constant.layout.str() + " " + std::to_string(constant.bytes);
}

int64_t hostBytes(const BufferInfo& buffer) {
  return product(buffer.shape) * ir::byteSize(buffer.logical);
}

void packConstant(const BufferInfo& buffer, std::span<std::byte> to) {
  QT_ASSERT(buffer.data != nullptr, "constant buffer " + buffer.name + " has no data");
  QT_ASSERT(buffer.data->elementCount() == product(buffer.shape),
            "constant buffer " + buffer.name + " differs in size from its data");
  QT_ASSERT(static_cast<int64_t>(to.size()) == buffer.bytes,
            "constant buffer " + buffer.name + " is given room of another size");
  int64_t physical = ir::byteSize(buffer.storage);
  if (buffer.layout.rowMajor()) {
    checkSizes(buffer, buffer.data->bytes.size(), to.size());
    physical *= buffer.data->elementCount();
    packRowMajor(buffer, to.data());
  } else {
    for (const Walk& walk : walksOf(buffer)) physical *= walk.extent;
    QT_ASSERT(physical <= buffer.bytes, "constant buffer " + buffer.name + " is too small");
    Packer(buffer, to.data()).run();
  }
  std::fill(to.begin() + physical, to.end(), std::byte{0});
}

std::vector<std::byte> packConstant(const BufferInfo& buffer) {
  std::vector<std::byte> packed(static_cast<size_t>(buffer.bytes));
  packConstant(buffer, packed);
  return packed;
}

void storeTensor(const BufferInfo& buffer, std::span<const std::byte> host,
                 std::span<std::byte> to) {
  checkSizes(buffer, host.size(), to.size());
  convertElements(buffer.logical, host.data(), 1, buffer.storage, to.data(), product(buffer.shape));
}

void loadTensor(const BufferInfo& buffer, std::span<const std::byte> from,
                std::span<std::byte> host) {
  checkSizes(buffer, host.size(), from.size());
  convertElements(buffer.storage, from.data(), 1, buffer.logical, host.data(),
                  product(buffer.shape));
}

}  // namespace quartet::runtime
