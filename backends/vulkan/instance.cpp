#include "backends/vulkan/instance.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include "backends/vulkan/probe.h"
#include "base/env.h"

namespace quartet::vulkan {

namespace {

constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

bool layerPresent(const char* wanted) {
  uint32_t count = 0;
  vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  vkEnumerateInstanceLayerProperties(&count, layers.data());
  return std::any_of(layers.begin(), layers.end(), [&](const VkLayerProperties& layer) {
    return std::strcmp(layer.layerName, wanted) == 0;
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string listing(const std::vector<PhysicalDevice>& devices) {
  std::string text;
  for (const PhysicalDevice& device : devices) {
    text += (text.empty() ? "" : ", ") + std::to_string(device.index) + ": " + device.name;
  }
  return text.empty() ? "no Vulkan devices" : text;
}

}  // namespace

Result<std::shared_ptr<Instance>> Instance::get() {
  static std::mutex mutex;
  static std::shared_ptr<Instance> instance;
  const std::lock_guard lock(mutex);
  if (!instance) {
    auto fresh = std::make_shared<Instance>();
    QT_CHECK(fresh->create());
    instance = std::move(fresh);
  }
  return instance;
}

Instance::~Instance() {
  if (messenger_ != VK_NULL_HANDLE) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(handle_, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(handle_, messenger_, nullptr);
  }
  if (handle_ != VK_NULL_HANDLE) vkDestroyInstance(handle_, nullptr);
}

Status Instance::create() {
  uint32_t version = 0;
  if (vkEnumerateInstanceVersion(&version) != VK_SUCCESS || version < VK_API_VERSION_1_1) {
    return unsupported("the Vulkan loader offers no Vulkan 1.1", "",
                       "install a Vulkan 1.1 driver and loader");
  }
  validating_ = QT_TRY(envFlag(EnvSwitch::VulkanValidation));
  if (validating_ && !layerPresent(kValidationLayer)) {
    return userError(
        "QUARTET_VULKAN_VALIDATION is set, but there is no VK_LAYER_KHRONOS_validation", "",
        "install vulkan-validationlayers, or unset QUARTET_VULKAN_VALIDATION");
  }
  // Features up to 1.3 are read where a device has them; nothing above 1.1 is required.
  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = "quartet",
                                      .apiVersion = std::min(version, VK_API_VERSION_1_3)};
  const VkDebugUtilsMessengerCreateInfoEXT messenger{
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = collect,
      .pUserData = this};
  const VkValidationFeatureEnableEXT enabled[] = {
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  const VkValidationFeaturesEXT features{.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                         .pNext = &messenger,
                                         .enabledValidationFeatureCount = 1,
                                         .pEnabledValidationFeatures = enabled};
  const char* layers[] = {kValidationLayer};
  const char* extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME};
  const uint32_t extra = validating_ ? 1 : 0;
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .pNext = validating_ ? &features : nullptr,
                                  .pApplicationInfo = &application,
                                  .enabledLayerCount = extra,
                                  .ppEnabledLayerNames = layers,
                                  .enabledExtensionCount = extra,
                                  .ppEnabledExtensionNames = extensions};
  const VkResult result = vkCreateInstance(&info, nullptr, &handle_);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER) {
    return unsupported("there is no Vulkan driver", "", "install one, or use --device cpu");
  }
  if (result != VK_SUCCESS) return vulkanError("vkCreateInstance", result, "Vulkan");
  if (validating_) {
    const auto make = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(handle_, "vkCreateDebugUtilsMessengerEXT"));
    const VkResult made = make(handle_, &messenger, nullptr, &messenger_);
    if (made != VK_SUCCESS) return vulkanError("vkCreateDebugUtilsMessengerEXT", made, "Vulkan");
  }
  enumerate();
  return {};
}

void Instance::enumerate() {
  uint32_t count = 0;
  vkEnumeratePhysicalDevices(handle_, &count, nullptr);
  std::vector<VkPhysicalDevice> handles(count);
  vkEnumeratePhysicalDevices(handle_, &count, handles.data());
  handles.resize(count);
  for (const VkPhysicalDevice handle : handles) {
    if (auto device = probe(handle_, handle)) {
      device->index = static_cast<int>(devices_.size());
      devices_.push_back(std::move(*device));
    }
  }
}

VkBool32 Instance::collect(VkDebugUtilsMessageSeverityFlagBitsEXT /*severity*/,
                           VkDebugUtilsMessageTypeFlagsEXT /*kinds*/,
                           const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  auto* instance = static_cast<Instance*>(user);
  const std::lock_guard lock(instance->mutex_);
  instance->messages_.emplace_back(data->pMessage);
  return VK_FALSE;
}

std::vector<std::string> Instance::takeMessages() {
  const std::lock_guard lock(mutex_);
  return std::exchange(messages_, {});
}

Result<const PhysicalDevice*> selectDevice(const std::vector<PhysicalDevice>& devices,
                                           std::string_view selector) {
  int index = 0;
  const char* end = selector.data() + selector.size();
  const auto [stop, error] = std::from_chars(selector.data(), end, index);
  if (error == std::errc() && stop == end && selector.size() < 6) {
    if (index >= 0 && static_cast<size_t>(index) < devices.size()) {
      return &devices[static_cast<size_t>(index)];
    }
    return userError("there is no Vulkan device " + std::string(selector), "--device",
                     "the devices are: " + listing(devices));
  }
  std::string wanted = lower(selector);
  std::string digits = wanted;
  std::erase(digits, '-');
  std::vector<const PhysicalDevice*> found;
  for (const PhysicalDevice& device : devices) {
    const bool named = lower(device.name).find(wanted) != std::string::npos ||
                       lower(device.driver).find(wanted) != std::string::npos;
    if (device.uuid == digits) return &device;
    if (named) found.push_back(&device);
  }
  if (found.size() == 1) return found.front();
  const std::string what = found.empty() ? "no Vulkan device matches '" : "several devices match '";
  return userError(what + std::string(selector) + "'", "--device",
                   "the devices are: " + listing(devices));
}

std::string resultName(VkResult result) {
  switch (result) {
#define QT_CASE(name) \
  case name:          \
    return #name;
    QT_CASE(VK_SUCCESS)
    QT_CASE(VK_NOT_READY)
    QT_CASE(VK_TIMEOUT)
    QT_CASE(VK_INCOMPLETE)
    QT_CASE(VK_ERROR_OUT_OF_HOST_MEMORY)
    QT_CASE(VK_ERROR_OUT_OF_DEVICE_MEMORY)
    QT_CASE(VK_ERROR_INITIALIZATION_FAILED)
    QT_CASE(VK_ERROR_DEVICE_LOST)
    QT_CASE(VK_ERROR_MEMORY_MAP_FAILED)
    QT_CASE(VK_ERROR_LAYER_NOT_PRESENT)
    QT_CASE(VK_ERROR_EXTENSION_NOT_PRESENT)
    QT_CASE(VK_ERROR_FEATURE_NOT_PRESENT)
    QT_CASE(VK_ERROR_INCOMPATIBLE_DRIVER)
    QT_CASE(VK_ERROR_TOO_MANY_OBJECTS)
    QT_CASE(VK_ERROR_FRAGMENTED_POOL)
    QT_CASE(VK_ERROR_OUT_OF_POOL_MEMORY)
    QT_CASE(VK_ERROR_UNKNOWN)
#undef QT_CASE
    default:
      return "VkResult " + std::to_string(static_cast<int>(result));
  }
}

tl::unexpected<Diagnostic> vulkanError(std::string_view call, VkResult result,
                                       const std::string& device) {
  const std::string function(call.substr(0, call.find('(')));
  const std::string message = function + " failed: " + resultName(result);
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_POOL_MEMORY:
      return resourceError(message, device,
                           "the device's memory is exhausted: use a smaller model "
                           "or batch, or another device");
    case VK_ERROR_DEVICE_LOST:
      return resourceError(message, device,
                           "the driver gave up, perhaps after a time limit: open the device again");
    default:
      return resourceError(message, device);
  }
}

}  // namespace quartet::vulkan
