#include "tests/fuzz/generator.h"

namespace quartet::fuzz {

namespace {

struct WeightedMove {
  int weight;
  Move move;
};

constexpr WeightedMove kMoves[] = {
    {12, addUnary},    {14, addBinary},       {4, addTernary},
    {4, addCast},      {5, addContract},      {10, addMatrixProduct},
    {10, addConv},     {3, addConvTranspose}, {5, addWindow},
    {8, addReduce},    {2, addArgReduce},     {2, addSoftmax},
    {5, addTranspose}, {6, addReshape},       {2, addBroadcast},
    {4, addSlice},     {4, addConcat},        {4, addPad},
    {1, addIota},      {3, addGather},        {2, addGatherElements},
    {2, addGatherNd},  {2, addScan},          {2, addScatterElements},
    {2, addScatterNd}, {1, addArgsort},
};

Move anyMove(Random& random) {
  int total = 0;
  for (const WeightedMove& one : kMoves) total += one.weight;
  int64_t left = random.below(total);
  for (const WeightedMove& one : kMoves) {
    if (left < one.weight) return one.move;
    left -= one.weight;
  }
  return kMoves[0].move;
}

}  // namespace

Case generate(uint64_t seed) {
  GraphBuilder b(seed);
  Random& random = b.random();
  b.leaf(b.anyDType(), b.anyShape(static_cast<size_t>(random.below(6))), b.anyFill(), 0.05);
  const int64_t wanted = random.between(1, 12);
  constexpr int kAttempts = 60;
  for (int i = 0; i < kAttempts && b.ops() < wanted; ++i) anyMove(random)(b);
  if (random.chance(1.0 / 30)) plantFault(b);
  return b.finish();
}

}  // namespace quartet::fuzz
