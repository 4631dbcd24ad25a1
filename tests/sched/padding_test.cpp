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
