#include <fmt/format.h>

#include "hwdb/fields.h"
#include "hwdb/load.h"

namespace quartet::hwdb {
namespace {

std::string valueText(int64_t value) { return std::to_string(value); }
std::string valueText(double value) { return fmt::format("{:g}", value); }
std::string valueText(bool value) { return value ? "yes" : "no"; }

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

}  // namespace

std::string print(const Description& description) {
  Tally tally;
  std::string text = fmt::format(
      "device {}\ndriver {}\ndescription: {}{}\n", description.name, description.driver,
      description.entry,
      description.entry.starts_with("family ") ? " (the device itself has no entry)" : "");
  visitFields(description,
              [&](std::string_view key, const auto& field, FieldClass fieldClass, int) {
                text += line(key, field);
                tally.add(fieldClass, field.provenance);
              });
  for (const MemoryLevel& level : description.memory) {
    text += fmt::format("  memory level {} ({}, shared by {})\n", level.name, kindName(level.kind),
                        level.sharers);
    visitLevelFields(level,
                     [&](std::string_view key, const auto& field, FieldClass fieldClass, int) {
                       text += line(fmt::format("  {}", key), field);
                       tally.add(fieldClass, field.provenance);
                     });
  }
  text += fmt::format("costs: {} measured, {} queried, {} from a datasheet, {} derived\n",
                      tally.measured, tally.queried, tally.datasheet, tally.derived);
  return text;
}

}  // namespace quartet::hwdb
