// The entries of all files, what they inherit, and which of them a device gets.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>

#include "hwdb/load.h"
#include "hwdb/merge.h"

namespace quartet::hwdb {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool isWordCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// Whether `words` stand in `text`, in any case, and are not parts of longer words or numbers: an
/// "A100" is no "A1000".
bool containsWords(std::string_view text, std::string_view words) {
  const std::string all = lower(text);
  const std::string part = lower(words);
  for (size_t at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) {
    const size_t end = at + part.size();
    const bool starts = at == 0 || !isWordCharacter(all[at - 1]) || !isWordCharacter(part.front());
    const bool ends =
        end == all.size() || !isWordCharacter(all[end]) || !isWordCharacter(part.back());
    if (starts && ends) return true;
  }
  return false;
}

/// How exactly an entry means a device: nothing when it does not.
struct Match {
  bool driver = false;
  size_t length = 0;  // of the longest words that match
  auto operator<=>(const Match&) const = default;
};

Match matchOf(const Entry& entry, const Description& device) {
  const auto named = [&](const std::string& words) {
    return containsWords(device.name, words) || containsWords(device.driver, words);
  };
  Match match;
  if (entry.description.kind != device.kind) return match;
  if (!entry.driver.empty() && !containsWords(device.driver, entry.driver)) return match;
  if (std::any_of(entry.excepts.begin(), entry.excepts.end(), named)) return match;
  for (const std::string& words : entry.matches) {
    if (named(words)) match.length = std::max(match.length, words.size());
  }
  match.driver = match.length > 0 && !entry.driver.empty();
  return match;
}

Status checkDistinct(const std::vector<Entry>& entries) {
  std::map<std::string, const Entry*> names;
  std::map<std::tuple<Description::Kind, std::string, std::string>, const Entry*> matches;
  for (const Entry& entry : entries) {
    const auto [named, first] = names.emplace(slug(entry.description.name), &entry);
    if (!first) {
      return userError("there is another entry of this name, at " + named->second->where,
                       entry.where + ", field 'name'");
    }
    for (const std::string& words : entry.matches) {
      const auto [other, free] = matches.emplace(
          std::tuple(entry.description.kind, lower(entry.driver), lower(words)), &entry);
      if (free) continue;
      return userError(
          "'" + words + "' is matched by another entry too, at " + other->second->where,
          entry.where + ", field 'match'", "one of the two needs a driver, or other words");
    }
  }
  return {};
}

/// Builds entries on what they extend, parents first.
class Inheritance {
 public:
  explicit Inheritance(std::vector<Entry>& entries) : entries_(entries) {}

  Status resolve(Entry& entry) {
    if (entry.extends.empty() || done_.contains(&entry)) return {};
    const std::string where = entry.where + ", field 'extends'";
    if (!open_.insert(&entry).second) return userError("the entry builds on itself", where);
    const auto parent = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& other) {
      return other.description.name == entry.extends;
    });
    if (parent == entries_.end()) return userError("no entry '" + entry.extends + "'", where);
    if (parent->description.kind != entry.description.kind) {
      return userError("'" + entry.extends + "' is of another kind", where);
    }
    QT_CHECK(resolve(*parent));
    Description inherited = parent->description;
    // What a device or an architecture is said to be holds; what a family is said to be is a guess
    // about its members, and so is what was measured on one device about another.
    if (!parent->family.empty()) assume(inherited, "family " + parent->family, true);
    if (parent->architecture) assume(inherited, parent->description.name, false);
    inherit(entry.description, inherited);
    done_.insert(&entry);
    return {};
  }

 private:
  std::vector<Entry>& entries_;
  std::set<const Entry*> open_, done_;
};

}  // namespace

Result<std::vector<Entry>> loadEntries(std::span<const EmbeddedFile> files) {
  std::vector<Entry> entries;
  for (const EmbeddedFile& file : files) {
    std::vector<Entry> parsed =
        QT_TRY(parseEntries(file.text, "hwdb/data/" + std::string(file.name) + ".toml"));
    entries.insert(entries.end(), std::move_iterator(parsed.begin()),
                   std::move_iterator(parsed.end()));
  }
  QT_CHECK(checkDistinct(entries));
  Inheritance inheritance(entries);
  for (Entry& entry : entries) QT_CHECK(inheritance.resolve(entry));
  return entries;
}

Result<std::span<const Entry>> embeddedEntries() {
  static const Result<std::vector<Entry>> entries = loadEntries(embeddedFiles());
  if (!entries) return tl::unexpected(entries.error());
  return std::span<const Entry>(*entries);
}

Result<const Entry*> matchEntry(const Description& device, std::span<const Entry> entries) {
  const Entry* best = nullptr;
  const Entry* equal = nullptr;
  Match most;
  for (const Entry& entry : entries) {
    const Match match = matchOf(entry, device);
    if (match.length == 0 || match < most) continue;
    equal = match == most ? best : nullptr;
    best = &entry;
    most = match;
  }
  if (equal == nullptr) return best;
  return userError("two entries match the device equally: '" + equal->description.name + "' (" +
                       equal->where + ") and '" + best->description.name + "' (" + best->where +
                       ")",
                   "device '" + device.name + "', driver '" + device.driver + "'",
                   "one of the two needs a driver, or longer words");
}

std::string slug(std::string_view name) {
  std::string text = lower(name);
  std::erase(text, ',');
  std::replace(text.begin(), text.end(), ' ', '-');
  return text;
}

Result<const Entry*> findEntry(std::string_view name, std::span<const Entry> entries) {
  Diagnostic error{Diagnostic::Kind::User,
                   "there is no such entry in the hardware database",
                   "entry '" + std::string(name) + "'",
                   {},
                   "`quartet devices --database` lists them"};
  for (const Entry& entry : entries) {
    if (slug(entry.description.name) == slug(name)) return &entry;
    if (entry.isDevice()) error.notes.push_back(slug(entry.description.name));
  }
  return tl::unexpected(std::move(error));
}

}  // namespace quartet::hwdb
