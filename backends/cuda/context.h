// Per-caller state of an executable: memory, a stream, the recorded graphs.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backends/cuda/executable.h"

namespace quartet::cuda {

class Context : public runtime::Context {
 public:
  /// Allocates everything and records a graph per stage. The caller holds the executable's lock on
  /// its constants.
  static Result<std::unique_ptr<runtime::Context>> create(std::shared_ptr<Executable> executable);
  ~Context() override;

  Status bind(const Sources& inputs, const Targets& outputs) override;
  Status runStage(size_t stage, const Sources& uploads, const Targets& downloads) override;
  Status collect() override;
  Status timeDispatches(std::vector<double>* microseconds) override;

 private:
  explicit Context(std::shared_ptr<Executable> executable) : executable_(std::move(executable)) {}
  Status open();
  Status allocate();
  Status uploadWords();
  void prepareArguments();
  Status record(size_t stage);

  /// What enqueuing a stage does beside what it always does.
  enum class Mode : uint8_t {
    Plain,
    Waiting,  // for each launch, so that an error names it
    Timed,    // an event before and behind each launch
  };
  Status enqueue(size_t stage, Mode mode);
  Status enqueueCopies(runtime::BufferInfo::Kind kind);
  Status enqueueTransfers(size_t stage, bool up);
  Status enqueueLaunch(size_t launch);
  /// `exact`: nothing but `where` is under way.
  Status wait(const std::string& where, bool exact);
  Status addTimes(size_t stage);
  std::string launchName(size_t launch) const;
  std::string stageNames(size_t stage) const;

  CuDeviceAddress locate(size_t buffer) const;
  /// Where the host reads and writes a border tensor.
  std::span<std::byte> hostView(size_t buffer) const;
  /// The same for the i-th buffer that a stage exchanges, uploads first.
  std::span<std::byte> transferView(size_t stage, size_t i) const;
  const Gpu& gpu() const { return executable_->gpu(); }
  const DriverApi& api() const { return gpu().driver().api(); }

  std::shared_ptr<Executable> executable_;
  Buffer arena_, status_, words_;
  std::vector<Buffer> blocks_;       // inputs and outputs, for kernels
  std::vector<HostBuffer> staging_;  // the same, for the host
  HostBuffer transfers_;             // what a stage exchanges with other devices
  HostBuffer hostStatus_;            // runtime::RunStatus
  /// By launch: device addresses in the order of its interface; its words are the layout's.
  std::vector<std::vector<CuDeviceAddress>> addresses_;
  CuStream stream_ = nullptr;
  std::vector<CuGraphExec> graphs_;       // by stage; none where launches are waited for
  std::vector<CuEvent> events_;           // two per launch, when they are timed
  Targets bound_;                         // outputs of this run
  std::vector<double>* times_ = nullptr;  // by dispatch, when they are timed
};

}  // namespace quartet::cuda
