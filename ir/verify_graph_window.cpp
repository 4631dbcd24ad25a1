// Shapes of convolutions and windows.
#include "ir/verify_graph.h"

namespace quartet::ir {

namespace {

Dim spanOf(const Dim& window, int64_t dilation) {
  return (window - Dim(1)) * Dim(dilation) + Dim(1);
}

/// Positions of a window along one axis: floor((in + pads - span) / stride) + 1.
Dim positions(const Dim& in, int64_t pads, const Dim& window, int64_t dilation, int64_t stride) {
  return Dim::floorDiv(in + Dim(pads) - spanOf(window, dilation), stride) + Dim(1);
}

/// An axis that is not empty has room for one window.
bool hasRoom(const Dim& in, int64_t pads, const Dim& window, int64_t dilation) {
  const auto room = (in + Dim(pads) - spanOf(window, dilation)).constant();
  return in.constant().value_or(0) <= 0 || room.value_or(0) >= 0;
}

}  // namespace

Status GraphOpVerifier::spatialAttributes(size_t axes) const {
  QT_CHECK(length("strides", axes));
  QT_CHECK(length("dilations", axes));
  QT_CHECK(length("pads", 2 * axes));
  QT_CHECK(positive("strides"));
  return positive("dilations");
}

Status GraphOpVerifier::conv() const {
  const std::vector<Dim>& x = operand(0).shape;
  const std::vector<Dim>& w = operand(1).shape;
  const int64_t group = op_.attributes.integer("group");
  QT_CHECK(require(x.size() >= 2 && w.size() == x.size(), "x and w have one rank, at least 2"));
  QT_CHECK(require(group >= 1, "'group' must be positive"));
  const size_t spatial = x.size() - 2;
  QT_CHECK(spatialAttributes(spatial));
  QT_CHECK(numbers(0));
  QT_CHECK(numbers(1));
  if (differ(x[1], w[1] * Dim(group))) {
    return fail("x has " + x[1].str() + " channels, w has " + w[1].str() + " in each of " +
                std::to_string(group) + " groups");
  }
  QT_CHECK(require(Dim::mod(w[0], group).constant().value_or(0) == 0,
                   "'group' does not divide the output channels"));
  std::vector<Dim> required = {x[0], w[0]};
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t pads = ints("pads")[i] + ints("pads")[i + spatial];
    const int64_t dilation = ints("dilations")[i];
    QT_CHECK(require(hasRoom(x[i + 2], pads, w[i + 2], dilation), "a window is wider than x"));
    required.push_back(positions(x[i + 2], pads, w[i + 2], dilation, ints("strides")[i]));
  }
  return shape(required);
}

Status GraphOpVerifier::convTranspose() const {
  const std::vector<Dim>& x = operand(0).shape;
  const std::vector<Dim>& w = operand(1).shape;
  const int64_t group = op_.attributes.integer("group");
  QT_CHECK(require(x.size() >= 2 && w.size() == x.size(), "x and w have one rank, at least 2"));
  QT_CHECK(require(group >= 1, "'group' must be positive"));
  const size_t spatial = x.size() - 2;
  QT_CHECK(spatialAttributes(spatial));
  QT_CHECK(numbers(0));
  QT_CHECK(numbers(1));
  QT_CHECK(require(!differ(x[1], w[0]), "x and w differ in their input channels"));
  std::vector<Dim> required = {x[0], w[1] * Dim(group)};
  const std::vector<Dim>& found = result().shape;
  QT_CHECK(require(found.size() == x.size(), "x and the result have one rank"));
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t stride = ints("strides")[i];
    const Dim least = (x[i + 2] - Dim(1)) * Dim(stride) +
                      (w[i + 2] - Dim(1)) * Dim(ints("dilations")[i]) + Dim(1) -
                      Dim(ints("pads")[i]) - Dim(ints("pads")[i + spatial]);
    const auto padding = (found[i + 2] - least).constant();  // the output padding
    QT_CHECK(require(padding.value_or(0) >= 0, "the result is smaller than the windows reach"));
    required.push_back(padding ? found[i + 2] : least);
  }
  return shape(required);
}

Status GraphOpVerifier::window() const {
  QT_CHECK(function({Opcode::Add, Opcode::Max, Opcode::Min, Opcode::Mul}));
  QT_CHECK(combines());
  QT_CHECK(sameDType(0));
  const std::vector<Dim>& x = operand(0).shape;
  QT_CHECK(length("window", x.size()));
  QT_CHECK(positive("window"));
  QT_CHECK(spatialAttributes(x.size()));
  const std::vector<Dim>& found = result().shape;
  QT_CHECK(require(found.size() == x.size(), "x and the result have one rank"));
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t pads = ints("pads")[i] + ints("pads")[i + x.size()];
    const int64_t dilation = ints("dilations")[i];
    QT_CHECK(require(hasRoom(x[i], pads, ints("window")[i], dilation), "a window is wider than x"));
    const Dim whole = positions(x[i], pads, ints("window")[i], dilation, ints("strides")[i]);
    // One more window may hang over the end.
    if (!differ(found[i], whole) || !differ(found[i], whole + Dim(1))) continue;
    return fail("axis " + std::to_string(i) + " of the result has " + found[i].str() +
                " windows, required " + whole.str());
  }
  return {};
}

}  // namespace quartet::ir
