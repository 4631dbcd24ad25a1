// Register tiles that are turned before they are stored.
#include <doctest/doctest.h>

#include "ir/text.h"
#include "ir/verifier.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

hwdb::Description shuffling(double shuffles) {
  hwdb::Description device = test::vectorCpu();
  device.vectorRegisters.value = 32;
  device.shuffleVectorLoads = {};
  if (shuffles > 0) device.shuffleVectorLoads = {shuffles, hwdb::Provenance::Derived, "test"};
  return device;
}

ir::Tile tileOf(const std::string& text, const hwdb::Description& device) {
  const ir::Module plan = test::planned(test::expressed(text), device);
  const ir::OpId tasks = sched::taskSets(plan).at(0);
  return plan.op(sched::governingTile(plan, tasks)).attributes.get<ir::Tile>("tile");
}

/// A 1x1 convolution of 64 channels into 64, of 10 pixels.
const char* const kPointwise = R"(graph @g(%x: f32[1, 64, 1, 10]) -> ("y") {
    %w = constant {hash = "w"} : f32[64, 64, 1, 1]
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [1, 1]} : f32[1, 64, 1, 10]
    return %y
  }
  constant "w" f32[64, 64, 1, 1] = elided)";

/// Into 40 channels, which cut the third vector, of 13 pixels, which cut the rows; a bias per
/// channel, a residual.
const char* const kResidual =
    R"(graph @g(%x: f32[2, 24, 1, 13], %b: f32[1, 40, 1, 1], %r: f32[2, 40, 1, 13]) -> ("y") {
    %w = constant {hash = "w"} : f32[40, 24, 1, 1]
    %c = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [1, 1]} : f32[2, 40, 1, 13]
    %d = add %c, %b : f32[2, 40, 1, 13]
    %y = add %d, %r : f32[2, 40, 1, 13]
    return %y
  }
  constant "w" f32[40, 24, 1, 1] = elided)";

/// Two results of one reduction, written apart; whole tiles only.
const char* const kTwoResults =
    R"(graph @g(%x: f32[1, 16, 1, 8], %w: f32[32, 16, 1, 1]) -> ("y", "z") {
    %c = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [1, 1]} : f32[1, 32, 1, 8]
    %y = abs %c : f32[1, 32, 1, 8]
    %z = neg %c : f32[1, 32, 1, 8]
    return %y, %z
  })";

}  // namespace

TEST_CASE("turned tiles: where neighbours in memory are rows, and shuffles are cheap") {
  // Lanes along channels, which lie 10 values apart; rows are pixels.
  const ir::Tile turned = tileOf(kPointwise, shuffling(0.1));
  REQUIRE(turned.laneAxis == 1);
  CHECK(turned.storeAxis == 2);
  CHECK(turned.reg[2] >= 2);
  // Not where a shuffle costs as much as storing rows of lanes one by one, nor where nothing is
  // known of shuffles.
  CHECK(tileOf(kPointwise, shuffling(1000)).storeAxis == -1);
  CHECK(tileOf(kPointwise, shuffling(0)).storeAxis == -1);
}

TEST_CASE("turned tiles: the right values, edges and epilogues included") {
  REQUIRE(tileOf(kResidual, shuffling(0.1)).storeAxis >= 0);
  test::checkGraphOn(shuffling(0.1), kPointwise);
  test::checkGraphOn(shuffling(0.1), kResidual);
  test::checkGraphOn(shuffling(0.1), kTwoResults);
}

TEST_CASE("turned tiles: what they need") {
  const auto refused = [](const std::string& tile, const std::string& form) {
    const std::string text =
        "plan @p(%x: buffer<f32[32, 8]>, %y: buffer<f32[32, 32]>) -> (\"y\") {\n  seq {\n"
        "    tasks {name = \"t0\"} {\n      %t = tile %x {expr = {" +
        form + "}, tile = tile(" + tile +
        ")} : f32[32, 32]\n      write %t, %y\n    }\n  }\n  return\n}\n";
    auto plan = ir::parse(text);
    if (!plan) FAIL(plan.error().str());
    const Status status = ir::verify(*plan);
    return status ? std::string() : status.error().str();
  };
  const std::string reduce =
      "reduce (32, 32 | 8) init (0.0:f32) each (mul(in0[d0, r0], in0[d1, r0])) combine (add(s0, "
      "e0)) commutative -> (s0)";
  const std::string rest = ", order [1, 0, 2]";
  CHECK(refused("group [32, 32, 8], reg [4, 16, 1], lane 1 x 16, store 0" + rest, reduce) == "");
  const auto isRefused = [&](const std::string& tile) {
    return refused(tile + rest, reduce).find("stores along axis") != std::string::npos;
  };
  CHECK(isRefused("group [32, 32, 8], reg [4, 16, 1], lane 1 x 16, store 1"));   // the lane axis
  CHECK(isRefused("group [32, 32, 8], reg [4, 16, 1], lane 1 x 16, store 2"));   // reduced
  CHECK(isRefused("group [32, 32, 8], reg [1, 16, 1], lane 1 x 16, store 0"));   // one row
  CHECK(isRefused("group [32, 32, 8], reg [20, 16, 1], lane 1 x 16, store 0"));  // too many
  CHECK(isRefused("group [32, 32, 8], reg [4, 1, 1], lane -1 x 1, store 0"));    // no lanes
  CHECK(isRefused("group [32, 36, 8], reg [4, 6, 1], lane 1 x 6, store 0"));     // no power of two
  CHECK(refused("group [32, 32], reg [4, 16], lane 1 x 16, store 0, order [1, 0]",
                "map (32, 32) -> (in0[d0, 0])")
            .find("stores along axis") != std::string::npos);
}
