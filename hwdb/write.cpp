#include <fmt/format.h>

#include <cmath>

#include "hwdb/fields.h"
#include "hwdb/load.h"

namespace quartet::hwdb {
namespace {

/// A TOML basic string.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 32 || c == 127) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string valueText(int64_t value) { return std::to_string(value); }
std::string valueText(bool value) { return value ? "true" : "false"; }
/// Four digits are more than any measurement has; a decimal point, as numbers need one.
std::string valueText(double value) {
  const std::string text = fmt::format("{:.4g}", value);
  const bool whole = text.find_first_not_of("-0123456789") == std::string::npos;
  return whole ? text + ".0" : text;
}

std::string valueText(const std::vector<SaturationPoint>& points) {
  std::string text;
  for (const SaturationPoint& point : points) {
    text += fmt::format("{}[{}, {}]", text.empty() ? "" : ", ", point.invocations,
                        valueText(point.gigabytesPerSecond));
  }
  return "[" + text + "]";
}

template <class T>
std::string line(std::string_view key, const Field<T>& field) {
  if (!given(field) || field.provenance == Provenance::Queried) return {};
  return fmt::format("{} = {{ value = {}, provenance = {}, source = {} }}\n", key,
                     valueText(field.value), quoted(name(field.provenance)), quoted(field.source));
}

/// Which of the device's units it is, and its rate; nothing without one.
std::string unitText(const MatrixUnit& unit) {
  const std::string rate = line("gigaflops", unit.gigaflops);
  if (rate.empty()) return {};
  return fmt::format(
      "\n[[matrix]]\nscope = {}\na = {}\nb = {}\naccumulator = {}\n"
      "shape = [{}, {}, {}]\n{}",
      quoted(name(unit.scope)), quoted(unit.a), quoted(unit.b), quoted(unit.accumulator),
      unit.m.value, unit.n.value, unit.k.value, rate);
}

std::string_view kindText(MemoryLevel::Kind kind) {
  switch (kind) {
    case MemoryLevel::Kind::Device:
      return "device";
    case MemoryLevel::Kind::Cache:
      return "cache";
    case MemoryLevel::Kind::Explicit:
      return "explicit";
  }
  return "?";
}

}  // namespace

std::string write(const Entry& entry) {
  const Description& description = entry.description;
  std::string text = "name = " + quoted(description.name) + "\n";
  const auto head = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) text += fmt::format("{} = {}\n", key, quoted(value));
  };
  head("device", entry.device);
  head("driver", entry.driver);
  head("kind", description.kind == Description::Kind::Cpu ? "cpu" : "gpu");
  text += "\n[fields]\n";
  visitFields(description,
              [&](std::string_view key, const auto& field, auto...) { text += line(key, field); });
  for (const MemoryLevel& level : description.memory) {
    text += fmt::format("\n[[memory]]\nname = {}\nkind = {}\n", quoted(level.name),
                        quoted(kindText(level.kind)));
    if (level.sharers > 0) text += fmt::format("sharers = {}\n", level.sharers);
    visitLevelFields(
        level, [&](std::string_view key, const auto& field, auto...) { text += line(key, field); });
  }
  for (const MatrixUnit& unit : description.matrixUnits) text += unitText(unit);
  return text;
}

}  // namespace quartet::hwdb
