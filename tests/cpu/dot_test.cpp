// Sums of products of packed elements, by the host's instructions where it has them.
#include <doctest/doctest.h>

#include "backends/cpu/device.h"
#include "backends/cpu/executor.h"
#include "tests/common/scalar_checks.h"

using namespace quartet;

TEST_CASE("products of bf16 in halves of words") {
  const auto device = cpu::createDevice(cpu::makeExecutor(cpu::ExecutorKind::Inline, 1)).value();
  tests::checkDot2(*device);
}
