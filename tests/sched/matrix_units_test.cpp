// Sums of products by matrix units: when they are chosen, that nothing changes where there are
// none, that the values are right.
#include "tests/common/matrix_units.h"

#include <doctest/doctest.h>

#include <random>

#include "ir/text.h"
#include "ir/verifier.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

ir::Tile tileOf(const ir::Module& plan) {
  const ir::OpId tasks = sched::taskSets(plan).back();
  return plan.op(sched::governingTile(plan, tasks)).attributes.get<ir::Tile>("tile");
}

ir::Module plannedFor(const std::string& text, const hwdb::Description& device) {
  return test::planned(test::expressed(text), device);
}

bool chosen(const std::string& text, const hwdb::Description& device) {
  return !tileOf(plannedFor(text, device)).unit.empty();
}

/// The bits of the reference, from interpreted kernels whose every access and race is checked.
void checkExact(const std::string& text, const hwdb::Description& device, bool byUnit = true) {
  CAPTURE(text);
  const ir::Module graph = test::expressed(text);
  const ir::Module plan = test::planned(graph, device);
  CAPTURE(ir::print(plan));
  CHECK(byUnit == !tileOf(plan).unit.empty());
  const runtime::Program program = test::lowered(plan, device);
  for (const ir::Module& kernel : program.kernels) {
    const Status sound = ir::verify(kernel);
    REQUIRE_MESSAGE(sound.has_value(), (sound ? "" : sound.error().str()));
  }
  const test::Tensors inputs = test::exactInputs(graph, 3);
  const test::Tensors got = test::interpretProgram(program, inputs);
  const test::Tensors want = test::evaluateExpressed(graph, inputs);
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    REQUIRE(got[i]->dtype == want[i]->dtype);
    CHECK(std::equal(got[i]->bytes.begin(), got[i]->bytes.end(), want[i]->bytes.begin(),
                     want[i]->bytes.end()));
  }
}

}  // namespace

TEST_CASE("matrix units: taken where the device has one for the dtypes, and its shape and rate") {
  const std::string half = test::matrixProductText("f16", 0, 64, 64, 64);
  const hwdb::Description device = test::matrixGpu();
  CHECK(tileOf(plannedFor(half, device)).unit == std::vector<int64_t>{16, 16, 16});
  CHECK(tileOf(plannedFor(test::matrixProductText("i8", 0, 64, 64, 64), device)).unit ==
        std::vector<int64_t>{16, 16, 32});
  CHECK(chosen(test::matrixProductText("bf16", 0, 64, 64, 64), device));
  CHECK_FALSE(chosen(test::matrixProductText("f32", 0, 64, 64, 64), device));
  CHECK_FALSE(chosen(test::matrixProductText("f64", 0, 64, 64, 64), device));

  const auto without = [&](auto change) {
    hwdb::Description other = device;
    for (hwdb::MatrixUnit& unit : other.matrixUnits) change(unit);
    return other;
  };
  hwdb::Description none = device;
  none.matrixUnits.clear();
  const std::string direct = ir::print(plannedFor(half, none));
  CHECK(direct.find("unit [") == std::string::npos);
  for (const hwdb::Description& lacking :
       {without([](hwdb::MatrixUnit& unit) { unit.m = {}; }),
        without([](hwdb::MatrixUnit& unit) { unit.n = {}; }),
        without([](hwdb::MatrixUnit& unit) { unit.k = {}; }),
        without([](hwdb::MatrixUnit& unit) { unit.gigaflops = {}; }),
        without([](hwdb::MatrixUnit& unit) { unit.accumulator = unit.a; }),
        without([](hwdb::MatrixUnit& unit) { unit.scope = hwdb::MatrixUnit::Scope::Group; })}) {
    CHECK(ir::print(plannedFor(half, lacking)) == direct);
  }
}

TEST_CASE("matrix units: the predicted time decides") {
  const std::string text = test::matrixProductText("f16", 0, 64, 64, 64);
  hwdb::Description slow = test::matrixGpu();
  for (hwdb::MatrixUnit& unit : slow.matrixUnits) unit.gigaflops.value /= 1000;
  CHECK_FALSE(chosen(text, slow));
  // One row of sixteen is used.
  CHECK_FALSE(chosen(test::matrixProductText("f16", 0, 1, 256, 64), test::matrixGpu()));
  // No room for slices.
  hwdb::Description full = test::matrixGpu();
  full.memory.back().bytes.value = 1 << 10;
  CHECK_FALSE(chosen(text, full));
  // Groups of no whole subgroups.
  hwdb::Description odd = test::matrixGpu();
  odd.subgroup.value = 24;
  CHECK_FALSE(chosen(text, odd));
}

TEST_CASE("matrix units: products, with what is on top, whole and cut along every axis") {
  const hwdb::Description device = test::matrixGpu();
  for (const std::string dtype : {"f16", "bf16", "i8"}) {
    checkExact(test::matrixProductText(dtype, 0, 64, 64, 64), device);
    checkExact(test::matrixProductText(dtype, 0, 50, 70, 90), device);
    checkExact(test::matrixProductText(dtype, 3, 33, 40, 47), device);
  }
}

TEST_CASE("matrix units: operands in any order of axes") {
  const auto text = [](const std::string& x, const std::string& lhs, const std::string& w,
                       const std::string& rhs) {
    return "graph @g(%x: f16" + x + ", %w: f16" + w +
           ") -> (\"y\") {\n  %y = contract %x, %w {lhs = " + lhs + ", out = [0, 1], rhs = " + rhs +
           "} : f16[40, 72]\n  return %y\n}";
  };
  const hwdb::Description device = test::matrixGpu();
  checkExact(text("[40, 50]", "[0, 2]", "[50, 72]", "[2, 1]"), device);
  checkExact(text("[40, 50]", "[0, 2]", "[72, 50]", "[1, 2]"), device);
  checkExact(text("[50, 40]", "[2, 0]", "[50, 72]", "[2, 1]"), device);
  checkExact(text("[50, 40]", "[2, 0]", "[72, 50]", "[1, 2]"), device);
  // The factors the other way round: rows are those of the second.
  checkExact(text("[50, 72]", "[2, 1]", "[40, 50]", "[0, 2]"), device);
}

TEST_CASE("matrix units: convolutions as products, without padded copies") {
  const hwdb::Description device = test::matrixGpu();
  for (const std::string dtype : {"f16", "i8"}) {
    checkExact(test::matrixConvolutionText(dtype, 24, 40, 14, 14), device);
    checkExact(test::matrixConvolutionText(dtype, 19, 33, 9, 13, 2), device);
  }
  const ir::Module plan = plannedFor(test::matrixConvolutionText("f16", 24, 40, 14, 14), device);
  CHECK(sched::taskSets(plan).size() == 1);
}

TEST_CASE("matrix units: factors that are computed on the way, and buffers bound in windows") {
  const std::string text = R"(graph @g(%x: f16[70, 48], %z: f16[70, 48], %w: f16[48, 64]) -> ("y") {
  %m = max %x, %z : f16[70, 48]
  %p = contract %m, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f16[70, 64]
  %y = tanh %p : f16[70, 64]
  return %y
})";
  checkExact(text, test::matrixGpu());
  hwdb::Description narrow = test::matrixGpu();
  narrow.maxBindingBytes.value = 16 << 10;
  checkExact(test::matrixProductText("f16", 6, 64, 64, 64), narrow);
}

TEST_CASE("matrix units: whatever the shapes of units, subgroups and storage") {
  std::mt19937_64 random(11);
  const auto draw = [&](int64_t from, int64_t to) {
    return from + static_cast<int64_t>(random() % static_cast<uint64_t>(to - from + 1));
  };
  const std::vector<std::vector<int64_t>> shapes{{16, 16, 16}, {8, 8, 16}, {16, 8, 8}, {32, 8, 16}};
  int byUnit = 0;
  for (int i = 0; i < 24; ++i) {
    hwdb::Description device = test::matrixGpu();
    device.matrixUnits.clear();
    test::addMatrixUnit(device, "f16", "f16", "f32", shapes[random() % shapes.size()]);
    device.subgroup.value = int64_t{8} << draw(0, 2);
    device.storage16.value = draw(0, 1) == 1;
    const std::string text =
        draw(0, 3) > 0
            ? test::matrixProductText("f16", draw(0, 3), draw(1, 70), draw(1, 90), draw(1, 70))
            : test::matrixConvolutionText("f16", draw(1, 30), draw(1, 40), draw(1, 15), draw(1, 15),
                                          draw(1, 2));
    const bool chosenHere = chosen(text, device);
    byUnit += chosenHere ? 1 : 0;
    checkExact(text, device, chosenHere);
  }
  CHECK(byUnit >= 12);
}
