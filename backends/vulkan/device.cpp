#include "backends/vulkan/device.h"

#include "backends/vulkan/description.h"
#include "backends/vulkan/executable.h"
#include "backends/vulkan/gpu.h"
#include "backends/vulkan/instance.h"

namespace quartet::vulkan {

namespace {

class Device : public runtime::Device {
 public:
  Device(std::shared_ptr<Gpu> gpu, hwdb::Description description, gpu::Limits limits,
         std::shared_ptr<runtime::CodeCache> cache)
      : gpu_(std::move(gpu)),
        description_(std::move(description)),
        limits_(std::move(limits)),
        cache_(std::move(cache)) {}

  const hwdb::Description& description() const override { return description_; }
  Status supports(const ir::TensorExpr& expr) const override {
    return gpu::supports(expr, limits_);
  }

  Result<std::shared_ptr<runtime::Executable>> compile(runtime::Program program) override {
    return QT_TRY(Executable::create(gpu_, limits_, std::move(program), shared_, cache_));
  }

 private:
  std::shared_ptr<Gpu> gpu_;
  hwdb::Description description_;
  gpu::Limits limits_;
  SharedParts shared_;
  std::shared_ptr<runtime::CodeCache> cache_;
};

DeviceInfo::Kind kindOf(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return DeviceInfo::Kind::Discrete;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return DeviceInfo::Kind::Integrated;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return DeviceInfo::Kind::Virtual;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return DeviceInfo::Kind::Software;
    default:
      return DeviceInfo::Kind::Other;
  }
}

}  // namespace

Result<std::vector<DeviceInfo>> listDevices() {
  auto instance = Instance::get();
  if (!instance) {
    if (instance.error().kind == Diagnostic::Kind::Unsupported) return std::vector<DeviceInfo>{};
    return tl::unexpected(instance.error());
  }
  std::vector<DeviceInfo> devices;
  for (const PhysicalDevice& device : (*instance)->devices()) {
    devices.push_back({.id = "vulkan:" + std::to_string(device.index),
                       .name = device.name,
                       .driver = device.driver + " " + device.driverInfo,
                       .uuid = device.uuid,
                       .kind = kindOf(device.type),
                       .compileOnly = !device.hasMemory()});
  }
  return devices;
}

Result<std::shared_ptr<runtime::Device>> openDevice(std::string_view selector,
                                                    const TestOptions& options,
                                                    std::shared_ptr<runtime::CodeCache> cache) {
  constexpr std::string_view kPrefix = "vulkan";
  if (selector.substr(0, kPrefix.size()) == kPrefix) selector.remove_prefix(kPrefix.size());
  if (!selector.empty() && selector.front() == ':') selector.remove_prefix(1);
  const std::shared_ptr<Instance> instance = QT_TRY(Instance::get());
  const PhysicalDevice* physical = QT_TRY(selectDevice(instance->devices(), selector));
  hwdb::Description description = QT_TRY(describeDevice(*physical, options));
  auto gpu = QT_TRY(Gpu::open(instance, *physical, options));
  return std::make_shared<Device>(std::move(gpu), std::move(description),
                                  shaderLimits(*physical, options), std::move(cache));
}

std::vector<std::string> takeValidationMessages() {
  auto instance = Instance::get();
  return instance ? (*instance)->takeMessages() : std::vector<std::string>{};
}

}  // namespace quartet::vulkan
