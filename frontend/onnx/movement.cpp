#include <algorithm>
#include <numeric>

#include "frontend/onnx/builders.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;

Status buildTranspose(Context& c) {
  const Tensor& x = c.in(0);
  Ints perm(x.shape.size());
  std::iota(perm.rbegin(), perm.rend(), 0);
  perm = c.integers("perm", perm);
  Ints sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted.size() != x.shape.size() || sorted[i] != static_cast<int64_t>(i)) {
      return c.fail("attribute 'perm' is not a permutation of the axes of shape " + str(x.shape));
    }
  }
  if (perm.size() != x.shape.size()) {
    return c.fail("attribute 'perm' is not a permutation of the axes of shape " + str(x.shape));
  }
  c.set(0, c.e.transpose(x, perm));
  return {};
}

Status buildConcat(Context& c) {
  const auto parts = c.allInputs();
  QT_CHECK(c.sameDType(parts));
  QT_CHECK(c.rankAtLeast(0, 1));
  const int axis = QT_TRY(c.axis(c.integer("axis", 1), parts[0].rank()));
  for (const Tensor& part : parts) {
    bool fits = part.rank() == parts[0].rank();
    for (int i = 0; fits && i < part.rank(); ++i) {
      const auto at = static_cast<size_t>(i);
      fits = i == axis || part.shape[at] == parts[0].shape[at];
    }
    if (!fits) {
      return c.fail("shapes " + str(parts[0].shape) + " and " + str(part.shape) +
                    " differ outside of axis " + std::to_string(axis));
    }
  }
  c.set(0, c.e.concat(parts, axis));
  return {};
}

namespace {

// Sizes of the parts: an attribute before opset 13, then input 1; without either, equal parts.
Result<std::vector<int64_t>> splitSizes(const Context& c, const Dim& extent) {
  if (c.has(1)) return c.integers(1, "the list of sizes");
  if (c.hasAttribute("split")) return c.integers("split", {});
  if (!extent.isConstant()) {
    return c.failUnsupported("the extent " + extent.str() + " of the axis is open",
                             "pin it with --shape");
  }
  const auto parts = static_cast<int64_t>(c.node.outputs.size());
  const int64_t wanted = c.integer("num_outputs", parts);
  if (wanted != parts) {
    return c.fail("attribute 'num_outputs' is " + std::to_string(wanted) + ", the node has " +
                  std::to_string(parts) + " outputs");
  }
  const int64_t total = extent.value();
  if (c.opset < 18 && total % parts != 0) {
    return c.fail("extent " + extent.str() + " is not divisible into " + std::to_string(parts) +
                  " parts");
  }
  // Since opset 18 the last part may be smaller.
  const int64_t size = (total + parts - 1) / parts;
  std::vector<int64_t> sizes(static_cast<size_t>(parts), size);
  if (parts > 0) sizes.back() = total - size * (parts - 1);
  return sizes;
}

}  // namespace

Status buildSplit(Context& c) {
  const Tensor& x = c.in(0);
  QT_CHECK(c.rankAtLeast(0, 1));
  const int axis = QT_TRY(c.axis(c.integer("axis", 0), x.rank()));
  const Dim& extent = x.shape[static_cast<size_t>(axis)];
  const auto sizes = QT_TRY(splitSizes(c, extent));
  if (sizes.size() != c.node.outputs.size()) {
    return c.fail(std::to_string(sizes.size()) + " sizes for " +
                  std::to_string(c.node.outputs.size()) + " outputs");
  }
  int64_t sum = 0;
  for (const int64_t size : sizes) {
    if (size < 0) return c.fail("size " + std::to_string(size) + " is negative");
    if (__builtin_add_overflow(sum, size, &sum)) return c.fail("the sizes overflow");
  }
  QT_CHECK(c.agree(Dim(sum), extent, "sum of the sizes and extent of the axis"));
  int64_t start = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (c.wants(static_cast<int>(i))) {
      c.set(static_cast<int>(i), c.e.sliceAxis(x, axis, start, Dim(sizes[i])));
    }
    start += sizes[i];
  }
  return {};
}

namespace {

struct Pads {
  Ints begin;
  Ints end;
};

// Attribute `pads` before opset 11 (`paddings` in opset 1); then inputs, since 18 with axes.
Result<Pads> readPads(const Context& c) {
  const int rank = c.in(0).rank();
  const bool attributes = c.opset < 11;
  std::vector<int64_t> given;
  std::vector<int64_t> axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  if (attributes) {
    QT_CHECK(c.require("pads"));
    given = c.integers("pads", {});
  } else {
    given = QT_TRY(c.integers(1, "the list of pads"));
    if (c.has(3)) axes = QT_TRY(c.integers(3, "the list of axes"));
  }
  if (given.size() != 2 * axes.size()) {
    return c.fail(std::to_string(given.size()) + " pads for " + std::to_string(axes.size()) +
                  " axes, required are two per axis");
  }
  Pads pads{Ints(static_cast<size_t>(rank), 0), Ints(static_cast<size_t>(rank), 0)};
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(QT_TRY(c.axis(axes[i], rank)));
    pads.begin[axis] = given[i];
    pads.end[axis] = given[axes.size() + i];
  }
  return pads;
}

// Extents that come out negative, and reflections wider than what they reflect.
Status checkPads(const Context& c, const Dims& shape, const Pads& pads, const std::string& mode) {
  constexpr int64_t kMaxPad = INT64_C(1) << 40;
  for (size_t i = 0; i < pads.begin.size(); ++i) {
    const int64_t widest = std::max(pads.begin[i], pads.end[i]);
    const int64_t least = std::min(pads.begin[i], pads.end[i]);
    if (widest > kMaxPad || least < -kMaxPad) {
      return c.fail("pad of axis " + std::to_string(i) + " overflows");
    }
    if (!shape[i].isConstant()) continue;
    const int64_t extent = shape[i].value();
    const int64_t kept =
        extent + std::min<int64_t>(0, pads.begin[i]) + std::min<int64_t>(0, pads.end[i]);
    if (extent + pads.begin[i] + pads.end[i] < 0 || (mode != "constant" && kept < 0)) {
      return c.fail("axis " + std::to_string(i) + " of extent " + std::to_string(extent) +
                    " is cut by more than it has");
    }
    if (mode == "reflect" && widest > 0 && widest >= extent) {
      return c.fail("axis " + std::to_string(i) + " of extent " + std::to_string(extent) +
                    " cannot be reflected over " + std::to_string(widest) + " positions");
    }
    if (mode != "constant" && widest > 0 && extent == 0) {
      return c.fail("axis " + std::to_string(i) + " is empty: mode " + mode +
                    " has nothing to repeat");
    }
  }
  return {};
}

bool cuts(const Pads& pads) {
  const auto negative = [](int64_t pad) { return pad < 0; };
  return std::ranges::any_of(pads.begin, negative) || std::ranges::any_of(pads.end, negative);
}

// Does what negative pads ask for, which leaves `pads` without them: what is repeated at a border
// is what was not cut off.
Result<Tensor> cut(Context& c, const Tensor& x, const std::string& mode, Pads& pads) {
  Pads off{Ints(pads.begin.size()), Ints(pads.end.size())};
  Dims shape = x.shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    off.begin[i] = std::min<int64_t>(0, pads.begin[i]);
    off.end[i] = std::min<int64_t>(0, pads.end[i]);
    shape[i] = shape[i] + Dim(off.begin[i] + off.end[i]);
    pads.begin[i] -= off.begin[i];
    pads.end[i] -= off.end[i];
    off.begin[i] = -off.begin[i];
  }
  QT_CHECK(checkPads(c, shape, pads, mode));
  return c.e.slice(x, off.begin, Ints(shape.size(), 1), shape);
}

}  // namespace

Status buildPad(Context& c) {
  Tensor x = c.in(0);
  const std::string mode = c.text("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap") {
    return c.fail("attribute 'mode' is '" + mode +
                  "', required is constant, reflect, edge or wrap");
  }
  Pads pads = QT_TRY(readPads(c));
  QT_CHECK(checkPads(c, x.shape, pads, mode));
  if (mode != "constant" && cuts(pads)) x = QT_TRY(cut(c, x, mode, pads));
  Tensor fill = c.e.number(x.dtype, c.number("value", 0));
  if (c.opset >= 11 && c.has(2)) {
    fill = c.in(2);
    QT_CHECK(c.sameDType({x, fill}));
    if (constantCount(fill.shape) != 1) {
      return c.fail("the fill value has shape " + str(fill.shape) + ", required is a scalar");
    }
    fill = c.e.reshape(fill, {});
  }
  c.set(0, c.e.pad(x, fill, mode, pads.begin, pads.end));
  return {};
}

namespace {

Result<int64_t> readBlock(const Context& c) {
  QT_CHECK(c.rankIs(0, 4));
  QT_CHECK(c.require("blocksize"));
  const int64_t block = c.integer("blocksize", 1);
  if (block < 1 || block > (1 << 20)) {
    return c.fail("attribute 'blocksize' is " + std::to_string(block));
  }
  return block;
}

tl::unexpected<Diagnostic> notDivisible(const Context& c, const Dim& extent, int64_t by) {
  return c.fail("extent " + extent.str() + " is not divisible by " + std::to_string(by));
}

bool divisible(const Dim& extent, int64_t by) {
  return !extent.isConstant() || extent.value() % by == 0;
}

}  // namespace

Status buildDepthToSpace(Context& c) {
  Emitter& e = c.e;
  const int64_t block = QT_TRY(readBlock(c));
  const Dims& s = c.in(0).shape;
  const std::string mode = c.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") {
    return c.fail("attribute 'mode' is '" + mode + "', required is DCR or CRD");
  }
  if (!divisible(s[1], block * block)) return notDivisible(c, s[1], block * block);
  const Dim depth = Dim::floorDiv(s[1], Dim(block * block));
  const Dim b(block);
  const bool columns = mode == "CRD";
  const Tensor apart = e.reshape(
      c.in(0), columns ? Dims{s[0], depth, b, b, s[2], s[3]} : Dims{s[0], b, b, depth, s[2], s[3]});
  const Tensor moved =
      e.transpose(apart, columns ? Ints{0, 1, 4, 2, 5, 3} : Ints{0, 3, 4, 1, 5, 2});
  c.set(0, e.reshape(moved, {s[0], depth, s[2] * b, s[3] * b}));
  return {};
}

Status buildSpaceToDepth(Context& c) {
  Emitter& e = c.e;
  const int64_t block = QT_TRY(readBlock(c));
  const Dims& s = c.in(0).shape;
  for (size_t i = 2; i < 4; ++i) {
    if (!divisible(s[i], block)) return notDivisible(c, s[i], block);
  }
  const Dim b(block);
  const Dim height = Dim::floorDiv(s[2], b);
  const Dim width = Dim::floorDiv(s[3], b);
  const Tensor apart = e.reshape(c.in(0), {s[0], s[1], height, b, width, b});
  const Tensor moved = e.transpose(apart, {0, 3, 5, 1, 2, 4});
  c.set(0, e.reshape(moved, {s[0], s[1] * b * b, height, width}));
  return {};
}

}  // namespace quartet::frontend
