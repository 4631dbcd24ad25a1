#include "tests/operators/draft.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/convert.h"

namespace quartet::operators {

namespace {

constexpr int64_t kMostElements = 4096;

double lowest(DType dtype) {
  if (ir::isFloat(dtype)) return -INFINITY;
  if (!ir::isSigned(dtype)) return 0;
  return -std::ldexp(1.0, static_cast<int>(8 * ir::byteSize(dtype)) - 1);
}

double highest(DType dtype) {
  if (ir::isFloat(dtype)) return INFINITY;
  if (dtype == DType::Bool) return 1;
  const int bits = static_cast<int>(8 * ir::byteSize(dtype)) - (ir::isSigned(dtype) ? 1 : 0);
  return std::ldexp(1.0, bits) - 1;
}

bool hasEmpty(const Ints& shape) { return std::find(shape.begin(), shape.end(), 0) != shape.end(); }

}  // namespace

int64_t countOf(const Ints& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

fuzz::Tensor tensorOf(DType dtype, const Ints& shape, const std::vector<double>& elements) {
  std::vector<std::byte> bytes(elements.size() * static_cast<size_t>(ir::byteSize(dtype)));
  runtime::convertElements(DType::F64, reinterpret_cast<const std::byte*>(elements.data()), 1,
                           dtype, bytes.data(), static_cast<int64_t>(elements.size()));
  return ir::makeConstant(dtype, shape, std::move(bytes));
}

Draft::Draft(const Network& network, const frontend::Operator& row, Random& random, bool fresh)
    : random(random), opset(network.opset), network_(network), row_(row), fresh_(fresh) {
  node_.type = row.type;
  node_.outputs.push_back("r" + std::to_string(network.nodes.size()));
}

DType Draft::anyDType(Types types) {
  if (frontend::accepts(types, DType::F32) && chance(0.45)) return DType::F32;
  std::vector<DType> accepted;
  for (int i = 0; i < ir::kDTypeCount; ++i) {
    if (frontend::accepts(types, static_cast<DType>(i))) accepted.push_back(static_cast<DType>(i));
  }
  return random.pick(accepted);
}

int64_t Draft::anyExtent() {
  const double which = random.uniform();
  if (which < 0.12) return 1;
  if (which < 0.75) return random.pick<int64_t>({2, 3, 4, 5, 7, 8});
  if (which < 0.97) return random.pick<int64_t>({9, 11, 13, 16, 17, 19});
  return random.pick<int64_t>({33, 64, 257, 300});
}

Ints Draft::anyShape(int64_t minRank, int64_t maxRank, bool empty) {
  Ints shape(static_cast<size_t>(between(minRank, maxRank)));
  for (int64_t& extent : shape) extent = anyExtent();
  while (countOf(shape) > kMostElements) {
    int64_t& largest = *std::max_element(shape.begin(), shape.end());
    largest = (largest + 1) / 2;
  }
  if (empty && !shape.empty() && chance(0.03)) {
    shape[static_cast<size_t>(random.below(static_cast<int64_t>(shape.size())))] = 0;
  }
  return shape;
}

Ints Draft::narrower(const Ints& shape) {
  const auto dropped = chance(0.6) ? 0 : random.below(static_cast<int64_t>(shape.size()) + 1);
  Ints own(shape.begin() + dropped, shape.end());
  for (int64_t& extent : own) extent = chance(0.2) ? 1 : extent;
  return own;
}

int64_t Draft::writtenAxis(int64_t axis, int64_t rank, bool negative) {
  return negative && chance(0.4) ? axis - rank : axis;
}

bool Draft::fits(const Value& value, const Want& want) const {
  const ir::ConstantData& data = *value.fact.data;
  const auto rank = static_cast<int64_t>(data.shape.size());
  if (want.dtype ? data.dtype != *want.dtype : !frontend::accepts(want.types, data.dtype)) {
    return false;
  }
  if (want.shape
          ? data.shape != *want.shape
          : rank < want.minRank || rank > want.maxRank || (!want.empty && hasEmpty(data.shape))) {
    return false;
  }
  constexpr double kGreat = 1000;
  const Domain domain = want.domain.value_or(Domain{-kGreat, kGreat});
  const std::vector<double> elements = fuzz::toDoubles(data);
  return std::all_of(elements.begin(), elements.end(), [&](double x) {
    if (!want.domain && want.special) return true;
    return x >= domain.low && x <= domain.high && (domain.zero || x != 0) &&
           (!want.whole || x == std::floor(x));
  });
}

fuzz::Tensor Draft::anyData(const Want& want) {
  const DType dtype = want.dtype ? *want.dtype : anyDType(want.types);
  const Ints shape = want.shape ? *want.shape : anyShape(want.minRank, want.maxRank, want.empty);
  const Domain domain = want.domain.value_or(Domain{-4, 4});
  const double low = std::max(domain.low, lowest(dtype));
  const double high = std::min(domain.high, highest(dtype));
  const bool whole = want.whole || !ir::isFloat(dtype);
  const bool coarse = fresh_ || chance(0.5);
  const bool special = want.special && ir::isFloat(dtype) && chance(0.1);
  std::vector<double> elements;
  const int64_t count = countOf(shape);
  while (static_cast<int64_t>(elements.size()) < count) {
    double x = low + random.uniform() * (high - low);
    if (whole) {
      x = static_cast<double>(
          between(static_cast<int64_t>(std::ceil(low)), static_cast<int64_t>(std::floor(high))));
    }
    if (!whole && coarse) x = std::clamp(std::round(x * 16) / 16, low, high);
    if (x == 0 && !domain.zero) x = high > 0 ? high : low;
    if (special && chance(0.2)) x = random.pick<double>({INFINITY, -INFINITY, NAN});
    elements.push_back(x);
  }
  return tensorOf(dtype, shape, elements);
}

Operand Draft::use(const std::string& name, const ir::ConstantData& data) {
  node_.inputs.push_back(name);
  return {name, data.dtype, data.shape};
}

Operand Draft::add(Origin origin, fuzz::Tensor data) {
  const size_t number = made_.size();
  const std::string name = (origin == Origin::Input ? "x" : "c") +
                           std::to_string(network_.nodes.size()) + "_" + std::to_string(number);
  Value value{origin, fuzz::inputFact(std::move(data))};
  const Value& made = made_.insert_or_assign(name, std::move(value)).first->second;
  return use(name, *made.fact.data);
}

Operand Draft::operand(const Want& want) {
  if (!fresh_ && chance(0.7)) {
    std::vector<std::string> fitting;
    for (const auto& [name, value] : network_.values) {
      if (value.origin != Origin::Node && !chance(0.3)) continue;
      if (fits(value, want)) fitting.push_back(name);
    }
    if (!fitting.empty()) {
      const std::string& name = random.pick(fitting);
      return use(name, *network_.values.at(name).fact.data);
    }
  }
  return add(chance(0.3) ? Origin::Initializer : Origin::Input, anyData(want));
}

Operand Draft::known(DType dtype, const Ints& shape, const std::vector<double>& elements) {
  return add(Origin::Initializer, tensorOf(dtype, shape, elements));
}

Operand Draft::known(const Ints& elements, DType dtype) {
  return known(dtype, {static_cast<int64_t>(elements.size())}, {elements.begin(), elements.end()});
}

Operand Draft::elements(DType dtype, const Ints& shape, const std::vector<double>& elements) {
  return add(chance(0.4) ? Origin::Initializer : Origin::Input, tensorOf(dtype, shape, elements));
}

void Draft::set(const std::string& name, tests::AttributeValue value) {
  node_.attributes.push_back({name, std::move(value)});
}

void Draft::maybe(const std::string& name, tests::AttributeValue value, double probability) {
  if (chance(probability)) set(name, std::move(value));
}

void Draft::outputs(const std::vector<bool>& further) {
  const std::string first = node_.outputs[0];
  for (size_t i = 0; i < further.size(); ++i) {
    node_.outputs.push_back(further[i] ? first + "_" + std::to_string(i + 1) : "");
  }
  while (node_.outputs.back().empty()) node_.outputs.pop_back();
}

}  // namespace quartet::operators
