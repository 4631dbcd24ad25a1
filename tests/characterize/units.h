// Matrix units as devices describe them.
#pragma once

#include <string>

#include "hwdb/description.h"

namespace quartet::tests {

inline hwdb::MatrixUnit unitOf(hwdb::MatrixUnit::Scope scope, const std::string& a,
                               const std::string& b, const std::string& accumulator, int64_t m,
                               int64_t n, int64_t k) {
  const auto count = [](int64_t value) {
    return hwdb::Count{value, hwdb::Provenance::Queried, "test"};
  };
  hwdb::MatrixUnit unit;
  unit.scope = scope;
  unit.a = a;
  unit.b = b;
  unit.accumulator = accumulator;
  unit.m = count(m);
  unit.n = count(n);
  unit.k = count(k);
  return unit;
}

inline hwdb::MatrixUnit dotBytes() {
  return unitOf(hwdb::MatrixUnit::Scope::Invocation, "u8", "i8", "i32", 1, 1, 4);
}
inline hwdb::MatrixUnit dotBf16() {
  return unitOf(hwdb::MatrixUnit::Scope::Invocation, "bf16", "bf16", "f32", 1, 1, 2);
}
inline hwdb::MatrixUnit subgroupUnit(const std::string& dtype, int64_t m, int64_t n, int64_t k) {
  const std::string sum = dtype == "i8" || dtype == "u8" ? "i32" : "f32";
  return unitOf(hwdb::MatrixUnit::Scope::Subgroup, dtype, dtype, sum, m, n, k);
}

}  // namespace quartet::tests
