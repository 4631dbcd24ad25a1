#include "api/devices.h"

#include <algorithm>
#include <cctype>

#include "api/code_cache.h"
#include "api/convert.h"
#include "backends/cpu/device.h"
#include "backends/cuda/device.h"
#include "backends/null/device.h"
#include "backends/vulkan/device.h"
#include "hwdb/load.h"

namespace quartet {
namespace api {
namespace {

using Kind = DeviceInfo::Kind;

DeviceEntry cpuEntry() {
  DeviceEntry entry;
  entry.info.id = "cpu";
  entry.info.kind = Kind::Cpu;
  entry.info.name = "host CPU";
  entry.open =
      [](const runtime::DeviceOptions& options) -> Result<std::shared_ptr<runtime::Device>> {
    return QT_TRY(cpu::createDevice(options));
  };
  return entry;
}

DeviceEntry referenceEntry() {
  DeviceEntry entry;
  entry.info.id = "reference";
  entry.info.kind = Kind::Reference;
  entry.info.name = "reference";
  entry.info.driver = "op by op on the host, f64 accumulators";
  return entry;
}

DeviceEntry nullEntry() {
  DeviceEntry entry;
  entry.info.id = "null";
  entry.info.kind = Kind::Null;
  entry.info.name = "null";
  entry.info.driver = "checks programs, computes nothing";
  entry.info.compileOnly = true;
  entry.open = [](const runtime::DeviceOptions&) -> Result<std::shared_ptr<runtime::Device>> {
    return null::createDevice(QT_TRY(null::defaultDescription()));
  };
  return entry;
}

/// What ids of entries of the hardware database start with.
constexpr std::string_view kDescribed = "hwdb:";
constexpr std::string_view kCuda = "cuda:";
constexpr std::string_view kVulkan = "vulkan:";

/// An entry of the hardware database as a target: checked and explained, never run.
Result<DeviceEntry> describedEntry(std::string_view name) {
  const auto entries = QT_TRY(hwdb::embeddedEntries());
  const hwdb::Entry* found = QT_TRY(hwdb::findEntry(name, entries));
  const hwdb::Description description = QT_TRY(hwdb::describeEntry(*found));
  DeviceEntry entry;
  entry.info.id = std::string(kDescribed) + hwdb::slug(description.name);
  entry.info.kind = Kind::Described;
  entry.info.name = description.name;
  entry.info.driver = description.driver;
  entry.info.compileOnly = true;
  entry.open = [description](const runtime::DeviceOptions&) {
    return Result<std::shared_ptr<runtime::Device>>(null::createDevice(description));
  };
  return entry;
}

std::vector<DeviceEntry> hostDevices() { return {cpuEntry(), nullEntry(), referenceEntry()}; }

Kind kindOf(vulkan::DeviceInfo::Kind kind) {
  switch (kind) {
    case vulkan::DeviceInfo::Kind::Discrete:
      return Kind::DiscreteGpu;
    case vulkan::DeviceInfo::Kind::Integrated:
      return Kind::IntegratedGpu;
    case vulkan::DeviceInfo::Kind::Software:
      return Kind::SoftwareGpu;
    case vulkan::DeviceInfo::Kind::Virtual:
    case vulkan::DeviceInfo::Kind::Other:
      return Kind::OtherGpu;
  }
  return Kind::OtherGpu;
}

DeviceEntry vulkanEntry(const vulkan::DeviceInfo& device) {
  DeviceEntry entry;
  entry.info.id = device.id;
  entry.info.kind = kindOf(device.kind);
  entry.info.name = device.name;
  entry.info.driver = device.driver;
  entry.info.uuid = device.uuid;
  entry.info.compileOnly = device.compileOnly;
  entry.open = [id = device.id](const runtime::DeviceOptions& options) {
    return vulkan::openDevice(id, {}, options.cache);
  };
  return entry;
}

DeviceEntry cudaEntry(const cuda::DeviceInfo& device) {
  DeviceEntry entry;
  entry.info.id = device.id;
  entry.info.kind = device.integrated ? Kind::IntegratedGpu : Kind::DiscreteGpu;
  entry.info.name = device.name;
  entry.info.driver = device.driver;
  entry.info.uuid = device.uuid;
  const int index = std::stoi(device.id.substr(device.id.find(':') + 1));
  entry.open = [index](const runtime::DeviceOptions& options) {
    return cuda::openDevice(index, {}, options.cache);
  };
  return entry;
}

void markDefault(std::vector<DeviceEntry>& entries) {
  for (Kind kind : {Kind::DiscreteGpu, Kind::IntegratedGpu, Kind::Cpu}) {
    for (DeviceEntry& entry : entries) {
      const bool cuda = entry.info.id.starts_with(kCuda);
      if (entry.info.kind != kind || entry.info.compileOnly || cuda) continue;
      entry.info.isDefault = true;
      return;
    }
  }
}

bool contains(const std::string& text, const std::string& part) {
  return lowerCase(text).find(part) != std::string::npos;
}

std::vector<std::string> listing(const std::vector<DeviceEntry>& entries) {
  std::vector<std::string> lines;
  for (const DeviceEntry& entry : entries) {
    lines.push_back("device " + entry.info.id + ": " + entry.info.name);
  }
  return lines;
}

}  // namespace

std::string lowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Result<std::vector<DeviceEntry>> listDevices() {
  std::vector<DeviceEntry> entries = hostDevices();
  for (const vulkan::DeviceInfo& device : QT_TRY(vulkan::listDevices())) {
    entries.push_back(vulkanEntry(device));
  }
  for (const cuda::DeviceInfo& device : cuda::listDevices().usable) {
    entries.push_back(cudaEntry(device));
  }
  markDefault(entries);
  return entries;
}

Result<DeviceEntry> findDevice(const std::string& selector) {
  const std::string wanted = lowerCase(selector);
  if (wanted.starts_with(kDescribed)) return describedEntry(wanted.substr(kDescribed.size()));
  // The devices of every machine need no search: Vulkan drivers take a while to load.
  std::vector<DeviceEntry> host = hostDevices();
  for (DeviceEntry& entry : host) {
    if (entry.info.id == wanted) return std::move(entry);
  }
  const std::vector<DeviceEntry> entries = QT_TRY(listDevices());
  std::string part = wanted;  // without the API that it begins with
  std::string_view api;
  for (const std::string_view each : {kCuda, kVulkan}) {
    if (!wanted.starts_with(each)) continue;
    api = each;
    part.erase(0, each.size());
  }
  std::vector<DeviceEntry> matches;
  for (const DeviceEntry& entry : entries) {
    if (selector.empty() ? entry.info.isDefault : lowerCase(entry.info.id) == wanted) return entry;
    if (part.empty() || !entry.info.id.starts_with(api)) continue;
    if (!entry.info.uuid.empty() && lowerCase(entry.info.uuid) == part) return entry;
    if (contains(entry.info.name, part) || contains(entry.info.driver, part)) {
      matches.push_back(entry);
    }
  }
  if (matches.size() == 1 && !selector.empty()) return matches[0];
  Diagnostic error{Diagnostic::Kind::User,
                   matches.empty() ? "there is no such device" : "several devices match",
                   "device '" + selector + "'", listing(matches.empty() ? entries : matches),
                   "name one by its id, its UUID or a part of its name"};
  if (matches.empty() && wanted.starts_with(kCuda.substr(0, kCuda.size() - 1))) {
    for (const Diagnostic& lacking : cuda::listDevices().lacking) {
      error.notes.push_back(lacking.message + (lacking.hint.empty() ? "" : ": " + lacking.hint));
    }
  }
  return tl::unexpected(std::move(error));
}

}  // namespace api

std::string name(DeviceInfo::Kind kind) {
  switch (kind) {
    case DeviceInfo::Kind::Cpu:
      return "CPU";
    case DeviceInfo::Kind::DiscreteGpu:
      return "discrete GPU";
    case DeviceInfo::Kind::IntegratedGpu:
      return "integrated GPU";
    case DeviceInfo::Kind::SoftwareGpu:
      return "software driver";
    case DeviceInfo::Kind::OtherGpu:
      return "GPU";
    case DeviceInfo::Kind::Reference:
      return "reference";
    case DeviceInfo::Kind::Null:
      return "null";
    case DeviceInfo::Kind::Described:
      return "described device";
  }
  return "?";
}

Expected<std::vector<DeviceInfo>> devices() {
  return api::guarded([]() -> Result<std::vector<DeviceInfo>> {
    std::vector<DeviceInfo> infos;
    const runtime::DeviceOptions options{.cache = QT_TRY(api::openCodeCache(true)).disk};
    for (const api::DeviceEntry& entry : QT_TRY(api::listDevices())) {
      DeviceInfo info = entry.info;
      if (entry.open) {
        const auto device = QT_TRY(entry.open(options));
        const hwdb::Description& description = device->description();
        info.name = description.name;
        info.driver = description.driver;
        info.entry = description.entry;
        info.memoryBytes = description.memoryBytes.value;
      }
      infos.push_back(std::move(info));
    }
    return infos;
  });
}

Expected<std::vector<UnavailableDevice>> unavailableDevices() {
  return api::guarded([]() -> Result<std::vector<UnavailableDevice>> {
    std::vector<UnavailableDevice> all;
    for (const Diagnostic& lacking : cuda::listDevices().lacking) {
      const bool one = lacking.where.starts_with(api::kCuda);
      all.push_back({one ? lacking.where : "cuda", lacking.message, lacking.hint});
    }
    return all;
  });
}

Expected<std::string> describeDevice(const std::string& device) {
  return api::guarded([&]() -> Result<std::string> {
    const api::DeviceEntry entry = QT_TRY(api::findDevice(device));
    if (!entry.open) return "device " + entry.info.name + "\n" + entry.info.driver + "\n";
    const runtime::DeviceOptions options{.cache = QT_TRY(api::openCodeCache(true)).disk};
    return hwdb::print(QT_TRY(entry.open(options))->description());
  });
}

Expected<std::vector<DatabaseEntry>> database() {
  return api::guarded([]() -> Result<std::vector<DatabaseEntry>> {
    std::vector<DatabaseEntry> list;
    for (const hwdb::Entry& entry : QT_TRY(hwdb::embeddedEntries())) {
      if (!entry.isDevice()) continue;
      const std::string& name = entry.description.name;
      list.push_back({std::string(api::kDescribed) + hwdb::slug(name), name,
                      entry.description.kind == hwdb::Description::Kind::Gpu, entry.matches,
                      entry.driver, entry.where});
    }
    std::sort(list.begin(), list.end(),
              [](const DatabaseEntry& a, const DatabaseEntry& b) { return a.id < b.id; });
    return list;
  });
}

}  // namespace quartet
