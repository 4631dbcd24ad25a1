// Evaluates scalar expressions of tiles while a kernel is built: at a point of the iteration
// domain, for one lane or a vector of consecutive points along the lane axis.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backends/common/linear.h"
#include "ir/module.h"
#include "ir/staging.h"

namespace quartet::common {

/// A buffer of the plan as the kernel sees it.
struct KernelBufferUse {
  ir::ValueId parameter;  // of the kernel
  ir::Type type;          // of the plan's buffer: logical dtype, shape, layout
  ir::DType storage;
  Linear window;  // elements before the first one that is bound
};

/// Extents as index values: a constant, or a launch parameter for each symbol.
class Extents {
 public:
  Extents(ir::KernelBuilder& builder, IndexMath& math, const ir::SymbolTable& symbols)
      : builder_(builder), math_(math), symbols_(symbols) {}
  Linear of(const ir::Dim& dim);
  /// Symbols in the order of the kernel's parameters.
  const std::vector<std::string>& parameters() const { return parameters_; }

 private:
  ir::KernelBuilder& builder_;
  IndexMath& math_;
  const ir::SymbolTable& symbols_;
  std::vector<std::string> parameters_;
  std::map<std::string, Linear> values_;
};

/// Where an expression is evaluated.
struct Point {
  std::vector<Linear> axes;  // one per axis of the tile's expression
  ir::ValueId laneCount;     // i32, active lanes; invalid: all of them
  ir::ValueId mask;  // bool, scalar or vector: false where nothing may be read; invalid: true
  std::vector<ir::ValueId> states;    // values of State(i)
  std::vector<ir::ValueId> elements;  // values of Element(i)
};

/// A place that reports: an operation, and the extent that its indices must stay below.
struct ReportSite {
  ir::OpId tile;
  ir::Dim extent;  // 0 for what has no index
  bool operator==(const ReportSite&) const = default;
};

/// An operand whose elements a group's slice of the reduction, or a part of the group, reads from
/// memory of the group's own.
struct StagedOperand {
  ir::Expr load;               // of the tile's expression
  ir::StageBox box;            // of its elements
  std::vector<Linear> origin;  // the box's first element
  ir::ValueId array;           // in compute dtype
};

class Evaluator {
 public:
  /// Reports carry the number of their site, counted from `firstSite`.
  Evaluator(const ir::Module& plan, ir::KernelBuilder& builder, IndexMath& math, Extents& extents,
            const std::map<ir::ValueId, KernelBufferUse>& buffers, int64_t firstSite)
      : plan_(plan),
        builder_(builder),
        math_(math),
        extents_(extents),
        buffers_(buffers),
        firstSite_(firstSite) {
    memo_.emplace_back();
  }

  /// Value of `e`, an expression of `tile`, in compute dtype: scalar when it is the same for all
  /// lanes.
  ir::ValueId value(ir::OpId tile, const ir::Expr& e, const Point& point);
  /// The same, always with the current number of lanes.
  ir::ValueId vector(ir::OpId tile, const ir::Expr& e, const Point& point);
  ir::ValueId widen(ir::ValueId value);
  /// An i64 expression as an index.
  Linear index(ir::OpId tile, const ir::Expr& e, const Point& point);

  /// The element at `indices` of a buffer, in compute dtype: 0 outside of the point's lane count
  /// and mask.
  ir::ValueId loadBuffer(const KernelBufferUse& buffer, const std::vector<Linear>& indices,
                         const Point& point);
  /// Asks for the line of the element at `indices` of a buffer, or of what lies around it.
  void prefetch(const KernelBufferUse& buffer, const std::vector<Linear>& indices);
  /// Stores `value` (compute dtype) at `indices` of a buffer, honouring the point's lane count and
  /// mask. `streams`: past the caches, where vectors are stored whole.
  void store(const KernelBufferUse& buffer, const std::vector<Linear>& indices, ir::ValueId value,
             const Point& point, bool streams = false);

  /// The point for an access at `indices` (of a tensor of this shape), some of which may have been
  /// made safe: on a tensor without elements there is no safe index, nothing is read or written.
  Point insideOf(const std::vector<ir::Dim>& shape, const std::vector<ir::Expr>& indices,
                 const Point& point);

  /// What reports so far stand for, in the order of their numbers.
  const std::vector<ReportSite>& sites() const { return sites_; }

  /// Results of tiles that are in registers at the current point. All of a task set's tiles from
  /// the anchor on are put there in program order, so that none is computed on demand before.
  void startRegisters() {
    registers_.clear();
    ++registersOf_;
  }
  void setRegister(ir::ValueId result, ir::ValueId value) { registers_[result] = value; }
  ir::ValueId registerOf(ir::ValueId result) const { return registers_.at(result); }

  /// From here on, these loads of `tile` read what is staged.
  void stage(ir::OpId tile, const std::vector<StagedOperand>* operands) {
    stagedTile_ = tile;
    staged_ = operands;
  }
  /// The element at `indices` of a buffer of which a box is staged.
  ir::ValueId loadStaged(const StagedOperand& operand, const std::vector<Linear>& indices);

  /// Values made inside a region of the kernel are not reused outside: call around loops and
  /// branches.
  void enterScope() { memo_.emplace_back(); }
  void leaveScope() { memo_.pop_back(); }

 private:
  /// All that decides what an expression is at a point.
  struct Key {
    ir::OpId tile;
    const void* expression = nullptr;
    std::vector<Linear> axes;
    ir::ValueId laneCount, mask;
    int lanes = 1;
    std::vector<ir::ValueId> states, elements;
    int64_t registersOf = 0;
    auto operator<=>(const Key&) const = default;
  };
  /// What of a point an expression depends on.
  struct Facts {
    std::vector<int> axes;  // sorted
    bool loads = false;
    bool states = false;     // contains State or Element
    bool registers = false;  // contains a load of another tile's result
    ir::Expr keep;           // keeps the node, whose address is the key, alive
  };
  /// What has been computed in a region of the kernel. Shared parts of an expression, and tiles
  /// with several readers, are gone through once per point.
  struct Memo {
    std::map<Key, ir::ValueId> values;
    std::map<Key, std::optional<Linear>> pureIndices;
    std::map<Key, Linear> indices;
  };

  const Facts& facts(ir::OpId tile, const ir::Expr& e);
  Key keyOf(ir::OpId tile, const ir::Expr& e, const Point& point);
  /// What `compute` gives, once per key; `table` is a member of Memo.
  template <class Table, class F>
  auto once(Table Memo::*table, ir::OpId tile, const ir::Expr& e, const Point& point,
            const F& compute);
  ir::ValueId compute(ir::OpId tile, const ir::Expr& e, const Point& point);
  ir::ValueId literal(const ir::Expr& e);
  ir::ValueId apply(ir::OpId tile, const ir::Expr& e, const Point& point);
  ir::ValueId bounded(ir::OpId tile, const ir::Expr& e, const Point& point);
  ir::ValueId load(ir::OpId tile, const ir::Expr& e, const Point& point);
  const StagedOperand* stagedOperand(ir::OpId tile, const ir::Expr& e) const;
  std::optional<Linear> pureIndex(ir::OpId tile, const ir::Expr& e, const Point& point);
  std::optional<Linear> pureArithmetic(ir::OpId tile, const ir::Expr& e, const Point& point);
  std::optional<ir::ValueId> indexComparison(ir::OpId tile, const ir::Expr& e, const Point& point);
  Linear address(const KernelBufferUse& buffer, const std::vector<Linear>& indices);
  ir::ValueId maskOf(const Point& point, bool vector);
  ir::ValueId countOf(const Point& point, int lanes);
  void reportZeroDivisor(ir::OpId tile, const ir::Expr& e, ir::ValueId divisor, const Point& point);
  int64_t siteNumber(const ReportSite& site);

  const ir::Module& plan_;
  ir::KernelBuilder& builder_;
  IndexMath& math_;
  Extents& extents_;
  const std::map<ir::ValueId, KernelBufferUse>& buffers_;
  int64_t firstSite_;
  std::vector<ReportSite> sites_;
  std::map<ir::ValueId, ir::ValueId> registers_;
  ir::OpId stagedTile_;
  const std::vector<StagedOperand>* staged_ = nullptr;
  int64_t registersOf_ = 0;  // counts the points that registers have been filled for
  std::vector<Memo> memo_;
  std::map<std::pair<ir::OpId, const void*>, Facts> facts_;
};

}  // namespace quartet::common
