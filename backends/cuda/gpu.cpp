#include "backends/cuda/gpu.h"

#include <algorithm>

namespace quartet::cuda {

namespace {

constexpr int64_t kMinimumBytes = 16;
/// Memory that the driver needs beside the buffers: for code, stacks, launches, graphs.
constexpr int64_t kReserveBytes = int64_t{16} << 20;

std::string mebibytes(int64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

}  // namespace

// ---- memory ----

Buffer::~Buffer() {
  if (!gpu_) return;
  const Gpu::Current current(*gpu_);
  if (current.result() == kCuSuccess) gpu_->driver().api().cuMemFree(address_);
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(address_, other.address_);
  std::swap(bytes_, other.bytes_);
}

HostBuffer::~HostBuffer() {
  if (!gpu_) return;
  const Gpu::Current current(*gpu_);
  if (current.result() == kCuSuccess) gpu_->driver().api().cuMemFreeHost(data_);
}

void HostBuffer::swap(HostBuffer& other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
}

// ---- context ----

Gpu::Current::Current(const Gpu& gpu)
    : gpu_(gpu), result_(gpu.driver().api().cuCtxPushCurrent(gpu.context_)) {}

Gpu::Current::~Current() {
  if (result_ != kCuSuccess) return;
  CuContext ours = nullptr;
  gpu_.driver().api().cuCtxPopCurrent(&ours);
}

Result<std::shared_ptr<const Gpu>> Gpu::open(std::shared_ptr<const Driver> driver,
                                             const PhysicalDevice& physical,
                                             const TestOptions& options) {
  auto gpu = std::make_shared<Gpu>();
  gpu->physical_ = physical;
  gpu->options_ = options;
  QT_CUDA(*driver, physical.name, cuDevicePrimaryCtxRetain(&gpu->context_, physical.handle));
  gpu->driver_ = std::move(driver);
  return gpu;
}

Gpu::~Gpu() {
  if (driver_) driver_->api().cuDevicePrimaryCtxRelease(physical_.handle);
}

Status Gpu::checkFits(std::span<const int64_t> bytes, const std::string& what) const {
  int64_t needed = kReserveBytes;
  for (const int64_t each : bytes) needed += std::max(each, kMinimumBytes);
  size_t free = 0;
  size_t total = 0;
  QT_CUDA(*driver_, name(), cuMemGetInfo(&free, &total));
  if (needed <= static_cast<int64_t>(free)) return {};
  return resourceError(what + " needs " + mebibytes(needed) + ", the device has " +
                           mebibytes(static_cast<int64_t>(free)) + " free",
                       name(), "use a smaller model or batch, or another device");
}

Result<Buffer> Gpu::allocate(int64_t bytes) const {
  const int64_t size = std::max(bytes, kMinimumBytes);
  CuDeviceAddress address = 0;
  QT_CUDA(*driver_, name(), cuMemAlloc(&address, static_cast<size_t>(size)));
  Buffer buffer;
  buffer.gpu_ = shared_from_this();
  buffer.address_ = address;
  buffer.bytes_ = size;
  return buffer;
}

Result<HostBuffer> Gpu::allocateHost(int64_t bytes) const {
  const int64_t size = std::max(bytes, kMinimumBytes);
  void* data = nullptr;
  QT_CUDA(*driver_, name(), cuMemHostAlloc(&data, static_cast<size_t>(size), 0));
  HostBuffer buffer;
  buffer.gpu_ = shared_from_this();
  buffer.data_ = static_cast<std::byte*>(data);
  buffer.bytes_ = size;
  return buffer;
}

}  // namespace quartet::cuda
