#include <algorithm>

#include "frontend/onnx/builders.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;

// The extents themselves: nothing is computed at run time.
Status buildShape(Context& c) {
  const Dims& shape = c.in(0).shape;
  const auto rank = static_cast<int64_t>(shape.size());
  const auto clamp = [rank](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t start = clamp(c.integer("start", 0));
  const int64_t end = std::max(start, clamp(c.integer("end", rank)));
  Dims part(shape.begin() + start, shape.begin() + end);
  c.set(0, c.e.extents(std::move(part), {Dim(end - start)}));
  return {};
}

Status buildSize(Context& c) {
  c.set(0, c.e.extents({ir::elementCount(c.in(0).shape)}, {}));
  return {};
}

namespace {

// The quotient of two element counts, when it is one.
std::optional<Dim> divideExactly(const Dim& count, const Dim& part) {
  if (count.isConstant() && part.isConstant()) {
    if (part == Dim(0) || count.value() % part.value() != 0) return std::nullopt;
    return Dim(count.value() / part.value());
  }
  if (count == part) return Dim(1);
  return Dim::floorDiv(count, part);
}

// Element counts, leaving out what both shapes have, so that symbols cancel.
std::pair<Dim, Dim> countsWithoutCommon(Dims a, Dims b) {
  for (auto it = a.begin(); it != a.end();) {
    const auto twin = it->isConstant() ? b.end() : std::find(b.begin(), b.end(), *it);
    if (twin == b.end()) {
      ++it;
      continue;
    }
    b.erase(twin);
    it = a.erase(it);
  }
  return {ir::elementCount(a), ir::elementCount(b)};
}

}  // namespace

Status buildReshape(Context& c) {
  const Tensor& x = c.in(0);
  Dims target = QT_TRY(c.contents(1, "the shape of the result"));
  if (c.in(1).rank() != 1) return c.fail("the shape has rank " + std::to_string(c.in(1).rank()));
  const bool allowZero = c.integer("allowzero", 0) != 0;
  int open = -1;
  Dims known;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] == Dim(0) && !allowZero) {
      if (i >= x.shape.size()) {
        return c.fail("the shape " + str(target) + " copies axis " + std::to_string(i) +
                      ", the input has shape " + str(x.shape));
      }
      target[i] = x.shape[i];
    }
    if (target[i] == Dim(-1)) {
      if (open >= 0) return c.fail("the shape " + str(target) + " has two entries -1");
      open = static_cast<int>(i);
    } else if (target[i].isConstant() && target[i].value() < 0) {
      return c.fail("the shape " + str(target) + " has a negative extent");
    } else {
      known.push_back(target[i]);
    }
  }
  const auto [count, rest] = countsWithoutCommon(x.shape, known);
  const std::string mismatch = "input of shape " + str(x.shape) + " cannot be reshaped to " +
                               str(target) + ": the element counts differ";
  if (open >= 0) {
    const auto quotient = divideExactly(count, rest);
    if (!quotient) return c.fail(mismatch);
    target[static_cast<size_t>(open)] = *quotient;
  } else if (count != rest) {
    return c.fail(mismatch);
  }
  c.set(0, c.e.reshape(x, target));
  return {};
}

Status buildFlatten(Context& c) {
  const Tensor& x = c.in(0);
  const int64_t given = c.integer("axis", 1);
  const int64_t axis = given < 0 ? given + x.rank() : given;
  if (axis < 0 || axis > x.rank()) {
    return c.fail("axis " + std::to_string(given) + " is out of range for rank " +
                  std::to_string(x.rank()));
  }
  const Dims rows(x.shape.begin(), x.shape.begin() + axis);
  const Dims columns(x.shape.begin() + axis, x.shape.end());
  c.set(0, c.e.reshape(x, {ir::elementCount(rows), ir::elementCount(columns)}));
  return {};
}

namespace {

// Attribute `axes` before opset 13, then input 1.
Result<std::optional<std::vector<int64_t>>> readAxes(const Context& c) {
  if (c.opset < 13) {
    if (!c.hasAttribute("axes")) return std::nullopt;
    return c.integers("axes", {});
  }
  if (!c.has(1)) return std::nullopt;
  return QT_TRY(c.integers(1, "the list of axes"));
}

}  // namespace

Status buildSqueeze(Context& c) {
  const Tensor& x = c.in(0);
  const auto given = QT_TRY(readAxes(c));
  std::vector<int> axes;
  if (given && !given->empty()) {
    axes = QT_TRY(c.axes(*given, x.rank()));
  } else if (!given) {
    for (int i = 0; i < x.rank(); ++i) {
      const Dim& extent = x.shape[static_cast<size_t>(i)];
      if (!extent.isConstant()) {
        return c.failUnsupported("whether axis " + std::to_string(i) + " of shape " + str(x.shape) +
                                     " is squeezed depends on its open extent",
                                 "pin it with --shape");
      }
      if (extent == Dim(1)) axes.push_back(i);
    }
  }
  Dims shape;
  for (int i = 0; i < x.rank(); ++i) {
    const Dim& extent = x.shape[static_cast<size_t>(i)];
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      shape.push_back(extent);
    } else if (extent != Dim(1)) {
      return c.fail("axis " + std::to_string(i) + " of shape " + str(x.shape) + " has extent " +
                    extent.str() + ", required is 1");
    }
  }
  c.set(0, c.e.reshape(x, shape));
  return {};
}

Status buildUnsqueeze(Context& c) {
  const Tensor& x = c.in(0);
  const auto given = QT_TRY(readAxes(c));
  if (!given) return c.fail("the axes are missing");
  Dims shape = x.shape;
  if (!given->empty()) {
    const int rank = x.rank() + static_cast<int>(given->size());
    for (const int axis : QT_TRY(c.axes(*given, rank))) {
      shape.insert(shape.begin() + axis, Dim(1));
    }
  }
  c.set(0, c.e.reshape(x, shape));
  return {};
}

Status buildExpand(Context& c) {
  const Tensor& x = c.in(0);
  const Dims target = QT_TRY(c.contents(1, "the shape of the result"));
  for (const Dim& dim : target) {
    if (dim.isConstant() && dim.value() < 0) {
      return c.fail("the shape " + str(target) + " has a negative extent");
    }
  }
  const auto shape = broadcastShapes(x.shape, target);
  if (!shape) {
    return c.fail("shape " + str(x.shape) + " does not broadcast to " + str(target));
  }
  c.set(0, c.e.broadcast(x, *shape));
  return {};
}

namespace {

// Repetitions: one per axis, or (opset 1 to 5) a number of tiles along one axis.
Result<Dims> readRepeats(const Context& c) {
  if (!c.has(2)) return c.contents(1, "the list of repeats");
  const auto tiles = QT_TRY(c.integers(1, "the number of tiles"));
  const auto axis = QT_TRY(c.integers(2, "the axis"));
  if (tiles.size() != 1 || axis.size() != 1) return c.fail("tiles and axis must be one number");
  Dims repeats(c.in(0).shape.size(), Dim(1));
  repeats[static_cast<size_t>(QT_TRY(c.axis(axis[0], c.in(0).rank())))] = Dim(tiles[0]);
  return repeats;
}

}  // namespace

Status buildTile(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const Dims repeats = QT_TRY(readRepeats(c));
  if (repeats.size() != x.shape.size()) {
    return c.fail(std::to_string(repeats.size()) + " repeats for a shape " + str(x.shape));
  }
  // A new axis in front of each that repeats, broadcast, joined with it.
  Dims apart;
  Dims wide;
  Dims shape;
  for (size_t i = 0; i < repeats.size(); ++i) {
    if (repeats[i].isConstant() && repeats[i].value() < 0) {
      return c.fail("the repeats " + str(repeats) + " hold a negative number");
    }
    const bool single = x.shape[i] == Dim(1);
    if (repeats[i] != Dim(1) && !single) {
      apart.emplace_back(1);
      wide.push_back(repeats[i]);
    }
    apart.push_back(x.shape[i]);
    wide.push_back(single ? repeats[i] : x.shape[i]);
    shape.push_back(x.shape[i] * repeats[i]);
  }
  c.set(0, e.reshape(e.broadcast(e.reshape(x, apart), wide), shape));
  return {};
}

}  // namespace quartet::frontend
