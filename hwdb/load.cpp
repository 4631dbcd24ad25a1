#include "hwdb/load.h"

#include <toml++/toml.h>

#include <optional>
#include <set>

#include "hwdb/fields.h"

namespace quartet::hwdb {
namespace {

std::string position(const std::string& file, const toml::node& node) {
  return file + ":" + std::to_string(node.source().begin.line);
}

std::optional<Provenance> parseProvenance(std::string_view text) {
  for (Provenance p : {Provenance::Datasheet, Provenance::Measured, Provenance::Derived}) {
    if (text == name(p)) return p;
  }
  return std::nullopt;
}

/// Reads one TOML table of an entry, and remembers what was asked for, so that what is left over
/// can be reported.
class Table {
 public:
  Table(const toml::table& table, const std::string& file) : table_(table), file_(file) {}

  std::string where(std::string_view key) const {
    const toml::node* node = table_.get(key);
    const std::string at = position(file_, node != nullptr ? *node : table_);
    return at + ", field '" + std::string(key) + "'";
  }

  Result<std::string> text(std::string_view key, bool required) {
    known_.emplace(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr) {
      if (!required) return std::string();
      return userError("the field is missing", where(key));
    }
    const auto value = node->value_exact<std::string>();
    if (!value || value->empty()) return userError("must be a non-empty string", where(key));
    return *value;
  }

  Result<int> integer(std::string_view key, int otherwise) {
    known_.emplace(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr) return otherwise;
    const auto value = node->value_exact<int64_t>();
    if (!value || *value < 1 || *value > INT32_MAX) {
      return userError("must be an integer of at least 1", where(key));
    }
    return static_cast<int>(*value);
  }

  /// A field {value, provenance, source}; without it the field keeps its empty source.
  template <class T>
  Status field(std::string_view key, Field<T>& field, FieldClass fieldClass, double minimum) {
    known_.emplace(key);
    const toml::node* node = table_.get(key);
    if (node == nullptr) return {};
    const toml::table* parts = node->as_table();
    if (parts == nullptr) {
      return userError("must be a table", where(key),
                       "write { value = ..., provenance = \"...\", source = \"...\" }");
    }
    Table inner(*parts, file_);
    const auto told = [&](Diagnostic error) {
      error.where = where(key);
      return tl::unexpected(std::move(error));
    };
    const auto provenance = inner.text("provenance", true);
    if (!provenance) return userError("'provenance' is missing or no string", where(key));
    const auto source = inner.text("source", true);
    if (!source) return userError("'source' is missing or empty", where(key));
    if (auto status = inner.value(field.value, minimum); !status) return told(status.error());
    if (auto status = inner.checkUnknown(); !status) return told(status.error());
    const auto parsed = parseProvenance(*provenance);
    if (!parsed) {
      return userError("unknown provenance '" + *provenance + "'", where(key),
                       "use measured, datasheet or derived; queried values come from the device");
    }
    if (fieldClass == FieldClass::Limit && *parsed != Provenance::Datasheet) {
      return userError("a limit cannot be " + *provenance, where(key),
                       "limits are queried from the device, or from a datasheet");
    }
    field.provenance = *parsed;
    field.source = *source;
    return {};
  }

  const toml::table* table(std::string_view key) {
    known_.emplace(key);
    const toml::node* node = table_.get(key);
    return node != nullptr ? node->as_table() : nullptr;
  }

  Result<std::vector<const toml::table*>> tables(std::string_view key) {
    known_.emplace(key);
    std::vector<const toml::table*> result;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return result;
    const toml::array* array = node->as_array();
    if (array == nullptr) return userError("must be an array of tables", where(key));
    for (const toml::node& element : *array) {
      if (!element.is_table()) return userError("must hold tables only", where(key));
      result.push_back(element.as_table());
    }
    return result;
  }

  Status checkUnknown() const {
    for (const auto& [key, node] : table_) {
      if (known_.contains(key.str())) continue;
      return userError("unknown field",
                       position(file_, node) + ", field '" + std::string(key.str()) + "'");
    }
    return {};
  }

 private:
  Status value(int64_t& to, double minimum) { return number<int64_t>(to, minimum, "an integer"); }
  Status value(double& to, double minimum) {
    if (const toml::node* node = table_.get("value"); node != nullptr && node->is_integer()) {
      return userError("'value' must be a number with a decimal point");
    }
    return number<double>(to, minimum, "a number");
  }
  Status value(bool& to, double /*minimum*/) {
    known_.emplace("value");
    const toml::node* node = table_.get("value");
    const auto found = node != nullptr ? node->value_exact<bool>() : std::nullopt;
    if (!found) return userError("'value' must be true or false");
    to = *found;
    return {};
  }
  template <class T>
  Status number(T& to, double minimum, const std::string& what) {
    known_.emplace("value");
    const toml::node* node = table_.get("value");
    const auto found = node != nullptr ? node->value_exact<T>() : std::nullopt;
    if (!found) return userError("'value' must be " + what);
    if (!(static_cast<double>(*found) >= minimum)) {
      return userError("'value' is " + std::to_string(*found) + ", must be at least " +
                       std::to_string(static_cast<int64_t>(minimum)));
    }
    to = *found;
    return {};
  }

  const toml::table& table_;
  const std::string& file_;
  std::set<std::string, std::less<>> known_;
};

/// The library's exceptions stop here.
Result<toml::table> parseToml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return userError("not valid TOML: " + std::string(error.description()),
                     file + ":" + std::to_string(error.source().begin.line));
  }
}

Result<MemoryLevel> parseLevel(const toml::table& from, const std::string& file) {
  Table table(from, file);
  MemoryLevel level;
  level.name = QT_TRY(table.text("name", true));
  const std::string kind = QT_TRY(table.text("kind", true));
  if (kind == "device") {
    level.kind = MemoryLevel::Kind::Device;
  } else if (kind == "cache") {
    level.kind = MemoryLevel::Kind::Cache;
  } else if (kind == "explicit") {
    level.kind = MemoryLevel::Kind::Explicit;
  } else {
    return userError("unknown kind '" + kind + "'", table.where("kind"),
                     "use device, cache or explicit");
  }
  level.sharers = QT_TRY(table.integer("sharers", 1));
  Status status;
  visitLevelFields(level,
                   [&](std::string_view key, auto& field, FieldClass fieldClass, double min) {
                     if (status) status = table.field(key, field, fieldClass, min);
                   });
  QT_CHECK(status);
  QT_CHECK(table.checkUnknown());
  return level;
}

Result<Description> parseDescription(Table& table, const std::string& file) {
  Description description;
  description.name = QT_TRY(table.text("name", true));
  const std::string kind = QT_TRY(table.text("kind", true));
  if (kind != "cpu" && kind != "gpu") {
    return userError("unknown kind '" + kind + "'", table.where("kind"), "use cpu or gpu");
  }
  description.kind = kind == "cpu" ? Description::Kind::Cpu : Description::Kind::Gpu;

  const toml::table* fields = table.table("fields");
  if (fields == nullptr) return userError("the table [fields] is missing", file);
  Table inner(*fields, file);
  Status status;
  visitFields(description,
              [&](std::string_view key, auto& field, FieldClass fieldClass, double min) {
                if (status) status = inner.field(key, field, fieldClass, min);
              });
  QT_CHECK(status);
  QT_CHECK(inner.checkUnknown());
  for (const toml::table* level : QT_TRY(table.tables("memory"))) {
    description.memory.push_back(QT_TRY(parseLevel(*level, file)));
  }
  return description;
}

}  // namespace

Result<Entry> parseEntry(std::string_view text, const std::string& file) {
  const toml::table parsed = QT_TRY(parseToml(text, file));
  Table table(parsed, file);
  Entry entry;
  entry.file = file;
  entry.match = QT_TRY(table.text("match", false));
  entry.family = QT_TRY(table.text("family", false));
  entry.device = QT_TRY(table.text("device", false));
  entry.driver = QT_TRY(table.text("driver", false));
  const int kinds =
      int{!entry.match.empty()} + int{!entry.family.empty()} + int{!entry.device.empty()};
  if (kinds != 1) return userError("an entry needs one of 'match', 'family' and 'device'", file);
  if (entry.device.empty() != entry.driver.empty()) {
    return userError("'device' and 'driver' go together", file);
  }
  entry.description = QT_TRY(parseDescription(table, file));
  QT_CHECK(table.checkUnknown());
  return entry;
}

Result<std::vector<Entry>> parseEntries(std::span<const EmbeddedFile> files) {
  std::vector<Entry> entries;
  for (const EmbeddedFile& file : files) {
    entries.push_back(
        QT_TRY(parseEntry(file.text, "hwdb/data/" + std::string(file.name) + ".toml")));
  }
  return entries;
}

}  // namespace quartet::hwdb
