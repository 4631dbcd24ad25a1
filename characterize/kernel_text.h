// How the kernels of the probes are written. Included by their *kernels.cpp only.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace quartet::characterize {

inline std::string vectorType(const std::string& dtype, int lanes) {
  return lanes == 1 ? dtype : fmt::format("{}x{}", dtype, lanes);
}

/// Writes a kernel line by line. Values are named by number, so that they never clash.
class Text {
 public:
  /// `subgroup`: of kernels that ask for it, otherwise 0.
  Text(std::string name, int64_t invocations, int64_t subgroup = 0)
      : name_(std::move(name)), local_(invocations), subgroup_(subgroup) {}

  std::string buffer(const std::string& name, const std::string& access, const std::string& dtype,
                     int64_t elements) {
    parameters_ += fmt::format("{}%{}: buffer<{} {}[{}]>", parameters_.empty() ? "" : ", ", name,
                               access, dtype, elements);
    return "%" + name;
  }
  std::string value(const std::string& op, const std::string& type = "i32") {
    std::string name = fmt::format("%{}", next_++);
    body_ += fmt::format("  {} = {} : {}\n", name, op, type);
    return name;
  }
  void effect(const std::string& op) { body_ += "  " + op + "\n"; }

  std::string literal(int64_t number) {
    return value(fmt::format("literal {{value = {}}}", number));
  }
  std::string parameter(int index) { return value(fmt::format("param {{index = {}}}", index)); }
  std::string binary(const std::string& op, const std::string& a, const std::string& b,
                     const std::string& type = "i32") {
    return value(fmt::format("{} {}, {}", op, a, b), type);
  }
  /// The number of the invocation among all.
  std::string invocation() {
    std::string group = value("group_id");
    if (local_ == 0) return group;
    const std::string first = binary("mul", group, literal(local_));
    return binary("add", first, value("local_id"));
  }
  std::string load(const std::string& buffer, const std::string& index, const std::string& dtype,
                   int lanes) {
    return value(fmt::format("load {}, {}{}", buffer, index, aligned(lanes)),
                 vectorType(dtype, lanes));
  }
  void store(const std::string& buffer, const std::string& index, const std::string& stored,
             int lanes = 1) {
    effect(fmt::format("store {}, {}, {}{}", buffer, index, stored, aligned(lanes)));
  }
  std::string variable(const std::string& type, const std::string& initial) {
    std::string name = value("var", "var<" + type + ">");
    set(name, initial);
    return name;
  }
  std::string get(const std::string& variable, const std::string& type) {
    return value("get " + variable, type);
  }
  void set(const std::string& variable, const std::string& to) {
    effect(fmt::format("set {}, {}", variable, to));
  }
  /// Opens a loop from 0; its index.
  std::string loop(const std::string& count, const std::string& step) {
    const std::string zero = literal(0);
    std::string index = fmt::format("%{}", next_++);
    effect(fmt::format("for {}, {}, {} ({}: i32) {{", zero, count, step, index));
    return index;
  }
  void close() { effect("}"); }

  std::string str() const {
    std::string attributes;
    if (local_ > 0) attributes = fmt::format("local = {}", local_);
    if (subgroup_ > 0) attributes += fmt::format(", subgroup = {}", subgroup_);
    if (!attributes.empty()) attributes = fmt::format(" attributes {{{}}}", attributes);
    return fmt::format("kernel @{}({}){} {{\n{}  return\n}}\n", name_, parameters_, attributes,
                       body_);
  }

 private:
  static std::string aligned(int lanes) {
    return lanes == 1 ? "" : fmt::format(" {{align = {}}}", lanes);
  }

  std::string name_;
  int64_t local_;
  int64_t subgroup_;
  std::string parameters_, body_;
  int next_ = 0;
};

/// Sums up variables, pairwise from the left.
inline std::string total(Text& text, const std::vector<std::string>& variables,
                         const std::string& type) {
  std::string sum = text.get(variables[0], type);
  for (size_t i = 1; i < variables.size(); ++i) {
    sum = text.binary("add", sum, text.get(variables[i], type), type);
  }
  return sum;
}

/// One vector of `lanes` elements per invocation, at its place in `buffer`.
inline std::string ownIndex(Text& text, int lanes) {
  return text.binary("mul", text.invocation(), text.literal(lanes));
}

}  // namespace quartet::characterize
