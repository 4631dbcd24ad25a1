#include "frontend/onnx/interpret.h"

#include "base/floor_division.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Opcode;

namespace {

constexpr int64_t kMaxInterpreted = 1024;
// Sums, products and quotients of two such numbers stay within int64.
constexpr int64_t kMaxMagnitude = INT64_C(1) << 31;

using MaybeDim = std::optional<Dim>;

// A symbolic extent, or a number that arithmetic may go on with. Numbers that wrap around in their
// dtype, and markers such as INT64_MAX, are left to exact evaluation.
bool sound(const Dim& dim, DType dtype) {
  if (!dim.isConstant()) return true;
  const int64_t most = dtype == DType::I32 ? INT32_MAX : kMaxMagnitude;
  return dim.value() >= -kMaxMagnitude && dim.value() <= most;
}

MaybeDim compare(Opcode opcode, const Dim& a, const Dim& b) {
  if (a.isConstant() && b.isConstant()) {
    const int64_t x = a.value();
    const int64_t y = b.value();
    switch (opcode) {
      case Opcode::Eq:
        return Dim(x == y);
      case Opcode::Ne:
        return Dim(x != y);
      case Opcode::Lt:
        return Dim(x < y);
      case Opcode::Le:
        return Dim(x <= y);
      case Opcode::Gt:
        return Dim(x > y);
      case Opcode::Ge:
        return Dim(x >= y);
      default:
        return std::nullopt;
    }
  }
  // An extent is equal to itself and never to a negative number.
  const auto negative = [](const Dim& d) { return d.isConstant() && d.value() < 0; };
  const bool different = (negative(a) && nonNegative(b)) || (negative(b) && nonNegative(a));
  if (opcode == Opcode::Eq && a == b) return Dim(1);
  if (opcode == Opcode::Ne && a == b) return Dim(0);
  if (opcode == Opcode::Eq && different) return Dim(0);
  if (opcode == Opcode::Ne && different) return Dim(1);
  if (opcode == Opcode::Lt && negative(b) && nonNegative(a)) return Dim(0);
  if (opcode == Opcode::Ge && negative(b) && nonNegative(a)) return Dim(1);
  return std::nullopt;
}

MaybeDim divide(Opcode opcode, const Dim& a, const Dim& b) {
  if (!b.isConstant() || b.value() == 0) {
    return a == b && nonNegative(a) && opcode != Opcode::Rem && !b.isConstant() ? MaybeDim(1)
                                                                                : std::nullopt;
  }
  if (a.isConstant()) {
    const int64_t x = a.value();
    const int64_t y = b.value();
    if (opcode == Opcode::Div) return Dim(x / y);
    if (opcode == Opcode::Rem) return Dim(x % y);
    return Dim(opcode == Opcode::Mod ? floorMod(x, y) : floorDivide(x, y));
  }
  if (b.value() < 0) return std::nullopt;
  if (opcode == Opcode::Div || opcode == Opcode::FloorDiv) return Dim::floorDiv(a, b);
  return Dim::mod(a, b);
}

MaybeDim binary(Opcode opcode, const Dim& a, const Dim& b) {
  switch (opcode) {
    case Opcode::Add:
      return a + b;
    case Opcode::Sub:
      return a - b;
    case Opcode::Mul:
      return a * b;
    case Opcode::Min:
      return Dim::min(a, b);
    case Opcode::Max:
      return Dim::max(a, b);
    case Opcode::Div:
    case Opcode::FloorDiv:
    case Opcode::Rem:
    case Opcode::Mod:
      return divide(opcode, a, b);
    case Opcode::And:
    case Opcode::Or:
      if (!a.isConstant() || !b.isConstant()) return std::nullopt;
      return opcode == Opcode::And ? Dim(a.value() & b.value()) : Dim(a.value() | b.value());
    default:
      return compare(opcode, a, b);
  }
}

// Conversions that cannot change the value of an extent.
MaybeDim convert(DType to, const Dim& a) {
  if (to == DType::Bool) {
    if (a.isConstant()) return Dim(a.value() != 0);
    return std::nullopt;
  }
  if (to != DType::I64 && to != DType::I32) return std::nullopt;
  return a;
}

// The interpretation of one op; contents of the operands in `values`.
class Interpreter {
 public:
  Interpreter(std::span<const Tensor> operands, const ir::Type& result,
              const ir::Attributes& attributes, std::vector<Dims> values)
      : operands_(operands),
        result_(result),
        attributes_(attributes),
        values_(std::move(values)),
        shape_(*constantShape(result.shape)),
        strides_(stridesOf(shape_)) {
    for (const Tensor& t : operands) shapes_.push_back(*constantShape(t.shape));
  }

  std::optional<Dims> run(Opcode opcode) {
    Dims out;
    const int64_t count = *constantCount(result_.shape);
    if (opcode == Opcode::Reshape) return values_[0];
    if (opcode == Opcode::Reduce) return reduce(count);
    std::vector<int64_t> index(shape_.size());
    for (int64_t i = 0; i < count; ++i) {
      for (size_t d = 0; d < shape_.size(); ++d) index[d] = i / strides_[d] % shape_[d];
      auto value = element(opcode, index);
      if (!value || !sound(*value, result_.dtype)) return std::nullopt;
      out.push_back(std::move(*value));
    }
    return out;
  }

 private:
  // Element of an operand at an index of the result, by numpy's rules.
  const Dim& broadcasted(size_t operand, const std::vector<int64_t>& index) const {
    const auto& shape = shapes_[operand];
    const size_t offset = index.size() - shape.size();
    int64_t at = 0;
    for (size_t d = 0; d < shape.size(); ++d) {
      at = at * shape[d] + (shape[d] == 1 ? 0 : index[offset + d]);
    }
    return values_[operand][static_cast<size_t>(at)];
  }

  const Dim& at(size_t operand, const std::vector<int64_t>& index) const {
    int64_t position = 0;
    for (size_t d = 0; d < index.size(); ++d) position = position * shapes_[operand][d] + index[d];
    return values_[operand][static_cast<size_t>(position)];
  }

  MaybeDim element(Opcode opcode, const std::vector<int64_t>& index) const {
    switch (opcode) {
      case Opcode::Select: {
        const Dim& condition = broadcasted(0, index);
        if (!condition.isConstant()) return std::nullopt;
        return broadcasted(condition.value() != 0 ? 1 : 2, index);
      }
      case Opcode::Cast:
        return convert(result_.dtype, broadcasted(0, index));
      case Opcode::Neg:
        return Dim(0) - broadcasted(0, index);
      case Opcode::Not:  // of bits, or of bool
        if (result_.dtype != DType::Bool) return Dim(-1) - broadcasted(0, index);
        if (!broadcasted(0, index).isConstant()) return std::nullopt;
        return Dim(broadcasted(0, index).value() == 0);
      case Opcode::Broadcast:
        return broadcasted(0, index);
      case Opcode::Iota:
        return Dim(index[static_cast<size_t>(attributes_.integer("axis"))]);
      default:
        break;
    }
    if (ir::isScalar(opcode)) {
      if (operands_.size() != 2) return std::nullopt;
      return binary(opcode, broadcasted(0, index), broadcasted(1, index));
    }
    return moved(opcode, index);
  }

  MaybeDim moved(Opcode opcode, const std::vector<int64_t>& index) const {
    std::vector<int64_t> from = index;
    switch (opcode) {
      case Opcode::Transpose: {
        const auto& perm = attributes_.ints("perm");
        for (size_t d = 0; d < index.size(); ++d) from[static_cast<size_t>(perm[d])] = index[d];
        return at(0, from);
      }
      case Opcode::Slice: {
        const auto& starts = attributes_.ints("starts");
        const auto& steps = attributes_.ints("steps");
        for (size_t d = 0; d < index.size(); ++d) from[d] = starts[d] + steps[d] * index[d];
        return at(0, from);
      }
      case Opcode::Concat: {
        const auto axis = static_cast<size_t>(attributes_.integer("axis"));
        size_t operand = 0;
        while (from[axis] >= shapes_[operand][axis]) from[axis] -= shapes_[operand++][axis];
        return at(operand, from);
      }
      case Opcode::Gather:
        return gathered(index);
      default:
        return std::nullopt;
    }
  }

  MaybeDim gathered(const std::vector<int64_t>& index) const {
    const auto axis = static_cast<size_t>(attributes_.integer("axis"));
    const size_t indexRank = shapes_[1].size();
    const auto split = index.begin() + static_cast<std::ptrdiff_t>(axis);
    const auto rest = split + static_cast<std::ptrdiff_t>(indexRank);
    const Dim& chosen = at(1, {split, rest});
    if (!chosen.isConstant()) return std::nullopt;
    const int64_t extent = shapes_[0][axis];
    const int64_t position = chosen.value() < 0 ? chosen.value() + extent : chosen.value();
    if (position < 0 || position >= extent) return std::nullopt;
    std::vector<int64_t> from(index.begin(), split);
    from.push_back(position);
    from.insert(from.end(), rest, index.end());
    return at(0, from);
  }

  std::optional<Dims> reduce(int64_t count) const {
    const Opcode fn = attributes_.get<Opcode>("fn");
    std::vector<bool> reduced(shapes_[0].size(), false);
    for (const int64_t axis : attributes_.ints("axes")) reduced[static_cast<size_t>(axis)] = true;
    std::vector<MaybeDim> out(static_cast<size_t>(count));
    const auto strides = stridesOf(shapes_[0]);
    for (size_t i = 0; i < values_[0].size(); ++i) {
      int64_t to = 0;
      for (size_t d = 0; d < reduced.size(); ++d) {
        if (reduced[d]) continue;
        to = to * shapes_[0][d] + static_cast<int64_t>(i) / strides[d] % shapes_[0][d];
      }
      MaybeDim& sum = out[static_cast<size_t>(to)];
      sum = sum ? binary(fn, *sum, values_[0][i]) : values_[0][i];
      if (!sum || !sound(*sum, result_.dtype)) return std::nullopt;
    }
    Dims result;
    for (const MaybeDim& dim : out) {
      if (!dim) return std::nullopt;  // an empty reduction
      result.push_back(*dim);
    }
    return result;
  }

  std::span<const Tensor> operands_;
  const ir::Type& result_;
  const ir::Attributes& attributes_;
  std::vector<Dims> values_;
  std::vector<int64_t> shape_;
  std::vector<int64_t> strides_;
  std::vector<std::vector<int64_t>> shapes_;
};

}  // namespace

std::optional<Dims> interpret(Opcode opcode, std::span<const Tensor> operands,
                              const ir::Type& result, const ir::Attributes& attributes) {
  if (result.dtype != DType::I64 && result.dtype != DType::I32 && result.dtype != DType::Bool) {
    return std::nullopt;
  }
  const auto count = constantCount(result.shape);
  if (!count || *count > kMaxInterpreted) return std::nullopt;
  std::vector<Dims> values;
  for (const Tensor& operand : operands) {
    auto contents = contentsOf(operand, kMaxInterpreted);
    if (!contents) return std::nullopt;
    const bool computes = ir::isScalar(opcode) || opcode == Opcode::Reduce;
    for (const Dim& dim : *contents) {
      if (computes && !sound(dim, operand.dtype)) return std::nullopt;
    }
    values.push_back(std::move(*contents));
  }
  return Interpreter(operands, result, attributes, std::move(values)).run(opcode);
}

}  // namespace quartet::frontend
