// Structure, accesses and tiles of plans.
#include <algorithm>
#include <bit>
#include <map>
#include <optional>

#include "ir/matrix_product.h"
#include "ir/verify_context.h"

namespace quartet::ir {

namespace {

/// One access of a node to the memory of `root` (the buffer behind all aliases).
struct Access {
  ValueId root;
  ValueId buffer;
  bool writes = false;
  std::vector<Dim> offset;  // of a write; empty: the whole buffer
  std::vector<Dim> shape;   // of what is written
};

/// Both touch one part of memory, as far as can be told.
bool overlaps(const Access& a, const Access& b) {
  if (a.root != b.root) return false;
  if (a.buffer != b.buffer || a.offset.empty() || b.offset.empty()) return true;
  for (size_t i = 0; i < a.offset.size(); ++i) {
    const auto gapAfterA = (b.offset[i] - a.offset[i] - a.shape[i]).constant();
    const auto gapAfterB = (a.offset[i] - b.offset[i] - b.shape[i]).constant();
    if (gapAfterA.value_or(-1) >= 0 || gapAfterB.value_or(-1) >= 0) return false;
  }
  return true;
}

class PlanVerifier {
 public:
  explicit PlanVerifier(const VerifyContext& context)
      : context_(context),
        module_(context.module),
        root_(static_cast<size_t>(module_.valueCount())),
        written_(static_cast<size_t>(module_.valueCount())),
        home_(static_cast<size_t>(module_.valueCount())) {}

  Status run() {
    const std::vector<ValueId>& parameters = module_.region(module_.top()).parameters;
    const size_t inputs = parameters.size() - module_.outputs.size();
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (context_.type(parameters[i]).kind != Type::Kind::Buffer) {
        return context_.fail("a plan's parameters are buffers");
      }
      root(parameters[i]) = parameters[i];
      written_[static_cast<size_t>(parameters[i].index)] = i < inputs;
    }
    std::vector<Access> accesses;
    return region(module_.top(), {}, accesses);
  }

 private:
  ValueId& root(ValueId id) { return root_[static_cast<size_t>(id.index)]; }

  bool isBuffer(ValueId id) const { return context_.type(id).kind == Type::Kind::Buffer; }

  bool isConstant(ValueId id) {
    const OpId definition = module_.value(root(id)).definition;
    return definition.valid() && module_.op(definition).opcode == Opcode::Constant;
  }

  std::string label(ValueId id) const {
    const std::string& name = module_.value(id).name;
    return name.empty() ? "an unnamed buffer" : "%" + name;
  }

  /// `tasks`: the task set around, if any. Adds what the region accesses.
  Status region(RegionId id, OpId tasks, std::vector<Access>& accesses) {
    for (const OpId opId : module_.region(id).ops) QT_CHECK(op(opId, tasks, accesses));
    return {};
  }

  Status op(OpId id, OpId tasks, std::vector<Access>& accesses) {
    const Op& op = module_.op(id);
    const bool leaf = op.opcode == Opcode::Tile || op.opcode == Opcode::Write;
    const bool inside = tasks.valid();
    if (leaf && !inside) return context_.fail(id, "this op belongs into a task set");
    const bool node = !op.regions.empty() || op.opcode == Opcode::Copy;
    if (node && inside) return context_.fail(id, "a task set holds tiles and writes only");
    switch (op.opcode) {
      case Opcode::Constant:
      case Opcode::Buffer:
        return declare(id);
      case Opcode::Tile:
        return tile(id, tasks, accesses);
      case Opcode::Write:
        return write(id, tasks, accesses);
      case Opcode::Copy:
        return copy(id, accesses);
      case Opcode::Par:
        return par(id, accesses);
      case Opcode::Tasks:
        return region(op.regions[0], id, accesses);
      case Opcode::Seq:
        return region(op.regions[0], {}, accesses);
      default:
        return {};
    }
  }

  Status declare(OpId id) {
    const Op& op = module_.op(id);
    const ValueId result = op.results[0];
    if (!isBuffer(result)) return context_.fail(id, "the result is a buffer");
    root(result) = result;
    written_[static_cast<size_t>(result.index)] = op.opcode == Opcode::Constant;
    if (op.operands.empty()) return {};
    if (!isBuffer(op.operands[0])) return context_.fail(id, "only a buffer has an alias");
    root(result) = root(op.operands[0]);
    const Type& from = context_.operandType(id, 0);
    const Type& to = context_.resultType(id);
    const bool plain = from.layout.rowMajor() && to.layout.rowMajor();
    const auto bytes = [](const Type& type) {
      return elementCount(type.shape) * Dim(byteSize(type.dtype));
    };
    const bool otherSize = byteSize(from.dtype) != byteSize(to.dtype);
    if ((otherSize && !plain) || (plain && differ(bytes(from), bytes(to)))) {
      return context_.fail(id, "an alias of " + from.str() + " cannot be " + to.str());
    }
    return {};
  }

  static std::string deviceOf(const Op& op) {
    return op.attributes.has("device") ? op.attributes.get<std::string>("device") : "";
  }

  /// What a device computes is read there. Inputs and constants are everywhere.
  Status liesOn(const std::string& device, OpId id, ValueId buffer) {
    const std::string& home = home_[static_cast<size_t>(root(buffer).index)];
    if (home.empty() || home == device) return {};
    return context_.fail(id, label(buffer) + " lies on " + home + " and is read on " +
                                 (device.empty() ? "another device" : device) + " without a copy");
  }

  Status readOn(const std::string& device, OpId id, ValueId buffer, std::vector<Access>& accesses) {
    QT_CHECK(liesOn(device, id, buffer));
    return read(id, buffer, accesses);
  }

  Status read(OpId id, ValueId buffer, std::vector<Access>& accesses) {
    if (!written_[static_cast<size_t>(root(buffer).index)]) {
      return context_.fail(id, label(buffer) + " is read before it is written");
    }
    accesses.push_back({root(buffer), buffer, false, {}, {}});
    return {};
  }

  Status commit(OpId id, Access access, std::vector<Access>& accesses) {
    if (isConstant(access.buffer)) {
      return context_.fail(id, label(access.buffer) + " is a constant and cannot be written");
    }
    written_[static_cast<size_t>(access.root.index)] = true;
    accesses.push_back(std::move(access));
    return {};
  }

  Status tile(OpId id, OpId tasks, std::vector<Access>& accesses) {
    const Op& op = module_.op(id);
    const std::vector<OpId>& siblings = module_.region(module_.op(tasks).regions[0]).ops;
    for (const ValueId operand : op.operands) {
      if (isBuffer(operand)) {
        QT_CHECK(readOn(deviceOf(module_.op(tasks)), id, operand, accesses));
        continue;
      }
      const OpId definition = module_.value(operand).definition;
      if (std::find(siblings.begin(), siblings.end(), definition) == siblings.end()) {
        return context_.fail(id, "a register edge leaves its task set");
      }
    }
    for (const ValueId result : op.results) {
      if (isBuffer(result)) return context_.fail(id, "a tile gives tensors");
    }
    QT_CHECK(verifyExpr(context_, id));
    return shapeOfTile(id);
  }

  Status shapeOfTile(OpId id) const {
    const Tile& tile = module_.op(id).attributes.get<Tile>("tile");
    if (tile == Tile{}) return {};
    const TensorExpr& expr = module_.op(id).attributes.expr();
    const auto axes = static_cast<size_t>(expr.axisCount());
    const auto fits = [&](const Ints& extents, int64_t least) {
      return extents.size() == axes && std::all_of(extents.begin(), extents.end(),
                                                   [&](int64_t extent) { return extent >= least; });
    };
    if (!fits(tile.group, 0) || !fits(tile.reg, 1)) {
      return context_.fail(
          id, "the tile needs a positive extent for each of " + std::to_string(axes) + " axes");
    }
    QT_CHECK(extentsOfTile(id, tile, expr));
    if (tile.laneAxis < -1 || tile.laneAxis >= expr.axisCount() || tile.lanes < 1) {
      return context_.fail(id, "the lanes lie along no axis");
    }
    const int64_t alongLanes = tile.laneAxis < 0 ? 1 : tile.reg[static_cast<size_t>(tile.laneAxis)];
    if (alongLanes % tile.lanes != 0) {
      return context_.fail(id, std::to_string(alongLanes) +
                                   " points along the lanes, required is a "
                                   "multiple of " +
                                   std::to_string(tile.lanes));
    }
    QT_CHECK(stageOfTile(id, tile, expr));
    QT_CHECK(unitOfTile(id, tile, expr));
    if (tile.storeAxis != -1 && !turns(tile, expr)) {
      return context_.fail(id, "stores along axis " + std::to_string(tile.storeAxis) +
                                   " need a reduction with its lanes along another axis of the "
                                   "domain, 2 to " +
                                   std::to_string(tile.lanes) + " (a power of two)" +
                                   " points along that one, and one along all others");
    }
    std::vector<int> order = tile.order;
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < std::max(order.size(), axes); ++i) {
      if (order.size() != axes || order[i] != static_cast<int>(i)) {
        return context_.fail(id, "the order of a tile names each axis once");
      }
    }
    return {};
  }

  /// Whether a register tile of this shape can be turned to its storeAxis.
  static bool turns(const Tile& tile, const TensorExpr& expr) {
    const int rank = expr.domainRank();
    const bool apart = tile.storeAxis >= 0 && tile.storeAxis < rank && tile.laneAxis >= 0 &&
                       tile.laneAxis < rank && tile.storeAxis != tile.laneAxis;
    if (!apart || expr.form != TensorExpr::Form::Reduce) return false;
    if (!std::has_single_bit(static_cast<uint64_t>(tile.lanes))) return false;  // turned by halves
    for (int axis = 0; axis < rank; ++axis) {
      const int64_t points = tile.reg[static_cast<size_t>(axis)];
      if (axis == tile.storeAxis && (points < 2 || points > tile.lanes)) return false;
      if (axis != tile.storeAxis && axis != tile.laneAxis && points != 1) return false;
    }
    return true;
  }

  /// Parts of a group are whole register tiles, groups whole parts, but for the last.
  Status stageOfTile(OpId id, const Tile& tile, const TensorExpr& expr) const {
    if (tile.stage.empty()) return {};
    const int rank = expr.domainRank();
    if (expr.form != TensorExpr::Form::Reduce || tile.laneAxis < 0 || tile.laneAxis >= rank) {
      return context_.fail(id, "a stage needs a reduction with its lanes along the domain");
    }
    if (tile.stage.size() != static_cast<size_t>(expr.axisCount())) {
      return context_.fail(id, "the stage has " + std::to_string(tile.stage.size()) +
                                   " extents, required are " + std::to_string(expr.axisCount()));
    }
    for (int axis = 0; axis < expr.axisCount(); ++axis) {
      const auto i = static_cast<size_t>(axis);
      const Dim& extent =
          axis < rank ? expr.domain[i] : expr.reduction[static_cast<size_t>(axis - rank)];
      const bool all = extent.isConstant() && tile.stage[i] >= extent.value();
      const bool mustBeAll = axis >= rank || axis == tile.laneAxis;
      const bool parts = tile.stage[i] >= 1 && tile.stage[i] % tile.reg[i] == 0 &&
                         tile.group[i] % tile.stage[i] == 0;
      if (!all && (mustBeAll || !parts)) {
        return context_.fail(id, "the stage has " + std::to_string(tile.stage[i]) +
                                     " points along axis " + std::to_string(axis) +
                                     (mustBeAll ? ", required is its extent " + extent.str()
                                                : ", required are whole register tiles that "
                                                  "divide the group"));
      }
      if (axis >= rank && tile.group[i] < tile.stage[i]) {
        return context_.fail(id, "a reduction in slices has no stage");
      }
    }
    return {};
  }

  /// Register tiles of whole matrices, groups of whole register tiles, slices of known reductions.
  Status unitOfTile(OpId id, const Tile& tile, const TensorExpr& expr) const {
    if (tile.unit.empty()) return {};
    const auto product = matrixProduct(expr, tile.laneAxis);
    const bool positive =
        tile.unit.size() == 3 &&
        std::all_of(tile.unit.begin(), tile.unit.end(), [](int64_t extent) { return extent > 0; });
    if (!product || !positive || tile.lanes != 1 || !tile.stage.empty() || tile.storeAxis != -1) {
      return context_.fail(id,
                           "a unit of three extents needs a sum of products of narrow elements, "
                           "one lane, along an axis of its columns, and no stage");
    }
    std::vector<int> sides = product->rowAxes;
    sides.insert(sides.end(), product->columnAxes.begin(), product->columnAxes.end());
    for (int axis = 0; axis < expr.axisCount(); ++axis) {
      const auto i = static_cast<size_t>(axis);
      const bool inDomain = axis < expr.domainRank();
      const bool side = std::find(sides.begin(), sides.end(), axis) != sides.end();
      const bool whole = inDomain ? tile.group[i] % tile.reg[i] == 0 && (side || tile.group[i] == 1)
                                  : tile.reg[i] == 1 && tile.group[i] > 0 &&
                                        expr.reduction[i - expr.domain.size()].isConstant();
      if (!whole) {
        return context_.fail(id,
                             "a unit's tile needs whole register tiles of rows and columns, "
                             "single points along other axes, and slices of known extents: "
                             "not so along axis " +
                                 std::to_string(axis));
      }
    }
    const int64_t rows = pointsAlong(tile.reg, product->rowAxes);
    const int64_t columns = pointsAlong(tile.reg, product->columnAxes);
    if (rows % tile.unit[0] == 0 && columns % tile.unit[1] == 0) return {};
    return context_.fail(id, "a register tile of " + std::to_string(rows) + " x " +
                                 std::to_string(columns) + " points is not of whole matrices");
  }

  /// Axes without points have groups without points, and no others; a reduction is unrolled by what
  /// divides it, unless its axis runs along lanes.
  Status extentsOfTile(OpId id, const Tile& tile, const TensorExpr& expr) const {
    const int rank = expr.domainRank();
    for (int axis = 0; axis < expr.axisCount(); ++axis) {
      const auto i = static_cast<size_t>(axis);
      const Dim& extent =
          axis < rank ? expr.domain[i] : expr.reduction[static_cast<size_t>(axis - rank)];
      if (tile.group[i] == 0 && extent != Dim(0)) {
        return context_.fail(id, "the tile's group has no points along axis " +
                                     std::to_string(axis) + " of extent " + extent.str());
      }
      const int64_t unrolled = tile.reg[i];
      const int64_t slice = tile.group[i];
      if (axis >= rank && extent.isConstant() && slice < extent.value() && slice % unrolled != 0) {
        return context_.fail(id, "slices of " + std::to_string(slice) + " of reduction axis " +
                                     std::to_string(axis - rank) + " are unrolled by " +
                                     std::to_string(unrolled) + ", which does not divide them");
      }
      if (axis < rank || axis == tile.laneAxis || unrolled == 1) continue;
      if (!extent.isConstant() || extent.value() % unrolled != 0) {
        return context_.fail(id, "reduction axis " + std::to_string(axis - rank) + " of extent " +
                                     extent.str() + " is unrolled by " + std::to_string(unrolled));
      }
    }
    return {};
  }

  Status write(OpId id, OpId tasks, std::vector<Access>& accesses) {
    const Op& op = module_.op(id);
    const ValueId buffer = op.operands[1];
    if (isBuffer(op.operands[0]) || !isBuffer(buffer)) {
      return context_.fail(id, "write takes a tile's result and a buffer");
    }
    const Type& from = context_.operandType(id, 0);
    const Type& to = context_.operandType(id, 1);
    const Attribute* offset = op.attributes.find("offset");
    const Attribute* strides = op.attributes.find("strides");
    Access access{root(buffer), buffer, true, {}, from.shape};
    if (offset != nullptr) access.offset = std::get<Dims>(*offset);
    if (strides != nullptr) QT_CHECK(spread(id, std::get<Ints>(*strides), to, access));
    if (from.dtype != to.dtype) {
      return context_.fail(id, "the tile is " + from.str() + ", the buffer " + to.str());
    }
    if (offset == nullptr && !sameShape(from.shape, to.shape)) {
      return context_.fail(id, "the tile is " + from.str() + ", the buffer " + to.str());
    }
    if (offset != nullptr) QT_CHECK(within(id, access, to));
    const OpId tile = module_.value(op.operands[0]).definition;
    const bool inPlace =
        module_.op(tile).opcode == Opcode::Tile && module_.op(tile).attributes.expr().inPlace();
    const std::string device = deviceOf(module_.op(tasks));
    if (inPlace && !written_[static_cast<size_t>(root(buffer).index)]) {
      return context_.fail(id, label(buffer) + " is changed in place before it is written");
    }
    if (inPlace) QT_CHECK(liesOn(device, id, buffer));
    home_[static_cast<size_t>(access.root.index)] = device;
    return commit(id, std::move(access), accesses);
  }

  /// What a write with strides covers: at least one point along each axis lies inside the buffer.
  Status spread(OpId id, const Ints& strides, const Type& to, Access& access) const {
    const size_t rank = to.shape.size();
    const bool fits = access.offset.size() == rank && access.shape.size() == rank &&
                      strides.size() == rank &&
                      std::all_of(strides.begin(), strides.end(), [](int64_t s) { return s >= 1; });
    if (!fits) return context_.fail(id, "strides need an offset, and are positive, for each axis");
    for (size_t i = 0; i < rank; ++i) {
      if (strides[i] == 1) continue;
      const Dim all = (access.shape[i] - Dim(1)) * Dim(strides[i]) + Dim(1);
      access.shape[i] = Dim::max(Dim(1), Dim::min(all, to.shape[i] - access.offset[i]));
    }
    return {};
  }

  Status within(OpId id, const Access& access, const Type& to) const {
    bool fits = access.offset.size() == to.shape.size() && access.shape.size() == to.shape.size();
    for (size_t i = 0; fits && i < to.shape.size(); ++i) {
      const auto room = (to.shape[i] - access.offset[i] - access.shape[i]).constant();
      fits = room.value_or(0) >= 0 && access.offset[i].constant().value_or(0) >= 0;
    }
    if (fits) return {};
    return context_.fail(id, "the tile at its offset does not lie inside " + to.str());
  }

  Status copy(OpId id, std::vector<Access>& accesses) {
    const Op& op = module_.op(id);
    if (!isBuffer(op.operands[0]) || !isBuffer(op.operands[1])) {
      return context_.fail(id, "copy takes two buffers");
    }
    const Type& from = context_.operandType(id, 0);
    const Type& to = context_.operandType(id, 1);
    if (from.dtype != to.dtype || !sameShape(from.shape, to.shape)) {
      return context_.fail(id, "the source is " + from.str() + ", the target " + to.str());
    }
    const std::string source =
        op.attributes.has("from") ? op.attributes.get<std::string>("from") : "";
    QT_CHECK(readOn(source, id, op.operands[0], accesses));
    home_[static_cast<size_t>(root(op.operands[1]).index)] = deviceOf(op);
    return commit(id, {root(op.operands[1]), op.operands[1], true, {}, {}}, accesses);
  }

  Status par(OpId id, std::vector<Access>& accesses) {
    const std::vector<OpId>& nodes = module_.region(module_.op(id).regions[0]).ops;
    std::map<ValueId, std::vector<Access>> earlier;  // by root: a wave may have thousands of nodes
    for (const OpId node : nodes) {
      if (deviceOf(module_.op(node)) == deviceOf(module_.op(nodes[0]))) continue;
      return context_.fail(node, "the nodes of one par run on different devices");
    }
    for (const OpId node : nodes) {
      std::vector<Access> own;
      QT_CHECK(op(node, {}, own));
      for (const Access& a : own) {
        for (const Access& b : earlier[a.root]) {
          if ((a.writes || b.writes) && overlaps(a, b)) {
            return context_.fail(
                node, "two nodes of one par access " + label(a.buffer) + ", not both reading");
          }
        }
      }
      for (Access& a : own) {
        accesses.push_back(a);
        earlier[a.root].push_back(std::move(a));
      }
    }
    return {};
  }

  const VerifyContext& context_;
  const Module& module_;
  std::vector<ValueId> root_;      // by value: the buffer behind all aliases
  std::vector<bool> written_;      // by value, for roots
  std::vector<std::string> home_;  // by value, for roots: the device that wrote it
};

}  // namespace

Status verifyPlan(const VerifyContext& context) { return PlanVerifier(context).run(); }

}  // namespace quartet::ir
