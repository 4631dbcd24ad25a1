#include "backends/cuda/device.h"

#include "backends/cuda/description.h"
#include "backends/cuda/executable.h"
#include "base/env.h"

namespace quartet::cuda {

namespace {

class Device : public runtime::Device {
 public:
  Device(Toolchain toolchain, hwdb::Description description)
      : toolchain_(std::move(toolchain)), description_(std::move(description)) {}

  const hwdb::Description& description() const override { return description_; }
  Status supports(const ir::TensorExpr& expr) const override {
    return gpu::supports(expr, toolchain_.limits);
  }

  Result<std::shared_ptr<runtime::Executable>> compile(runtime::Program program) override {
    return QT_TRY(Executable::create(toolchain_, std::move(program), shared_));
  }

 private:
  Toolchain toolchain_;
  hwdb::Description description_;
  SharedParts shared_;
};

}  // namespace

DeviceList listDevices() {
  DeviceList list;
  const auto driver = Driver::get();
  if (!driver) {
    list.lacking.push_back(driver.error());
    return list;
  }
  const auto nvrtc = Nvrtc::get();
  for (const PhysicalDevice& device : (*driver)->devices()) {
    const std::string id = "cuda:" + std::to_string(device.index);
    auto architecture = nvrtc ? (*nvrtc)->architectureFor(device.computeCapability())
                              : Result<Architecture>(tl::unexpected(nvrtc.error()));
    if (!architecture) {
      Diagnostic why = std::move(architecture).error();
      why.where = id + " (" + device.name + ")";
      list.lacking.push_back(std::move(why));
      continue;
    }
    list.usable.push_back({.id = id,
                           .name = device.name,
                           .driver = device.driver,
                           .uuid = device.uuid,
                           .integrated = device.attribute(kCuIntegrated) != 0});
  }
  return list;
}

Result<std::shared_ptr<runtime::Device>> openDevice(int index, const TestOptions& options,
                                                    std::shared_ptr<runtime::CodeCache> cache) {
  TestOptions all = options;
  if (QT_TRY(envFlag(EnvSwitch::CudaSynchronous))) all.synchronous = true;
  auto driver = QT_TRY(Driver::get());
  auto nvrtc = QT_TRY(Nvrtc::get());
  return openDevice(std::move(driver), std::move(nvrtc), index, all, std::move(cache));
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): shared with the device
Result<std::shared_ptr<runtime::Device>> openDevice(std::shared_ptr<const Driver> driver,
                                                    std::shared_ptr<const Nvrtc> nvrtc, int index,
                                                    const TestOptions& options,
                                                    std::shared_ptr<runtime::CodeCache> cache) {
  const auto count = static_cast<int>(driver->devices().size());
  if (index < 0 || index >= count) {
    return userError("there is no CUDA device " + std::to_string(index) + ": the driver has " +
                         std::to_string(count),
                     "cuda:" + std::to_string(index), "`quartet devices` lists them");
  }
  const PhysicalDevice& physical = driver->devices()[static_cast<size_t>(index)];
  Toolchain toolchain;
  toolchain.architecture = QT_TRY(nvrtc->architectureFor(physical.computeCapability()));
  toolchain.nvrtc = std::move(nvrtc);
  toolchain.limits = kernelLimits(physical, options);
  toolchain.cache = std::move(cache);
  hwdb::Description description = QT_TRY(describeDevice(physical, options));
  toolchain.gpu = QT_TRY(Gpu::open(driver, physical, options));
  return std::make_shared<Device>(std::move(toolchain), std::move(description));
}

}  // namespace quartet::cuda
