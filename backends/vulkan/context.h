// Per-caller state of an executable: arena, inputs and outputs, the recorded command buffer.
#pragma once

#include <memory>
#include <vector>

#include "backends/vulkan/commands.h"
#include "backends/vulkan/executable.h"

namespace quartet::vulkan {

/// The smallest window that is bound, whatever a tensor's size: an empty one is not allowed.
inline constexpr int64_t kMinimumWindowBytes = 16;

class Context : public runtime::Context {
 public:
  /// Allocates everything and records the command buffer. The caller holds the executable's lock
  /// on its constants.
  static Result<std::unique_ptr<runtime::Context>> create(std::shared_ptr<Executable> executable);
  ~Context() override;

  Status run(const std::vector<std::span<const std::byte>>& inputs,
             const std::vector<std::span<std::byte>>& outputs) override;

 private:
  explicit Context(std::shared_ptr<Executable> executable) : executable_(std::move(executable)) {}
  Status allocate();
  void placeBorder();
  void placeWords();
  Status createDescriptors();
  Status writeDescriptors(size_t launch);
  Status record();
  void recordCopies(runtime::BufferInfo::Kind kind);
  void recordLaunch(size_t launch);
  VkDescriptorBufferInfo window(const runtime::Binding& binding) const;
  Status checkTensors(const std::vector<std::span<const std::byte>>& inputs,
                      const std::vector<std::span<std::byte>>& outputs) const;
  /// Where the host reads and writes a border tensor.
  std::span<std::byte> hostView(size_t buffer) const;

  std::shared_ptr<Executable> executable_;
  std::vector<size_t> inputs_, outputs_;  // numbers of the program's buffers
  Buffer arena_;
  std::vector<Placement::Place> border_;  // by buffer: of inputs and outputs
  std::vector<int64_t> borderBytes_;      // of each block
  std::vector<Buffer> blocks_;            // inputs and outputs, for shaders
  std::vector<Buffer> staging_;           // the same, for the host; empty on unified memory
  Buffer status_;                         // {code, node}, host-visible
  Buffer words_;                          // parameters that do not fit push constants
  std::vector<std::vector<uint32_t>> launchWords_;
  std::vector<int64_t> wordsOffset_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  std::vector<VkDescriptorSet> sets_;  // one per launch
  Commands commands_;
};

}  // namespace quartet::vulkan
