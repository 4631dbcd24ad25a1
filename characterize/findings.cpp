#include "characterize/findings.h"

#include <fmt/format.h>

#include <algorithm>

namespace quartet::characterize {

const Figure* Findings::figure(std::string_view name) const {
  const auto found = std::find_if(figures.begin(), figures.end(),
                                  [&](const Figure& figure) { return figure.name == name; });
  return found == figures.end() ? nullptr : &*found;
}

void Findings::describe(hwdb::Number& field, const Reading& reading,
                        const std::string& method) const {
  field.value = reading.value;
  field.provenance = hwdb::Provenance::Measured;
  field.source = fmt::format("{}; {} of {} runs, p10-p90 {:.3g}-{:.3g}; {}, {}", method,
                             reading.noisy ? "noisy: the fast end" : "median", reading.runs,
                             reading.p10, reading.p90, device.driver, date);
}

void Findings::describe(hwdb::Flag& field, bool value, const std::string& method) const {
  field.value = value;
  field.provenance = hwdb::Provenance::Measured;
  field.source = fmt::format("{}; {}, {}", method, device.driver, date);
}

void Findings::describe(hwdb::Curve& field, std::vector<hwdb::SaturationPoint> points,
                        const std::string& method) const {
  field.value = std::move(points);
  field.provenance = hwdb::Provenance::Measured;
  field.source = fmt::format("{}; {}, {}", method, device.driver, date);
}

hwdb::MemoryLevel& Findings::level(const std::string& name) {
  for (hwdb::MemoryLevel& known : measured.memory) {
    if (known.name == name) return known;
  }
  const hwdb::MemoryLevel* of = device.level(name);
  QT_ASSERT(of != nullptr, "the device has a memory level " + name);
  hwdb::MemoryLevel level;
  level.name = of->name;
  level.kind = of->kind;
  level.sharers = of->sharers;
  measured.memory.push_back(level);
  return measured.memory.back();
}

}  // namespace quartet::characterize
