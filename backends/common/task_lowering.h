// The lowering of one task set: what lower_tasks.cpp (loops over tiles), lower_register_tile.cpp
// (the points of one), lower_reduction.cpp (what happens inside a register tile of a reduction),
// lower_slices.cpp (reductions in slices), lower_staged.cpp (slices in workgroup memory),
// lower_prefetch.cpp (the slice that comes next), lower_matrix.cpp (sums of products by a matrix
// unit), lower_padded.cpp (padded boxes), lower_turned.cpp (tiles turned before they are stored),
// lower_steps.cpp (scans and scatters) and lower_argsort.cpp share.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "backends/common/evaluator.h"
#include "backends/common/lower_tasks.h"
#include "ir/matrix_product.h"
#include "ir/tile.h"

namespace quartet::common {

/// Builds the kernel of one task set; see lower_tasks.h.
class TaskLowering {
 public:
  TaskLowering(const ir::Module& plan, ir::OpId tasks, const hwdb::Description& device,
               int64_t firstSite, const std::set<ir::ValueId>& windowed)
      : plan_(plan),
        tasks_(tasks),
        anchor_(anchorOf(plan, tasks)),
        expr_(plan.op(anchor_).attributes.expr()),
        tile_(plan.op(anchor_).attributes.get<ir::Tile>("tile")),
        device_(device),
        windowed_(windowed),
        kernel_(ir::Level::Kernel, "kernel"),
        builder_(kernel_),
        math_(builder_, static_cast<int>(tile_.lanes)),
        extents_(builder_, math_, plan.symbols),
        evaluator_(plan, builder_, math_, extents_, buffers_, firstSite) {}

  LoweredTasks run();

 private:
  using Body = std::function<void()>;

  void declareBuffers();
  void declareParameters();
  std::vector<ir::Dim> groupCounts() const;
  Linear groupNumber();
  std::vector<Linear> groupOrigin(const Linear& number);
  void groupTile(const std::vector<Linear>& base);
  std::vector<size_t> domainOrder() const;
  void loopOverParts(size_t axis, const std::vector<Linear>& base, int64_t whole, int64_t part,
                     std::vector<Linear>& origin, const Body& body);
  void loopOverRegisterTiles(size_t depth, const std::vector<Linear>& base,
                             const std::vector<int64_t>& whole, std::vector<Linear>& origin);
  std::vector<int64_t> tileCounts() const;
  std::vector<Linear> tileOrigin(const std::vector<Linear>& base, Linear number);
  void spreadOverInvocations(const std::vector<Linear>& base);
  void registerTile(const std::vector<Linear>& origin);
  ir::ValueId inside(const std::vector<Linear>& origin, bool lanes);
  using LaneCount = std::function<ir::ValueId(const Linear&)>;  // of a vector, by its number
  void vectors(std::vector<Linear> origin, std::vector<int64_t> shape, const Linear& count,
               int64_t most, const LaneCount& laneCount);
  int64_t restOfLanes() const;
  void cutLanes(const std::vector<Linear>& origin, const std::vector<int64_t>& shape);
  void vectorByVector(const std::vector<Linear>& origin, const std::vector<int64_t>& shape);
  void cutRows(size_t axis, const std::vector<Linear>& origin, std::vector<Linear>& point);
  std::vector<Point> pointsOf(const std::vector<Linear>& origin, const std::vector<int64_t>& shape,
                              ir::ValueId laneCount);
  void points(const std::vector<Linear>& origin, const std::vector<int64_t>& shape,
              ir::ValueId laneCount);
  void reduce(std::vector<Point>& all);
  void runSteps(const std::vector<Point>& all);
  void writeStep(const Point& point, std::vector<ir::ValueId>& variables);
  std::vector<const KernelBufferUse*> resultBuffers() const;
  void opaquePoints(size_t axis, const std::vector<Linear>& base, std::vector<Linear>& point);
  ir::ValueId sortKey(const std::vector<Linear>& line, ir::ValueId i);
  ir::ValueId comesBehind(const std::vector<Linear>& line, ir::ValueId a, ir::ValueId b);
  void sortPass(const std::vector<Linear>& line, ir::ValueId p, ir::ValueId d, ir::ValueId r);
  void argsort(const std::vector<Linear>& line);
  void reductionStep(Point point, ir::ValueId laneCount, const std::vector<ir::ValueId>& variables);
  void reductionLoops(size_t depth, std::vector<Linear>& position,
                      const std::function<void(const std::vector<Linear>&, ir::ValueId)>& body);
  int64_t sliceCount() const;
  int64_t slicesOf(size_t axis) const;
  int64_t columns() const;
  void declarePartialStates();
  bool staged() const;
  void declareStages();
  void stagedTile(const std::vector<Linear>& base, const Linear& local, int64_t total);
  void stagedSlices(const Body& steps);
  std::optional<StagedOperand> boxOf(const ir::Expr& load);
  int64_t stageLength(size_t axis) const;
  void fillStage(const StagedOperand& stage);
  Linear boxOrigin(const ir::Expr& index);
  struct MatrixFactor;
  struct MatrixSums;
  void matrixTile(const std::vector<Linear>& base);
  std::vector<Linear> placesInBox(Linear number, const std::vector<int64_t>& box);
  void moveTo(const std::vector<int>& axes, const Linear& number, Point& point);
  MatrixFactor matrixFactor(const ir::Expr& load, const std::vector<int>& axes,
                            const ir::Type& matrix);
  void dealOut(int64_t count, const std::function<void(const Linear&)>& body);
  void fillFactor(const MatrixFactor& factor);
  ir::ValueId loadFactor(const MatrixFactor& factor, const Linear& point, const Linear& step);
  MatrixSums matrixSums(const ir::MatrixProduct& product);
  void multiplySlice(const MatrixFactor& a, const MatrixFactor& b, const MatrixSums& sums);
  void finishMatrices(const MatrixSums& sums, int64_t r, ir::ValueId scratch);
  void declarePaddedBoxes();
  void loopOverPaddedBoxes(size_t depth, const std::vector<Linear>& base,
                           std::vector<Linear>& origin);
  void fillRows(const StagedOperand& padded, size_t k, std::vector<Linear>& indices,
                const Linear& at, const Point& inside);
  void fillRow(const StagedOperand& padded, std::vector<Linear>& indices, const Linear& at);
  void fillOther(const StagedOperand& padded, const Linear& at, int64_t from, int64_t to);
  void storeBox(const StagedOperand& padded, Linear at, ir::ValueId value);
  void requireInside(const Linear& index, const Linear& extent, Point& point);
  void finishInside(Point& point, ir::ValueId condition);
  void loopOverSlices(const std::vector<Linear>& base, std::vector<Linear>& origin);
  void declareAhead();
  void lookAhead();
  void prefetchShare(const std::vector<Linear>& origin);
  void prefetchRows(const StagedOperand& next, const Linear& number, int64_t tiles);
  ir::ValueId partialIndex(const Point& point);
  Linear sliceStart(size_t axis);
  ir::ValueId sliceIs(int64_t number);
  void finishAll(std::vector<Point>& all, const std::vector<Linear>& origin,
                 const std::vector<int64_t>& shape, ir::ValueId laneCount);
  void finish(Point& point);
  std::vector<Linear> placeOf(const ir::Op& write, Point& point);
  bool turns(const std::vector<int64_t>& shape) const;
  std::vector<ir::ValueId> turned(std::vector<ir::ValueId> rows);
  void finishTurned(const std::vector<Point>& all, const std::vector<Linear>& origin,
                    ir::ValueId laneCount);
  ir::ValueId identity(ir::Opcode op, ir::DType logical, int lanes);
  std::optional<ir::ValueId> fusedMultiplyAdd(const Point& point, ir::ValueId state);
  void loop(const Linear& lo, const Linear& hi, int64_t step, Interval range,
            const std::function<void(const Linear&)>& body);
  void branch(ir::ValueId condition, const Body& then, const Body& otherwise = {},
              bool likely = false);

  size_t rank() const { return expr_.domain.size(); }
  int64_t reg(size_t axis) const { return tile_.reg[axis]; }
  int64_t group(size_t axis) const { return tile_.group[axis]; }
  bool reductionLanes() const { return tile_.laneAxis >= static_cast<int>(rank()); }
  bool isLane(size_t axis) const { return tile_.laneAxis == static_cast<int>(axis); }
  /// The extent is a multiple of the register tile: no tile is cut.
  bool whole(size_t axis) const {
    const auto extent = expr_.domain[axis].constant();
    return extent ? *extent % reg(axis) == 0 : reg(axis) == 1;
  }

  const ir::Module& plan_;
  ir::OpId tasks_;
  ir::OpId anchor_;
  const ir::TensorExpr& expr_;
  const ir::Tile& tile_;
  const hwdb::Description& device_;
  const std::set<ir::ValueId>& windowed_;
  ir::Module kernel_;
  ir::KernelBuilder builder_;
  IndexMath math_;
  Extents extents_;
  std::map<ir::ValueId, KernelBufferUse> buffers_;
  std::vector<ir::ValueId> order_;  // plan values of the kernel's parameters
  Linear firstGroup_;
  Linear group_;
  // Of a sliced reduction (lower_slices.cpp), or one with padded boxes:
  std::vector<ir::ValueId> partial_;   // states of a group's points so far, one array for each
  std::vector<Linear> groupBase_;      // where the group, or a part with its boxes, begins
  std::optional<Linear> slice_;        // that is gone through
  std::vector<StagedOperand> stages_;  // of a group of several invocations (lower_staged.cpp)
  std::vector<StagedOperand> ahead_;   // that are read next (lower_prefetch.cpp)
  std::vector<StagedOperand> padded_;  // of a group of one (lower_padded.cpp)
  Evaluator evaluator_;
};

}  // namespace quartet::common
