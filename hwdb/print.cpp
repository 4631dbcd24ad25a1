#include <fmt/format.h>

#include "hwdb/fields.h"
#include "hwdb/load.h"

namespace quartet::hwdb {
namespace {

std::string valueText(int64_t value) { return std::to_string(value); }
std::string valueText(double value) { return fmt::format("{:g}", value); }
std::string valueText(bool value) { return value ? "yes" : "no"; }
std::string valueText(const std::vector<SaturationPoint>& points) {
  std::string text;
  for (const SaturationPoint& point : points) {
    text += fmt::format("{}{}: {:g}", text.empty() ? "" : ", ", point.invocations,
                        point.gigabytesPerSecond);
  }
  return text;
}

template <class T>
std::string line(std::string_view key, const Field<T>& field) {
  return fmt::format("  {:<26} {:>14}  {:<9}  {}\n", key, valueText(field.value),
                     name(field.provenance), field.source);
}

struct Tally {
  int measured = 0, datasheet = 0, derived = 0, queried = 0;
  void add(FieldClass fieldClass, Provenance provenance) {
    if (fieldClass == FieldClass::Limit) return;
    switch (provenance) {
      case Provenance::Queried:
        ++queried;
        break;
      case Provenance::Datasheet:
        ++datasheet;
        break;
      case Provenance::Measured:
        ++measured;
        break;
      case Provenance::Derived:
        ++derived;
        break;
    }
  }
};

std::string_view kindName(MemoryLevel::Kind kind) {
  switch (kind) {
    case MemoryLevel::Kind::Device:
      return "device memory";
    case MemoryLevel::Kind::Cache:
      return "cache";
    case MemoryLevel::Kind::Explicit:
      return "explicit";
  }
  return "?";
}

/// Prints and counts fields, those of a list indented.
class Printer {
 public:
  auto fields(const std::string& indent = "") {
    return [this, indent](std::string_view key, const auto& field, const FieldRule& rule) {
      if (!given(field)) return;
      text += line(indent + std::string(key), field);
      tally_.add(rule.fieldClass, field.provenance);
    };
  }
  std::string tally() const {
    return fmt::format("costs: {} measured, {} queried, {} from a datasheet, {} derived\n",
                       tally_.measured, tally_.queried, tally_.datasheet, tally_.derived);
  }

  std::string text;

 private:
  Tally tally_;
};

}  // namespace

std::string_view name(MatrixUnit::Scope scope) {
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

std::string print(const Description& description) {
  Printer printer;
  printer.text = fmt::format(
      "device {}\ndriver {}\ndescription: {}{}\n", description.name, description.driver,
      description.entry,
      description.entry.starts_with("family ") ? " (the device itself has no entry)" : "");
  visitFields(description, printer.fields());
  for (const MatrixUnit& unit : description.matrixUnits) {
    printer.text += fmt::format("  matrix unit {} x {} + {} (one {})\n", unit.a, unit.b,
                                unit.accumulator, name(unit.scope));
    visitMatrixFields(unit, printer.fields("  "));
  }
  for (const MemoryLevel& level : description.memory) {
    printer.text += fmt::format("  memory level {} ({}, shared by {})\n", level.name,
                                kindName(level.kind), level.sharers);
    visitLevelFields(level, printer.fields("  "));
  }
  return printer.text + printer.tally();
}

}  // namespace quartet::hwdb
