#include <algorithm>
#include <numeric>
#include <set>

#include "tests/operators/families.h"

namespace quartet::operators {

namespace {

DType indexType(Draft& d) { return d.chance(0.4) ? DType::I32 : DType::I64; }

/// An index below an extent, sometimes from the end.
double anyIndex(Draft& d, int64_t extent, bool negative) {
  return static_cast<double>(d.writtenAxis(d.anyAxis(extent), extent, negative));
}

std::vector<double> anyIndices(Draft& d, int64_t count, int64_t extent, bool negative) {
  std::vector<double> indices;
  while (static_cast<int64_t>(indices.size()) < count) {
    indices.push_back(anyIndex(d, extent, negative));
  }
  return indices;
}

Operand anything(Draft& d, int64_t minRank, bool empty) {
  return d.operand(
      {.types = d.types(), .minRank = minRank, .maxRank = 4, .empty = empty, .special = true});
}

int64_t axisAttribute(Draft& d, int64_t rank, int64_t otherwise) {
  const int64_t axis = d.anyAxis(rank);
  d.maybe("axis", d.writtenAxis(axis, rank, d.opset >= 11), axis == otherwise ? 0.5 : 1);
  return axis;
}

/// A shape for indices: not beyond the data, except along the axis.
Ints indexShape(Draft& d, const Ints& data, int64_t axis, int64_t along) {
  Ints shape = data;
  for (int64_t& extent : shape) extent = d.chance(0.6) ? extent : d.between(1, extent);
  shape[static_cast<size_t>(axis)] = along;
  return shape;
}

}  // namespace

void gather(Draft& d) {
  const Operand x = anything(d, 1, false);
  const int64_t axis = axisAttribute(d, x.rank(), 0);
  const Ints shape = d.anyShape(0, 2, true);
  const int64_t extent = x.shape[static_cast<size_t>(axis)];
  d.elements(indexType(d), shape, anyIndices(d, countOf(shape), extent, d.opset >= 11));
}

void gatherElements(Draft& d) {
  const Operand x = anything(d, 1, false);
  const int64_t axis = axisAttribute(d, x.rank(), 0);
  const Ints shape = indexShape(d, x.shape, axis, d.between(1, 5));
  const int64_t extent = x.shape[static_cast<size_t>(axis)];
  d.elements(indexType(d), shape, anyIndices(d, countOf(shape), extent, true));
}

void gatherNd(Draft& d) {
  const Operand x = anything(d, 1, false);
  const int64_t batch = d.opset >= 12 && x.rank() > 1 ? d.between(0, x.rank() - 1) : 0;
  d.maybe("batch_dims", batch, batch > 0 ? 1 : 0.3);
  const int64_t depth = d.between(1, x.rank() - batch);
  Ints shape(x.shape.begin(), x.shape.begin() + batch);
  const Ints further = d.anyShape(0, 2);
  shape.insert(shape.end(), further.begin(), further.end());
  const int64_t tuples = countOf(shape);
  std::vector<double> indices;
  for (int64_t i = 0; i < tuples; ++i) {
    for (int64_t k = 0; k < depth; ++k) {
      indices.push_back(anyIndex(d, x.shape[static_cast<size_t>(batch + k)], true));
    }
  }
  shape.push_back(depth);
  d.elements(DType::I64, shape, indices);
}

namespace {

/// Draws what a scatter does with duplicates; whether there may be any.
bool anyReduction(Draft& d) {
  std::vector<std::string> names = {"none"};
  if (d.opset >= 16) names.insert(names.end(), {"add", "mul"});
  if (d.opset >= 18) names.insert(names.end(), {"max", "min"});
  const std::string& name = d.random.pick(names);
  d.maybe("reduction", name, name != "none" ? 1 : d.opset >= 16 ? 0.3 : 0);
  return name != "none";
}

/// `count` different numbers below `extent`.
Ints distinct(Draft& d, int64_t count, int64_t extent) {
  Ints all(static_cast<size_t>(extent));
  std::iota(all.begin(), all.end(), 0);
  d.random.shuffle(all);
  all.resize(static_cast<size_t>(count));
  return all;
}

}  // namespace

void scatterElements(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .maxRank = 4, .empty = false});
  const int64_t axis = axisAttribute(d, x.rank(), 0);
  const bool duplicates = d.node().type != "Scatter" && anyReduction(d);
  const int64_t extent = x.shape[static_cast<size_t>(axis)];
  const int64_t along = d.between(1, duplicates ? extent + 2 : extent);
  const Ints shape = indexShape(d, x.shape, axis, along);
  const int64_t inner = countOf({shape.begin() + axis + 1, shape.end()});
  const int64_t lines = countOf(shape) / along;
  std::vector<double> indices(static_cast<size_t>(countOf(shape)));
  for (int64_t line = 0; line < lines; ++line) {
    const Ints own = duplicates ? Ints{} : distinct(d, along, extent);
    for (int64_t i = 0; i < along; ++i) {
      const int64_t index = duplicates ? d.anyAxis(extent) : own[static_cast<size_t>(i)];
      const int64_t at = (line / inner * along + i) * inner + line % inner;
      indices[static_cast<size_t>(at)] =
          static_cast<double>(d.writtenAxis(index, extent, d.opset >= 11));
    }
  }
  d.elements(indexType(d), shape, indices);
  d.operand({.dtype = x.dtype, .shape = shape, .domain = Domain{-2, 2}});
}

void scatterNd(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .maxRank = 4, .empty = false});
  const bool duplicates = anyReduction(d);
  const int64_t depth = d.between(1, x.rank());
  const Ints outer(x.shape.begin(), x.shape.begin() + depth);
  const int64_t places = countOf(outer);
  Ints shape = d.chance(0.3) ? Ints{2, d.between(1, 3)} : Ints{d.between(1, 5)};
  if (!duplicates && countOf(shape) > places) shape = {places};
  const int64_t tuples = countOf(shape);
  const Ints own = duplicates ? Ints{} : distinct(d, tuples, places);
  std::vector<double> indices;
  for (int64_t i = 0; i < tuples; ++i) {
    int64_t place = duplicates ? d.anyAxis(places) : own[static_cast<size_t>(i)];
    int64_t stride = places;
    for (const int64_t extent : outer) {
      stride /= extent;
      indices.push_back(static_cast<double>(d.writtenAxis(place / stride, extent)));
      place %= stride;
    }
  }
  Ints updates = shape;
  updates.insert(updates.end(), x.shape.begin() + depth, x.shape.end());
  shape.push_back(depth);
  d.elements(DType::I64, shape, indices);
  d.operand({.dtype = x.dtype, .shape = updates, .domain = Domain{-2, 2}});
}

// Indices may be floats; those out of range give no hit.
void oneHot(Draft& d) {
  const int64_t depth = d.between(1, 9);
  const bool negative = d.opset >= 11;
  const DType dtype = d.anyDType(d.types());
  const Domain domain{negative && ir::isSigned(dtype) ? static_cast<double>(-depth) : 0.0,
                      static_cast<double>(depth + 1)};
  const Operand x =
      d.operand({.dtype = dtype, .minRank = 0, .maxRank = 3, .domain = domain, .whole = true});
  d.known(d.random.pick<DType>({DType::I64, DType::I32, DType::F32}), {},
          {static_cast<double>(depth)});
  const DType values = d.anyDType(Types::Any);
  d.elements(values, {2}, {0, 1});
  const int64_t rank = x.rank() + 1;
  d.maybe("axis", d.writtenAxis(d.anyAxis(rank), rank));
}

void topK(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .empty = false});
  const int64_t last = x.rank() - 1;
  const int64_t axis = axisAttribute(d, x.rank(), last);
  const int64_t k = d.between(1, x.shape[static_cast<size_t>(axis)]);
  if (d.opset < 10) {
    d.set("k", k);
  } else {
    d.known(Ints{k});
    if (d.opset >= 11) d.maybe("largest", d.between(0, 1));
    if (d.opset >= 11) d.maybe("sorted", int64_t{1}, 0.2);
  }
  d.outputs({true});
}

void reverseSequence(Draft& d) {
  const Operand x =
      d.operand({.types = d.types(), .minRank = 2, .maxRank = 4, .empty = false, .special = true});
  const int64_t time = d.between(0, 1);
  d.maybe("time_axis", time, time == 0 ? 0.4 : 1);
  d.maybe("batch_axis", 1 - time, time == 0 ? 0.4 : 1);
  std::vector<double> lengths;
  for (int64_t i = 0; i < x.shape[static_cast<size_t>(1 - time)]; ++i) {
    lengths.push_back(static_cast<double>(d.between(1, x.shape[static_cast<size_t>(time)])));
  }
  d.elements(DType::I64, {static_cast<int64_t>(lengths.size())}, lengths);
}

}  // namespace quartet::operators
