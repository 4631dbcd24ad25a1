#include "runtime/program.h"

#include <algorithm>

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
};

std::vector<Walk> walksOf(const BufferInfo& buffer) {
  std::vector<ir::Dim> shape(buffer.shape.begin(), buffer.shape.end());
  const std::vector<ir::Dim> physical = buffer.layout.physicalShape(shape);
  std::vector<Walk> walks;
  for (size_t i = 0; i < physical.size(); ++i) {
    const ir::Layout::Axis& axis = buffer.layout.axes[i];
    walks.push_back({physical[i].value(), static_cast<size_t>(axis.axis), axis.divide});
  }
  return walks;
}

/// Copies a constant into its physical order, one run along the innermost physical axis at a time;
/// every byte is written, padding as zero.
class Packer {
 public:
  Packer(const BufferInfo& buffer, std::byte* to)
      : buffer_(buffer), walks_(walksOf(buffer)), index_(buffer.shape.size(), 0), to_(to) {
    strides_.assign(buffer.shape.size(), 1);
    for (size_t i = buffer.shape.size(); i-- > 1;) {
      strides_[i - 1] = strides_[i] * buffer.shape[i];
    }
  }

  void run() {
    if (product(buffer_.shape) != 0) pack(0);
  }

 private:
  void pack(size_t depth) {
    if (depth + 1 == walks_.size()) return packRun(walks_.back());
    const Walk& walk = walks_[depth];
    const int64_t start = index_[walk.axis];
    for (int64_t i = 0; i < walk.extent; ++i) {
      index_[walk.axis] = start + i * walk.step;
      pack(depth + 1);
    }
    index_[walk.axis] = start;
  }

  void packRun(const Walk& walk) {
    bool inside = true;
    int64_t offset = 0;
    for (size_t axis = 0; axis < index_.size(); ++axis) {
      inside = inside && index_[axis] < buffer_.shape[axis];
      offset += index_[axis] * strides_[axis];
    }
    int64_t count = 0;
    if (inside) {
      const int64_t left = buffer_.shape[walk.axis] - index_[walk.axis];
      count = std::min(walk.extent, (left + walk.step - 1) / walk.step);
      const std::byte* from =
          buffer_.data->bytes.data() + offset * ir::byteSize(buffer_.data->dtype);
      convertElements(buffer_.data->dtype, from, walk.step * strides_[walk.axis], buffer_.storage,
                      to_, count);
    }
    const int64_t size = ir::byteSize(buffer_.storage);
    std::fill(to_ + count * size, to_ + walk.extent * size, std::byte{0});
    to_ += walk.extent * size;
  }

  const BufferInfo& buffer_;
  std::vector<Walk> walks_;
  std::vector<int64_t> index_;  // logical, of the run's first element
  std::vector<int64_t> strides_;
  std::byte* to_;
};

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
    convertElements(buffer.data->dtype, buffer.data->bytes.data(), 1, buffer.storage, to.data(),
                    buffer.data->elementCount());
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
