#include <algorithm>
#include <cctype>
#include <map>

#include "hwdb/fields.h"
#include "hwdb/load.h"

namespace quartet::hwdb {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool contains(std::string_view text, std::string_view part) {
  return lower(text).find(lower(part)) != std::string::npos;
}

const Entry* findEntry(const Description& device, std::span<const Entry> entries) {
  for (const Entry& entry : entries) {
    if (entry.match.empty() || entry.description.kind != device.kind) continue;
    if (contains(device.name, entry.match) || contains(device.driver, entry.match)) return &entry;
  }
  for (const Entry& entry : entries) {
    if (!entry.family.empty() && entry.family == device.entry) return &entry;
  }
  return nullptr;
}

/// Fields by name, to pair those of two descriptions or levels.
struct FieldMap {
  std::map<std::string_view, const Count*> counts;
  std::map<std::string_view, const Number*> numbers;
  std::map<std::string_view, const Flag*> flags;
  void add(std::string_view key, const Count& field) { counts[key] = &field; }
  void add(std::string_view key, const Number& field) { numbers[key] = &field; }
  void add(std::string_view key, const Flag& field) { flags[key] = &field; }
  void fill(std::string_view key, Count& field) const { field = *counts.at(key); }
  void fill(std::string_view key, Number& field) const { field = *numbers.at(key); }
  void fill(std::string_view key, Flag& field) const { field = *flags.at(key); }
};

/// Every field of `to` without a source becomes that of `from`, an entry's.
void fillFields(Description& to, const Description& from) {
  FieldMap known;
  visitFields(from, [&](auto key, const auto& field, auto...) { known.add(key, field); });
  visitFields(to, [&](auto key, auto& field, auto...) {
    if (!given(field)) known.fill(key, field);
  });
}

void fillFields(MemoryLevel& to, const MemoryLevel& from) {
  FieldMap known;
  visitLevelFields(from, [&](auto key, const auto& field, auto...) { known.add(key, field); });
  visitLevelFields(to, [&](auto key, auto& field, auto...) {
    if (!given(field)) known.fill(key, field);
  });
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
      next = live + 1;
    }
    if (level.kind == MemoryLevel::Kind::Cache && !given(level.bytes)) continue;
    merged.push_back(std::move(level));
  }
  merged.insert(merged.end(), next, device.end());
  return merged;
}

Status checkComplete(const Description& description) {
  Diagnostic missing{Diagnostic::Kind::User,
                     "the device's description is incomplete",
                     "device '" + description.name + "', entry '" + description.entry + "'",
                     {},
                     "add the fields to the entry in hwdb/data, or let the backend query them"};
  visitFields(description, [&](std::string_view key, const auto& field, auto...) {
    if (!given(field)) missing.notes.push_back("missing: " + std::string(key));
  });
  for (const MemoryLevel& level : description.memory) {
    visitLevelFields(level, [&](std::string_view key, const auto& field, auto...) {
      if (given(field)) return;
      missing.notes.push_back("missing: " + std::string(key) + " of memory level " + level.name);
    });
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

Result<Description> describe(Description queried, std::span<const Entry> entries) {
  const Entry* entry = findEntry(queried, entries);
  if (entry == nullptr) {
    return userError("no entry matches the device, and there is no family '" + queried.entry + "'",
                     "device '" + queried.name + "', driver '" + queried.driver + "'",
                     "add an entry to hwdb/data");
  }
  Description result = std::move(queried);
  result.entry = entry->family.empty() ? entry->description.name : "family " + entry->family;
  fillFields(result, entry->description);
  // A device may know its memory's size without listing the level.
  result.memory = mergeLevels(result.memory, entry->description.memory);
  for (MemoryLevel& level : result.memory) {
    if (level.kind == MemoryLevel::Kind::Device && !given(level.bytes))
      level.bytes = result.memoryBytes;
    if (level.kind == MemoryLevel::Kind::Device && !given(level.gigabytesPerSecond)) {
      level.gigabytesPerSecond = result.memoryGigabytesPerSecond;
      level.gigabytesPerSecond.value /=
          static_cast<double>(std::max<int64_t>(1, result.units.value));
    }
  }
  QT_CHECK(checkComplete(result));
  return result;
}

}  // namespace quartet::hwdb
