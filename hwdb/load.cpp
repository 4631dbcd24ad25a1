#include "hwdb/load.h"

#include "hwdb/toml_table.h"

namespace quartet::hwdb {
namespace {

const std::map<std::string, Description::Kind> kKinds{{"cpu", Description::Kind::Cpu},
                                                      {"gpu", Description::Kind::Gpu}};
const std::map<std::string, MemoryLevel::Kind> kLevelKinds{
    {"cache", MemoryLevel::Kind::Cache},
    {"device", MemoryLevel::Kind::Device},
    {"explicit", MemoryLevel::Kind::Explicit}};
const std::map<std::string, MatrixUnit::Scope> kScopes{
    {"group", MatrixUnit::Scope::Group},
    {"invocation", MatrixUnit::Scope::Invocation},
    {"subgroup", MatrixUnit::Scope::Subgroup}};

/// Element types of matrix units.
const std::map<std::string, std::string> kElements = [] {
  std::map<std::string, std::string> words;
  for (const char* name : {"bf16", "f16", "f32", "f4e2m1", "f64", "f8e4m3", "f8e5m2", "i32", "i4",
                           "i8", "tf32", "u4", "u8"}) {
    words.emplace(name, name);
  }
  return words;
}();

/// Reads fields with one of the visit functions.
template <class D, class V>
Status readFields(TomlTable& table, D& into, V visitAll) {
  QT_CHECK(table.defaults());
  Status status;
  visitAll(into, [&](std::string_view key, auto& field, const FieldRule& rule) {
    if (status) status = table.field(key, field, rule);
  });
  QT_CHECK(status);
  return table.checkUnknown();
}

Result<MemoryLevel> parseLevel(const toml::table& from, const std::string& file) {
  TomlTable table(from, file);
  MemoryLevel level;
  level.name = QT_TRY(table.text("name", true));
  level.kind = QT_TRY(table.word("kind", kLevelKinds));
  level.sharers = QT_TRY(table.integer("sharers", 0));
  QT_CHECK(readFields(table, level, [](auto& to, auto visit) { visitLevelFields(to, visit); }));
  return level;
}

Result<MatrixUnit> parseMatrixUnit(const toml::table& from, const std::string& file) {
  TomlTable table(from, file);
  MatrixUnit unit;
  unit.scope = QT_TRY(table.word("scope", kScopes));
  unit.a = QT_TRY(table.word("a", kElements));
  unit.b = QT_TRY(table.word("b", kElements));
  unit.accumulator = QT_TRY(table.word("accumulator", kElements));
  const std::vector<int64_t> shape = QT_TRY(table.integers("shape", 3));
  QT_CHECK(readFields(table, unit, [](auto& to, auto visit) { visitMatrixFields(to, visit); }));
  if (shape.empty()) return unit;
  Count* extents[] = {&unit.m, &unit.n, &unit.k};
  for (size_t i = 0; i < shape.size(); ++i) {
    if (given(*extents[i])) return userError("the shape is given twice", table.where("shape"));
    *extents[i] = {shape[i], Provenance::Queried, "when it was measured"};
  }
  return unit;
}

/// A shape without a source only says which of a device's units was measured.
Status checkShapes(const TomlTable& table, const Entry& entry) {
  if (!entry.device.empty()) return {};
  for (const MatrixUnit& unit : entry.description.matrixUnits) {
    if (unit.m.provenance == Provenance::Queried) {
      return userError("'shape' is for entries with 'device'", table.where("matrix"),
                       "give m, n and k with a provenance and a source");
    }
  }
  return {};
}

Status parseDescription(TomlTable& table, const std::string& file, Description& description) {
  description.name = QT_TRY(table.text("name", true));
  description.kind = QT_TRY(table.word("kind", kKinds));
  for (const toml::table* fields : QT_TRY(table.tables("fields"))) {
    TomlTable inner(*fields, file);
    QT_CHECK(readFields(inner, description, [](auto& to, auto visit) { visitFields(to, visit); }));
  }
  for (const toml::table* level : QT_TRY(table.tables("memory"))) {
    MemoryLevel parsed = QT_TRY(parseLevel(*level, file));
    if (description.level(parsed.name) != nullptr) {
      return userError("the memory level is given twice",
                       TomlTable(*level, file).where("name") + ", level '" + parsed.name + "'");
    }
    description.memory.push_back(std::move(parsed));
  }
  for (const toml::table* unit : QT_TRY(table.tables("matrix"))) {
    description.matrixUnits.push_back(QT_TRY(parseMatrixUnit(*unit, file)));
  }
  return {};
}

/// What an entry is of: exactly one of four.
Status parseRole(TomlTable& table, Entry& entry) {
  entry.matches = QT_TRY(table.texts("match"));
  entry.excepts = QT_TRY(table.texts("except"));
  entry.driver = QT_TRY(table.text("driver", false));
  entry.family = QT_TRY(table.text("family", false));
  entry.architecture = QT_TRY(table.flag("architecture"));
  entry.device = QT_TRY(table.text("device", false));
  const int roles = (entry.isDevice() ? 1 : 0) + (entry.family.empty() ? 0 : 1) +
                    (entry.architecture ? 1 : 0) + (entry.device.empty() ? 0 : 1);
  if (roles != 1) {
    return userError("an entry needs exactly one of 'match', 'family', 'architecture' and 'device'",
                     table.where());
  }
  if (!entry.device.empty()) {
    if (entry.driver.empty()) return userError("needs a driver", table.where("device"));
    if (table.has("except")) return userError("is for entries with 'match'", table.where("except"));
    return {};
  }
  if (entry.isDevice()) return {};
  for (const char* key : {"except", "driver"}) {
    if (table.has(key)) return userError("is for entries with 'match'", table.where(key));
  }
  return {};
}

Result<Entry> parseEntry(const toml::table& from, const std::string& file) {
  TomlTable table(from, file);
  Entry entry;
  entry.where = table.where();
  QT_CHECK(parseRole(table, entry));
  entry.extends = QT_TRY(table.text("extends", false));
  QT_CHECK(parseDescription(table, file, entry.description));
  QT_CHECK(checkShapes(table, entry));
  QT_CHECK(table.checkUnknown());
  return entry;
}

}  // namespace

Result<std::vector<Entry>> parseEntries(std::string_view text, const std::string& file) {
  const toml::table parsed = QT_TRY(parseToml(text, file));
  std::vector<Entry> entries;
  if (!parsed.contains("entry")) {
    entries.push_back(QT_TRY(parseEntry(parsed, file)));
    return entries;
  }
  TomlTable table(parsed, file);
  for (const toml::table* entry : QT_TRY(table.tables("entry"))) {
    entries.push_back(QT_TRY(parseEntry(*entry, file)));
  }
  QT_CHECK(table.checkUnknown());
  return entries;
}

}  // namespace quartet::hwdb
