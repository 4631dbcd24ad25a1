#include "hwdb/toml_table.h"

#include <algorithm>
#include <cmath>
#include <optional>

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

template <class T>
Status readNumber(const toml::node* node, const FieldRule& rule, const std::string& what, T& to) {
  const auto found = node != nullptr ? node->value_exact<T>() : std::nullopt;
  if (!found) return userError("'value' must be " + what);
  const bool reached = static_cast<double>(*found) >= rule.minimum;  // NaN does not
  if (!reached || std::isinf(static_cast<double>(*found))) {
    return userError(
        "'value' is " + std::to_string(*found) + ", must be " +
        (reached ? "finite" : "at least " + std::to_string(static_cast<int64_t>(rule.minimum))));
  }
  to = *found;
  return {};
}

}  // namespace

Result<toml::table> parseToml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return userError("not valid TOML: " + std::string(error.description()),
                     file + ":" + std::to_string(error.source().begin.line));
  }
}

Status readValue(const toml::node* node, const FieldRule& rule, int64_t& to) {
  return readNumber(node, rule, "an integer", to);
}

Status readValue(const toml::node* node, const FieldRule& rule, double& to) {
  if (node != nullptr && node->is_integer()) {
    return userError("'value' must be a number with a decimal point");
  }
  return readNumber(node, rule, "a number", to);
}

Status readValue(const toml::node* node, const FieldRule& /*rule*/, bool& to) {
  const auto found = node != nullptr ? node->value_exact<bool>() : std::nullopt;
  if (!found) return userError("'value' must be true or false");
  to = *found;
  return {};
}

Status readValue(const toml::node* node, const FieldRule& rule, std::vector<SaturationPoint>& to) {
  const std::string form = "'value' must be [[invocations, GB/s], ...]";
  const toml::array* points = node != nullptr ? node->as_array() : nullptr;
  if (points == nullptr || points->empty()) return userError(form);
  for (const toml::node& element : *points) {
    const toml::array* pair = element.as_array();
    if (pair == nullptr || pair->size() != 2) return userError(form);
    SaturationPoint point;
    QT_CHECK(
        readNumber(pair->get(0), {rule.fieldClass, 1, false}, form.substr(16), point.invocations));
    QT_CHECK(readNumber(pair->get(1), {rule.fieldClass, 0, false}, form.substr(16),
                        point.gigabytesPerSecond));
    if (!to.empty() && (point.invocations <= to.back().invocations ||
                        point.gigabytesPerSecond < to.back().gigabytesPerSecond)) {
      return userError("'value' must rise from point to point");
    }
    to.push_back(point);
  }
  return {};
}

std::string TomlTable::where() const { return position(file_, table_); }

std::string TomlTable::where(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return position(file_, node != nullptr ? *node : table_) + ", field '" + std::string(key) + "'";
}

Result<std::string> TomlTable::text(std::string_view key, bool required) {
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

Result<std::vector<std::string>> TomlTable::texts(std::string_view key) {
  known_.emplace(key);
  std::vector<std::string> result;
  const toml::node* node = table_.get(key);
  if (node == nullptr) return result;
  if (!node->is_array()) {
    result.push_back(QT_TRY(text(key, true)));
    return result;
  }
  for (const toml::node& element : *node->as_array()) {
    const auto value = element.value_exact<std::string>();
    if (!value || value->empty()) break;
    result.push_back(*value);
  }
  if (result.empty() || result.size() < node->as_array()->size()) {
    return userError("must be a non-empty string, or an array of them", where(key));
  }
  return result;
}

Result<int> TomlTable::integer(std::string_view key, int otherwise) {
  known_.emplace(key);
  const toml::node* node = table_.get(key);
  if (node == nullptr) return otherwise;
  const auto value = node->value_exact<int64_t>();
  if (!value || *value < 1 || *value > INT32_MAX) {
    return userError("must be an integer of at least 1", where(key));
  }
  return static_cast<int>(*value);
}

Result<std::vector<int64_t>> TomlTable::integers(std::string_view key, size_t count) {
  known_.emplace(key);
  std::vector<int64_t> numbers;
  const toml::node* node = table_.get(key);
  if (node == nullptr) return numbers;
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& element : *array) {
      numbers.push_back(element.value_exact<int64_t>().value_or(0));
    }
  }
  const bool positive =
      std::all_of(numbers.begin(), numbers.end(), [](int64_t number) { return number >= 1; });
  if (numbers.size() == count && positive) return numbers;
  return userError("must be " + std::to_string(count) + " integers of at least 1", where(key));
}

Result<bool> TomlTable::flag(std::string_view key) {
  known_.emplace(key);
  const toml::node* node = table_.get(key);
  if (node == nullptr) return false;
  const auto value = node->value_exact<bool>();
  if (!value) return userError("must be true or false", where(key));
  return *value;
}

Status TomlTable::defaults() {
  if (!has("provenance") && !has("source")) return {};
  defaults_.provenance = QT_TRY(text("provenance", true));
  defaults_.source = QT_TRY(text("source", true));
  return {};
}

Result<TomlTable::Origin> TomlTable::origin(std::string_view key, const toml::table& parts) const {
  TomlTable inner(parts, file_);
  inner.known_.emplace("value");
  const auto provenance = inner.text("provenance", true);
  if (!provenance) return userError("'provenance' is missing or no string", where(key));
  const auto source = inner.text("source", true);
  if (!source) return userError("'source' is missing or empty", where(key));
  if (auto status = inner.checkUnknown(); !status) {
    Diagnostic error = std::move(status).error();
    error.where = where(key);
    return tl::unexpected(std::move(error));
  }
  return Origin{*provenance, *source};
}

Status TomlTable::setOrigin(std::string_view key, const Origin& origin, const FieldRule& rule,
                            Provenance& provenance, std::string& source) const {
  const auto parsed = parseProvenance(origin.provenance);
  if (!parsed) {
    return userError("unknown provenance '" + origin.provenance + "'", where(key),
                     "use measured, datasheet or derived; queried values come from the device");
  }
  const bool seen = rule.measurable && *parsed == Provenance::Measured;
  if (rule.fieldClass == FieldClass::Limit && *parsed != Provenance::Datasheet && !seen) {
    return userError("a limit cannot be " + origin.provenance, where(key),
                     "limits are queried from the device, or from a datasheet");
  }
  provenance = *parsed;
  source = origin.source;
  return {};
}

Result<std::vector<const toml::table*>> TomlTable::tables(std::string_view key) {
  known_.emplace(key);
  std::vector<const toml::table*> result;
  const toml::node* node = table_.get(key);
  if (node == nullptr) return result;
  if (const toml::table* single = node->as_table()) {
    result.push_back(single);
    return result;
  }
  const toml::array* array = node->as_array();
  if (array == nullptr) return userError("must be a table or an array of tables", where(key));
  for (const toml::node& element : *array) {
    if (!element.is_table()) return userError("must hold tables only", where(key));
    result.push_back(element.as_table());
  }
  return result;
}

Status TomlTable::checkUnknown() const {
  for (const auto& [key, node] : table_) {
    if (known_.contains(key.str())) continue;
    return userError("unknown field",
                     position(file_, node) + ", field '" + std::string(key.str()) + "'");
  }
  return {};
}

}  // namespace quartet::hwdb
