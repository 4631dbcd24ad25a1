#include "backends/null/device.h"

#include <algorithm>

#include "backends/null/check.h"
#include "hwdb/load.h"
#include "ir/text.h"

namespace quartet::null {
namespace {

using runtime::BufferInfo;
using runtime::Program;

class NullContext : public runtime::Context {
 public:
  explicit NullContext(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  Status bind(const Sources& inputs, const Targets& outputs) override {
    size_t input = 0;
    size_t output = 0;
    for (const BufferInfo& buffer : program_->buffers) {
      int64_t bytes = ir::byteSize(buffer.logical);
      for (int64_t extent : buffer.shape) bytes *= extent;
      if (buffer.kind == BufferInfo::Kind::Input) {
        QT_ASSERT(input < inputs.size(), "too few inputs");
        QT_ASSERT(static_cast<int64_t>(inputs[input++].size()) == bytes, "size of " + buffer.name);
      } else if (buffer.kind == BufferInfo::Kind::Output) {
        QT_ASSERT(output < outputs.size(), "too few outputs");
        QT_ASSERT(static_cast<int64_t>(outputs[output].size()) == bytes, "size of " + buffer.name);
        std::fill(outputs[output].begin(), outputs[output].end(), std::byte{0});
        ++output;
      }
    }
    QT_ASSERT(input == inputs.size() && output == outputs.size(), "too many inputs or outputs");
    return {};
  }
  Status runStage(size_t, const Sources&, const Targets& downloads) override {
    for (const std::span<std::byte>& to : downloads) std::fill(to.begin(), to.end(), std::byte{0});
    return {};
  }
  Status collect() override { return {}; }

 private:
  std::shared_ptr<const Program> program_;
};

class NullExecutable : public runtime::Executable {
 public:
  explicit NullExecutable(Program program)
      : program_(std::make_shared<const Program>(std::move(program))) {}

  const Program& program() const override { return *program_; }
  Result<std::unique_ptr<runtime::Context>> createContext() override {
    return std::make_unique<NullContext>(program_);
  }
  std::string code() const override {
    std::string text;
    for (const ir::Module& kernel : program_->kernels) text += ir::print(kernel);
    return text;
  }

 private:
  std::shared_ptr<const Program> program_;
};

class NullDevice : public runtime::Device {
 public:
  explicit NullDevice(hwdb::Description description) : description_(std::move(description)) {}

  const hwdb::Description& description() const override { return description_; }
  /// What no backend can make up for on a device that lacks it.
  Status supports(const ir::TensorExpr& expr) const override {
    bool doubles = false;
    expr.visitParts([&](const ir::Expr& part) {
      part.visit([&](const ir::Expr& node) { doubles |= node.dtype() == ir::DType::F64; });
    });
    if (!doubles || description_.float64.value) return {};
    return unsupported("the device has no 64-bit floats", description_.name);
  }
  Result<std::shared_ptr<runtime::Executable>> compile(Program program) override {
    QT_CHECK(checkProgram(program, description_));
    return std::make_shared<NullExecutable>(std::move(program));
  }

 private:
  hwdb::Description description_;
};

template <class T, class V>
void set(hwdb::Field<T>& field, V value) {
  field = {static_cast<T>(value), hwdb::Provenance::Datasheet, "definition of the null device"};
}

}  // namespace

Result<hwdb::Description> defaultDescription() {
  hwdb::Description device;
  device.name = "null";
  device.driver = "quartet";
  device.entry = "vulkan gpu";
  device.kind = hwdb::Description::Kind::Gpu;
  set(device.units, 4);
  set(device.groupInvocations, 64);
  set(device.maxGroupInvocations, 256);
  set(device.maxGroupsPerAxis, 65535);
  set(device.subgroup, 32);
  for (hwdb::Flag* flag :
       {&device.storage8, &device.storage16, &device.int64, &device.float64, &device.float16}) {
    set(*flag, true);
  }
  set(device.maxBindingBytes, 16 << 20);
  set(device.bindingAlignBytes, 256);
  set(device.maxBindings, 64);
  set(device.maxAllocationBytes, int64_t{1} << 34);
  set(device.memoryBytes, int64_t{1} << 34);
  hwdb::MemoryLevel workgroup;
  workgroup.name = "workgroup";
  workgroup.kind = hwdb::MemoryLevel::Kind::Explicit;
  set(workgroup.bytes, 32 << 10);
  device.memory.push_back(workgroup);
  return hwdb::describe(std::move(device));
}

std::unique_ptr<runtime::Device> createDevice(hwdb::Description description) {
  return std::make_unique<NullDevice>(std::move(description));
}

}  // namespace quartet::null
