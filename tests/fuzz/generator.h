// Random graphs over all primitives of ir/ops.def.
#pragma once

#include <cstdint>

#include "tests/fuzz/builder.h"

namespace quartet::fuzz {

/// The graph of a seed: 1 to 12 ops, ranks 0 to 5, all dtypes (f32 mostly), with diamonds, several
/// outputs, constants as operands; one in thirty has a bad index or a zero divisor planted.
Case generate(uint64_t seed);

/// One attempt to add ops of a kind; whether it worked.
using Move = bool (*)(GraphBuilder&);

// Elementwise (generate_scalar.cpp)
bool addUnary(GraphBuilder& b);
bool addBinary(GraphBuilder& b);
bool addTernary(GraphBuilder& b);
bool addCast(GraphBuilder& b);
// Contractions, convolutions, windows, reductions (generate_reduce.cpp)
bool addContract(GraphBuilder& b);
bool addMatrixProduct(GraphBuilder& b);
bool addConv(GraphBuilder& b);
bool addConvTranspose(GraphBuilder& b);
bool addWindow(GraphBuilder& b);
bool addReduce(GraphBuilder& b);
bool addArgReduce(GraphBuilder& b);
bool addSoftmax(GraphBuilder& b);
// Movement (generate_movement.cpp)
bool addTranspose(GraphBuilder& b);
bool addReshape(GraphBuilder& b);
bool addBroadcast(GraphBuilder& b);
bool addSlice(GraphBuilder& b);
bool addConcat(GraphBuilder& b);
bool addPad(GraphBuilder& b);
bool addIota(GraphBuilder& b);
// Indexed (generate_gather.cpp)
bool addGather(GraphBuilder& b);
bool addGatherElements(GraphBuilder& b);
bool addGatherNd(GraphBuilder& b);
// What writes where it pleases (generate_scatter.cpp)
bool addScan(GraphBuilder& b);
bool addScatterElements(GraphBuilder& b);
bool addScatterNd(GraphBuilder& b);
bool addArgsort(GraphBuilder& b);
/// Plants an index out of range or an integer division by zero.
bool plantFault(GraphBuilder& b);

/// Indices in [-extents[k], extents[k]), k the last coordinate (one extent: anywhere).
Tensor indices(Random& random, DType dtype, const Ints& shape, const Ints& extents);
DType indexType(Random& random);
ir::Attributes axisAttribute(size_t axis);

}  // namespace quartet::fuzz
