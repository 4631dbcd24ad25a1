// A device's context, and memory on both sides.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "backends/cuda/driver.h"
#include "backends/cuda/options.h"

namespace quartet::cuda {

class Gpu;

/// Device memory. Empty when default-constructed.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer();

  CuDeviceAddress address() const { return address_; }
  int64_t bytes() const { return bytes_; }

 private:
  friend class Gpu;
  void swap(Buffer& other) noexcept;

  std::shared_ptr<const Gpu> gpu_;
  CuDeviceAddress address_ = 0;
  int64_t bytes_ = 0;
};

/// Host memory that the device copies from and to by itself. Empty when default-constructed.
class HostBuffer {
 public:
  HostBuffer() = default;
  HostBuffer(HostBuffer&& other) noexcept { swap(other); }
  HostBuffer& operator=(HostBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~HostBuffer();

  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  friend class Gpu;
  void swap(HostBuffer& other) noexcept;

  std::shared_ptr<const Gpu> gpu_;
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
};

/// The device's primary context, which is the process's: shared by executables and contexts, given
/// back with the last of them. Thread-safe.
class Gpu : public std::enable_shared_from_this<Gpu> {
 public:
  static Result<std::shared_ptr<const Gpu>> open(std::shared_ptr<const Driver> driver,
                                                 const PhysicalDevice& physical,
                                                 const TestOptions& options);
  Gpu() = default;
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;
  ~Gpu();

  /// Makes the context the calling thread's for as long as it lives, then the one before again.
  class Current {
   public:
    explicit Current(const Gpu& gpu);
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;
    ~Current();
    CuResult result() const { return result_; }

   private:
    const Gpu& gpu_;
    CuResult result_;
  };

  const Driver& driver() const { return *driver_; }
  const PhysicalDevice& physical() const { return physical_; }
  const TestOptions& options() const { return options_; }
  const std::string& name() const { return physical_.name; }

  /// An error (kind Resource), before anything is allocated, unless buffers of these sizes fit the
  /// free memory. `what` names them for the message. The context is current.
  Status checkFits(std::span<const int64_t> bytes, const std::string& what) const;
  /// Memory of at least `bytes` (16 when 0). The context is current.
  Result<Buffer> allocate(int64_t bytes) const;
  Result<HostBuffer> allocateHost(int64_t bytes) const;

 private:
  std::shared_ptr<const Driver> driver_;
  PhysicalDevice physical_;
  TestOptions options_;
  CuContext context_ = nullptr;
};

}  // namespace quartet::cuda

/// Makes `gpu` current in the rest of the block, or returns an error.
#define QT_CURRENT(gpu)                                                                 \
  const ::quartet::cuda::Gpu::Current qtCurrent_(gpu);                                  \
  if (qtCurrent_.result() != ::quartet::cuda::kCuSuccess) {                             \
    return (gpu).driver().error("cuCtxPushCurrent", qtCurrent_.result(), (gpu).name()); \
  }
