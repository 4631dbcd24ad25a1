#include "base/env.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace quartet {

namespace {

constexpr const char* kFlag = "0 | 1";
constexpr const char* kNumber = "a number";
constexpr const char* kFolder = "off | /folder";
constexpr const char* kFile = "off | /file";
constexpr const char* kList = "all | name{,name}";

constexpr EnvSwitchInfo kSwitches[] = {
    {EnvSwitch::Print, "QUARTET_PRINT", kList,
     "print the IR to standard error after these passes (see `quartet opt --help`), or after all"},
    {EnvSwitch::Reparse, "QUARTET_REPARSE", kFlag,
     "after every pass check that the printed IR parses back to the same text"},
    {EnvSwitch::VulkanValidation, "QUARTET_VULKAN_VALIDATION", kFlag,
     "run Vulkan devices under the validation layer, with synchronization validation"},
    {EnvSwitch::Nvrtc, "QUARTET_NVRTC", kFile,
     "the library that compiles for CUDA devices, or off for none; otherwise libnvrtc of the "
     "loader's folders or of a CUDA toolkit"},
    {EnvSwitch::CudaDriver, "QUARTET_CUDA_DRIVER", kFile,
     "the library of the CUDA driver, or off for none; otherwise the loader's libcuda.so.1"},
    {EnvSwitch::CudaSynchronous, "QUARTET_CUDA_SYNCHRONOUS", kFlag,
     "wait for every launch on CUDA devices, so that an error names the task sets that failed"},
    {EnvSwitch::Cache, "QUARTET_CACHE", kFolder,
     "where compiled code is kept for the next time, or off to keep none; otherwise "
     "$XDG_CACHE_HOME/quartet or $HOME/.cache/quartet"},
    {EnvSwitch::CacheMebibytes, "QUARTET_CACHE_MIB", kNumber,
     "how large that folder may become; otherwise 256"},
    {EnvSwitch::Tuning, "QUARTET_TUNING", kFolder,
     "the folder of the times that --measure took, or off to keep none; otherwise the folder of "
     "compiled code"},
    {EnvSwitch::Devices, "QUARTET_DEVICES", kFolder,
     "a folder of descriptions that `quartet characterize` wrote; each holds for the device and "
     "driver that it was measured on, instead of what the binary knows"},
    {EnvSwitch::FuzzGraphs, "QUARTET_FUZZ_GRAPHS", kNumber,
     "how many random graphs, or mutants, each fuzz test tries"},
    {EnvSwitch::FuzzSeed, "QUARTET_FUZZ_SEED", kNumber, "the seed of the first of them"},
    {EnvSwitch::FuzzDevices, "QUARTET_FUZZ_DEVICES", kList,
     "the devices (ids) that random models run on; otherwise all"},
};

std::string_view valueOf(EnvSwitch key) {
  const char* value = std::getenv(info(key).variable);
  return value == nullptr ? std::string_view() : value;
}

tl::unexpected<Diagnostic> badValue(EnvSwitch key, std::string_view value) {
  const EnvSwitchInfo& facts = info(key);
  return userError(
      std::string(facts.variable) + " is '" + std::string(value) + "', required: " + facts.grammar,
      "environment", std::string("it serves to ") + facts.help);
}

bool isName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' ||
           c == ':';
  });
}

}  // namespace

std::span<const EnvSwitchInfo> envSwitches() { return kSwitches; }

const EnvSwitchInfo& info(EnvSwitch key) { return kSwitches[static_cast<size_t>(key)]; }

Result<bool> envFlag(EnvSwitch key) {
  const std::string_view value = valueOf(key);
  if (value.empty() || value == "0") return false;
  if (value == "1") return true;
  return badValue(key, value);
}

Result<std::vector<std::string>> envList(EnvSwitch key) {
  const std::string_view value = valueOf(key);
  std::vector<std::string> names;
  std::string_view rest = value;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    const bool trailing = comma != std::string_view::npos && comma + 1 == rest.size();
    if (!isName(name) || trailing) return badValue(key, value);
    names.emplace_back(name);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  return names;
}

Result<std::optional<int64_t>> envNumber(EnvSwitch key) {
  const std::string_view value = valueOf(key);
  if (value.empty()) return std::nullopt;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < 0) {
    return badValue(key, value);
  }
  return number;
}

Result<std::optional<std::string>> envPath(EnvSwitch key) {
  const std::string_view value = valueOf(key);
  if (value.empty()) return std::nullopt;
  if (value != "off" && value.front() != '/') return badValue(key, value);
  return std::string(value);
}

namespace {

Status checkSwitch(const EnvSwitchInfo& facts) {
  const auto statusOf = [](auto result) -> Status {
    if (!result) return tl::unexpected(std::move(result).error());
    return {};
  };
  if (facts.grammar == kFlag) return statusOf(envFlag(facts.key));
  if (facts.grammar == kNumber) return statusOf(envNumber(facts.key));
  if (facts.grammar == kFolder || facts.grammar == kFile) return statusOf(envPath(facts.key));
  return statusOf(envList(facts.key));
}

}  // namespace

Status checkEnvironment() {
  for (const EnvSwitchInfo& facts : kSwitches) QT_CHECK(checkSwitch(facts));
  return {};
}

std::string envHelp() {
  std::string text;
  for (const EnvSwitchInfo& facts : kSwitches) {
    text += std::string(facts.variable) + "=" + facts.grammar + "\n    " + facts.help + "\n";
  }
  return text;
}

}  // namespace quartet
