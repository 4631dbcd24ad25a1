#include "characterize/matrix_kernels.h"

#include <algorithm>
#include <array>

#include "base/result.h"
#include "characterize/kernel_text.h"

namespace quartet::characterize {

namespace {

using hwdb::MatrixUnit;

/// An operation of kernels on elements that are packed in words.
struct DotProduct {
  const char* a;
  const char* b;
  const char* sum;
  int64_t count;
  const char* name;
};
constexpr DotProduct kDotProducts[] = {{"u8", "i8", "i32", 4, "dot4"},
                                       {"bf16", "bf16", "f32", 2, "dot2"}};

const DotProduct* dotProduct(const MatrixUnit& unit) {
  const auto* const found =
      std::find_if(std::begin(kDotProducts), std::end(kDotProducts), [&](const DotProduct& each) {
        return unit.a == each.a && unit.b == each.b && unit.accumulator == each.sum &&
               unit.m.value == 1 && unit.n.value == 1 && unit.k.value == each.count;
      });
  return found == std::end(kDotProducts) ? nullptr : found;
}

/// Whether kernels hold matrices of such elements.
bool multiplies(const MatrixUnit& unit) {
  constexpr std::array kFloats{"f16", "bf16"};
  constexpr std::array kBytes{"i8", "u8"};
  const auto among = [&](const auto& names) {
    return std::find(names.begin(), names.end(), unit.a) != names.end();
  };
  return unit.a == unit.b && hwdb::given(unit.m) && hwdb::given(unit.n) && hwdb::given(unit.k) &&
         ((unit.accumulator == "f32" && among(kFloats)) ||
          (unit.accumulator == "i32" && among(kBytes)));
}

std::string startLiteral(Text& text, const MatrixUnit& unit, int number, const std::string& type) {
  const bool real = unit.accumulator[0] == 'f';
  return text.value(fmt::format("literal {{value = {}{}}}", number, real ? ".0" : ""), type);
}

std::string matrixType(const std::string& dtype, int64_t rows, int64_t columns, const char* use) {
  return fmt::format("matrix<{}[{}, {}], {}>", dtype, rows, columns, use);
}

}  // namespace

bool expressible(const MatrixUnit& unit) {
  switch (unit.scope) {
    case MatrixUnit::Scope::Invocation:
      return dotProduct(unit) != nullptr;
    case MatrixUnit::Scope::Subgroup:
      return multiplies(unit);
    case MatrixUnit::Scope::Group:
      return false;
  }
  return false;
}

std::string dotProductKernel(const MatrixUnit& unit, const KernelShape& shape, int chains,
                             int64_t elements) {
  const DotProduct* product = dotProduct(unit);
  QT_ASSERT(product != nullptr, "kernels have the product");
  const std::string type = vectorType(unit.accumulator, shape.lanes);
  Text text(fmt::format("{}_{}", product->name, chains), shape.invocations);
  const std::string packed = text.buffer("packed", "read", "i32", int64_t{2} * shape.lanes);
  const std::string out = text.buffer("out", "write", unit.accumulator, elements);
  const std::string a = text.load(packed, text.literal(0), "i32", shape.lanes);
  const std::string b = text.load(packed, text.literal(shape.lanes), "i32", shape.lanes);
  std::vector<std::string> sums;
  for (int i = 0; i < chains; ++i) {
    sums.push_back(text.variable(type, startLiteral(text, unit, i, type)));
  }
  text.loop(text.parameter(0), text.literal(1));
  for (int link = 0; link < kLinksPerCount; ++link) {
    for (const std::string& sum : sums) {
      const std::string before = text.get(sum, type);
      text.set(sum, text.value(fmt::format("{} {}, {}, {}", product->name, a, b, before), type));
    }
  }
  text.close();
  text.store(out, ownIndex(text, shape.lanes), total(text, sums, type), shape.lanes);
  return text.str();
}

int64_t MatrixShape::sums(const MatrixUnit& unit) const {
  return subgroups() * chains * unit.m.value * unit.n.value;
}

std::string matrixProductKernel(const MatrixUnit& unit, const MatrixShape& shape, int64_t groups) {
  const int64_t m = unit.m.value;
  const int64_t n = unit.n.value;
  const int64_t k = unit.k.value;
  const std::string sumType = matrixType(unit.accumulator, m, n, "accumulator");
  Text text(fmt::format("matrix_product_{}_{}x{}x{}", unit.a, m, n, k), shape.invocations,
            shape.subgroup);
  const std::string a = text.buffer("a", "read", unit.a, m * k);
  const std::string b = text.buffer("b", "read", unit.b, k * n);
  const std::string out = text.buffer("out", "write", unit.accumulator, groups * shape.sums(unit));
  const std::string zero = text.literal(0);
  const auto load = [&](const std::string& from, int64_t stride, const std::string& type) {
    return text.value(fmt::format("matrix_load {}, {}, {}", from, zero, text.literal(stride)),
                      type);
  };
  const std::string rows = load(a, k, matrixType(unit.a, m, k, "a"));
  const std::string columns = load(b, n, matrixType(unit.b, k, n, "b"));
  std::vector<std::string> sums;
  for (int i = 0; i < shape.chains; ++i) {
    const std::string start = startLiteral(text, unit, i, unit.accumulator);
    sums.push_back(text.variable(sumType, text.value("splat " + start, sumType)));
  }
  text.loop(text.parameter(0), text.literal(1));
  for (int link = 0; link < kLinksPerCount; ++link) {
    for (const std::string& sum : sums) {
      const std::string before = text.get(sum, sumType);
      text.set(sum, text.value(fmt::format("matrix_multiply_add {}, {}, {}", rows, columns, before),
                               sumType));
    }
  }
  text.close();
  const std::string group =
      text.binary("mul", text.value("group_id"), text.literal(shape.subgroups()));
  const std::string subgroup = text.binary("add", group, text.value("subgroup_id"));
  const std::string first = text.binary("mul", subgroup, text.literal(shape.chains * m * n));
  for (int i = 0; i < shape.chains; ++i) {
    const std::string at = text.binary("add", first, text.literal(i * m * n));
    const std::string sum = text.get(sums[static_cast<size_t>(i)], sumType);
    text.effect(fmt::format("matrix_store {}, {}, {}, {}", out, at, text.literal(n), sum));
  }
  return text.str();
}

}  // namespace quartet::characterize
