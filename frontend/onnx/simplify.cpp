#include "frontend/onnx/simplify.h"

#include <algorithm>
#include <map>
#include <set>

#include "frontend/onnx/emitter.h"
#include "frontend/onnx/reassociation.h"
#include "ir/origin.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::Ints;
using ir::Op;
using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

// y = linear(x) * scale + offset; what lies behind a linear op, up to the last op of the chain.
struct Chain {
  Tensor scale;
  Tensor offset;
  bool hasScale = false;
  bool hasOffset = false;
  int steps = 0;
  ValueId end;                 // in the old graph
  std::vector<ValueId> inner;  // the values before it
  ir::Origin origin;
};

// Builds the graph anew, op by op.
class Simplifier {
 public:
  Simplifier(const ir::Module& old, const Evaluator& evaluator, FoldingBudget& budget)
      : old_(old), graph_(old.level, old.name), e_(graph_, evaluator, budget) {
    graph_.attributes = old.attributes;
    graph_.symbols = old.symbols;
    graph_.outputs = old.outputs;
    e_.knowConstants(old);
  }

  ir::Module run() {
    const ir::Region& region = old_.region(old_.top());
    for (const ValueId id : region.parameters) {
      const ir::Value& value = old_.value(id);
      values_.emplace(id, e_.tensorOf(graph_.addParameter(graph_.top(), value.type, value.name)));
    }
    for (const OpId id : region.ops) {
      for (const ValueId operand : old_.op(id).operands) users_[operand].push_back(id);
    }
    // Constants enter the new graph where they are used; chains look ahead to theirs.
    for (const OpId id : region.ops) {
      const Op& op = old_.op(id);
      if (op.opcode != Opcode::Constant) continue;
      define(op.results[0], e_.constant(old_.constantOf(op.results[0])));
    }
    for (const OpId id : region.ops) visit(old_.op(id));
    graph_.eraseDeadOps();
    return std::move(graph_);
  }

 private:
  const Tensor& at(ValueId old) const { return values_.at(old); }
  void define(ValueId old, Tensor tensor) { values_.insert_or_assign(old, std::move(tensor)); }

  void visit(const Op& op) {
    if (op.opcode == Opcode::Return) {
      std::vector<ValueId> results;
      e_.setOrigin({});
      for (const ValueId operand : op.operands) results.push_back(e_.use(at(operand)));
      graph_.addOp(graph_.top(), Opcode::Return, std::move(results), {});
      return;
    }
    // A constant, or a part of a chain that was emitted with its head.
    if (values_.contains(op.results[0]) || absorbed_.contains(op.results[0])) return;
    e_.setOrigin(op.origin);
    const ValueId result = op.results[0];
    switch (op.opcode) {
      case Opcode::Constant:
        define(result, e_.constant(old_.constantOf(result)));
        return;
      case Opcode::Conv:
      case Opcode::ConvTranspose:
      case Opcode::Contract:
        visitLinear(op);
        return;
      case Opcode::Transpose:
        define(result, transpose(op));
        return;
      case Opcode::Reshape:
        define(result, e_.reshape(at(op.operands[0]), old_.type(result).shape));
        return;
      default:
        define(result, copy(op));
        return;
    }
  }

  Tensor copy(const Op& op) {
    std::vector<Tensor> operands;
    for (const ValueId operand : op.operands) operands.push_back(at(operand));
    const ir::Type& type = old_.type(op.results[0]);
    return e_.op(op.opcode, operands, type.dtype, type.shape, op.attributes);
  }

  // The op of the new graph that computes a tensor, when it is of this kind.
  const Op* definition(const Tensor& tensor, Opcode opcode) const {
    if (!tensor.id.valid()) return nullptr;
    const OpId id = graph_.value(tensor.id).definition;
    if (!id.valid() || graph_.op(id).opcode != opcode) return nullptr;
    return &graph_.op(id);
  }

  // ---- Chains behind linear ops ----

  // The only op that uses a value, when there is one.
  const Op* onlyUser(ValueId old) const {
    const auto found = users_.find(old);
    if (found == users_.end() || found->second.size() != 1) return nullptr;
    return &old_.op(found->second[0]);
  }

  // The constant operand of an op of a chain; null when it has none or it does not fit.
  const Tensor* chainConstant(const Op& user, ValueId chained, const Dims& shape,
                              const std::vector<bool>& free) const {
    const bool first = user.operands[0] == chained;
    if (!first && user.operands[1] != chained) return nullptr;
    const auto found = values_.find(user.operands[first ? 1 : 0]);
    if (found == values_.end() || !found->second.constant) return nullptr;
    const Tensor& c = found->second;
    if (broadcastShapes(c.shape, shape) != shape) return nullptr;
    const size_t offset = shape.size() - c.shape.size();
    for (size_t i = 0; i < c.shape.size(); ++i) {
      if (c.shape[i] != Dim(1) && !free[offset + i]) return nullptr;
    }
    return &c;
  }

  // Takes one more op into the chain; false when it does not belong there.
  bool extend(Chain& chain, const Op& user, const Tensor& c) {
    const bool first = user.operands[0] == chain.end;
    const bool shifts = user.opcode == Opcode::Add || user.opcode == Opcode::Sub;
    if (shifts && chain.hasOffset && !keepsRounding(chain.offset, c, user.opcode == Opcode::Sub)) {
      return false;
    }
    switch (user.opcode) {
      case Opcode::Add:
        chain.offset = e_.add(chain.offset, c);
        break;
      case Opcode::Sub:
        if (!first) {
          chain.scale = e_.unary(Opcode::Neg, chain.scale);
          chain.offset = e_.sub(c, chain.offset);
          chain.hasScale = true;
        } else {
          chain.offset = e_.sub(chain.offset, c);
        }
        break;
      case Opcode::Mul:
      case Opcode::Div:
        if (!first && user.opcode == Opcode::Div) return false;
        chain.scale = e_.scalar(user.opcode, {chain.scale, c});
        if (chain.hasOffset) chain.offset = e_.scalar(user.opcode, {chain.offset, c});
        chain.hasScale = true;
        break;
      default:
        return false;
    }
    chain.hasOffset |= shifts;
    return true;
  }

  void negate(Chain& chain) {
    chain.scale = e_.unary(Opcode::Neg, chain.scale);
    if (chain.hasOffset) chain.offset = e_.unary(Opcode::Neg, chain.offset);
    chain.hasScale = true;
  }

  // `free`: the axes of the result along which the weights vary.
  Chain follow(const Op& op, const std::vector<bool>& free) {
    const ir::Type& type = old_.type(op.results[0]);
    Chain chain;
    chain.scale = e_.number(type.dtype, 1);
    chain.offset = e_.number(type.dtype, 0);
    chain.end = op.results[0];
    chain.origin = op.origin;
    if (!ir::isFloat(type.dtype)) return chain;
    while (const Op* user = onlyUser(chain.end)) {
      if (user->opcode == Opcode::Neg) {
        negate(chain);
      } else {
        if (!ir::isScalar(user->opcode) || user->operands.size() != 2) break;
        const Tensor* c = chainConstant(*user, chain.end, type.shape, free);
        if (c == nullptr || c->dtype != type.dtype || !extend(chain, *user, *c)) break;
      }
      chain.inner.push_back(chain.end);
      chain.end = user->results[0];
      ir::addOrigin(chain.origin, user->origin);
      ++chain.steps;
    }
    return chain;
  }

  // Emits a linear op with what follows it: weights scaled, one offset added.
  template <class Scaled, class Emit>
  void emitChain(const Op& op, const Tensor& weights, const std::vector<bool>& free,
                 const Scaled& scaled, const Emit& emit) {
    const ValueId result = op.results[0];
    if (weights.constant) {
      const Chain chain = follow(op, free);
      const bool shorter = chain.steps > (chain.hasOffset ? 1 : 0);
      if (shorter && chain.scale.constant && chain.offset.constant) {
        e_.setOrigin(chain.origin);
        const Tensor heavier = chain.hasScale ? scaled(chain.scale) : weights;
        const bool exact = !chain.hasScale || keepsRange(weights, chain.scale, heavier);
        if (heavier.constant && exact && allFinite(chain.offset)) {
          Tensor y = emit(heavier);
          if (chain.hasOffset) y = e_.add(y, chain.offset);
          absorbed_.insert(chain.inner.begin(), chain.inner.end());
          define(chain.end, y);
          return;
        }
        e_.setOrigin(op.origin);
      }
    }
    define(result, emit(weights));
  }

  void visitLinear(const Op& op) {
    if (op.opcode == Opcode::Contract) return visitContract(op);
    const ir::Type& type = old_.type(op.results[0]);
    Tensor x = at(op.operands[0]);
    const Tensor weights = at(op.operands[1]);
    ir::Attributes attributes = op.attributes;
    if (op.opcode == Opcode::Conv) absorbPad(x, attributes);
    std::vector<bool> free(type.shape.size(), false);
    const bool grouped = op.opcode == Opcode::ConvTranspose && attributes.integer("group") != 1;
    free[1] = !grouped;
    // Output channels: axis 0 of the weights of a convolution, axis 1 of a transposed one.
    const size_t channelAxis = op.opcode == Opcode::Conv ? 0 : 1;
    const auto scaled = [&](const Tensor& scale) {
      Dims shape(weights.shape.size(), Dim(1));
      if (!scale.shape.empty()) shape[channelAxis] = ir::elementCount(scale.shape);
      return e_.mul(weights, e_.reshape(scale, shape));
    };
    emitChain(op, weights, free, scaled, [&](const Tensor& w) {
      return e_.op(op.opcode, {x, w}, type.dtype, type.shape, attributes);
    });
  }

  // Zero padding of spatial axes becomes pads of the convolution.
  void absorbPad(Tensor& x, ir::Attributes& attributes) {
    const auto padding = paddingOf(x);
    if (!padding) return;
    const size_t rank = x.shape.size();
    Ints pads = attributes.ints("pads");
    Dims shape = x.shape;
    for (size_t i = 0; i < rank; ++i) {
      const int64_t begin = (*padding).pads[i];
      const int64_t end = (*padding).pads[rank + i];
      if (begin < 0 || end < 0 || (i < 2 && (begin != 0 || end != 0))) return;
      shape[i] = shape[i] - Dim(begin + end);
      if (i < 2) continue;
      pads[i - 2] += begin;
      pads[rank - 2 + i - 2] += end;
    }
    attributes.set("pads", pads);
    x = e_.reshape(padding->source, shape);
  }

  struct Padding {
    Tensor source;
    Ints pads;  // per axis of the padded tensor
  };

  // Zero padding behind which lies at most a reshape that adds or drops axes of extent 1.
  std::optional<Padding> paddingOf(const Tensor& x) const {
    const Op* reshaped = definition(x, Opcode::Reshape);
    const Tensor padded = reshaped != nullptr ? e_.tensorOf(reshaped->operands[0]) : x;
    const Op* pad = definition(padded, Opcode::Pad);
    if (pad == nullptr || pad->attributes.get<std::string>("mode") != "constant") {
      return std::nullopt;
    }
    if (uniformValue(e_.tensorOf(pad->operands[1])) != 0.0) return std::nullopt;
    const Ints& given = pad->attributes.ints("pads");
    const size_t from = padded.shape.size();
    const size_t to = x.shape.size();
    Ints pads(2 * to, 0);
    size_t axis = 0;  // of x
    for (size_t i = 0; i < from; ++i) {
      const bool single = padded.shape[i] == Dim(1);
      if (single && (given[i] != 0 || given[from + i] != 0)) return std::nullopt;
      if (single) continue;
      while (axis < to && x.shape[axis] == Dim(1)) ++axis;
      if (axis == to || x.shape[axis] != padded.shape[i]) return std::nullopt;
      pads[axis] = given[i];
      pads[to + axis] = given[from + i];
      ++axis;
    }
    return Padding{e_.tensorOf(pad->operands[0]), pads};
  }

  // ---- Contractions ----

  // An operand that is a transposition: its source, with the labels in that order.
  void absorbTranspose(Tensor& x, Ints& labels) const {
    const Op* transposed = definition(x, Opcode::Transpose);
    if (transposed == nullptr) return;
    const Ints& perm = transposed->attributes.ints("perm");
    Ints before(labels.size());
    for (size_t i = 0; i < perm.size(); ++i) before[static_cast<size_t>(perm[i])] = labels[i];
    labels = before;
    x = e_.tensorOf(transposed->operands[0]);
  }

  void visitContract(const Op& op) {
    Tensor sides[2] = {at(op.operands[0]), at(op.operands[1])};
    Ints labels[2] = {op.attributes.ints("lhs"), op.attributes.ints("rhs")};
    const Ints out = op.attributes.ints("out");
    const ir::DType dtype = old_.type(op.results[0]).dtype;
    for (int i = 0; i < 2; ++i) absorbTranspose(sides[i], labels[i]);
    const int w = sides[1].constant ? 1 : 0;
    std::vector<bool> free;
    for (const int64_t label : out) {
      free.push_back(std::find(labels[w].begin(), labels[w].end(), label) != labels[w].end());
    }
    const auto scaled = [&](const Tensor& scale) {
      return e_.mul(sides[w], scaleForWeights(scale, out, labels[w]));
    };
    emitChain(op, sides[w], free, scaled, [&](const Tensor& weights) {
      Tensor both[2] = {sides[0], sides[1]};
      both[w] = weights;
      return e_.contract(both[0], labels[0], both[1], labels[1], out, dtype);
    });
  }

  // A factor of the result (varying along labels of the weights) as a factor of the weights.
  Tensor scaleForWeights(const Tensor& scale, const Ints& out, const Ints& weights) {
    Dims wide(out.size() - scale.shape.size(), Dim(1));
    wide.insert(wide.end(), scale.shape.begin(), scale.shape.end());
    Ints perm;  // axes that the weights lack (extent 1) first, then the others in their order
    Dims shape;
    for (size_t i = 0; i < out.size(); ++i) {
      if (std::find(weights.begin(), weights.end(), out[i]) == weights.end()) {
        perm.push_back(static_cast<int64_t>(i));
      }
    }
    for (const int64_t label : weights) {
      const auto found = std::find(out.begin(), out.end(), label);
      const auto i = static_cast<size_t>(found - out.begin());
      shape.push_back(found == out.end() ? Dim(1) : wide[i]);
      if (found != out.end()) perm.push_back(static_cast<int64_t>(i));
    }
    return e_.reshape(e_.transpose(e_.reshape(scale, wide), perm), shape);
  }

  // A transposed contraction: its labels in another order, if nothing else needs it.
  Tensor transpose(const Op& op) {
    const Tensor& x = at(op.operands[0]);
    const Ints& perm = op.attributes.ints("perm");
    const Op* product = definition(x, Opcode::Contract);
    if (product == nullptr || onlyUser(op.operands[0]) == nullptr) return e_.transpose(x, perm);
    const Op contract = *product;
    Ints out;
    for (const int64_t axis : perm) {
      out.push_back(contract.attributes.ints("out")[static_cast<size_t>(axis)]);
    }
    e_.setOrigin(ir::mergeOrigins(contract.origin, op.origin));
    return e_.contract(e_.tensorOf(contract.operands[0]), contract.attributes.ints("lhs"),
                       e_.tensorOf(contract.operands[1]), contract.attributes.ints("rhs"), out);
  }

  const ir::Module& old_;
  ir::Module graph_;
  Emitter e_;
  std::map<ValueId, Tensor> values_;
  std::map<ValueId, std::vector<OpId>> users_;
  std::set<ValueId> absorbed_;  // values inside of chains, which nothing else uses
};

}  // namespace

ir::Module simplify(const ir::Module& graph, const Evaluator& evaluator, FoldingBudget& budget) {
  return Simplifier(graph, evaluator, budget).run();
}

}  // namespace quartet::frontend
