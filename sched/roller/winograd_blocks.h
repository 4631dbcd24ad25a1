// The tensor expressions of Winograd's algorithm F(2x2, 3x3) for one convolution.
#pragma once

#include <array>
#include <vector>

#include "sched/roller/convolution.h"

namespace quartet::sched {

/// Of F(2x2, 3x3): points of an output block along an axis, of an input block, products of a block.
inline constexpr int64_t kOutputBlock = 2;
inline constexpr int64_t kInputBlock = 4;
inline constexpr int64_t kBlockProducts = kInputBlock * kInputBlock;

/// Points of an output block: one index per axis of the window.
using Corner = std::array<int64_t, 2>;
inline constexpr std::array<Corner, 4> kCorners{{{0, 0}, {0, 1}, {1, 0}, {1, 1}}};

/// Between its task sets there are elements of transformed blocks [16, channels or filters,
/// blocks...]: the blocks have the domain's axes but the filters', in their order, with blocks in
/// place of points along the window's two. Matrices are those of Lavin and Gray, section 4.1.
class WinogradBlocks {
 public:
  WinogradBlocks(ir::TensorExpr expr, Convolution convolution);

  const Convolution& convolution() const { return convolution_; }
  const ir::Dim& filters() const;
  const ir::Dim& channels() const;
  /// Of `blocks...`.
  const std::vector<ir::Dim>& extents() const { return extents_; }

  /// V = B^T d B over (1, channels, blocks...) of the input, operand 0, of this shape: 16 results.
  ir::TensorExpr inputTransform(const std::vector<ir::Dim>& input) const;
  /// M = V U, summed over the channels, of operands 0 and 1.
  ir::TensorExpr products() const;
  /// Y = A^T M A over the domain in blocks, of M, operand 0: a result for each corner.
  ir::TensorExpr outputTransform() const;

  /// The domain of the convolution with blocks in place of points.
  std::vector<ir::Dim> blockDomain() const;
  /// `top`, a map over the convolution's domain, at a corner of every block: over the domain in
  /// blocks. Of the operands that `here` names, it reads what is at the same corner. What lies
  /// outside of the domain is 0.
  ir::TensorExpr cornerOf(const ir::TensorExpr& top, const std::vector<bool>& here,
                          const Corner& corner) const;
  /// The attributes of a write of one corner.
  ir::Attributes cornerPlace(const Corner& corner) const;

 private:
  ir::Dim extentOf(int axis) const;
  ir::Expr inputElement(const Corner& at, const std::vector<ir::Dim>& input) const;
  std::vector<ir::Expr> cornerAxes(const Corner& corner) const;
  bool mayBeOutside(size_t window, const Corner& corner) const;

  ir::TensorExpr expr_;
  Convolution convolution_;
  std::vector<int> points_;       // domain axes but the filters'
  std::vector<ir::Dim> extents_;  // of those, in blocks
};

}  // namespace quartet::sched
