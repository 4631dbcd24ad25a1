// The transform of a convolution's weights, U = G w G^T.
#include "sched/roller/winograd.h"

namespace quartet::sched {

namespace {

using Row = std::array<float, 4>;

/// G of F(2, 3): [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1].
Row filterTransform(float a, float b, float c) {
  return {a, 0.5F * (a + b + c), 0.5F * (a - b + c), c};
}

}  // namespace

void transformWeights(ir::Module& plan, const TransformedWeights& weights) {
  const auto found = plan.constants.find(weights.hash);
  if (found == plan.constants.end()) return;
  const ir::Ints shape = found->second->shape;
  const int64_t filters = shape[1];
  const int64_t channels = shape[2];
  const auto& [filterStep, channelStep, rowStep, columnStep] = weights.strides;
  const int64_t plane = filters * channels;
  std::vector<std::byte> bytes(static_cast<size_t>(16 * plane) * sizeof(float));
  auto* transformed = reinterpret_cast<float*>(bytes.data());
  for (int64_t f = 0; f < filters; ++f) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t first = f * filterStep + c * channelStep;
      std::array<Row, 3> rows;
      for (int64_t y = 0; y < 3; ++y) {
        const auto at = [&](int64_t x) {
          return weights.source->element<float>(first + y * rowStep + x * columnStep);
        };
        rows[static_cast<size_t>(y)] = filterTransform(at(0), at(1), at(2));
      }
      for (size_t j = 0; j < 4; ++j) {
        const Row column = filterTransform(rows[0][j], rows[1][j], rows[2][j]);
        for (size_t i = 0; i < 4; ++i) {
          transformed[static_cast<int64_t>(4 * i + j) * plane + f * channels + c] = column[i];
        }
      }
    }
  }
  weights.source->release(weights.source->bytes);
  found->second = ir::makeConstant(ir::DType::F32, shape, std::move(bytes));
}

}  // namespace quartet::sched
