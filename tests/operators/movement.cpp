#include <algorithm>
#include <numeric>

#include "tests/operators/families.h"

namespace quartet::operators {

namespace {

Operand anything(Draft& d, int64_t minRank = 0, int64_t maxRank = 5) {
  return d.operand({.types = d.types(), .minRank = minRank, .maxRank = maxRank, .special = true});
}

/// Some of the axes, sorted; at least one if there are any.
Ints someAxes(Draft& d, int64_t rank) {
  Ints axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  d.random.shuffle(axes);
  if (rank > 0) axes.resize(static_cast<size_t>(d.between(1, rank)));
  std::sort(axes.begin(), axes.end());
  return axes;
}

/// A list that is an attribute in the first versions, then an input.
void writeList(Draft& d, const std::string& name, const Ints& values, int64_t inputSince) {
  if (d.opset < inputSince) {
    d.set(name, values);
  } else {
    d.known(values);
  }
}

}  // namespace

void transpose(Draft& d) {
  const Operand x = anything(d);
  Ints perm(x.shape.size());
  std::iota(perm.begin(), perm.end(), 0);
  d.random.shuffle(perm);
  d.maybe("perm", perm, 0.8);
}

// The elements dealt anew to axes; then entries that copy an axis, and one that is left open.
void reshape(Draft& d) {
  const Operand x = anything(d);
  Ints target;
  int64_t left = countOf(x.shape);
  const bool empty = left == 0;
  if (empty) {
    target = x.shape;
    d.random.shuffle(target);
  }
  while (!empty && (left > 1 || d.chance(0.2)) && target.size() < 5) {
    Ints divisors;
    for (int64_t i = 1; i <= std::min<int64_t>(left, 64); ++i) {
      if (left % i == 0) divisors.push_back(i);
    }
    target.push_back(target.size() == 4 ? left : d.random.pick(divisors));
    left /= target.back();
  }
  if (!empty && left > 1) target.push_back(left);
  if (empty && d.opset >= 14) {
    d.set("allowzero", int64_t{1});
  } else if (empty) {
    target = Ints(x.shape.size(), 0);
  } else {
    for (size_t i = 0; i < target.size() && i < x.shape.size(); ++i) {
      if (target[i] == x.shape[i] && d.chance(0.5)) target[i] = 0;
    }
    if (!target.empty() && d.chance(0.5)) {
      target[static_cast<size_t>(d.random.below(static_cast<int64_t>(target.size())))] = -1;
    }
  }
  d.known(target);
}

void flatten(Draft& d) {
  const Operand x = anything(d);
  const int64_t axis = d.between(d.opset >= 11 ? -x.rank() : 0, x.rank());
  d.maybe("axis", axis, x.rank() > 0 ? 0.7 : 1);
}

void squeeze(Draft& d) {
  Ints shape = d.anyShape(0, 5, true);
  for (int64_t& extent : shape) extent = d.chance(0.4) ? 1 : extent;
  const DType dtype = d.anyDType(d.types());
  d.operand({.dtype = dtype, .shape = shape, .special = true});
  Ints axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1 && d.chance(0.6)) axes.push_back(static_cast<int64_t>(i));
  }
  if (axes.empty() || d.chance(0.25)) return;
  const auto rank = static_cast<int64_t>(shape.size());
  for (int64_t& axis : axes) axis = d.writtenAxis(axis, rank, d.opset >= 11);
  writeList(d, "axes", axes, 13);
}

void unsqueeze(Draft& d) {
  const Operand x = anything(d, 0, 3);
  const int64_t rank = x.rank() + d.between(1, 2);
  Ints axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  d.random.shuffle(axes);
  axes.resize(static_cast<size_t>(rank - x.rank()));
  if (d.opset < 11) std::sort(axes.begin(), axes.end());
  for (int64_t& axis : axes) axis = d.writtenAxis(axis, rank, d.opset >= 11);
  writeList(d, "axes", axes, 13);
}

void expand(Draft& d) {
  const Ints wide = d.anyShape(0, 5, true);
  const DType dtype = d.anyDType(d.types());
  d.operand({.dtype = dtype, .shape = d.narrower(wide), .special = true});
  d.known(wide);
}

void tile(Draft& d) {
  const Operand x = anything(d, d.opset < 6 ? 1 : 0);
  if (d.opset < 6) {
    d.known(DType::I64, {}, {static_cast<double>(d.between(1, 3))});
    d.known(DType::I64, {}, {static_cast<double>(d.anyAxis(x.rank()))});
    return;
  }
  Ints repeats(x.shape.size());
  for (int64_t& repeat : repeats) repeat = d.random.pick<int64_t>({1, 1, 1, 1, 1, 1, 2, 3, 0});
  d.known(repeats);
}

void concat(Draft& d) {
  const Operand first = anything(d, 1);
  const int64_t axis = d.anyAxis(first.rank());
  d.set("axis", d.writtenAxis(axis, first.rank(), d.opset >= 11));
  const int64_t further = d.between(0, 3);
  for (int64_t i = 0; i < further; ++i) {
    Ints shape = first.shape;
    if (d.chance(0.6)) shape[static_cast<size_t>(axis)] = d.chance(0.05) ? 0 : d.between(1, 5);
    d.operand({.dtype = first.dtype, .shape = shape, .special = true});
  }
}

void split(Draft& d) {
  const Operand x = anything(d, 1);
  const int64_t axis = d.anyAxis(x.rank());
  const int64_t extent = x.shape[static_cast<size_t>(axis)];
  d.maybe("axis", d.writtenAxis(axis, x.rank(), d.opset >= 11), axis == 0 ? 0.5 : 1);
  int64_t parts = d.between(1, 4);
  const bool equal = extent > 0 && d.chance(0.4);
  if (equal) {
    while (extent % parts != 0) --parts;
    if (d.opset >= 18) d.set("num_outputs", parts);
  } else {
    Ints sizes;
    int64_t left = extent;
    for (int64_t i = 1; i < parts; ++i) {
      sizes.push_back(d.between(0, left));
      left -= sizes.back();
    }
    sizes.push_back(left);
    writeList(d, "split", sizes, 13);
  }
  d.outputs(std::vector<bool>(static_cast<size_t>(parts - 1), true));
}

void slice(Draft& d) {
  const Operand x = anything(d, 1);
  const Ints axes = someAxes(d, x.rank());
  const bool steps = d.opset >= 10;
  constexpr int64_t kHuge = int64_t{1} << 40;
  Ints start;
  Ints end;
  Ints step;
  Ints written;
  for (const int64_t axis : axes) {
    const int64_t extent = x.shape[static_cast<size_t>(axis)];
    step.push_back(steps ? d.random.pick<int64_t>({1, 1, 1, 2, 3, -1, -2}) : 1);
    const int64_t from = d.between(0, extent / 2);
    const int64_t to = d.between((extent + 1) / 2, extent + 1);
    const bool back = step.back() < 0;
    start.push_back(back ? to : from);
    end.push_back(back ? from : to);
    if (!back && d.chance(0.3)) end.back() = kHuge;
    if (back && d.chance(0.3)) end.back() = -kHuge;
    if (extent > 1 && d.chance(0.2)) start.back() -= back ? 0 : extent;
    written.push_back(d.writtenAxis(axis, x.rank(), steps));
  }
  Ints leading(axes.size());
  std::iota(leading.begin(), leading.end(), 0);
  const bool plain = axes == leading && d.chance(0.4);
  const bool ones = step == Ints(step.size(), 1) && d.chance(0.5);
  if (!steps) {
    d.set("starts", start);
    d.set("ends", end);
    if (!plain) d.set("axes", written);
    return;
  }
  d.known(start);
  d.known(end);
  plain ? d.leaveOut() : static_cast<void>(d.known(written));
  if (!ones) d.known(step);
}

void pad(Draft& d) {
  const Operand x = anything(d, 1);
  auto mode = d.random.pick<std::string>({"constant", "reflect", "edge", "wrap"});
  if ((mode == "wrap" && d.opset < 19) || countOf(x.shape) == 0) mode = "constant";
  d.maybe("mode", mode, mode == "constant" ? 0.4 : 1);
  const bool someOnly = d.opset >= 18 && d.chance(0.4);
  Ints axes(x.shape.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (someOnly) axes = someAxes(d, x.rank());
  Ints begin;
  Ints end;
  for (const int64_t axis : axes) {
    const int64_t extent = x.shape[static_cast<size_t>(axis)];
    const int64_t most = mode == "constant" ? 3 : std::min<int64_t>(extent - 1, 3);
    begin.push_back(d.between(0, most));
    end.push_back(mode == "constant" && extent > 4 && d.chance(0.15) ? -1 : d.between(0, most));
  }
  begin.insert(begin.end(), end.begin(), end.end());
  if (d.opset < 11) {
    d.set("pads", begin);
    d.maybe("value", static_cast<float>(d.between(0, 1)), 0.4);
    return;
  }
  d.known(begin);
  if (d.chance(0.5)) {
    d.elements(x.dtype, {}, {static_cast<double>(d.between(0, 1))});
  } else {
    d.leaveOut();
  }
  if (!someOnly) return;
  for (int64_t& axis : axes) axis = d.writtenAxis(axis, x.rank());
  d.known(axes, d.chance(0.5) ? DType::I64 : DType::I32);
}

void trilu(Draft& d) {
  anything(d, 2);
  d.maybe("upper", d.between(0, 1));
  if (d.chance(0.6)) {
    const double far = d.random.pick<double>({-0x1p63, -0x1p62, 0x1p62});
    const auto near = static_cast<double>(d.between(-3, 3));
    d.elements(DType::I64, {}, {d.chance(0.1) ? far : near});
  }
}

}  // namespace quartet::operators
