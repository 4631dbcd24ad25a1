// Shapes and dtypes of the graph's primitives.
#include <algorithm>

#include "ir/scalar_type.h"
#include "ir/verify_graph.h"

namespace quartet::ir {

GraphOpVerifier::GraphOpVerifier(const VerifyContext& context, OpId id)
    : context_(context), id_(id), op_(context.op(id)) {}

tl::unexpected<Diagnostic> GraphOpVerifier::fail(std::string message) const {
  return context_.fail(id_, std::move(message));
}

Status GraphOpVerifier::require(bool holds, const char* message) const {
  if (holds) return {};
  return fail(message);
}

const Type& GraphOpVerifier::operand(size_t i) const { return context_.operandType(id_, i); }

const Type& GraphOpVerifier::result() const { return context_.resultType(id_); }

Status GraphOpVerifier::shape(const std::vector<Dim>& required) const {
  if (sameShape(result().shape, required)) return {};
  return fail("the result has the shape " + shapeText(result().shape) + ", required " +
              shapeText(required));
}

Status GraphOpVerifier::sameDType(size_t i) const {
  if (operand(i).dtype == result().dtype) return {};
  return fail("the result is " + std::string(name(result().dtype)) + ", operand " +
              std::to_string(i) + " " + std::string(name(operand(i).dtype)));
}

Status GraphOpVerifier::length(const char* key, size_t required) const {
  const size_t found = ints(key).size();
  if (found == required) return {};
  return fail("'" + std::string(key) + "' has " + std::to_string(found) + " values, required " +
              std::to_string(required));
}

const Ints& GraphOpVerifier::ints(const char* key) const { return op_.attributes.ints(key); }

Result<size_t> GraphOpVerifier::axis(size_t rank, const char* key) const {
  const int64_t axis = op_.attributes.integer(key);
  if (axis >= 0 && static_cast<size_t>(axis) < rank) return static_cast<size_t>(axis);
  return fail("'" + std::string(key) + "' " + std::to_string(axis) + " is not in [0, " +
              std::to_string(rank) + ")");
}

Status GraphOpVerifier::function(std::initializer_list<Opcode> allowed) const {
  const Opcode fn = op_.attributes.get<Opcode>("fn");
  if (std::find(allowed.begin(), allowed.end(), fn) != allowed.end()) return {};
  return fail("'fn' cannot be " + std::string(name(fn)));
}

Status GraphOpVerifier::combines() const {
  const Opcode fn = op_.attributes.get<Opcode>("fn");
  const DType dtype = operand(0).dtype;
  const auto combined = scalarResult(fn, std::vector<DType>{dtype, dtype});
  if (combined) return {};
  return fail(combined.error().message);
}

Status GraphOpVerifier::numbers(size_t i) const {
  return require(operand(i).dtype != DType::Bool, "the operands are numbers, not bool");
}

Status GraphOpVerifier::positive(const char* key) const {
  for (const int64_t value : ints(key)) {
    if (value < 1) return fail("'" + std::string(key) + "' must be positive");
  }
  return {};
}

Status GraphOpVerifier::broadcasts(const std::vector<Dim>& from) const {
  const std::vector<Dim>& to = result().shape;
  bool fits = from.size() <= to.size();
  for (size_t i = 0; fits && i < from.size(); ++i) {
    const Dim& extent = from[from.size() - 1 - i];
    fits = extent == Dim(1) || !differ(extent, to[to.size() - 1 - i]);
  }
  if (fits) return {};
  return fail("an operand of shape " + shapeText(from) + " does not broadcast to " + shapeText(to));
}

namespace {

/// numpy's shape of a broadcast, as far as extents can be compared.
std::vector<Dim> broadcastShape(const VerifyContext& context, OpId id) {
  std::vector<Dim> shape;
  for (const ValueId operand : context.op(id).operands) {
    const std::vector<Dim>& from = context.type(operand).shape;
    if (shape.size() < from.size()) shape.insert(shape.begin(), from.size() - shape.size(), 1);
    for (size_t i = 0; i < from.size(); ++i) {
      Dim& to = shape[shape.size() - from.size() + i];
      if (to == Dim(1) || (from[i].isConstant() && !(from[i] == Dim(1)))) to = from[i];
    }
  }
  return shape;
}

}  // namespace

Status GraphOpVerifier::elementwise() const {
  if (op_.opcode != Opcode::Cast) {
    std::vector<DType> dtypes;
    for (const ValueId value : op_.operands) dtypes.push_back(context_.type(value).dtype);
    const auto dtype = scalarResult(op_.opcode, dtypes);
    if (!dtype) return fail(dtype.error().message);
    if (*dtype != result().dtype) {
      return fail("the result is " + std::string(name(result().dtype)) + ", required " +
                  std::string(name(*dtype)));
    }
  }
  for (size_t i = 0; i < op_.operands.size(); ++i) QT_CHECK(broadcasts(operand(i).shape));
  return shape(broadcastShape(context_, id_));
}

Status GraphOpVerifier::contract() const {
  const Ints& out = ints("out");
  QT_CHECK(numbers(0));
  QT_CHECK(numbers(1));
  QT_CHECK(length("lhs", operand(0).shape.size()));
  QT_CHECK(length("rhs", operand(1).shape.size()));
  QT_CHECK(length("out", result().shape.size()));
  std::map<int64_t, Dim> extents;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const Ints& labels = ints(i == 0 ? "lhs" : "rhs");
    for (size_t k = 0; k < labels.size(); ++k) {
      const auto [known, added] = extents.emplace(labels[k], operand(i).shape[k]);
      if (added || !differ(known->second, operand(i).shape[k])) continue;
      return fail("label " + std::to_string(labels[k]) + " has the extents " + known->second.str() +
                  " and " + operand(i).shape[k].str());
    }
  }
  std::vector<Dim> required;
  for (const int64_t label : out) {
    const auto known = extents.find(label);
    if (known == extents.end()) {
      return fail("label " + std::to_string(label) + " of the result is in no operand");
    }
    if (std::count(out.begin(), out.end(), label) > 1) {
      return fail("label " + std::to_string(label) + " is twice in the result");
    }
    required.push_back(known->second);
  }
  return shape(required);
}

Status GraphOpVerifier::reduce() const {
  QT_CHECK(function({Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min, Opcode::And, Opcode::Or}));
  QT_CHECK(combines());
  QT_CHECK(sameDType(0));
  std::vector<Dim> required;
  const Ints& axes = ints("axes");
  const auto rank = static_cast<int64_t>(operand(0).shape.size());
  for (const int64_t axis : axes) {
    if (axis < 0 || axis >= rank || std::count(axes.begin(), axes.end(), axis) > 1) {
      return fail("'axes' must be distinct and in [0, " + std::to_string(rank) + ")");
    }
  }
  for (int64_t i = 0; i < rank; ++i) {
    const bool reduced = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (!reduced) required.push_back(operand(0).shape[static_cast<size_t>(i)]);
  }
  return shape(required);
}

Status GraphOpVerifier::argReduce() const {
  QT_CHECK(function({Opcode::Max, Opcode::Min}));
  QT_CHECK(require(result().dtype == DType::I64, "the result of arg_reduce is i64"));
  std::vector<Dim> required = operand(0).shape;
  required.erase(required.begin() + static_cast<ptrdiff_t>(QT_TRY(axis(required.size()))));
  return shape(required);
}

Status verifyGraphOp(const VerifyContext& context, OpId id) {
  const GraphOpVerifier verifier(context, id);
  const Opcode op = context.op(id).opcode;
  if (isScalar(op)) return verifier.elementwise();
  switch (op) {
    case Opcode::Contract:
      return verifier.contract();
    case Opcode::Conv:
      return verifier.conv();
    case Opcode::ConvTranspose:
      return verifier.convTranspose();
    case Opcode::Window:
      return verifier.window();
    case Opcode::Reduce:
      return verifier.reduce();
    case Opcode::ArgReduce:
      return verifier.argReduce();
    case Opcode::Transpose:
      return verifier.transpose();
    case Opcode::Reshape:
      return verifier.reshape();
    case Opcode::Broadcast:
      return verifier.broadcast();
    case Opcode::Slice:
      return verifier.slice();
    case Opcode::Concat:
      return verifier.concat();
    case Opcode::Pad:
      return verifier.pad();
    case Opcode::Gather:
    case Opcode::GatherElements:
    case Opcode::GatherNd:
      return verifier.gather();
    case Opcode::Scan:
      return verifier.scan();
    case Opcode::ScatterElements:
    case Opcode::ScatterNd:
      return verifier.scatter();
    case Opcode::Argsort:
      return verifier.argsort();
    case Opcode::Iota:
      return verifier.iota();
    case Opcode::Compute:
      return verifyExpr(context, id);
    default:
      return {};
  }
}

}  // namespace quartet::ir
