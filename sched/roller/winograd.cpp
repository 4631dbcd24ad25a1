#include "sched/roller/winograd.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/content_hash.h"
#include "sched/roller/winograd_blocks.h"
#include "sched/task_set.h"

namespace quartet::sched {

using ir::Dim;
using ir::DType;
using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

namespace {

/// Rewrites a plan with one convolution.
class Rewriter {
 public:
  Rewriter(const ir::Module& plan, OpId tasks, OpId anchor, Convolution convolution,
           const hwdb::Description& device)
      : device_(device),
        tasks_(tasks),
        anchor_(anchor),
        blocks_(plan.op(anchor).attributes.expr(), std::move(convolution)) {
    result_.plan = plan;
  }

  WinogradPlan run() {
    addWeights();
    const ValueId input = addBuffer(blocks_.channels() + Dim(spareChannels()));
    const ValueId products = addBuffer(blocks_.filters());
    addInputTransform(input);
    addProducts(input, products);
    replaceByOutputTransform(products);
    dropUnusedConstants(plan());
    result_.intermediates = {input, products};
    return std::move(result_);
  }

 private:
  ir::Module& plan() { return result_.plan; }

  ValueId operand(const Expr& load) {
    return plan().op(anchor_).operands[static_cast<size_t>(load.number())];
  }

  /// A buffer [16, channels, blocks...].
  ValueId addBuffer(const Dim& channels) {
    std::vector<Dim> shape{Dim(kBlockProducts), channels};
    shape.insert(shape.end(), blocks_.extents().begin(), blocks_.extents().end());
    const ir::Type type = ir::Type::buffer(DType::F32, std::move(shape), {});
    return plan().result(plan().addOp(plan().top(), Opcode::Buffer, {}, {type}, {}, {}, {}, 0));
  }

  /// Channels that the transformed input has room for and nobody uses, so that what is written
  /// together, an element of each of the 16, does not fall on few sets of the innermost cache.
  int64_t spareChannels() {
    if (device_.groupInvocations.value > 1 || device_.memory.empty()) return 0;
    const hwdb::MemoryLevel& cache = device_.memory.back();
    if (!hwdb::given(cache.ways)) return 0;
    int64_t bytes = blocks_.channels().value() * ir::byteSize(DType::F32);
    for (const Dim& extent : blocks_.extents()) bytes *= extent.usual(plan().symbols);
    const int64_t span = cache.bytes.value / std::max<int64_t>(cache.ways.value, 1);  // of one way
    const int64_t places = span / std::max<int64_t>(std::gcd(bytes, span), 1);
    const int64_t together = kBlockProducts / std::clamp<int64_t>(places, 1, kBlockProducts);
    return together > cache.ways.value / 2 ? device_.vectorLanes.value : 0;
  }

  void addWeights() {
    const Convolution& convolution = blocks_.convolution();
    TransformedWeights& made = result_.weights;
    made.source = plan().constantOf(operand(convolution.weights));
    const std::array<int, 4> axes{convolution.filter, convolution.channel,
                                  convolution.windows[0].offset, convolution.windows[1].offset};
    int64_t stride = 1;
    for (size_t k = convolution.weights.args().size(); k-- > 0;) {
      const auto which =
          std::find(axes.begin(), axes.end(), convolution.weights.args()[k].number());
      made.strides[static_cast<size_t>(which - axes.begin())] = stride;
      stride *= made.source->shape[k];
    }
    const ir::Op& constant = plan().op(plan().value(operand(convolution.weights)).definition);
    std::string name = "winograd 2 3 " + constant.attributes.get<std::string>("hash");
    for (const int64_t step : made.strides) name += " " + std::to_string(step);
    made.hash = contentHash(std::as_bytes(std::span(name))).hex();
    auto data = std::make_shared<ir::ConstantData>();
    data->dtype = DType::F32;
    data->shape = {kBlockProducts, blocks_.filters().value(), blocks_.channels().value()};
    weights_ = plan().addConstant(plan().top(), std::move(data), constant.origin, 0, made.hash);
  }

  OpId addTile(ir::RegionId region, std::vector<ValueId> operands, TensorExpr expr) {
    std::vector<ir::Type> types;
    for (const DType dtype : expr.resultTypes()) {
      types.push_back(ir::Type::tensor(dtype, expr.domain));
    }
    ir::Attributes attributes;
    attributes.set("expr", std::make_shared<const TensorExpr>(std::move(expr)));
    attributes.set("tile", ir::Tile{});
    return plan().addOp(region, Opcode::Tile, std::move(operands), std::move(types),
                        std::move(attributes), {}, plan().op(tasks_).origin);
  }

  /// A task set in front of the convolution's.
  void addTasks(ir::RegionId region, const char* name) {
    ir::Attributes named;
    named.set("name", std::string(name));
    const auto& ops = plan().region(plan().top()).ops;
    const auto place = std::find(ops.begin(), ops.end(), tasks_) - ops.begin();
    plan().addOp(plan().top(), Opcode::Tasks, {}, {}, std::move(named), {region},
                 plan().op(tasks_).origin, static_cast<int>(place));
  }

  void addInputTransform(ValueId to) {
    const ValueId from = operand(blocks_.convolution().input);
    const ir::RegionId region = plan().addRegion();
    const OpId tile = addTile(region, {from}, blocks_.inputTransform(plan().type(from).shape));
    for (int k = 0; k < kBlockProducts; ++k) {
      ir::Attributes attributes;
      ir::Dims offset(2 + blocks_.extents().size(), Dim(0));
      offset[0] = Dim(k);
      attributes.set("offset", std::move(offset));
      plan().addOp(region, Opcode::Write, {plan().result(tile, k), to}, {}, std::move(attributes));
    }
    addTasks(region, "winograd_input");
  }

  void addProducts(ValueId input, ValueId to) {
    const ir::RegionId region = plan().addRegion();
    const OpId tile = addTile(region, {input, weights_}, blocks_.products());
    plan().addOp(region, Opcode::Write, {plan().result(tile), to}, {});
    addTasks(region, "winograd_products");
  }

  /// The task set itself: transforms back, then what was on top of the sum for each corner, all
  /// collected by one map that writes.
  void replaceByOutputTransform(ValueId products) {
    const std::vector<OpId> before = plan().region(plan().op(tasks_).regions[0]).ops;
    const ir::RegionId region = plan().addRegion();
    const auto place = std::find(before.begin(), before.end(), anchor_);
    plan().region(region).ops.assign(before.begin(), place);  // what is computed on demand
    const OpId transform = addTile(region, {products}, blocks_.outputTransform());
    for (size_t c = 0; c < kCorners.size(); ++c) {
      at_[c][plan().result(anchor_)] = plan().result(transform, static_cast<int>(c));
    }
    std::vector<std::pair<ValueId, ValueId>> written;  // of the domain, buffer
    for (auto id = place + 1; id != before.end(); ++id) {
      const ir::Op op = plan().op(*id);
      if (op.opcode == Opcode::Tile) addCorners(region, op);
      if (op.opcode == Opcode::Write) written.emplace_back(op.operands[0], op.operands[1]);
    }
    addWrites(region, written);
    plan().op(tasks_).regions[0] = region;
  }

  /// A map on top of the sum, at each corner.
  void addCorners(ir::RegionId region, const ir::Op& top) {
    for (size_t c = 0; c < kCorners.size(); ++c) {
      std::vector<ValueId> operands = top.operands;
      std::vector<bool> here;
      for (ValueId& value : operands) {
        const auto found = at_[c].find(value);
        here.push_back(found != at_[c].end());
        if (here.back()) value = found->second;
      }
      const OpId made = addTile(region, std::move(operands),
                                blocks_.cornerOf(top.attributes.expr(), here, kCorners[c]));
      for (size_t r = 0; r < top.results.size(); ++r) {
        at_[c][top.results[r]] = plan().result(made, static_cast<int>(r));
      }
    }
  }

  void addWrites(ir::RegionId region, const std::vector<std::pair<ValueId, ValueId>>& written) {
    TensorExpr all;
    all.domain = blocks_.blockDomain();
    std::vector<Expr> axes;
    for (int axis = 0; axis < all.domainRank(); ++axis) axes.push_back(Expr::axis(axis));
    std::vector<ValueId> operands;
    for (const auto& [value, buffer] : written) {
      for (const auto& at : at_) {
        const ValueId corner = at.at(value);
        all.results.push_back(
            Expr::load(static_cast<int>(operands.size()), plan().type(corner).dtype, axes));
        operands.push_back(corner);
      }
    }
    const OpId last = addTile(region, std::move(operands), std::move(all));
    int result = 0;
    for (const auto& [value, buffer] : written) {
      for (const Corner& corner : kCorners) {
        plan().addOp(region, Opcode::Write, {plan().result(last, result++), buffer}, {},
                     blocks_.cornerPlace(corner));
      }
    }
  }

  WinogradPlan result_;
  const hwdb::Description& device_;
  OpId tasks_;
  OpId anchor_;
  WinogradBlocks blocks_;
  ValueId weights_;
  std::array<std::map<ValueId, ValueId>, kCorners.size()> at_;  // values of the domain, by corner
};

/// Whether every map on top of the sum reads it, and others, point by point, and may be evaluated
/// outside the domain too (no integer division, which reports zeros).
bool blocksOnTop(const ir::Module& plan, OpId tasks, OpId anchor) {
  bool reached = false;
  for (const OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
    const ir::Op& op = plan.op(id);
    if (reached && op.opcode == Opcode::Tile) {
      const TensorExpr& expr = op.attributes.expr();
      if (expr.form != TensorExpr::Form::Map) return false;
      bool divides = false;
      for (const Expr& result : expr.results) {
        divides |= result.containsBounded();
        result.visit([&](const Expr& node) {
          if (node.kind() != Expr::Kind::Apply || ir::isFloat(node.dtype())) return;
          const bool division = node.op() == Opcode::Div || node.op() == Opcode::Rem ||
                                node.op() == Opcode::Mod || node.op() == Opcode::FloorDiv;
          divides |= division && !node.args()[1].isLiteral();
        });
      }
      if (divides) return false;
    }
    reached |= id == anchor;
    if (op.opcode == Opcode::Write && (!reached || op.attributes.has("offset"))) return false;
  }
  return true;
}

/// Extents that the rewriting needs to know; outputs of one point along an axis gain nothing.
bool suitableExtents(const ir::Module& plan, OpId anchor, const Convolution& convolution) {
  const ir::Op& op = plan.op(anchor);
  const TensorExpr& expr = op.attributes.expr();
  const auto& shape = plan.type(op.operands[static_cast<size_t>(convolution.input.number())]).shape;
  const auto atLeast = [](const Dim& dim, int64_t least) {
    return dim.isConstant() && dim.value() >= least;
  };
  for (const Convolution::Window& window : convolution.windows) {
    const auto steps = static_cast<size_t>(window.offset - expr.domainRank());
    if (expr.reduction[steps] != Dim(3) || !atLeast(shape[window.index], 1)) return false;
    const Dim& points = expr.domain[static_cast<size_t>(window.position)];
    if (!atLeast(points, kOutputBlock)) return false;
  }
  const auto channel = static_cast<size_t>(convolution.channel - expr.domainRank());
  return atLeast(expr.reduction[channel], 1) &&
         atLeast(expr.domain[static_cast<size_t>(convolution.filter)], 1);
}

/// Whether buffers between the task sets keep within the device's limits, which the convolution
/// itself may be far from: four times as many elements as input or output have.
bool fits(const ir::Module& plan, const std::vector<ValueId>& buffers,
          const hwdb::Description& device) {
  // An open extent may be so many times its usual value.
  constexpr double kOpen = 64;
  constexpr double kMemoryShare = 0.125;
  double all = 0;
  for (const ValueId buffer : buffers) {
    const Dim elements = ir::elementCount(plan.type(buffer).shape);
    const double open = elements.isConstant() ? 1 : kOpen;
    const double bytes = static_cast<double>(elements.usual(plan.symbols)) * sizeof(float);
    if (open * bytes > static_cast<double>(device.maxBindingBytes.value)) return false;
    if (open * bytes / sizeof(float) > INT32_MAX) return false;
    all += bytes;
  }
  return all <= kMemoryShare * static_cast<double>(device.memoryBytes.value);
}

}  // namespace

std::optional<WinogradPlan> winograd(const ir::Module& plan, OpId tasks,
                                     const hwdb::Description& device) {
  const OpId anchor = governingTile(plan, tasks);
  auto convolution = convolutionOf(plan, anchor);
  if (!convolution || plan.op(anchor).attributes.expr().order != TensorExpr::Order::Commutative)
    return std::nullopt;
  if (!suitableExtents(plan, anchor, *convolution) || !blocksOnTop(plan, tasks, anchor))
    return std::nullopt;
  WinogradPlan way = Rewriter(plan, tasks, anchor, std::move(*convolution), device).run();
  if (!fits(way.plan, way.intermediates, device)) return std::nullopt;
  return way;
}

}  // namespace quartet::sched
