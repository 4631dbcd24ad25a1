// Per-caller state of an executable: arena, inputs and outputs, the recorded command buffer.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "backends/vulkan/commands.h"
#include "backends/vulkan/executable.h"
#include "backends/vulkan/timestamps.h"

namespace quartet::vulkan {

class Context : public runtime::Context {
 public:
  /// Allocates everything and records the command buffer. The caller holds the executable's lock
  /// on its constants.
  static Result<std::unique_ptr<runtime::Context>> create(std::shared_ptr<Executable> executable);
  ~Context() override;

  Status bind(const Sources& inputs, const Targets& outputs) override;
  Status runStage(size_t stage, const Sources& uploads, const Targets& downloads) override;
  Status collect() override;
  Status timeDispatches(std::vector<double>* microseconds) override;

 private:
  explicit Context(std::shared_ptr<Executable> executable) : executable_(std::move(executable)) {}
  Status allocate();
  Status createDescriptors();
  Status writeDescriptors(size_t launch);
  /// `timestamps`: null, or an interval for each launch of the stage.
  Result<Commands> record(size_t stage, const Timestamps* timestamps = nullptr);
  Status runTimed(size_t stage);
  void recordCopies(Commands& commands, runtime::BufferInfo::Kind kind);
  void recordTransfers(Commands& commands, size_t stage, bool up);
  void recordLaunch(Commands& commands, size_t launch, bool barrier);
  /// Where a buffer starts on the device.
  struct Location {
    const Buffer* memory = nullptr;
    int64_t offset = 0;
  };
  Location locate(size_t buffer) const;
  VkDescriptorBufferInfo window(const runtime::Binding& binding) const;
  /// Where the host reads and writes a border tensor.
  std::span<std::byte> hostView(size_t buffer) const;
  /// The same for the i-th buffer that a stage exchanges, uploads first.
  std::span<std::byte> transferView(size_t stage, size_t i) const;

  std::shared_ptr<Executable> executable_;
  Buffer arena_;
  std::vector<Buffer> blocks_;   // inputs and outputs, for shaders
  std::vector<Buffer> staging_;  // the same, for the host; empty on unified memory
  Buffer transfers_;             // what a stage exchanges with other devices, for the host
  Buffer status_;                // runtime::RunStatus, host-visible
  Buffer words_;                 // parameters that do not fit push constants
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  std::vector<VkDescriptorSet> sets_;     // one per launch
  std::vector<Commands> commands_;        // by stage
  Targets bound_;                         // outputs of this run
  std::vector<double>* times_ = nullptr;  // by dispatch, when they are timed
  std::vector<Timestamps> timestamps_;    // by stage, when they have been
  std::vector<Commands> timed_;           // the same commands with timestamps
};

}  // namespace quartet::vulkan
