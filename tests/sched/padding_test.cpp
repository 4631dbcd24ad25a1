// Padded copies: where the description says that they pay.
#include <doctest/doctest.h>

#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

// A depthwise convolution of step 2: 9 * 36 steps for 13 * 13 elements of each padded channel.
constexpr std::string_view kStrided = R"(graph @g(%x: f32[1, 24, 12, 12]) -> ("y") {
  %w = constant {hash = "w"} : f32[24, 1, 3, 3]
  %y = conv %x, %w {dilations = [1, 1], group = 24, pads = [1, 1, 1, 1], strides = [2, 2]} : f32[1, 24, 6, 6]
  return %y
}
constant "w" f32[24, 1, 3, 3] = elided)";

size_t taskSetsWith(double paddedCopySteps) {
  hwdb::Description device = test::vectorCpu();
  device.paddedCopySteps.value = paddedCopySteps;
  return sched::taskSets(test::planned(test::expressed(kStrided), device)).size();
}

}  // namespace

TEST_CASE("padding: a copy is made from as many steps per element on as the device asks for") {
  const double steps = 9.0 * 36 / (13 * 13);
  CHECK(taskSetsWith(steps - 0.01) == 2);
  CHECK(taskSetsWith(steps + 0.01) == 1);
  test::checkGraph(kStrided);
}

TEST_CASE("padding: a guard that is no operand's bound stays, however often it is read") {
  // What lies between the guard and the operand's end must not be read.
  for (const std::string guard : {"lt(d0 + r0, 5)", "ge(d0 + r0, 2)", "gt(d0 + r0, 0)", "lt(d0, 5)",
                                  "lt(r0, 2)", "and(ge(d0 + r0, 0), lt(d0 + r0, 7))",
                                  "eq(mod(d0 + r0, 2), 0)", "or(lt(d0 + r0, 3), ge(d0 + r0, 0))"}) {
    CAPTURE(guard);
    const std::string text = R"(graph @g(%x: f32[8]) -> ("y") {
      %y = compute %x {expr = {reduce (6 | 3) init (0.0:f32) each (in0[d0 + r0] if ()" +
                             guard +
                             R"() else 0.5:f32) combine (add(s0, e0)) commutative -> (s0)}} : f32[6]
      return %y
    })";
    hwdb::Description device = test::vectorCpu();
    device.paddedCopySteps.value = 0;
    CHECK(sched::taskSets(test::planned(test::expressed(text), device)).size() == 1);
    test::checkGraph(text);
  }
}
