// Which writes go past the caches.
#include <doctest/doctest.h>

#include "ir/text.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

hwdb::Description cached(int64_t bytes, hwdb::Description device = test::vectorCpu()) {
  device.memory = {test::cache("L2", bytes)};
  return device;
}

std::string rectified(const std::string& shape, const std::string& symbols = "") {
  return "graph @g(%x: f32[" + shape + "]) -> (\"y\") " + symbols +
         "{\n  %z = constant {hash = \"z\"} : f32[]\n  %y = max %x, %z : f32[" + shape +
         "]\n  return %y\n}\nconstant \"z\" f32[] = [0.0]";
}

bool streams(const std::string& text, const hwdb::Description& device) {
  const ir::Module plan = test::planned(test::expressed(text), device);
  const runtime::Program program = test::lowered(plan, device);
  const bool marked = ir::print(plan).find("streams = 1") != std::string::npos;
  bool stored = false;
  for (const ir::Module& kernel : program.kernels) {
    stored |= ir::print(kernel).find("streams = 1") != std::string::npos;
  }
  CHECK(marked == stored);
  return marked;
}

}  // namespace

TEST_CASE("streams: what is larger than the largest cache, where lanes lie together") {
  constexpr int64_t kBytes = int64_t{40} * 64 * 4;
  const std::string text = rectified("40, 64");
  CHECK(streams(text, cached(kBytes - 1)));
  CHECK_FALSE(streams(text, cached(kBytes)));
  CHECK_FALSE(streams(text, cached(0)));
  hwdb::Description two = cached(1 << 10);
  two.memory.insert(two.memory.begin(), test::cache("L3", 1 << 20));
  CHECK_FALSE(streams(text, two));
  test::checkGraphOn(cached(1 << 10), text);
}

TEST_CASE("streams: rows that share lines with others do not, nor do workgroups") {
  const auto columns = [](const std::string& n) {
    return "graph @g(%x: f32[40, 8, " + n +
           "]) -> (\"y\") {\n  %y = reduce %x {axes = [1], fn = add, "
           "keepdims = 0} : f32[40, " +
           n + "]\n  return %y\n}";
  };
  CHECK(streams(columns("64"), cached(1 << 10)));
  CHECK_FALSE(streams(columns("63"), cached(1 << 10)));
  hwdb::Description wide = cached(1 << 10);
  wide.memory[0].lineBytes.value = 512;  // two rows
  CHECK_FALSE(streams(columns("64"), wide));
  test::checkGraphOn(cached(1 << 10), columns("64"));
  CHECK_FALSE(streams(rectified("40, 64"), cached(1 << 10, test::weakGpu())));
}
