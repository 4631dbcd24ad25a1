// Every environment variable that Quartet reads, in one table with its grammar and its help text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace quartet {

enum class EnvSwitch {
  Print,
  Reparse,
  VulkanValidation,
  Nvrtc,
  CudaDriver,
  CudaSynchronous,
  Cache,
  CacheMebibytes,
  Tuning,
  Devices,
  FuzzGraphs,
  FuzzSeed,
  FuzzDevices,
};

/// What the table says of a switch: its variable, what a value may be, what it does.
struct EnvSwitchInfo {
  EnvSwitch key;
  const char* variable;
  const char* grammar;
  const char* help;
};
std::span<const EnvSwitchInfo> envSwitches();
const EnvSwitchInfo& info(EnvSwitch key);

/// A flag: "0" or "1"; unset or empty: false. Anything else is an error that gives the grammar.
Result<bool> envFlag(EnvSwitch key);
/// A list: names of letters, digits, '_', '-', '.' and ':', separated by commas; unset or empty:
/// none.
Result<std::vector<std::string>> envList(EnvSwitch key);
/// A decimal number, not negative; unset or empty: none.
Result<std::optional<int64_t>> envNumber(EnvSwitch key);

/// "off" or an absolute path, of a folder or a file; unset or empty: none.
Result<std::optional<std::string>> envPath(EnvSwitch key);

/// The first bad value among all switches, if any: programs check at their start.
Status checkEnvironment();

/// The whole table as text, for --help.
std::string envHelp();

}  // namespace quartet
