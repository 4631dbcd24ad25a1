#include "tests/fuzz/facts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "backends/cpu/reference/evaluate.h"
#include "runtime/convert.h"
#include "tests/fuzz/random.h"

namespace quartet::fuzz {

using ir::DType;
using ir::Opcode;

namespace {

int mantissaBits(DType dtype) {
  switch (dtype) {
    case DType::F16:
      return 11;
    case DType::BF16:
      return 8;
    case DType::F32:
      return 24;
    default:
      return 53;
  }
}

double epsilon(DType dtype) { return std::ldexp(1.0, -mantissaBits(dtype)); }

/// Half the distance of the smallest numbers: subnormals have no relative precision.
double tiny(DType dtype) { return dtype == DType::F16 ? 0x1p-25 : dtype == DType::F64 ? 0 : 1e-38; }

int lowestBit(double x) {
  int exponent = 0;
  auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(x, &exponent), 53));
  exponent -= 53;
  for (; mantissa % 2 == 0; mantissa /= 2) ++exponent;
  return exponent;
}

Fact describe(Tensor data) {
  Fact fact;
  fact.smallest = std::numeric_limits<double>::infinity();
  fact.quantum = 1000;
  for (double x : toDoubles(*data)) {
    const double magnitude = std::fabs(x);
    fact.smallest = std::isnan(x) ? 0 : std::min(fact.smallest, magnitude);
    if (!std::isfinite(x)) {
      fact.finite = false;
      continue;
    }
    fact.largest = std::max(fact.largest, magnitude);
    if (x != 0) fact.quantum = std::min(fact.quantum, lowestBit(x));
  }
  fact.data = std::move(data);
  return fact;
}

bool scatters(const ir::Op& op) {
  return op.opcode == Opcode::ScatterElements || op.opcode == Opcode::ScatterNd;
}

bool moves(const ir::Op& op) {
  if (scatters(op)) return !op.attributes.has("fn");
  switch (op.opcode) {
    case Opcode::Transpose:
    case Opcode::Reshape:
    case Opcode::Broadcast:
    case Opcode::Slice:
    case Opcode::Concat:
    case Opcode::Pad:
    case Opcode::Gather:
    case Opcode::GatherElements:
    case Opcode::GatherNd:
    case Opcode::Iota:
    case Opcode::Select:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::Neg:
    case Opcode::Abs:
      return true;
    default:
      return false;
  }
}

/// Steps at some operands: an error of the operand, however small, may become one of 1.
bool steps(const ir::Module& graph, const ir::Op& op) {
  if (ir::isScalar(op.opcode) && ir::isComparison(op.opcode)) return true;
  switch (op.opcode) {
    case Opcode::Floor:
    case Opcode::Ceil:
    case Opcode::Round:
    case Opcode::Sign:
    case Opcode::Rem:
    case Opcode::Mod:
    case Opcode::FloorDiv:
    case Opcode::ArgReduce:
    case Opcode::Argsort:
      return true;
    case Opcode::Cast:
      return !ir::isFloat(graph.type(op.results[0]).dtype);
    default:
      return false;
  }
}

bool reducesWith(const ir::Op& op, Opcode fn) {
  return (op.opcode == Opcode::Reduce || op.opcode == Opcode::Window ||
          op.opcode == Opcode::Scan) &&
         op.attributes.get<Opcode>("fn") == fn;
}

double product(const std::vector<ir::Dim>& dims) {
  double result = 1;
  for (const ir::Dim& dim : dims) result *= static_cast<double>(dim.constant().value_or(64));
  return result;
}

/// How many elements an element of the result takes in.
double terms(const ir::Module& graph, const ir::Op& op) {
  const auto& x = graph.type(op.operands[0]).shape;
  switch (op.opcode) {
    case Opcode::Contract: {
      const auto& out = op.attributes.ints("out");
      double result = 1;
      std::set<int64_t> seen(out.begin(), out.end());
      for (int side = 0; side < 2; ++side) {
        const auto& labels = op.attributes.ints(side == 0 ? "lhs" : "rhs");
        const auto& shape = graph.type(op.operands[static_cast<size_t>(side)]).shape;
        for (size_t i = 0; i < labels.size(); ++i) {
          if (seen.insert(labels[i]).second) {
            result *= static_cast<double>(shape[i].constant().value_or(64));
          }
        }
      }
      return result;
    }
    case Opcode::Conv:
      return product(graph.type(op.operands[1]).shape) /
             static_cast<double>(graph.type(op.operands[1]).shape[0].constant().value_or(1));
    case Opcode::ConvTranspose:
      return product(graph.type(op.operands[1]).shape);
    case Opcode::Window: {
      double result = 1;
      for (int64_t extent : op.attributes.ints("window")) result *= static_cast<double>(extent);
      return result;
    }
    case Opcode::Scan:
      return product({x[static_cast<size_t>(op.attributes.integer("axis"))]});
    case Opcode::Reduce:
      return product(x) / std::max(product(graph.type(op.results[0]).shape), 1.0);
    default:
      return 1;
  }
}

bool multiplies(Opcode op) {
  return op == Opcode::Mul || op == Opcode::Fma || op == Opcode::Contract || op == Opcode::Conv ||
         op == Opcode::ConvTranspose;
}

/// The largest magnitude that a partial sum can have, and the bit of its smallest part.
std::pair<double, int> sumOf(const ir::Module& graph, const ir::Op& op,
                             const std::vector<const Fact*>& x) {
  if (multiplies(op.opcode)) {
    double sum = terms(graph, op) * x[0]->largest * x[1]->largest;
    int quantum = x[0]->quantum + x[1]->quantum;
    if (op.opcode == Opcode::Fma) {
      sum += x[2]->largest;
      quantum = std::min(quantum, x[2]->quantum);
    }
    return {sum, quantum};
  }
  if (op.opcode == Opcode::Add || op.opcode == Opcode::Sub) {
    return {x[0]->largest + x[1]->largest, std::min(x[0]->quantum, x[1]->quantum)};
  }
  return {terms(graph, op) * x[0]->largest, x[0]->quantum};  // sums over axes and windows
}

bool sums(const ir::Op& op) {
  return multiplies(op.opcode) || op.opcode == Opcode::Add || op.opcode == Opcode::Sub ||
         reducesWith(op, Opcode::Add);
}

bool exactResult(const ir::Module& graph, const ir::Op& op, const std::vector<const Fact*>& x) {
  const DType dtype = graph.type(op.results[0]).dtype;
  for (const Fact* fact : x) {
    if (!fact->exact) return false;
  }
  if (!ir::isFloat(dtype) || scatters(op)) return true;  // updates have an order
  if (moves(op) || steps(graph, op) || op.opcode == Opcode::Cast || reducesWith(op, Opcode::Max) ||
      reducesWith(op, Opcode::Min)) {
    return op.opcode != Opcode::FloorDiv && op.opcode != Opcode::Mod;
  }
  if (!sums(op)) return false;
  const auto [sum, quantum] = sumOf(graph, op, x);
  return sum * std::ldexp(1.0, -quantum) < std::ldexp(1.0, mantissaBits(dtype));
}

/// What the op's own arithmetic may add.
double rounding(const ir::Module& graph, const ir::Op& op, const std::vector<const Fact*>& x,
                const Fact& result) {
  const DType dtype = graph.type(op.results[0]).dtype;
  if (moves(op)) return 0;
  if (sums(op)) {
    const double count = terms(graph, op);
    return epsilon(dtype) * (1 + std::sqrt(count)) * sumOf(graph, op, x).first /
           std::max(std::sqrt(count), 1.0);
  }
  const bool chained =
      op.opcode == Opcode::Reduce || op.opcode == Opcode::Window || op.opcode == Opcode::Scan;
  // Polynomials: a few units in the last place.
  const double count = chained ? terms(graph, op) : 8;
  return epsilon(dtype) * count * result.largest + tiny(dtype);
}

Result<Tensor> runAlone(const ir::Module& graph, const ir::Op& op, const Tensors& operands) {
  ir::Module alone(ir::Level::Graph, "alone");
  std::vector<ir::ValueId> parameters;
  for (const auto& operand : operands) {
    const std::vector<ir::Dim> shape(operand->shape.begin(), operand->shape.end());
    parameters.push_back(alone.addParameter(alone.top(), ir::Type::tensor(operand->dtype, shape)));
  }
  const ir::OpId id =
      alone.addOp(alone.top(), op.opcode, parameters, {graph.type(op.results[0])}, op.attributes);
  alone.addOp(alone.top(), Opcode::Return, {alone.result(id)}, {});
  alone.outputs = {"out"};
  Tensors results = QT_TRY(reference::evaluateGraph(alone, operands));
  return results[0];
}

Tensor perturbed(const Fact& fact, Random& random) {
  if (fact.error == 0 || !ir::isFloat(fact.data->dtype)) return fact.data;
  std::vector<double> values = toDoubles(*fact.data);
  for (double& x : values) x += random.chance(0.5) ? fact.error : -fact.error;
  std::vector<std::byte> bytes(fact.data->bytes.size());
  runtime::convertElements(DType::F64, reinterpret_cast<const std::byte*>(values.data()), 1,
                           fact.data->dtype, bytes.data(), static_cast<int64_t>(values.size()));
  return ir::makeConstant(fact.data->dtype, fact.data->shape, std::move(bytes));
}

double largestDifference(const ir::ConstantData& a, const ir::ConstantData& b) {
  const std::vector<double> x = toDoubles(a);
  const std::vector<double> y = toDoubles(b);
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    const double d = std::fabs(x[i] - y[i]);
    most = std::isfinite(d) ? std::max(most, d) : std::numeric_limits<double>::infinity();
  }
  return most;
}

/// The errors of the operands, seen through the op.
Result<double> propagated(const ir::Module& graph, const ir::Op& op,
                          const std::vector<const Fact*>& x, const Fact& result) {
  double operandError = 0;
  for (const Fact* fact : x) operandError = std::max(operandError, fact->error);
  if (operandError == 0 || moves(op)) return operandError;
  constexpr int kTrials = 3;
  constexpr double kWorse = 2;  // than what a few random signs show
  Random random(17);
  double most = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    Tensors operands;
    for (const Fact* fact : x) operands.push_back(perturbed(*fact, random));
    const Tensor other = QT_TRY(runAlone(graph, op, operands));
    most = std::max(most, largestDifference(*result.data, *other));
  }
  return kWorse * most;
}

}  // namespace

std::vector<double> toDoubles(const ir::ConstantData& data) {
  std::vector<double> values(static_cast<size_t>(data.elementCount()));
  runtime::convertElements(data.dtype, data.bytes.data(), 1, DType::F64,
                           reinterpret_cast<std::byte*>(values.data()), data.elementCount());
  return values;
}

Fact inputFact(Tensor data) { return describe(std::move(data)); }

Result<Fact> factOf(const ir::Module& graph, ir::OpId id,
                    const std::vector<const Fact*>& operands) {
  const ir::Op& op = graph.op(id);
  if (op.opcode == Opcode::Constant) return describe(graph.constantOf(op.results[0]));
  Tensors data;
  bool exact = true;
  for (const Fact* fact : operands) {
    data.push_back(fact->data);
    exact = exact && fact->exact;
  }
  Fact fact = describe(QT_TRY(runAlone(graph, op, data)));
  fact.exact = exactResult(graph, op, operands);
  if (fact.exact) return fact;
  if (reducesWith(op, Opcode::Mul)) {
    // Partial products may overflow in one order and not in another.
    const double reach = std::log2(std::max(operands[0]->largest, 1.0));
    if (terms(graph, op) * reach > 100) return unsupported("partial products overflow");
  }
  if (!exact && steps(graph, op)) return unsupported("a step at values known with an error");
  fact.error = QT_TRY(propagated(graph, op, operands, fact)) + rounding(graph, op, operands, fact);
  const DType dtype = fact.data->dtype;
  const bool narrow = dtype == DType::F16 || dtype == DType::BF16;
  const double allowed = narrow ? 16 * epsilon(dtype) : 2e-5;
  const bool known = fact.error <= allowed * fact.largest + tiny(dtype);
  if (!known && fact.largest > 0) return unsupported("an error that hides the result");
  return fact;
}

Result<std::map<ir::ValueId, Fact>> factsOf(const ir::Module& graph, const Tensors& inputs) {
  std::map<ir::ValueId, Fact> facts;
  const ir::Region& top = graph.region(graph.top());
  for (size_t i = 0; i < inputs.size(); ++i) facts[top.parameters[i]] = inputFact(inputs[i]);
  for (ir::OpId id : top.ops) {
    const ir::Op& op = graph.op(id);
    if (op.opcode == Opcode::Return) continue;
    std::vector<const Fact*> operands;
    for (ir::ValueId operand : op.operands) operands.push_back(&facts.at(operand));
    facts[op.results[0]] = QT_TRY(factOf(graph, id, operands));
  }
  return facts;
}

std::optional<std::string> difference(const ir::ConstantData& got, const Fact& want) {
  const ir::ConstantData& wanted = *want.data;
  if (got.dtype != wanted.dtype || got.bytes.size() != wanted.bytes.size()) {
    return "dtype or size differ";
  }
  const bool isFloat = ir::isFloat(wanted.dtype);
  if (!isFloat && std::ranges::equal(got.bytes, wanted.bytes)) return std::nullopt;
  const std::vector<double> a = toDoubles(got);
  const std::vector<double> b = toDoubles(wanted);
  const auto size = static_cast<size_t>(ir::byteSize(wanted.dtype));
  for (size_t i = 0; i < b.size(); ++i) {
    bool fits = false;
    if (!isFloat) {
      fits = std::memcmp(&got.bytes[i * size], &wanted.bytes[i * size], size) == 0;
    } else if (std::isfinite(b[i]) && !want.exact) {
      const double room =
          std::max(1e-4 * (std::fabs(b[i]) + want.largest), 4 * want.error) + tiny(wanted.dtype);
      fits = std::fabs(a[i] - b[i]) <= room;
    } else {
      fits = std::isnan(b[i]) ? std::isnan(a[i]) : a[i] == b[i];
    }
    if (!fits) {
      return "element " + std::to_string(i) + " of " + std::to_string(b.size()) + ": got " +
             std::to_string(a[i]) + ", want " + std::to_string(b[i]) +
             (want.exact ? " exactly" : ", error " + std::to_string(want.error));
    }
  }
  return std::nullopt;
}

}  // namespace quartet::fuzz
