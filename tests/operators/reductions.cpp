#include <algorithm>
#include <map>

#include "tests/operators/families.h"

namespace quartet::operators {

namespace {

/// Axes in any order, each once.
Ints anyAxes(Draft& d, int64_t rank) {
  Ints axes;
  for (int64_t i = 0; i < rank; ++i) {
    if (d.chance(0.5)) axes.push_back(i);
  }
  d.random.shuffle(axes);
  return axes;
}

/// Axes are an attribute in the first versions, then an input.
void reduce(Draft& d, const Want& want) {
  const Operand x = d.operand(want);
  d.maybe("keepdims", d.between(0, 1));
  const bool input = d.opset >= (d.node().type == "ReduceSum" ? 13 : 18);
  if (input) d.maybe("noop_with_empty_axes", d.between(0, 1), 0.3);
  if (d.chance(0.25)) return;
  Ints axes = anyAxes(d, x.rank());
  if (axes.empty()) return;
  const bool negative = d.opset >= 11;
  for (int64_t& axis : axes) axis = d.writtenAxis(axis, x.rank(), negative);
  if (input) {
    d.known(axes);
  } else {
    d.set("axes", axes);
  }
}

}  // namespace

void reduction(Draft& d) { reduce(d, {.types = d.types(), .empty = false}); }
void reductionOfEmpty(Draft& d) { reduce(d, {.types = d.types(), .domain = Domain{-2, 2}}); }
void reductionOfFloats(Draft& d) { reduce(d, {.types = Types::Float, .empty = false}); }

void reductionOfPositives(Draft& d) {
  reduce(d, {.types = d.types(), .empty = false, .domain = Domain{0.25, 8}});
}

void argReduction(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .empty = false});
  d.maybe("axis", d.writtenAxis(d.anyAxis(x.rank()), x.rank(), d.opset >= 11), 0.7);
  d.maybe("keepdims", d.between(0, 1));
  if (d.opset >= 12) d.maybe("select_last_index", d.between(0, 1));
}

void running(Draft& d) {
  const bool product = d.node().type == "CumProd";
  std::optional<Domain> domain;
  if (product) domain = Domain{-1.5, 1.5};
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .domain = domain});
  const auto axis = static_cast<double>(d.writtenAxis(d.anyAxis(x.rank()), x.rank()));
  d.known(d.chance(0.5) ? DType::I32 : DType::I64, {}, {axis});
  d.maybe("exclusive", d.between(0, 1));
  d.maybe("reverse", d.between(0, 1));
}

void softmax(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .empty = false});
  const int64_t rank = x.rank();
  const int64_t axis = d.writtenAxis(d.anyAxis(rank), rank, d.opset >= 11);
  // The default before opset 13 is axis 1.
  d.maybe("axis", axis, rank > 1 ? 0.7 : 1);
}

void matMul(Draft& d) {
  const Operand a = d.operand({.types = d.types(), .minRank = 1, .maxRank = 4});
  const int64_t inner = a.shape.back();
  Ints shape;
  if (a.rank() > 2 && d.chance(0.6)) {
    shape = d.narrower(Ints(a.shape.begin(), a.shape.end() - 2));
  } else if (d.chance(0.2)) {
    shape = d.anyShape(1, 2);
    if (a.rank() > 2) shape.back() = a.shape[a.shape.size() - 3];
  }
  if (shape.size() > 1 && a.rank() > 3) shape[shape.size() - 2] = a.shape[a.shape.size() - 4];
  if (shape.empty() && d.chance(0.25)) {
    d.operand({.dtype = a.dtype, .shape = Ints{inner}});
    return;
  }
  shape.insert(shape.end(), {inner, d.anyExtent()});
  d.operand({.dtype = a.dtype, .shape = shape});
}

void matMulInteger(Draft& d) {
  const Operand a = d.operand({.dtype = d.anyByte(), .minRank = 1, .maxRank = 3});
  const Operand b = d.operand({.dtype = d.anyByte(), .shape = Ints{a.shape.back(), d.anyExtent()}});
  const bool perRow = a.rank() == 2 && d.chance(0.5);
  if (d.chance(0.3)) return;
  if (d.chance(0.3)) {
    d.leaveOut();
  } else {
    d.operand({.dtype = a.dtype, .shape = perRow ? Ints{a.shape[0]} : Ints{}});
  }
  if (d.chance(0.5)) return;
  d.operand({.dtype = b.dtype, .shape = d.chance(0.5) ? Ints{} : Ints{b.shape[1]}});
}

void gemm(Draft& d) {
  const Operand a = d.operand({.types = d.types(), .minRank = 2, .maxRank = 2});
  const int64_t transA = d.between(0, 1);
  const int64_t transB = d.between(0, 1);
  d.maybe("transA", transA, transA == 1 ? 1 : 0.3);
  d.maybe("transB", transB, transB == 1 ? 1 : 0.3);
  const int64_t rows = a.shape[transA];
  const int64_t inner = a.shape[1 - transA];
  const int64_t columns = d.anyExtent();
  d.operand({.dtype = a.dtype, .shape = transB == 1 ? Ints{columns, inner} : Ints{inner, columns}});
  // Quarters or whole numbers.
  const int64_t parts = d.chance(0.5) ? 1 : 4;
  d.maybe("alpha", static_cast<float>(d.between(1, 3 * parts)) / static_cast<float>(parts));
  d.maybe("beta", static_cast<float>(d.between(0, 3 * parts)) / static_cast<float>(parts));
  if (d.opset >= 11 && d.chance(0.3)) return;
  Ints bias{rows, columns};
  if (d.opset < 7) {
    d.set("broadcast", int64_t{1});
    if (d.chance(0.6)) bias = {columns};
  } else {
    bias = d.narrower(bias);
  }
  d.operand({.dtype = a.dtype, .shape = bias});
}

void einsum(Draft& d) {
  const auto equation = d.random.pick<std::string>({"ij,jk->ik",
                                                    "bij,bjk->bik",
                                                    "bhid,bhjd->bhij",
                                                    "ij->ji",
                                                    "ij->i",
                                                    "ii->i",
                                                    "ii",
                                                    "i,j->ij",
                                                    "ij,ij->",
                                                    "ij,ij",
                                                    "abc,cd->abd",
                                                    "ij,jk,kl->il",
                                                    "ab,cb->ca",
                                                    "...ij,...jk->...ik",
                                                    "a...b->b...a",
                                                    "bij,jk",
                                                    "i,i->i",
                                                    "iji->j",
                                                    "ab,ab,b->a",
                                                    "abc->"});
  d.set("equation", equation);
  std::map<char, int64_t> extents;
  const Ints open = d.anyShape(0, 2);
  const DType dtype = d.anyDType(d.types());
  const std::string inputs = equation.substr(0, equation.find('-'));
  for (size_t start = 0; start <= inputs.size();) {
    const size_t end = std::min(inputs.find(',', start), inputs.size());
    Ints shape;
    for (size_t i = start; i < end; ++i) {
      if (inputs[i] != '.') {
        const auto found = extents.emplace(inputs[i], std::min<int64_t>(d.anyExtent(), 11)).first;
        shape.push_back(found->second);
      } else if (inputs[i - (i > start ? 1 : 0)] != '.' || i == start) {
        shape.insert(shape.end(), open.begin(), open.end());
      }
    }
    d.operand({.dtype = dtype, .shape = shape});
    start = end + 1;
  }
}

}  // namespace quartet::operators
