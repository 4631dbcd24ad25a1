#include "hwdb/merge.h"

#include <algorithm>
#include <map>
#include <variant>

#include "hwdb/fields.h"

namespace quartet::hwdb {
namespace {

/// Fields by name, to pair those of two descriptions, levels or matrix units.
class FieldMap {
 public:
  template <class T>
  void add(std::string_view key, const Field<T>& field) {
    fields_[key] = &field;
  }
  template <class T>
  void fill(std::string_view key, Field<T>& field) const {
    if (!given(field)) field = *std::get<const Field<T>*>(fields_.at(key));
  }

 private:
  std::map<std::string_view, std::variant<const Count*, const Number*, const Flag*, const Curve*>>
      fields_;
};

void fillFields(Description& to, const Description& from) {
  FieldMap known;
  visitFields(from, [&](auto key, const auto& field, const FieldRule&) { known.add(key, field); });
  visitFields(to, [&](auto key, auto& field, const FieldRule&) { known.fill(key, field); });
}

void fillFields(MemoryLevel& to, const MemoryLevel& from) {
  FieldMap known;
  visitLevelFields(from,
                   [&](auto key, const auto& field, const FieldRule&) { known.add(key, field); });
  visitLevelFields(to, [&](auto key, auto& field, const FieldRule&) { known.fill(key, field); });
}

void fillFields(MatrixUnit& to, const MatrixUnit& from) {
  FieldMap known;
  visitMatrixFields(from,
                    [&](auto key, const auto& field, const FieldRule&) { known.add(key, field); });
  visitMatrixFields(to, [&](auto key, auto& field, const FieldRule&) { known.fill(key, field); });
}

bool sameTypes(const MatrixUnit& a, const MatrixUnit& b) {
  return a.scope == b.scope && a.a == b.a && a.b == b.b && a.accumulator == b.accumulator;
}

std::vector<MemoryLevel> mergeLevels(const std::vector<MemoryLevel>& device,
                                     const std::vector<MemoryLevel>& entry) {
  std::vector<MemoryLevel> merged;
  const auto named = [](std::string_view name) {
    return [name](const MemoryLevel& level) { return level.name == name; };
  };
  auto next = device.begin();  // first level of the device not yet merged
  for (const MemoryLevel& known : entry) {
    const auto live = std::find_if(next, device.end(), named(known.name));
    MemoryLevel level = known;
    if (live != device.end()) {
      merged.insert(merged.end(), next, live);
      level = *live;
      fillFields(level, known);
      if (level.sharers == 0) level.sharers = known.sharers;
      next = live + 1;
    }
    merged.push_back(std::move(level));
  }
  merged.insert(merged.end(), next, device.end());
  return merged;
}

/// Calls visit(field, rule) for every field of every list too.
template <class F>
void visitAll(Description& description, F visit) {
  const auto each = [&](std::string_view, auto& field, const FieldRule& rule) {
    visit(field, rule);
  };
  visitFields(description, each);
  for (MemoryLevel& level : description.memory) visitLevelFields(level, each);
  for (MatrixUnit& unit : description.matrixUnits) visitMatrixFields(unit, each);
}

}  // namespace

void complete(Description& device, const Description& entry) {
  fillFields(device, entry);
  device.memory = mergeLevels(device.memory, entry.memory);
  if (device.matrixUnits.empty()) {
    device.matrixUnits = entry.matrixUnits;
    return;
  }
  for (MatrixUnit& unit : device.matrixUnits) {
    for (const MatrixUnit& known : entry.matrixUnits) {
      if (sameTypes(unit, known) && !given(unit.gigaflops)) unit.gigaflops = known.gigaflops;
    }
  }
}

void inherit(Description& entry, const Description& parent) {
  fillFields(entry, parent);
  entry.memory = mergeLevels(entry.memory, parent.memory);
  for (const MatrixUnit& known : parent.matrixUnits) {
    const auto own = std::find_if(entry.matrixUnits.begin(), entry.matrixUnits.end(),
                                  [&](const MatrixUnit& unit) { return sameTypes(unit, known); });
    if (own == entry.matrixUnits.end()) {
      entry.matrixUnits.push_back(known);
    } else {
      fillFields(*own, known);
    }
  }
}

void assume(Description& description, const std::string& whose, bool all) {
  visitAll(description, [&](auto& field, const FieldRule& rule) {
    if (!given(field) || rule.fieldClass == FieldClass::Limit) return;
    if (!all && field.provenance != Provenance::Measured) return;
    field.provenance = Provenance::Derived;
    field.source = whose + ": " + field.source;
  });
}

}  // namespace quartet::hwdb
