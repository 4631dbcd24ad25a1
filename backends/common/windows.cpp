#include "backends/common/windows.h"

#include <algorithm>
#include <functional>
#include <ranges>

namespace quartet::common {

using ir::Box;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

namespace {

void include(std::map<ValueId, Box>& boxes, ValueId value, const Box& box) {
  if (box.empty()) return;
  const auto [found, fresh] = boxes.emplace(value, box);
  if (fresh) return;
  for (size_t i = 0; i < box.lo.size(); ++i) {
    found->second.lo[i] = std::min(found->second.lo[i], box.lo[i]);
    found->second.hi[i] = std::max(found->second.hi[i], box.hi[i]);
  }
}

Result<std::vector<int64_t>> shapeOf(const ir::Type& type, const ir::SymbolValues& symbols) {
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : type.shape) shape.push_back(QT_TRY(dim.evaluate(symbols)));
  return shape;
}

/// What a write of the points in `box` reaches of its buffer.
Box placed(const ir::Op& write, Box box, const ir::SymbolValues& symbols) {
  if (!write.attributes.has("offset")) return box;
  const auto& offset = write.attributes.get<ir::Dims>("offset");
  const bool spread = write.attributes.has("strides");
  for (size_t i = 0; i < box.lo.size(); ++i) {
    const int64_t stride = spread ? write.attributes.ints("strides")[i] : 1;
    const auto first = offset[i].evaluate(symbols);
    QT_ASSERT(first.has_value(), "a symbol without a value");
    box.lo[i] = box.lo[i] * stride + *first;
    box.hi[i] = (box.hi[i] - 1) * stride + 1 + *first;
  }
  return box;
}

}  // namespace

std::map<ValueId, Box> touched(const ir::Module& plan, OpId tasks, const Box& domain,
                               const ir::SymbolValues& symbols) {
  // Tile results first, in reverse order: a tile's readers are done before it.
  std::map<ValueId, Box> boxes;
  const auto& ops = plan.region(plan.op(tasks).regions[0]).ops;
  for (const OpId id : std::views::reverse(ops)) {
    const ir::Op& op = plan.op(id);
    if (op.opcode == Opcode::Write) {
      const OpId producer = plan.value(op.operands[0]).definition;
      const TensorExpr expr = plan.op(producer).attributes.expr().substituteSymbols(symbols);
      include(boxes, op.operands[0], domain);
      Box reached = placed(op, ir::written(expr, domain), symbols);
      const auto shape = shapeOf(plan.type(op.operands[1]), symbols);
      QT_ASSERT(shape.has_value(), "a symbol without a value");
      for (size_t i = 0; i < reached.hi.size(); ++i) {
        reached.hi[i] = std::min(reached.hi[i], (*shape)[i]);
      }
      include(boxes, op.operands[1], reached);
      continue;
    }
    std::map<ValueId, Box> needed;
    for (ValueId result : op.results) {
      if (const auto found = boxes.find(result); found != boxes.end()) {
        include(needed, op.results[0], found->second);
      }
    }
    if (needed.empty()) continue;
    const TensorExpr expr = op.attributes.expr().substituteSymbols(symbols);
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const auto shape = shapeOf(plan.type(op.operands[i]), symbols);
      QT_ASSERT(shape.has_value(), "a symbol without a value");
      include(boxes, op.operands[i],
              ir::propagate(expr, needed.begin()->second, static_cast<int>(i), *shape));
    }
  }
  return boxes;
}

ByteRange byteRange(const std::vector<int64_t>& shape, const ir::Layout& layout, int64_t bytes,
                    const Box& box) {
  int64_t outer = shape.empty() ? 1 : shape[0];
  int64_t lo = box.lo.empty() ? 0 : box.lo[0];
  int64_t hi = box.hi.empty() ? 1 : box.hi[0];
  if (!layout.rowMajor()) {
    const ir::Layout::Axis& axis = layout.axes[0];
    const auto k = static_cast<size_t>(axis.axis);
    outer = (shape[k] + axis.divide - 1) / axis.divide;
    lo = box.lo[k] / axis.divide;
    hi = (box.hi[k] + axis.divide - 1) / axis.divide;
    if (axis.modulo > 0) {
      outer = std::min(outer, axis.modulo);
      lo = 0;
      hi = outer;
    }
  }
  const int64_t slice = outer == 0 ? 0 : bytes / outer;
  return {lo * slice, hi * slice};
}

Result<std::vector<runtime::Dispatch>> cutIntoWindows(
    const ir::Module& plan, OpId tasks, const LoweredTasks& lowered, const runtime::Dispatch& whole,
    const std::vector<runtime::BufferInfo>& buffers, const hwdb::Description& device,
    const ir::SymbolValues& symbols) {
  const OpId anchor = anchorOf(plan, tasks);
  const TensorExpr& expr = plan.op(anchor).attributes.expr();
  const auto& tile = plan.op(anchor).attributes.get<ir::Tile>("tile");
  Box all;
  std::vector<int64_t> counts;
  for (size_t i = 0; i < expr.domain.size(); ++i) {
    all.lo.push_back(0);
    all.hi.push_back(QT_TRY(expr.domain[i].evaluate(symbols)));
    counts.push_back(QT_TRY(lowered.tiles[i].evaluate(symbols)));
  }
  // The slowest axis that has several tiles; everything inside one of its tiles stays together.
  size_t cut = lowered.order.empty() ? 0 : static_cast<size_t>(lowered.order[0]);
  for (int axis : lowered.order) {
    cut = static_cast<size_t>(axis);
    if (counts[cut] > 1) break;
  }
  const int64_t slices = counts.empty() ? 1 : counts[cut];
  const int64_t groupsPerSlice = whole.groups / slices;
  const int64_t align = device.bindingAlignBytes.value;
  std::map<ValueId, std::vector<int64_t>> shapes;
  for (ValueId buffer : lowered.windowed) {
    shapes[buffer] = QT_TRY(shapeOf(plan.type(buffer), symbols));
  }
  const auto placeOf = [&](ValueId buffer) {  // among the kernel's buffers
    const auto at = std::find(lowered.buffers.begin(), lowered.buffers.end(), buffer);
    return static_cast<size_t>(at - lowered.buffers.begin());
  };
  const auto windowsOf = [&](int64_t first, int64_t last) {
    Box box = all;
    if (!counts.empty()) {
      box.lo[cut] = first * tile.group[cut];
      box.hi[cut] = std::min(last * tile.group[cut], all.hi[cut]);
    }
    const auto boxes = touched(plan, tasks, box, symbols);
    std::vector<runtime::Binding> windows;  // as lowered.windowed
    for (ValueId buffer : lowered.windowed) {
      const int index = whole.bindings[placeOf(buffer)].buffer;
      const int64_t bytes = buffers[static_cast<size_t>(index)].bytes;
      const auto box = boxes.find(buffer);
      // A slice that reads nothing of a buffer still binds some of it.
      ByteRange range{0, std::min(align, bytes)};
      if (box != boxes.end()) {
        const ir::Type& type = plan.type(buffer);  // an alias has a shape of its own
        range = byteRange(shapes.at(buffer), type.layout, bytes, box->second);
      }
      const int64_t start = range.first / align * align;
      windows.push_back({index, start, range.last - start});
    }
    return windows;
  };
  const auto fits = [&](const std::vector<runtime::Binding>& windows) {
    return std::all_of(windows.begin(), windows.end(), [&](const runtime::Binding& window) {
      return window.bytes <= device.maxBindingBytes.value;
    });
  };
  std::vector<runtime::Dispatch> pieces;
  for (int64_t first = 0; first < slices;) {
    int64_t last = first + 1;
    std::vector<runtime::Binding> windows = windowsOf(first, last);
    if (!fits(windows)) {
      return unsupported("a slice of a tensor needs " + std::to_string(windows[0].bytes) +
                             " bytes in one binding, the device reaches " +
                             std::to_string(device.maxBindingBytes.value),
                         "node " + ir::str(whole.origin),
                         device.kind == hwdb::Description::Kind::Cpu
                             ? "use smaller shapes (--shape)"
                             : "use smaller shapes (--shape), or run the model on the CPU");
    }
    while (last < slices) {
      std::vector<runtime::Binding> more = windowsOf(first, last + 1);
      if (!fits(more)) break;
      windows = std::move(more);
      ++last;
    }
    runtime::Dispatch piece = whole;
    piece.groups = (last - first) * groupsPerSlice;
    const double share = static_cast<double>(last - first) / static_cast<double>(slices);
    piece.flops *= share;
    piece.bytes *= share;
    piece.cycles *= share;
    piece.microseconds *= share;
    piece.parameters.push_back(static_cast<uint32_t>(first * groupsPerSlice));
    // By place: aliases of one buffer have windows of their own.
    for (size_t i = 0; i < windows.size(); ++i) {
      piece.bindings[placeOf(lowered.windowed[i])] = windows[i];
      piece.parameters.push_back(static_cast<uint32_t>(windows[i].offset / align));
    }
    pieces.push_back(std::move(piece));
    first = last;
  }
  return pieces;
}

}  // namespace quartet::common
