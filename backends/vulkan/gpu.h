// A logical device with its queue, and buffers on it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "backends/vulkan/instance.h"
#include "backends/vulkan/options.h"

namespace quartet::vulkan {

class Gpu;

/// A VkBuffer with memory of its own. Empty when default-constructed.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer();

  VkBuffer handle() const { return buffer_; }
  int64_t bytes() const { return bytes_; }
  /// Host-visible memory: where it is mapped, all its life; coherent. Null otherwise.
  std::byte* mapped() const { return mapped_; }

 private:
  friend class Gpu;
  void swap(Buffer& other) noexcept;

  std::shared_ptr<Gpu> gpu_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  std::byte* mapped_ = nullptr;
  int64_t bytes_ = 0;
  int64_t allocated_ = 0;
  uint32_t heap_ = 0;
};

/// What a buffer is for: mostly for shaders, or for the host to write and read.
enum class Use : uint8_t { Shader, Staging };

/// Shared by executables and contexts; closed with the last of them. Thread-safe.
class Gpu : public std::enable_shared_from_this<Gpu> {
 public:
  static Result<std::shared_ptr<Gpu>> open(std::shared_ptr<Instance> instance,
                                           const PhysicalDevice& physical,
                                           const TestOptions& options);
  Gpu() = default;
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;
  ~Gpu();

  VkDevice handle() const { return device_; }
  const PhysicalDevice& physical() const { return physical_; }
  const TestOptions& options() const { return options_; }
  const std::string& name() const { return physical_.name; }
  /// The host writes and reads shader buffers directly; otherwise through Staging buffers.
  bool unified() const { return unified_; }

  /// An error (kind Resource), before anything is allocated, unless buffers of these sizes fit:
  /// each into one allocation, all into the free memory. "what" names them for the message.
  Status checkFits(std::span<const int64_t> shaderBytes, std::span<const int64_t> stagingBytes,
                   const std::string& what) const;
  /// A buffer of at least `bytes` (16 when 0): a storage buffer, source and target of copies.
  /// Staging buffers are mapped, Shader buffers on unified memory only.
  Result<Buffer> allocate(int64_t bytes, Use use);

  /// Submits a recorded command buffer and waits for it. A lost device, an exhausted memory and a
  /// time-out are errors; after a time-out the command buffer must not be touched any more
  /// (`abandoned`).
  Status runAndWait(VkCommandBuffer commands, VkFence fence);
  /// An error (kind Internal) with the messages of the validation layer since the last call, where
  /// it runs and has any.
  Status checkValidation();
  /// A submission never came back: resources may still be in use and are leaked on purpose.
  bool abandoned() const { return abandoned_; }

 private:
  friend class Buffer;
  Status create(std::shared_ptr<Instance> instance, const PhysicalDevice& physical);
  void chooseMemoryTypes();
  int64_t freeBytes(uint32_t heap) const;
  uint32_t memoryType(Use use) const { return use == Use::Shader ? shaderType_ : stagingType_; }

  std::shared_ptr<Instance> instance_;
  PhysicalDevice physical_;
  TestOptions options_;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  std::mutex queueMutex_;
  uint32_t shaderType_ = 0;
  uint32_t stagingType_ = 0;
  bool unified_ = false;
  std::atomic<bool> abandoned_ = false;
  std::array<std::atomic<int64_t>, VK_MAX_MEMORY_HEAPS> allocated_{};
};

}  // namespace quartet::vulkan
