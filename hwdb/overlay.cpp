// Descriptions that were measured on the device itself.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>

#include "base/env.h"
#include "base/regular_file.h"
#include "hwdb/fields.h"
#include "hwdb/load.h"

namespace quartet::hwdb {
namespace {

/// What descriptions, memory levels and matrix units alike have fields for.
template <class F>
void visit(Description& d, F f) {
  visitFields(d, f);
}
template <class F>
void visit(MemoryLevel& level, F f) {
  visitLevelFields(level, f);
}
template <class F>
void visit(MatrixUnit& unit, F f) {
  visitMatrixFields(unit, f);
}

/// Costs that `from` gives replace those of `to`; limits only stand in for what `to` lacks.
template <class T>
void layOver(T& to, T from) {
  visit(to, [&](std::string_view key, auto& field, const FieldRule& rule) {
    if (rule.fieldClass == FieldClass::Limit && given(field)) return;
    visit(from, [&](std::string_view other, auto& given_, const FieldRule&) {
      if constexpr (std::is_same_v<decltype(field), decltype(given_)>) {
        if (other == key && given(given_)) field = given_;
      }
    });
  });
}

bool isSame(const MatrixUnit& a, const MatrixUnit& b) {
  return a.scope == b.scope && a.a == b.a && a.b == b.b && a.accumulator == b.accumulator &&
         a.m.value == b.m.value && a.n.value == b.n.value && a.k.value == b.k.value;
}

Result<std::string> readText(const std::string& path) {
  const RegularFile file = QT_TRY(RegularFile::open(path));
  std::string text(static_cast<size_t>(file.size()), '\0');
  size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(file.descriptor(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return userError(got < 0 ? std::string("cannot read: ") + std::strerror(errno)
                               : std::string("cannot read: it became shorter meanwhile"),
                       "file '" + path + "'");
    }
    filled += static_cast<size_t>(got);
  }
  return text;
}

/// The entry for this device and driver; null when there is none.
Result<const Entry*> findMeasured(const Description& device, const std::vector<Entry>& entries) {
  const Entry* found = nullptr;
  for (const Entry& entry : entries) {
    if (entry.device.empty()) {
      return userError("the entry is not for one device: it lacks 'device' and 'driver'",
                       entry.where, "measure the device: quartet characterize");
    }
    if (entry.device != device.name || entry.driver != device.driver) continue;
    if (found != nullptr) {
      return userError("two files describe the device '" + entry.device + "'", entry.where,
                       "remove this one or " + found->where);
    }
    found = &entry;
  }
  return found;
}

}  // namespace

Result<Description> overlay(Description description, const Entry& measured) {
  layOver(description, measured.description);
  for (const MemoryLevel& level : measured.description.memory) {
    const auto known = std::find_if(description.memory.begin(), description.memory.end(),
                                    [&](const MemoryLevel& l) { return l.name == level.name; });
    if (known == description.memory.end()) {
      return userError("the device has no memory level '" + level.name + "'", measured.where,
                       "measure the device again: quartet characterize");
    }
    layOver(*known, level);
  }
  for (const MatrixUnit& unit : measured.description.matrixUnits) {
    const auto known = std::find_if(description.matrixUnits.begin(), description.matrixUnits.end(),
                                    [&](const MatrixUnit& u) { return isSame(u, unit); });
    if (known == description.matrixUnits.end()) {
      return userError(
          "the device has no matrix unit for " + unit.a + " and " + unit.b + " of that shape",
          measured.where, "measure the device again: quartet characterize");
    }
    layOver(*known, unit);
  }
  description.entry = measured.where;
  return description;
}

Result<std::vector<Entry>> readEntries(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".toml") paths.push_back(it->path());
  }
  if (error) {
    return userError("cannot read the folder: " + error.message(), "folder '" + folder + "'",
                     std::string(info(EnvSwitch::Devices).variable) + " names it");
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Entry> entries;
  for (const auto& path : paths) {
    const std::string text = QT_TRY(readText(path.string()));
    std::vector<Entry> parsed = QT_TRY(parseEntries(text, path.string()));
    std::move(parsed.begin(), parsed.end(), std::back_inserter(entries));
  }
  return entries;
}

Result<Description> describe(Description queried) {
  const auto entries = QT_TRY(embeddedEntries());
  Description description = QT_TRY(describe(std::move(queried), entries));
  const std::optional<std::string> folder = QT_TRY(envPath(EnvSwitch::Devices));
  if (!folder || *folder == "off") return description;
  const std::vector<Entry> measured = QT_TRY(readEntries(*folder));
  const Entry* found = QT_TRY(findMeasured(description, measured));
  if (found == nullptr) return description;
  return overlay(std::move(description), *found);
}

}  // namespace quartet::hwdb
