#include "frontend/onnx/emitter.h"

#include <algorithm>
#include <limits>

#include "frontend/onnx/interpret.h"
#include "ir/origin.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;
using ir::Type;
using ir::ValueId;

ir::Attributes attributesOf(std::initializer_list<std::pair<std::string, ir::Attribute>> entries) {
  ir::Attributes attributes;
  for (const auto& [key, value] : entries) attributes.set(key, value);
  return attributes;
}

namespace {

// More elements than this nobody asks for (see integersOf).
constexpr int64_t kMostAsked = 1 << 20;

}  // namespace

// ---- Values ----

ValueId Emitter::use(const Tensor& tensor) {
  if (tensor.id.valid()) return tensor.id;
  if (tensor.constant) {
    const auto found = constants_.find(tensor.constant);
    if (found != constants_.end()) return found->second;
    const std::string hash = hashOf(tensor.constant);
    const ValueId added = module_.addConstant(module_.top(), tensor.constant, origin_, -1, hash);
    // Equal data under another name: the first op stands for both, this one dies unused.
    const ValueId id = byHash_.emplace(hash, added).first->second;
    constants_.emplace(tensor.constant, id);
    return id;
  }
  QT_ASSERT(tensor.contents, "a tensor without a value");
  return materialise(*tensor.contents, tensor);
}

void Emitter::knowConstants(const ir::Module& other) {
  for (const auto& [hash, data] : other.constants) knownHashes_.emplace(data, hash);
}

std::string Emitter::hashOf(const Constant& data) const {
  const auto used = constants_.find(data);
  if (used != constants_.end()) {
    const ir::Op& op = module_.op(module_.value(used->second).definition);
    return op.attributes.get<std::string>("hash");
  }
  const auto known = knownHashes_.find(data);
  return known != knownHashes_.end() ? known->second : ir::contentHash(*data);
}

// Extents over symbols as data: each is counted, then they are joined.
ValueId Emitter::materialise(const Dims& contents, const Tensor& tensor) {
  std::vector<Tensor> parts;
  for (const Dim& dim : contents) {
    parts.push_back(reshape(extent(dim, tensor.dtype), {Dim(1)}));
  }
  return use(reshape(concat(parts, 0), tensor.shape));
}

Tensor Emitter::tensorOf(ValueId value) const {
  const Type& type = module_.type(value);
  Tensor tensor{type.dtype, type.shape, value, nullptr, nullptr};
  tensor.constant = module_.constantOf(value);
  if (const auto known = known_.find(value); known != known_.end()) {
    tensor.constant = known->second.constant;
    tensor.contents = known->second.contents;
  }
  return tensor;
}

const ir::Op* Emitter::definition(const Tensor& x) const {
  if (!x.id.valid()) return nullptr;
  const ir::OpId op = module_.value(x.id).definition;
  return op.valid() ? &module_.op(op) : nullptr;
}

Tensor Emitter::constant(Constant data) const {
  Dims shape = toDims(data->shape);
  const DType dtype = data->dtype;
  return {dtype, std::move(shape), {}, std::move(data), nullptr};
}

Tensor Emitter::number(DType dtype, double value) const {
  return constant(ir::makeConstant(dtype, {}, encode(dtype, value)));
}

Tensor Emitter::integer(DType dtype, int64_t value) const {
  return constant(ir::makeConstant(dtype, {}, encodeInteger(dtype, value)));
}

Tensor Emitter::ints(const std::vector<int64_t>& values) const {
  return constant(
      ir::makeConstant<int64_t>(DType::I64, {static_cast<int64_t>(values.size())}, values));
}

Tensor Emitter::fromContents(Dims contents, const Type& type) const {
  std::vector<std::byte> bytes;
  for (const Dim& dim : contents) {
    if (!dim.isConstant()) {
      return {
          type.dtype, type.shape, {}, nullptr, std::make_shared<const Dims>(std::move(contents))};
    }
    const auto element = encodeInteger(type.dtype, dim.value());
    bytes.insert(bytes.end(), element.begin(), element.end());
  }
  return constant(ir::makeConstant(type.dtype, *constantShape(type.shape), std::move(bytes)));
}

Tensor Emitter::extents(Dims contents, Dims shape, DType dtype) const {
  return fromContents(std::move(contents), Type::tensor(dtype, std::move(shape)));
}

Tensor Emitter::extent(const Dim& dim, DType dtype) {
  if (dim.isConstant()) return integer(dtype, dim.value());
  // Counted at run time: the sum of that many ones.
  return reduce(Opcode::Add, broadcast(integer(dtype, 1), {dim}), {0});
}

// ---- Ops and folding ----

Tensor Emitter::op(Opcode opcode, const std::vector<Tensor>& operands, DType dtype,
                   const Dims& shape, ir::Attributes attributes) {
  const Type type = Type::tensor(dtype, shape);
  std::optional<Tensor> folded;
  if (!countable(shape)) {
    if (!uncountable_) uncountable_ = shape;
  } else {
    folded = fold(opcode, operands, type, attributes);
  }
  if (folded && optimise_) return *folded;
  Tensor result = emit(opcode, operands, type, std::move(attributes));
  return folded ? remember(std::move(result), *folded) : result;
}

Tensor Emitter::remember(Tensor result, const Tensor& known) {
  result.constant = known.constant;
  result.contents = known.contents;
  known_[result.id] = result;
  return result;
}

Tensor Emitter::emit(Opcode opcode, const std::vector<Tensor>& operands, const Type& type,
                     ir::Attributes attributes) {
  std::vector<ValueId> ids;
  for (const Tensor& operand : operands) ids.push_back(use(operand));
  auto& same = emitted_[{opcode, ids}];
  for (const ir::OpId id : same) {
    ir::Op& op = module_.op(id);
    if (op.attributes != attributes || module_.type(op.results[0]) != type) continue;
    ir::addOrigin(op.origin, origin_);
    return tensorOf(op.results[0]);
  }
  const ir::OpId id = module_.addOp(module_.top(), opcode, std::move(ids), {type},
                                    std::move(attributes), {}, origin_);
  same.push_back(id);
  return {type.dtype, type.shape, module_.result(id), nullptr, nullptr};
}

std::optional<Tensor> Emitter::fold(Opcode opcode, const std::vector<Tensor>& operands,
                                    const Type& type, const ir::Attributes& attributes) {
  if (auto contents = interpret(opcode, operands, type, attributes)) {
    return fromContents(*std::move(contents), type);
  }
  const bool known = std::all_of(operands.begin(), operands.end(),
                                 [](const Tensor& t) { return t.constant != nullptr; });
  if (!known || !evaluator_ || !worthFolding(opcode, operands, type)) return std::nullopt;
  if (!optimise_ && *constantCount(type.shape) > kMostAsked) return std::nullopt;
  if (!budget_.spend(opcode, operands, type, attributes)) return std::nullopt;
  return evaluate(opcode, operands, type, attributes);
}

// Through the injected evaluator, on a graph of this one op. What it cannot evaluate (a division by
// zero, say) stays in the graph and is reported when it runs.
std::optional<Tensor> Emitter::evaluate(Opcode opcode, const std::vector<Tensor>& operands,
                                        const Type& type, const ir::Attributes& attributes) {
  ir::Module graph(ir::Level::Graph, "fold");
  std::vector<ValueId> ids;
  for (const Tensor& operand : operands) {
    ids.push_back(
        graph.addConstant(graph.top(), operand.constant, origin_, -1, hashOf(operand.constant)));
  }
  const ir::OpId id =
      graph.addOp(graph.top(), opcode, std::move(ids), {type}, attributes, {}, origin_);
  graph.addOp(graph.top(), Opcode::Return, {graph.result(id)}, {});
  graph.outputs = {"result"};
  auto results = evaluator_(graph);
  if (!results || results->size() != 1) return std::nullopt;
  return constant((*results)[0]);
}

// ---- Elementwise ----

namespace {

// The number that leaves the other operand as it is: exactly, NaN and -0 included.
std::optional<double> neutralNumber(Opcode opcode, DType dtype) {
  const double infinity = std::numeric_limits<double>::infinity();
  if (opcode == Opcode::Mul || opcode == Opcode::Div) return 1;
  if (opcode == Opcode::Max && ir::isFloat(dtype)) return -infinity;
  if (opcode == Opcode::Min && ir::isFloat(dtype)) return infinity;
  return std::nullopt;
}

}  // namespace

std::optional<Tensor> Emitter::simplifyScalar(Opcode opcode, const std::vector<Tensor>& operands) {
  const auto neutral = neutralNumber(opcode, operands[0].dtype);
  if (!neutral) return std::nullopt;
  const auto drops = [&](const Tensor& t, const Tensor& other) {
    return uniformValue(t) == *neutral && broadcastShapes(t.shape, other.shape) == other.shape;
  };
  if (drops(operands[1], operands[0])) return operands[0];
  if (opcode != Opcode::Div && drops(operands[0], operands[1])) return operands[1];
  return std::nullopt;
}

Tensor Emitter::scalar(Opcode opcode, std::vector<Tensor> operands) {
  const auto full = broadcastShapes(operands);
  QT_ASSERT(full, "operands do not broadcast");
  if (optimise_) {
    if (auto same = simplifyScalar(opcode, operands)) return *std::move(same);
  }
  // A broadcast operand is used as it was before, the result broadcast if need be.
  for (Tensor& operand : operands) {
    const ir::Op* from = definition(operand);
    if (from != nullptr && from->opcode == Opcode::Broadcast) operand = tensorOf(from->operands[0]);
  }
  const auto shape = broadcastShapes(operands);
  QT_ASSERT(shape, "operands do not broadcast");
  DType dtype = operands.back().dtype;
  if (ir::isComparison(opcode) || opcode == Opcode::IsNan || opcode == Opcode::IsInf) {
    dtype = DType::Bool;
  }
  return broadcast(op(opcode, operands, dtype, *shape), *full);
}

Tensor Emitter::cast(const Tensor& x, DType dtype) {
  if (x.dtype == dtype) return x;
  const ir::Op* from = definition(x);
  if (from != nullptr && from->opcode == Opcode::Broadcast) {
    return broadcast(cast(tensorOf(from->operands[0]), dtype), x.shape);
  }
  return op(Opcode::Cast, {x}, dtype, x.shape);
}

Tensor Emitter::select(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return scalar(Opcode::Select, {condition, a, b});
}

// ---- Computation ----

Dim Emitter::reducedCount(const Tensor& x, const std::vector<int>& axes) const {
  Dim count(1);
  for (const int axis : axes) count = count * x.shape[static_cast<size_t>(axis)];
  return count;
}

Tensor Emitter::reduce(Opcode fn, const Tensor& x, const std::vector<int>& axes) {
  if (axes.empty()) return x;
  Dims shape;
  Ints list;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (!reduced) shape.push_back(x.shape[static_cast<size_t>(axis)]);
    if (reduced) list.push_back(axis);
  }
  if (reducedCount(x, axes) == Dim(1)) return reshape(x, shape);
  return op(Opcode::Reduce, {x}, x.dtype, shape, attributesOf({{"fn", fn}, {"axes", list}}));
}

Tensor Emitter::reduceKeep(Opcode fn, const Tensor& x, const std::vector<int>& axes) {
  Dims shape = x.shape;
  for (const int axis : axes) shape[static_cast<size_t>(axis)] = Dim(1);
  return reshape(reduce(fn, x, axes), shape);
}

Tensor Emitter::meanKeep(const Tensor& x, const std::vector<int>& axes) {
  const Dim count = reducedCount(x, axes);
  const Tensor sum = reduceKeep(Opcode::Add, x, axes);
  if (count.isConstant() && count.value() > 0 && ir::isFloat(x.dtype)) {
    return mul(sum, 1.0 / static_cast<double>(count.value()));
  }
  return div(sum, extent(count, x.dtype));
}

Tensor Emitter::contract(const Tensor& lhs, const Ints& lhsLabels, const Tensor& rhs,
                         const Ints& rhsLabels, const Ints& out, std::optional<DType> dtype) {
  Dims shape;
  for (const int64_t label : out) {
    const auto left = std::find(lhsLabels.begin(), lhsLabels.end(), label);
    if (left != lhsLabels.end()) {
      shape.push_back(lhs.shape[static_cast<size_t>(left - lhsLabels.begin())]);
      continue;
    }
    const auto right = std::find(rhsLabels.begin(), rhsLabels.end(), label);
    QT_ASSERT(right != rhsLabels.end(), "a label of the result is in no operand");
    shape.push_back(rhs.shape[static_cast<size_t>(right - rhsLabels.begin())]);
  }
  return op(Opcode::Contract, {lhs, rhs}, dtype.value_or(lhs.dtype), shape,
            attributesOf({{"lhs", lhsLabels}, {"rhs", rhsLabels}, {"out", out}}));
}

}  // namespace quartet::frontend
