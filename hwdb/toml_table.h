// Reads the tables of an entry, and says by file, line and field what is wrong.
#pragma once

#include <toml++/toml.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hwdb/fields.h"

namespace quartet::hwdb {

/// Parses a file; the library's exceptions stop here.
Result<toml::table> parseToml(std::string_view text, const std::string& file);

/// One table. Remembers what was asked for, so that what is left over can be reported. `table` and
/// `file` must outlive it.
class TomlTable {
 public:
  TomlTable(const toml::table& table, const std::string& file) : table_(table), file_(file) {}

  /// "hwdb/data/x.toml:12".
  std::string where() const;
  /// "hwdb/data/x.toml:12, field 'units'".
  std::string where(std::string_view key) const;

  bool has(std::string_view key) const { return table_.contains(key); }
  Result<std::string> text(std::string_view key, bool required);
  /// A string, or an array of at least one; nothing when the key is missing.
  Result<std::vector<std::string>> texts(std::string_view key);
  Result<int> integer(std::string_view key, int otherwise);
  /// `count` whole numbers of at least 1; nothing when the key is missing.
  Result<std::vector<int64_t>> integers(std::string_view key, size_t count);
  /// true or false; false when the key is missing.
  Result<bool> flag(std::string_view key);
  /// One of a few words: its value.
  template <class T>
  Result<T> word(std::string_view key, const std::map<std::string, T>& words);

  /// Reads `provenance` and `source`, which then hold for every field of the table that is given as
  /// a bare value. Both or neither.
  Status defaults();
  /// A field: { value, provenance, source }, or a bare value where the table has defaults. Without
  /// it the field keeps its empty source.
  template <class T>
  Status field(std::string_view key, Field<T>& field, const FieldRule& rule);

  /// The table or the array of tables of that name; none when the key is missing.
  Result<std::vector<const toml::table*>> tables(std::string_view key);

  Status checkUnknown() const;

 private:
  struct Origin {
    std::string provenance, source;
  };

  Result<Origin> origin(std::string_view key, const toml::table& parts) const;
  Status setOrigin(std::string_view key, const Origin& origin, const FieldRule& rule,
                   Provenance& provenance, std::string& source) const;

  const toml::table& table_;
  const std::string& file_;
  std::set<std::string, std::less<>> known_;
  Origin defaults_;
};

/// The value of a field; errors have a message and no place yet.
Status readValue(const toml::node* node, const FieldRule& rule, int64_t& to);
Status readValue(const toml::node* node, const FieldRule& rule, double& to);
Status readValue(const toml::node* node, const FieldRule& rule, bool& to);
Status readValue(const toml::node* node, const FieldRule& rule, std::vector<SaturationPoint>& to);

template <class T>
Result<T> TomlTable::word(std::string_view key, const std::map<std::string, T>& words) {
  const std::string given = QT_TRY(text(key, true));
  if (const auto found = words.find(given); found != words.end()) return found->second;
  std::string known;
  for (const auto& [name, value] : words) known += (known.empty() ? "" : ", ") + name;
  return userError("unknown " + std::string(key) + " '" + given + "'", where(key),
                   "use one of: " + known);
}

template <class T>
Status TomlTable::field(std::string_view key, Field<T>& field, const FieldRule& rule) {
  const toml::node* node = table_.get(key);
  if (node == nullptr) return {};
  known_.emplace(key);
  if (given(field)) return userError("the field is given twice", where(key));
  Origin from = defaults_;
  const toml::node* value = node;
  if (const toml::table* parts = node->as_table()) {
    from = QT_TRY(origin(key, *parts));
    value = parts->get("value");
  } else if (defaults_.source.empty()) {
    return userError("must be a table", where(key),
                     "write { value = ..., provenance = \"...\", source = \"...\" }, or give the "
                     "table that it stands in a provenance and a source");
  }
  if (auto status = readValue(value, rule, field.value); !status) {
    Diagnostic error = std::move(status).error();
    error.where = where(key);
    return tl::unexpected(std::move(error));
  }
  return setOrigin(key, from, rule, field.provenance, field.source);
}

}  // namespace quartet::hwdb
