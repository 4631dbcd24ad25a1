#include "api/devices.h"

#include <doctest/doctest.h>

#include "quartet/quartet.h"

using namespace quartet;

TEST_CASE("devices: cpu, null and reference are always there, one is the default") {
  const auto found = devices();
  REQUIRE_MESSAGE(found, found.error().str());
  int defaults = 0;
  int always = 0;
  for (const DeviceInfo& device : *found) {
    always += device.id == "cpu" || device.id == "null" || device.id == "reference" ? 1 : 0;
    if (!device.isDefault) continue;
    ++defaults;
    CHECK_FALSE(device.compileOnly);
    CHECK(device.kind != DeviceInfo::Kind::SoftwareGpu);
    CHECK(device.kind != DeviceInfo::Kind::Reference);
    CHECK(device.kind != DeviceInfo::Kind::Null);
  }
  CHECK(always == 3);
  CHECK(defaults == 1);
}

TEST_CASE("devices: found by id, UUID and part of the name, in any case") {
  CHECK(api::findDevice("CPU")->info.id == "cpu");
  CHECK(api::findDevice("reference")->info.id == "reference");
  CHECK(api::findDevice("")->info.isDefault);
  const auto all = api::listDevices();
  REQUIRE(all.has_value());
  for (const api::DeviceEntry& entry : *all) {
    CHECK(api::findDevice(entry.info.id)->info.id == entry.info.id);
    if (!entry.info.uuid.empty()) {
      CHECK(api::findDevice(entry.info.uuid)->info.id == entry.info.id);
    }
    if (entry.info.id.starts_with("vulkan:")) {
      CHECK(api::findDevice(entry.info.name.substr(0, 6))->info.id == entry.info.id);
    }
  }
  const auto none = api::findDevice("toaster");
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().notes.size() == all->size());
}

TEST_CASE("devices: each has a description that says where its fields come from") {
  for (const char* id : {"cpu", "null"}) {
    const auto text = describeDevice(id);
    REQUIRE_MESSAGE(text, text.error().str());
    CHECK(text->find("peakGigaflops") != std::string::npos);
    CHECK(text->find("costs: ") != std::string::npos);
  }
  CHECK_FALSE(describeDevice("toaster"));
}

TEST_CASE("devices: entries of the hardware database are targets by id, in any case") {
  const auto list = database();
  REQUIRE_MESSAGE(list, list.error().str());
  CHECK(list->size() >= 30);
  for (const DatabaseEntry& entry : *list) {
    CAPTURE(entry.id);
    const auto device = api::findDevice(entry.id);
    REQUIRE_MESSAGE(device.has_value(), device.error().str());
    CHECK(device->info.id == entry.id);
    CHECK(device->info.kind == DeviceInfo::Kind::Described);
    CHECK(device->info.compileOnly);
    CHECK((*device->open({}))->description().entry == entry.name);
  }
  CHECK(api::findDevice("HWDB:NVIDIA H200")->info.id == "hwdb:nvidia-h200");
  CHECK(describeDevice("hwdb:amd-zen-5")->find("description: AMD Zen 5\n") != std::string::npos);
  for (const char* wrong : {"hwdb:", "hwdb:toaster", "hwdb:cpu", "hwdb:nvidia-hopper"}) {
    CHECK_FALSE(api::findDevice(wrong).has_value());
  }
}
