#include "sched/roller/dot_products.h"

#include <algorithm>

#include "base/content_hash.h"
#include "sched/roller/copies.h"
#include "sched/roller/padding.h"
#include "sched/task_set.h"

namespace quartet::sched {

using ir::Dim;
using ir::DType;
using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

namespace {

/// A scalar operation that adds up products of the elements that are packed in two i32.
struct DotProduct {
  Opcode op;
  DType a, b;  // of the elements
  DType sum;
  int64_t count;  // of the elements

  int bits() const { return static_cast<int>(8 * ir::byteSize(a)); }
};

constexpr DotProduct kDotProducts[] = {
    {Opcode::Dot4, DType::U8, DType::I8, DType::I32, 4},
    {Opcode::Dot2, DType::BF16, DType::BF16, DType::F32, 2},
};
/// Between an i8 and the u8 with the other highest bit.
constexpr int64_t kFlip = 128;

bool isByte(DType dtype) { return dtype == DType::I8 || dtype == DType::U8; }

/// Whether the device has an instruction for it, and keeps its elements as they are.
bool has(const hwdb::Description& device, const DotProduct& product) {
  const bool narrow = isByte(product.a) ? device.storage8.value : device.storage16.value;
  const auto fits = [&](const hwdb::MatrixUnit& unit) {
    return unit.scope == hwdb::MatrixUnit::Scope::Invocation && unit.a == ir::name(product.a) &&
           unit.b == ir::name(product.b) && unit.accumulator == ir::name(product.sum) &&
           unit.m.value == 1 && unit.n.value == 1 && unit.k.value == product.count;
  };
  return narrow && std::any_of(device.matrixUnits.begin(), device.matrixUnits.end(), fits);
}

/// The load of an element behind its cast to the dtype of sums; bytes of either sign.
std::optional<Expr> elementLoad(const Expr& factor, const DotProduct& product) {
  const bool cast = factor.kind() == Expr::Kind::Apply && factor.op() == Opcode::Cast &&
                    factor.dtype() == product.sum;
  if (!cast || factor.args()[0].kind() != Expr::Kind::Load) return std::nullopt;
  const Expr& load = factor.args()[0];
  const bool fits = isByte(product.a) ? isByte(load.dtype()) : load.dtype() == product.a;
  const bool zeros = !load.guarded() || (load.other().isLiteral() && isByte(load.dtype())) ||
                     (load.other().isLiteral() && load.other().floatValue() == 0);
  if (!fits || !zeros) return std::nullopt;
  return load;
}

/// The two loads whose products a reduction adds up.
std::optional<std::pair<Expr, Expr>> factorsOf(const TensorExpr& expr, const DotProduct& product) {
  const bool adds = expr.form == TensorExpr::Form::Reduce && expr.laneCombine() == Opcode::Add &&
                    expr.order == TensorExpr::Order::Commutative;
  if (!adds || expr.init[0].dtype() != product.sum || !expr.init[0].isLiteral()) return {};
  const Expr& element = expr.element[0];
  if (element.kind() != Expr::Kind::Apply || element.op() != Opcode::Mul) return std::nullopt;
  const auto a = elementLoad(element.args()[0], product);
  const auto b = elementLoad(element.args()[1], product);
  if (!a || !b) return std::nullopt;
  return std::pair(*a, *b);
}

/// The index of a load that is `axis` by itself, where nothing else of the load depends on it.
std::optional<size_t> packedIndex(const Expr& load, int axis) {
  std::optional<size_t> found;
  for (size_t k = 0; k < load.args().size(); ++k) {
    const Expr& index = load.args()[k];
    if (!ir::mentions(index, axis)) continue;
    if (found || index.kind() != Expr::Kind::Axis) return std::nullopt;
    found = k;
  }
  if (load.guarded() && ir::mentions(load.guard(), axis)) return std::nullopt;
  return found;
}

/// An operand of the products.
struct Operand {
  Expr load;
  ValueId buffer;
  size_t packed = 0;  // which of its axes
  bool constant = false;
  bool flips = false;
};

struct Products {
  DotProduct product;
  Operand a;
  Operand b;
  int axis = -1;
  /// Of the constant, where the other operand is flipped: what its sums are multiplied by.
  std::optional<int64_t> correction;

  const Operand& constant() const { return a.constant ? a : b; }
};

/// Whether sums over some axes of an operand are those over all points of the reduction: every
/// index is an axis by itself, those of the reduction all among them and gone through whole.
bool sumsAreWhole(const Operand& operand, const TensorExpr& expr, const ir::Type& type) {
  std::vector<int> seen;
  size_t summed = 0;
  for (size_t k = 0; k < type.shape.size(); ++k) {
    const Expr& index = operand.load.args()[k];
    if (index.kind() != Expr::Kind::Axis) return false;
    if (std::find(seen.begin(), seen.end(), index.number()) != seen.end()) return false;
    seen.push_back(index.number());
    const int r = index.number() - expr.domainRank();
    if (r < 0) continue;
    if (expr.reduction[static_cast<size_t>(r)] != type.shape[k]) return false;
    ++summed;
  }
  return summed == expr.reduction.size() && !operand.load.guarded();
}

/// The reduction axis with most points that both loads can be packed along; -1 if there is none.
int packedAxis(const TensorExpr& expr, const Expr& a, const Expr& b) {
  int chosen = -1;
  int64_t most = 1;
  for (size_t r = 0; r < expr.reduction.size(); ++r) {
    const int axis = expr.domainRank() + static_cast<int>(r);
    const auto extent = expr.reduction[r].constant();
    if (!extent || *extent <= most || !packedIndex(a, axis) || !packedIndex(b, axis)) continue;
    chosen = axis;
    most = *extent;
  }
  return chosen;
}

/// Gives each operand the sign that the instruction takes it with; false where the sums that then
/// correct the result would have to be computed.
bool assignSigns(const ir::Module& plan, const TensorExpr& expr, Products& found) {
  if (!isByte(found.product.a)) return true;
  if (found.a.load.dtype() != found.b.load.dtype()) {
    if (found.a.load.dtype() != found.product.a) std::swap(found.a, found.b);
    return true;
  }
  if (found.a.constant == found.b.constant) return false;
  if (found.a.constant) std::swap(found.a, found.b);
  if (!sumsAreWhole(found.b, expr, plan.type(found.b.buffer))) return false;
  found.a.flips = true;
  const bool isSigned = found.a.load.dtype() == DType::I8;
  found.correction = isSigned ? -kFlip : kFlip;
  if (!isSigned) std::swap(found.a, found.b);
  return true;
}

std::optional<Products> productsOf(const ir::Module& plan, OpId anchor, const DotProduct& product) {
  const ir::Op& op = plan.op(anchor);
  const TensorExpr& expr = op.attributes.expr();
  const auto loads = factorsOf(expr, product);
  if (!loads) return std::nullopt;
  Products found{product, {}, {}, packedAxis(expr, loads->first, loads->second), {}};
  if (found.axis < 0) return std::nullopt;
  const auto operandOf = [&](const Expr& load) {
    Operand operand{load, op.operands[static_cast<size_t>(load.number())]};
    operand.packed = *packedIndex(load, found.axis);
    operand.constant = plan.constantOf(operand.buffer) != nullptr;
    return operand;
  };
  found.a = operandOf(loads->first);
  found.b = operandOf(loads->second);
  for (const Operand* operand : {&found.a, &found.b}) {
    const ir::Type& type = plan.type(operand->buffer);
    if (type.kind != ir::Type::Kind::Buffer) return std::nullopt;
    // The load reads all of the axis that is packed: what lies beyond it is filled with zeros.
    const Dim& extent = expr.reduction[static_cast<size_t>(found.axis - expr.domainRank())];
    if (type.shape[operand->packed] != extent) return std::nullopt;
  }
  if (!assignSigns(plan, expr, found)) return std::nullopt;
  return found;
}

/// `count` elements of operand 0, bits of an unsigned dtype, along `axis` in one i32, the first in
/// the lowest bits, zeros behind the last.
Expr packedElements(const std::vector<Dim>& shape, size_t axis, const DotProduct& product,
                    bool flips) {
  const DType dtype = isByte(product.a) ? DType::U8 : DType::U16;
  const int64_t extent = shape[axis].value();
  Expr word;
  for (int64_t i = 0; i < product.count; ++i) {
    std::vector<Expr> indices;
    for (size_t k = 0; k < shape.size(); ++k) {
      const Expr own = Expr::axis(static_cast<int>(k));
      indices.push_back(k == axis ? own * Expr::index(product.count) + Expr::index(i) : own);
    }
    const Expr inside = Expr::apply(Opcode::Lt, {indices[axis], Expr::index(extent)});
    const Expr element = extent % product.count == 0
                             ? Expr::load(0, dtype, std::move(indices))
                             : Expr::guardedLoad(0, dtype, std::move(indices), inside,
                                                 Expr::literal(int64_t{0}, dtype));
    Expr bits = Expr::cast(element, DType::I32);
    if (flips) bits = Expr::apply(Opcode::Xor, {bits, Expr::literal(kFlip, DType::I32)});
    bits = Expr::apply(Opcode::Shl, {bits, Expr::literal(i * product.bits(), DType::I32)});
    word = word.valid() ? Expr::apply(Opcode::Or, {word, bits}) : bits;
  }
  return word;
}

std::vector<Dim> packedShape(std::vector<Dim> shape, size_t axis, int64_t count) {
  shape[axis] = Dim((shape[axis].value() + count - 1) / count);
  return shape;
}

/// Rewrites a plan with such a reduction.
class Rewriter {
 public:
  Rewriter(const ir::Module& plan, OpId tasks, OpId anchor, Products products)
      : tasks_(tasks), anchor_(anchor), products_(std::move(products)) {
    result_.plan = plan;
  }

  DotProductPlan run() {
    TensorExpr expr = plan().op(anchor_).attributes.expr();
    const DotProduct& product = products_.product;
    const Expr zero = ir::isFloat(product.sum) ? Expr::literal(0.0, product.sum)
                                               : Expr::literal(int64_t{0}, product.sum);
    const Expr a = pack(products_.a);
    const Expr b = pack(products_.b);
    expr.element = {Expr::apply(product.op, {a, b, zero})};
    Dim& extent = expr.reduction[static_cast<size_t>(products_.axis - expr.domainRank())];
    extent = Dim((extent.value() + product.count - 1) / product.count);
    if (products_.correction) correct(expr);
    plan().op(anchor_).attributes.set("expr", std::make_shared<const TensorExpr>(std::move(expr)));
    dropUnusedOperands(plan(), anchor_);
    dropUnusedConstants(plan());
    return std::move(result_);
  }

 private:
  ir::Module& plan() { return result_.plan; }

  /// Makes `buffer` an operand of the reduction; its number.
  int addOperand(ValueId buffer) {
    auto& operands = plan().op(anchor_).operands;
    operands.push_back(buffer);
    return static_cast<int>(operands.size()) - 1;
  }

  /// The load of several elements at once.
  Expr pack(const Operand& operand) {
    const bool asItLies = !operand.flips && liesPacked(operand);
    const int input = addOperand(operand.constant ? packConstant(operand)
                                 : asItLies       ? packedAlias(operand)
                                                  : packCopy(operand));
    const Expr& load = operand.load;
    if (!load.guarded()) return Expr::load(input, DType::I32, load.args());
    int64_t outside = 0;
    if (isByte(load.dtype())) {
      const int64_t byte = (load.other().intValue() & 0xff) ^ (operand.flips ? kFlip : 0);
      outside = static_cast<int32_t>(static_cast<uint32_t>(byte) * 0x01010101U);
    }
    return Expr::guardedLoad(input, DType::I32, load.args(), load.guard(),
                             Expr::literal(outside, DType::I32));
  }

  /// Whether the elements of an i32 lie next to each other in memory as they are.
  bool liesPacked(const Operand& operand) const {
    const ir::Type& type = result_.plan.type(operand.buffer);
    return type.layout.rowMajor() && operand.packed + 1 == type.shape.size() &&
           type.shape.back().value() % products_.product.count == 0;
  }

  /// The same memory as another buffer.
  ValueId addAlias(ValueId buffer, DType dtype, std::vector<Dim> shape) {
    const ir::Type type = ir::Type::buffer(dtype, std::move(shape), plan().type(buffer).layout);
    const OpId definition = plan().value(buffer).definition;
    const auto& ops = plan().region(plan().top()).ops;
    const auto after = std::find(ops.begin(), ops.end(), definition);
    const auto place = after == ops.end() ? 0 : after - ops.begin() + 1;
    return plan().result(plan().addOp(plan().top(), Opcode::Buffer, {buffer}, {type}, {}, {}, {},
                                      static_cast<int>(place)));
  }

  ValueId packedAlias(const Operand& operand) {
    return addAlias(
        operand.buffer, DType::I32,
        packedShape(plan().type(operand.buffer).shape, operand.packed, products_.product.count));
  }

  ValueId packCopy(const Operand& operand) {
    const DotProduct& product = products_.product;
    const std::vector<Dim> shape = plan().type(operand.buffer).shape;
    TensorExpr copy;
    copy.domain = packedShape(shape, operand.packed, product.count);
    copy.results = {packedElements(shape, operand.packed, product, operand.flips)};
    const DType bits = isByte(product.a) ? DType::U8 : DType::U16;
    const ValueId source = plan().type(operand.buffer).dtype == bits
                               ? operand.buffer
                               : addAlias(operand.buffer, bits, shape);
    return addCopy(plan(), tasks_, source, std::move(copy), {}, "pack_elements").buffer;
  }

  ValueId packConstant(const Operand& operand) {
    PackedConstant packed;
    packed.axis = operand.packed;
    return addConstant(
        operand, std::move(packed), "packed " + std::to_string(operand.packed),
        packedShape(plan().type(operand.buffer).shape, operand.packed, products_.product.count));
  }

  ValueId addConstant(const Operand& operand, PackedConstant made, std::string name,
                      const std::vector<Dim>& shape) {
    const ir::Op& constant = plan().op(plan().value(operand.buffer).definition);
    name += " " + constant.attributes.get<std::string>("hash");
    made.hash = contentHash(std::as_bytes(std::span(name))).hex();
    made.source = plan().constantOf(operand.buffer);
    auto data = std::make_shared<ir::ConstantData>();
    data->dtype = DType::I32;
    for (const Dim& dim : shape) data->shape.push_back(dim.value());
    const ValueId value =
        plan().addConstant(plan().top(), std::move(data), constant.origin, 0, made.hash);
    result_.constants.push_back(std::move(made));
    return value;
  }

  /// Adds the constant's sums to the state, once for each point.
  void correct(TensorExpr& expr) {
    const Operand& constant = products_.constant();
    PackedConstant sums;
    sums.factor = *products_.correction;
    std::vector<Dim> shape;
    std::vector<Expr> indices;
    std::string name = "sums " + std::to_string(sums.factor);
    for (size_t k = 0; k < constant.load.args().size(); ++k) {
      const Expr& index = constant.load.args()[k];
      sums.summed.push_back(index.number() >= expr.domainRank());
      name += sums.summed.back() ? " 1" : " 0";
      if (sums.summed.back()) continue;
      shape.push_back(plan().type(constant.buffer).shape[k]);
      indices.push_back(index);
    }
    const int input = addOperand(addConstant(constant, std::move(sums), name, shape));
    const Expr sum = Expr::load(input, DType::I32, std::move(indices));
    for (Expr& result : expr.results) {
      result = result.rewrite([&](const Expr& node) {
        if (node.kind() != Expr::Kind::State) return node;
        return Expr::apply(Opcode::Add, {node, sum});
      });
    }
  }

  DotProductPlan result_;
  OpId tasks_;
  OpId anchor_;
  Products products_;
};

/// The bits of an element of one or two bytes.
uint32_t bitsAt(const ir::ConstantData& data, int64_t at) {
  return ir::byteSize(data.dtype) == 1 ? uint32_t{data.element<uint8_t>(at)}
                                       : uint32_t{data.element<uint16_t>(at)};
}

std::vector<int32_t> packed(const PackedConstant& constant, const ir::Ints& shape) {
  const ir::ConstantData& source = *constant.source;
  const int64_t size = ir::byteSize(source.dtype);
  const int64_t count = ir::byteSize(DType::I32) / size;
  int64_t inner = 1;
  for (size_t k = constant.axis + 1; k < source.shape.size(); ++k) inner *= source.shape[k];
  const int64_t extent = source.shape[constant.axis];
  const int64_t words = shape[constant.axis];
  const int64_t outer = source.elementCount() / std::max<int64_t>(extent * inner, 1);
  std::vector<int32_t> result;
  result.reserve(static_cast<size_t>(outer * words * inner));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t word = 0; word < words; ++word) {
      const int64_t some = std::min(count, extent - word * count);
      for (int64_t i = 0; i < inner; ++i) {
        uint32_t bits = 0;
        for (int64_t k = 0; k < some; ++k) {
          const int64_t at = (o * extent + word * count + k) * inner + i;
          bits |= bitsAt(source, at) << (8 * size * k);
        }
        result.push_back(static_cast<int32_t>(bits));
      }
    }
  }
  return result;
}

std::vector<int32_t> sums(const PackedConstant& constant) {
  const ir::ConstantData& source = *constant.source;
  // Of each axis of the source, from one element to the next in the result.
  std::vector<int64_t> steps(source.shape.size(), 0);
  int64_t count = 1;
  for (size_t k = source.shape.size(); k-- > 0;) {
    if (constant.summed[k]) continue;
    steps[k] = count;
    count *= source.shape[k];
  }
  std::vector<uint32_t> result(static_cast<size_t>(count), 0);
  std::vector<int64_t> at(source.shape.size(), 0);
  const int64_t elements = source.elementCount();
  int64_t place = 0;
  for (int64_t i = 0; i < elements; ++i) {
    const auto byte = source.element<uint8_t>(i);
    const int64_t value = source.dtype == DType::I8 ? static_cast<int8_t>(byte) : byte;
    result[static_cast<size_t>(place)] += static_cast<uint32_t>(value * constant.factor);
    for (size_t k = at.size(); k-- > 0;) {
      place += steps[k];
      if (++at[k] < source.shape[k]) break;
      place -= steps[k] * source.shape[k];
      at[k] = 0;
    }
  }
  return {result.begin(), result.end()};
}

}  // namespace

std::optional<DotProductPlan> dotProducts(const ir::Module& plan, OpId tasks,
                                          const hwdb::Description& device) {
  const OpId anchor = governingTile(plan, tasks);
  for (const DotProduct& product : kDotProducts) {
    if (!has(device, product)) continue;
    auto products = productsOf(plan, anchor, product);
    if (!products) continue;
    DotProductPlan way = Rewriter(plan, tasks, anchor, std::move(*products)).run();
    padOperands(way.plan, tasks, device);
    return way;
  }
  return std::nullopt;
}

void fillConstants(ir::Module& plan, const std::vector<PackedConstant>& constants) {
  for (const PackedConstant& constant : constants) {
    const auto found = plan.constants.find(constant.hash);
    if (found == plan.constants.end()) continue;
    const ir::Ints shape = found->second->shape;
    found->second = ir::makeConstant(
        DType::I32, shape, constant.summed.empty() ? packed(constant, shape) : sums(constant));
  }
  for (const PackedConstant& constant : constants) {
    constant.source->release(constant.source->bytes);
  }
}

}  // namespace quartet::sched
