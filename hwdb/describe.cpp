#include <algorithm>

#include "hwdb/fields.h"
#include "hwdb/load.h"
#include "hwdb/merge.h"

namespace quartet::hwdb {
namespace {

const Entry* findFamily(const std::string& family, std::span<const Entry> entries) {
  for (const Entry& entry : entries) {
    if (!entry.family.empty() && entry.family == family) return &entry;
  }
  return nullptr;
}

Status checkComplete(const Description& description) {
  Diagnostic missing{Diagnostic::Kind::User,
                     "the device's description is incomplete",
                     "device '" + description.name + "', entry '" + description.entry + "'",
                     {},
                     "add the fields to the entry in hwdb/data, or let the backend query them"};
  const auto checker = [&](const std::string& of) {
    return [&missing, of](std::string_view key, const auto& field, const FieldRule& rule) {
      if (rule.required && !given(field)) {
        missing.notes.push_back("missing: " + std::string(key) + of);
      }
    };
  };
  visitFields(description, checker(""));
  for (const MemoryLevel& level : description.memory) {
    visitLevelFields(level, checker(" of memory level " + level.name));
  }
  for (const MatrixUnit& unit : description.matrixUnits) {
    visitMatrixFields(unit, checker(" of the matrix unit for " + unit.a + " and " + unit.b));
  }
  if (description.memory.empty()) missing.notes.emplace_back("missing: memory levels");
  if (missing.notes.empty()) return {};
  return tl::unexpected(std::move(missing));
}

}  // namespace

std::string_view name(Provenance provenance) {
  switch (provenance) {
    case Provenance::Queried:
      return "queried";
    case Provenance::Datasheet:
      return "datasheet";
    case Provenance::Measured:
      return "measured";
    case Provenance::Derived:
      return "derived";
  }
  return "unknown";
}

const MemoryLevel* Description::level(std::string_view name) const {
  for (const MemoryLevel& candidate : memory) {
    if (candidate.name == name) return &candidate;
  }
  return nullptr;
}

namespace {

/// What follows from other fields; then all that is required must be there.
Result<Description> finish(Description description) {
  std::erase_if(description.memory, [](const MemoryLevel& level) {
    return level.kind == MemoryLevel::Kind::Cache && !given(level.bytes);
  });
  for (MemoryLevel& level : description.memory) {
    level.sharers = std::max(level.sharers, 1);
    // A device may know its memory's size without listing the level.
    if (level.kind == MemoryLevel::Kind::Device && !given(level.bytes)) {
      level.bytes = description.memoryBytes;
    }
    if (level.kind == MemoryLevel::Kind::Device && !given(level.gigabytesPerSecond)) {
      level.gigabytesPerSecond = description.memoryGigabytesPerSecond;
      level.gigabytesPerSecond.value /=
          static_cast<double>(std::max<int64_t>(1, description.units.value));
    }
  }
  QT_CHECK(checkComplete(description));
  return description;
}

}  // namespace

Result<Description> describe(Description queried, std::span<const Entry> entries) {
  const Entry* entry = QT_TRY(matchEntry(queried, entries));
  if (entry == nullptr) entry = findFamily(queried.entry, entries);
  if (entry == nullptr) {
    return userError("no entry matches the device, and there is no family '" + queried.entry + "'",
                     "device '" + queried.name + "', driver '" + queried.driver + "'",
                     "add an entry to hwdb/data");
  }
  Description result = std::move(queried);
  result.entry = entry->family.empty() ? entry->description.name : "family " + entry->family;
  complete(result, entry->description);
  return finish(std::move(result));
}

Result<Description> describeEntry(const Entry& entry) {
  if (!entry.isDevice()) {
    return userError("the entry describes no device: it lacks limits that only a device has",
                     "entry '" + entry.description.name + "'",
                     "name a device's; `quartet devices --database` lists them");
  }
  Description result = entry.description;
  result.entry = result.name;
  result.driver = entry.driver;
  return finish(std::move(result));
}

}  // namespace quartet::hwdb
