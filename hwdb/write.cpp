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
/// With a decimal point, as numbers need one.
std::string valueText(double value) {
  const std::string text = fmt::format("{}", value);
  const bool whole = text.find_first_not_of("-0123456789") == std::string::npos;
  return whole ? text + ".0" : text;
}

std::string valueText(const std::vector<SaturationPoint>& curve) {
  std::string text;
  for (const SaturationPoint& point : curve) {
    text += fmt::format("{}[{}, {}]", text.empty() ? "" : ", ", point.invocations,
                        valueText(point.gigabytesPerSecond));
  }
  return "[" + text + "]";
}

/// A field as it stands behind its name; empty when there is nothing to write.
template <class T>
std::string fieldText(const Field<T>& field) {
  if (!given(field) || field.provenance == Provenance::Queried) return {};
  return fmt::format("{{ value = {}, provenance = {}, source = {} }}", valueText(field.value),
                     quoted(name(field.provenance)), quoted(field.source));
}

/// Writes fields with one of the visit functions, one a line.
template <class D, class V>
std::string lines(const D& from, V visitAll) {
  std::string text;
  visitAll(from, [&](std::string_view key, const auto& field, const FieldRule&) {
    const std::string value = fieldText(field);
    if (!value.empty()) text += fmt::format("{} = {}\n", key, value);
  });
  return text;
}

std::string_view scopeText(MatrixUnit::Scope scope) {
  switch (scope) {
    case MatrixUnit::Scope::Invocation:
      return "invocation";
    case MatrixUnit::Scope::Subgroup:
      return "subgroup";
    case MatrixUnit::Scope::Group:
      return "group";
  }
  return "?";
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

std::string levelText(const MemoryLevel& level) {
  std::string text = fmt::format("\n[[memory]]\nname = {}\nkind = {}\n", quoted(level.name),
                                 quoted(kindText(level.kind)));
  if (level.sharers > 0) text += fmt::format("sharers = {}\n", level.sharers);
  return text + lines(level, [](const auto& from, auto visit) { visitLevelFields(from, visit); });
}

std::string matrixText(const MatrixUnit& unit) {
  std::string text = fmt::format("\n[[matrix]]\nscope = {}\na = {}\nb = {}\naccumulator = {}\n",
                                 quoted(scopeText(unit.scope)), quoted(unit.a), quoted(unit.b),
                                 quoted(unit.accumulator));
  return text + lines(unit, [](const auto& from, auto visit) { visitMatrixFields(from, visit); });
}

/// What stands before the tables.
std::string headText(const Entry& entry) {
  std::string text;
  const auto line = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) text += fmt::format("{} = {}\n", key, quoted(value));
  };
  const auto list = [&](std::string_view key, const std::vector<std::string>& values) {
    std::string all;
    for (const std::string& value : values) all += (all.empty() ? "" : ", ") + quoted(value);
    if (!all.empty()) text += fmt::format("{} = [{}]\n", key, all);
  };
  line("name", entry.description.name);
  list("match", entry.matches);
  list("except", entry.excepts);
  line("device", entry.device);
  line("driver", entry.driver);
  line("family", entry.family);
  if (entry.architecture) text += "architecture = true\n";
  line("extends", entry.extends);
  line("kind", entry.description.kind == Description::Kind::Cpu ? "cpu" : "gpu");
  return text;
}

}  // namespace

std::string write(const Entry& entry) {
  const Description& description = entry.description;
  std::string text = headText(entry) + "\n[fields]\n";
  text += lines(description, [](const auto& from, auto visit) { visitFields(from, visit); });
  for (const MemoryLevel& level : description.memory) text += levelText(level);
  for (const MatrixUnit& unit : description.matrixUnits) text += matrixText(unit);
  return text;
}

}  // namespace quartet::hwdb
