// The inner product loops that contractions and convolutions share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace quartet::reference {

/// Up to 32 columns of a right-hand matrix, as panels of 8: panel, then depth, then column.
template <class W>
class ColumnBlock {
 public:
  static constexpr int64_t kPanel = 8;
  static constexpr int64_t kColumns = 32;

  explicit ColumnBlock(int64_t depth)
      : depth_(depth), values_(static_cast<size_t>(depth * kColumns)) {}
  int64_t depth() const { return depth_; }
  W& at(int64_t k, int64_t column) {
    return values_[static_cast<size_t>((column / kPanel * depth_ + k) * kPanel + column % kPanel)];
  }
  const W* panel(int64_t i) const { return values_.data() + i * depth_ * kPanel; }

 private:
  int64_t depth_;
  std::vector<W> values_;
};

/// For each row i < rows: store(i, sums), where sums[c], c < columns, is the sum over k, in order,
/// of left[i * depth + k] * block(k, c).
template <class W, class Store>
void multiply(const W* left, int64_t rows, const ColumnBlock<W>& block, int64_t columns,
              const Store& store) {
  constexpr int64_t kPanel = ColumnBlock<W>::kPanel;
  constexpr int64_t kRows = 4;
  typedef W Vector __attribute__((vector_size(kPanel * sizeof(W))));
  const int64_t depth = block.depth();
  W sums[kRows][ColumnBlock<W>::kColumns];
  for (int64_t row = 0; row < rows; row += kRows) {
    const int64_t some = std::min(kRows, rows - row);
    const W* lines[kRows];  // the last row stands in for those beyond the end
    for (int64_t r = 0; r < kRows; ++r) lines[r] = left + (row + std::min(r, some - 1)) * depth;
    for (int64_t first = 0; first < columns; first += kPanel) {
      const W* panel = block.panel(first / kPanel);
      Vector sum0{}, sum1{}, sum2{}, sum3{};
      for (int64_t k = 0; k < depth; ++k) {
        Vector right;
        std::memcpy(&right, panel + k * kPanel, sizeof right);
        sum0 += lines[0][k] * right;
        sum1 += lines[1][k] * right;
        sum2 += lines[2][k] * right;
        sum3 += lines[3][k] * right;
      }
      std::memcpy(&sums[0][first], &sum0, sizeof sum0);
      std::memcpy(&sums[1][first], &sum1, sizeof sum1);
      std::memcpy(&sums[2][first], &sum2, sizeof sum2);
      std::memcpy(&sums[3][first], &sum3, sizeof sum3);
    }
    for (int64_t r = 0; r < some; ++r) store(row + r, sums[r]);
  }
}

}  // namespace quartet::reference
