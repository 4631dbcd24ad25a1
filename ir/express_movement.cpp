// Ops that only move elements: index maps, guarded and indirect loads.

#include <utility>

#include "ir/express_parts.h"

namespace quartet::ir::express_parts {
namespace {

TensorExpr loadMap(const Primitive& p, std::vector<Expr> indices) {
  return mapOf(p.result().shape, Expr::load(0, p.operand(0).dtype, std::move(indices)));
}

// An entry of a list attribute, which is made of integers or of dims.
Dim entry(const Attributes& attributes, std::string_view key, size_t i) {
  const Attribute* found = attributes.find(key);
  QT_ASSERT(found != nullptr, "missing attribute " + std::string(key));
  if (const auto* dims = std::get_if<Dims>(found)) return (*dims)[i];
  return std::get<Ints>(*found)[i];
}

}  // namespace

Result<TensorExpr> transpose(const Primitive& p) {
  const Ints& perm = p.op.attributes.ints("perm");
  std::vector<Expr> at(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) {
    at[static_cast<size_t>(perm[i])] = Expr::axis(static_cast<int>(i));
  }
  return loadMap(p, std::move(at));
}

Result<TensorExpr> broadcast(const Primitive& p) {
  return mapOf(p.result().shape, broadcastLoad(p, 0));
}

Result<TensorExpr> slice(const Primitive& p) {
  const Ints& steps = p.op.attributes.ints("steps");
  std::vector<Expr> at;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Expr axis = Expr::axis(static_cast<int>(i));
    at.push_back(axis * Expr::index(steps[i]) + extentOf(entry(p.op.attributes, "starts", i)));
  }
  return loadMap(p, std::move(at));
}

Result<TensorExpr> concat(const Primitive& p) {
  const auto axis = static_cast<size_t>(p.op.attributes.integer("axis"));
  const int rank = static_cast<int>(p.result().shape.size());
  const Expr along = Expr::axis(static_cast<int>(axis));
  struct Part {
    int input;
    Dim begin;
    Dim end;
  };
  std::vector<Part> parts;
  Dim end = 0;
  for (int i = 0; i < p.operands(); ++i) {
    const Dim begin = end;
    end = end + p.operand(i).shape[axis];
    if (!(p.operand(i).shape[axis] == Dim(0))) parts.push_back({i, begin, end});
  }
  if (parts.empty()) parts.push_back({0, 0, 0});  // an empty result
  Expr result;
  for (size_t i = parts.size(); i-- > 0;) {
    const Part& part = parts[i];
    const DType dtype = p.operand(part.input).dtype;
    const bool isFirst = i == 0;
    const bool isLast = i + 1 == parts.size();
    Expr guard;
    if (!isFirst) guard = Expr::apply(Opcode::Ge, {along, extentOf(part.begin)});
    const Expr before = Expr::apply(Opcode::Lt, {along, extentOf(part.end)});
    if (!isLast) guard = both(guard, before);
    std::vector<Expr> at = axes(rank);
    at[axis] = along - extentOf(part.begin);
    const Expr load = loadWhere(part.input, dtype, std::move(at), guard, zero(dtype));
    result = isLast ? load : Expr::apply(Opcode::Select, {before, load, result});
  }
  return mapOf(p.result().shape, std::move(result));
}

namespace {

Expr absolute(const Expr& x) { return Expr::apply(Opcode::Abs, {x}); }
Expr minimum(const Expr& a, const Expr& b) { return Expr::apply(Opcode::Min, {a, b}); }
Expr maximum(const Expr& a, const Expr& b) { return Expr::apply(Opcode::Max, {a, b}); }
Expr modulo(const Expr& a, const Expr& b) { return Expr::apply(Opcode::Mod, {a, b}); }

// One padded axis: `position` (in the input, outside of it by the padding) is moved inside.
struct PadAxis {
  Expr position;
  Dim in;
  bool atBegin;  // positions below 0 occur
  bool atEnd;    // positions beyond the input occur, or may
  bool once;     // the padding is known to be shorter than the input
};

Expr reflected(const PadAxis& a) {
  const Dim last = a.in - Dim(1);
  const Expr twice = extentOf(Dim(2) * last);
  if (a.once) {
    const Expr low = a.atBegin ? absolute(a.position) : a.position;
    return a.atEnd ? minimum(low, twice - low) : low;
  }
  const Expr period = extentOf(Dim::max(Dim(2) * last, Dim(1)));  // one element: period 1
  const Expr within = modulo(a.position, period);
  return minimum(within, twice - within);
}

Expr clamped(const PadAxis& a) {
  const Expr low = a.atBegin ? maximum(a.position, Expr::index(0)) : a.position;
  return a.atEnd ? minimum(low, extentOf(a.in - Dim(1))) : low;
}

PadAxis padAxis(const Expr& axis, const Dim& in, const Dim& out, const Dim& begin) {
  PadAxis a;
  a.position = axis - extentOf(begin);
  a.in = in;
  const std::optional<int64_t> before = begin.constant();
  const std::optional<int64_t> after = (out - in - begin).constant();
  a.atBegin = !before || *before > 0;
  a.atEnd = !after || *after > 0;
  const std::optional<int64_t> extent = in.constant();
  a.once = extent && before && after && *before < *extent && *after < *extent;
  return a;
}

}  // namespace

Result<TensorExpr> pad(const Primitive& p) {
  const auto& mode = p.op.attributes.get<std::string>("mode");
  const Type& x = p.operand(0);
  const bool constant = mode == "constant";
  std::vector<Expr> at;
  Expr guard;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    const PadAxis a = padAxis(Expr::axis(static_cast<int>(i)), x.shape[i], p.result().shape[i],
                              entry(p.op.attributes, "pads", i));
    Expr index = a.position;
    if (constant && a.atBegin) {
      guard = both(guard, Expr::apply(Opcode::Ge, {index, Expr::index(0)}));
    }
    if (constant && a.atEnd) {
      guard = both(guard, Expr::apply(Opcode::Lt, {index, extentOf(a.in)}));
    }
    if (!constant && (a.atBegin || a.atEnd)) {
      if (mode == "reflect") {
        index = reflected(a);
      } else if (mode == "edge") {
        index = clamped(a);
      } else if (mode == "wrap") {
        index = modulo(a.position, extentOf(a.in));
      } else {
        return unsupported("pad mode '" + mode + "'");
      }
    }
    at.push_back(index);
  }
  const Type& fill = p.operand(1);
  const Expr other =
      Expr::load(1, fill.dtype, std::vector<Expr>(fill.shape.size(), Expr::index(0)));
  return mapOf(p.result().shape, loadWhere(0, x.dtype, std::move(at), guard, other));
}

Result<TensorExpr> gather(const Primitive& p) {
  const auto axis = static_cast<int>(p.op.attributes.integer("axis"));
  const std::vector<Dim>& data = p.operand(0).shape;
  const int rank = static_cast<int>(data.size());
  const int indexRank = static_cast<int>(p.operand(1).shape.size());
  std::vector<Expr> at = axes(axis);
  at.push_back(loadedIndex(p, axes(indexRank, axis), data[static_cast<size_t>(axis)]));
  for (const Expr& behind : axes(rank - axis - 1, axis + indexRank)) at.push_back(behind);
  return loadMap(p, std::move(at));
}

Result<TensorExpr> gatherElements(const Primitive& p) {
  const auto axis = static_cast<size_t>(p.op.attributes.integer("axis"));
  const std::vector<Dim>& data = p.operand(0).shape;
  const int rank = static_cast<int>(data.size());
  std::vector<Expr> at = axes(rank);
  at[axis] = loadedIndex(p, axes(rank), data[axis]);
  return loadMap(p, std::move(at));
}

// data[b..., x..., rest...], indices[b..., i..., k] -> out[b..., i..., rest...], where the last
// axis of the indices holds the coordinates x.
Result<TensorExpr> gatherNd(const Primitive& p) {
  const auto batch = static_cast<int>(p.op.attributes.integer("batch_dims"));
  const std::vector<Dim>& data = p.operand(0).shape;
  const std::vector<Dim>& indices = p.operand(1).shape;
  const std::optional<int64_t> coordinates = indices.back().constant();
  if (!coordinates) {
    return unsupported("the last axis of the indices of gather_nd has the symbolic extent " +
                       indices.back().str());
  }
  const int outer = static_cast<int>(indices.size()) - 1;
  std::vector<Expr> at = axes(batch);
  for (int64_t i = 0; i < *coordinates; ++i) {
    std::vector<Expr> from = axes(outer);
    from.push_back(Expr::index(i));
    at.push_back(loadedIndex(p, std::move(from), data[static_cast<size_t>(batch + i)]));
  }
  const int rest = static_cast<int>(data.size()) - static_cast<int>(at.size());
  for (const Expr& behind : axes(rest, outer)) at.push_back(behind);
  return loadMap(p, std::move(at));
}

}  // namespace quartet::ir::express_parts
