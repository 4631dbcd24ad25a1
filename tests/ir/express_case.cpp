#include "tests/ir/express_case.h"

#include <cmath>

#include "ir/scalar_eval.h"

namespace quartet::tests {

using namespace ir;

namespace {

int64_t count(const Ints& shape) {
  int64_t product = 1;
  for (const int64_t extent : shape) product *= extent;
  return product;
}

std::shared_ptr<const ConstantData> toConstant(const Array& array) {
  const auto size = static_cast<size_t>(byteSize(array.dtype));
  std::vector<std::byte> bytes(array.data.size() * size);
  for (size_t i = 0; i < array.data.size(); ++i) {
    const Scalar value = castScalar(floatScalar(array.data[i]), DType::F64, array.dtype);
    writeScalar(array.dtype, value, bytes.data() + i * size);
  }
  return makeConstant(array.dtype, array.shape, std::move(bytes));
}

Array fromConstant(const ConstantData& data) {
  Array array(data.dtype, data.shape);
  for (size_t i = 0; i < array.data.size(); ++i) {
    const auto at = static_cast<int64_t>(i) * byteSize(data.dtype);
    array.data[i] =
        castScalar(readScalar(data.dtype, data.bytes.data() + at), data.dtype, DType::F64).f;
  }
  return array;
}

// Extents as they are, or as the symbols "s<extent>".
struct Extents {
  bool symbolic;
  SymbolValues values;

  Dim of(int64_t extent) {
    if (!symbolic || extent == 1) return Dim(extent);
    const std::string name = "s" + std::to_string(extent);
    values.emplace(name, extent);
    return Dim::symbol(name);
  }
  std::vector<Dim> of(const Ints& shape, bool keepLast) {
    std::vector<Dim> dims;
    for (const int64_t extent : shape) dims.push_back(of(extent));
    if (keepLast) dims.back() = Dim(shape.back());
    return dims;
  }
};

}  // namespace

Array::Array(DType type, Ints extents, double fill)
    : dtype(type), shape(std::move(extents)), data(static_cast<size_t>(count(shape)), fill) {}

bool Array::contains(const Ints& index) const {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (index[i] < 0 || index[i] >= shape[i]) return false;
  }
  return true;
}

size_t Array::offset(const Ints& index) const {
  REQUIRE(index.size() == shape.size());
  REQUIRE(contains(index));
  int64_t result = 0;
  for (size_t i = 0; i < shape.size(); ++i) result = result * shape[i] + index[i];
  return static_cast<size_t>(result);
}

void forEach(const Ints& shape, const std::function<void(const Index&)>& f) {
  const int64_t points = count(shape);
  for (int64_t point = 0; point < points; ++point) {
    Index index(shape.size());
    int64_t rest = point;
    for (size_t i = shape.size(); i-- > 0;) {
      index[i] = rest % shape[i];
      rest /= shape[i];
    }
    f(index);
  }
}

int64_t Dice::roll(int64_t lo, int64_t hi) {
  return lo + static_cast<int64_t>(engine_() % static_cast<uint64_t>(hi - lo + 1));
}

Array Dice::array(DType dtype, const Ints& shape) {
  Array result(dtype, shape);
  for (double& value : result.data) {
    value =
        static_cast<double>(dtype == DType::Bool ? roll(0, 1) : roll(isSigned(dtype) ? -4 : 0, 4));
  }
  return result;
}

int64_t Dice::extent() {
  static constexpr int64_t kExtents[] = {1, 2, 3, 4, 5, 7, 1, 2, 3, 4, 5, 0};
  return kExtents[roll(0, 11)];
}

Ints Dice::shape(int rank) {
  Ints result;
  for (int i = 0; i < rank; ++i) result.push_back(extent());
  return result;
}

namespace {

Outcome runOnce(Opcode opcode, const Attributes& attributes, const std::vector<Array>& operands,
                DType dtype, const Ints& shape, int keepLast, bool symbolic) {
  Extents extents{symbolic, {}};
  Module graph(Level::Graph, "case");
  std::vector<ValueId> values;
  std::vector<std::shared_ptr<const ConstantData>> data;
  for (size_t i = 0; i < operands.size(); ++i) {
    const bool keep = static_cast<int>(i) == keepLast;
    const Type type = Type::tensor(operands[i].dtype, extents.of(operands[i].shape, keep));
    values.push_back(graph.addParameter(graph.top(), type));
    data.push_back(toConstant(operands[i]));
  }
  const OpId op =
      graph.addOp(graph.top(), opcode, values, {Type::tensor(dtype, extents.of(shape, false))},
                  attributes, {}, {"node"});
  graph.addOp(graph.top(), Opcode::Return, {graph.result(op)}, {});
  Result<Module> expressed = express(std::move(graph));
  REQUIRE_MESSAGE(expressed.has_value(), (expressed ? "" : expressed.error().str()));
  const Op& compute = expressed->op(expressed->region(expressed->top()).ops[0]);
  REQUIRE(compute.opcode == Opcode::Compute);
  CHECK(compute.origin == Origin{"node"});
  const TensorExpr& expr = compute.attributes.expr();
  INFO(expr.str());
  const Result<Evaluation> evaluation = evaluate(expr, data, extents.values);
  REQUIRE_MESSAGE(evaluation.has_value(), (evaluation ? "" : evaluation.error().str()));
  REQUIRE(evaluation->results.size() == 1);
  CHECK(evaluation->results[0]->dtype == dtype);
  return {fromConstant(*evaluation->results[0]), evaluation->statusCode};
}

}  // namespace

Outcome runPrimitive(Opcode op, const Attributes& attributes, const std::vector<Array>& operands,
                     DType dtype, const Ints& shape, int keepLast) {
  Outcome outcome = runOnce(op, attributes, operands, dtype, shape, keepLast, false);
  const Outcome symbolic = runOnce(op, attributes, operands, dtype, shape, keepLast, true);
  checkEqual(symbolic.result, outcome.result);
  CHECK(symbolic.statusCode == outcome.statusCode);
  return outcome;
}

void checkEqual(const Array& result, const Array& expected) {
  REQUIRE(result.shape == expected.shape);
  for (size_t i = 0; i < result.data.size(); ++i) {
    const bool equal = result.data[i] == expected.data[i] ||
                       (std::isnan(result.data[i]) && std::isnan(expected.data[i]));
    if (!equal) {
      FAIL("element ", i, ": ", result.data[i], " instead of ", expected.data[i]);
    }
  }
  CHECK(true);
}

Attributes attributes(std::initializer_list<std::pair<std::string, Attribute>> entries) {
  Attributes result;
  for (const auto& [key, value] : entries) result.set(key, value);
  return result;
}

}  // namespace quartet::tests
