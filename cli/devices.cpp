// quartet devices: what there is to run on.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"

namespace quartet::cli {
namespace {

struct DevicesOptions {
  std::string device;
  bool database = false;
  bool json = false;
};

nlohmann::json toJson(const DeviceInfo& device) {
  return {{"id", device.id},
          {"kind", name(device.kind)},
          {"name", device.name},
          {"driver", device.driver},
          {"uuid", device.uuid},
          {"description", device.entry},
          {"memory_bytes", device.memoryBytes},
          {"compile_only", device.compileOnly},
          {"default", device.isDefault}};
}

void printDevice(const DeviceInfo& device) {
  std::cout << fmt::format("{:<12} {}{}\n", device.id, device.name,
                           device.isDefault ? "  (default)" : "");
  std::string facts = name(device.kind);
  if (!device.driver.empty()) facts += ", " + device.driver;
  if (device.memoryBytes > 0) {
    facts += fmt::format(", {:.1f} GiB", static_cast<double>(device.memoryBytes) / (1 << 30));
  }
  std::cout << "             " << facts << "\n";
  if (!device.uuid.empty()) std::cout << "             UUID " << device.uuid << "\n";
  if (device.compileOnly) {
    std::cout << "             compiles models and cannot run them\n";
  }
  if (device.entry.empty()) return;
  std::cout << "             described by " << device.entry
            << (device.entry.starts_with("family ") ? " (the device itself has no entry)" : "")
            << "\n";
}

nlohmann::json toJson(const DatabaseEntry& entry) {
  return {{"id", entry.id},         {"name", entry.name},     {"kind", entry.gpu ? "GPU" : "CPU"},
          {"match", entry.matches}, {"driver", entry.driver}, {"file", entry.file}};
}

int listDatabase(const DevicesOptions& options) {
  const auto entries = database();
  if (!entries) return fail(entries.error());
  if (options.json) {
    nlohmann::json json = nlohmann::json::array();
    for (const DatabaseEntry& entry : *entries) json.push_back(toJson(entry));
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  for (const DatabaseEntry& entry : *entries) {
    std::cout << fmt::format("{:<40} {} named '{}'{}\n", entry.id, entry.gpu ? "GPU" : "CPU",
                             fmt::join(entry.matches, "' or '"),
                             entry.driver.empty() ? "" : " under '" + entry.driver + "'");
  }
  return 0;
}

int list(const DevicesOptions& options) {
  if (options.database) return listDatabase(options);
  if (!options.device.empty()) {
    const auto description = describeDevice(options.device);
    if (!description) return fail(description.error());
    std::cout << *description;
    return 0;
  }
  const auto found = devices();
  if (!found) return fail(found.error());
  if (options.json) {
    nlohmann::json json = nlohmann::json::array();
    for (const DeviceInfo& device : *found) json.push_back(toJson(device));
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  for (const DeviceInfo& device : *found) printDevice(device);
  const auto unavailable = unavailableDevices();
  if (!unavailable) return fail(unavailable.error());
  for (const UnavailableDevice& device : *unavailable) {
    std::cout << fmt::format("{:<12} not available: {}\n             {}\n", device.id,
                             device.reason, device.hint);
  }
  return 0;
}

}  // namespace

void addDevices(CLI::App& app, int& status) {
  auto options = std::make_shared<DevicesOptions>();
  CLI::App* command =
      app.add_subcommand("devices", "List devices, or show one device's description");
  CLI::Option* device =
      command->add_option("device", options->device, "Show this device field by field");
  command
      ->add_flag("--database", options->database,
                 "List the devices that the hardware database describes; each can be named where a "
                 "device is asked for, to compile for it")
      ->excludes(device);
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &status] { status = list(*options); });
}

}  // namespace quartet::cli
