// Convolutions by Winograd's algorithm: what is recognised, when it is chosen, that it is right.
#include <doctest/doctest.h>

#include <cmath>

#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

struct Shape {
  std::string batch = "1";
  int64_t channels = 8;
  int64_t filters = 8;
  int64_t height = 8;
  int64_t width = 8;
  std::array<int64_t, 4> pads{1, 1, 1, 1};
};

std::string dims(const std::string& batch, int64_t c, int64_t h, int64_t w) {
  return "[" + batch + ", " + std::to_string(c) + ", " + std::to_string(h) + ", " +
         std::to_string(w) + "]";
}

std::string result(const Shape& s) {
  return "f32" + dims(s.batch, s.filters, s.height + s.pads[0] + s.pads[2] - 2,
                      s.width + s.pads[1] + s.pads[3] - 2);
}

/// A 3 x 3 convolution, `top` behind its line that gives %c, and then %y.
std::string graph(const Shape& s, const std::string& top = "", const std::string& more = "") {
  const std::string weights = "f32" + dims(std::to_string(s.filters), s.channels, 3, 3);
  std::string pads;
  for (const int64_t pad : s.pads) pads += (pads.empty() ? "" : ", ") + std::to_string(pad);
  const std::string y = top.empty() ? "c" : "y";
  return "graph @g(%x: f32" + dims(s.batch, s.channels, s.height, s.width) + more + ") -> (\"y\")" +
         (s.batch == "N" ? " symbols {N: 0..64 multiple 1}" : "") +
         " {\n  %w = constant {hash = \"w\"} : " + weights +
         "\n  %c = conv %x, %w {dilations = [1, 1], group = 1, pads = [" + pads +
         "], strides = [1, 1]} : " + result(s) + "\n" + top + "  return %" + y +
         "\n}\nconstant \"w\" " + weights + " = elided";
}

const sched::Options kWherever{.winograd = true};

/// Memory that costs next to nothing: products decide.
hwdb::Description productsDecide(hwdb::Description device) {
  device.memoryGigabytesPerSecond.value = 1e6;
  device.launchMicroseconds.value = 0;
  device.memoryBytes.value = int64_t{1} << 34;
  return device;
}

/// A CPU whose entry gives these bytes per cycle of device memory.
hwdb::Description counted(double memoryBytesPerCycle) {
  hwdb::Description device = test::vectorCpu();
  const auto rate = [](double value) {
    return hwdb::Number{value, hwdb::Provenance::Derived, "test"};
  };
  hwdb::MemoryLevel memory;
  memory.name = "memory";
  memory.kind = hwdb::MemoryLevel::Kind::Device;
  memory.bytes.value = device.memoryBytes.value = int64_t{1} << 34;
  memory.bytesPerCycle = rate(memoryBytesPerCycle);
  hwdb::MemoryLevel outer;
  outer.name = "L2";
  outer.kind = hwdb::MemoryLevel::Kind::Cache;
  outer.bytes.value = 64 << 10;
  outer.lineBytes.value = 64;
  outer.bytesPerCycle = rate(32);
  hwdb::MemoryLevel inner = outer;
  inner.name = "L1";
  inner.bytes.value = 32 << 10;
  device.memory = {memory, outer, inner};
  return device;
}

/// Whether the last task set writes blocks of points.
bool chosen(const std::string& text, const hwdb::Description& device,
            const sched::Options& options = {}) {
  const ir::Module plan = test::planned(test::expressed(text), device, options);
  for (int i = 0; i < plan.opCount(); ++i) {
    const ir::Op& op = plan.op({i});
    if (op.opcode == ir::Opcode::Write && op.attributes.has("strides")) return true;
  }
  return false;
}

bool possible(const std::string& text, const hwdb::Description& device) {
  return chosen(text, device, kWherever);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  REQUIRE(text.find(from) != std::string::npos);
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace

TEST_CASE("winograd: 3 x 3 windows of step 1 over f32, with constant weights") {
  const hwdb::Description device = productsDecide(test::vectorCpu());
  const std::string text = graph({});
  CHECK(possible(text, device));
  CHECK_FALSE(chosen(text, device, {.winograd = false}));
  CHECK_FALSE(chosen(text, device, {.roller = false, .winograd = true}));
  // Step, dilation, groups.
  const std::string half = replaced(replaced(text, "strides = [1, 1]", "strides = [2, 2]"),
                                    "f32[1, 8, 8, 8]\n", "f32[1, 8, 4, 4]\n");
  CHECK_FALSE(possible(half, device));
  const std::string apart = replaced(replaced(text, "dilations = [1, 1]", "dilations = [2, 2]"),
                                     "pads = [1, 1, 1, 1]", "pads = [2, 2, 2, 2]");
  CHECK_FALSE(possible(apart, device));
  const std::string grouped =
      replaced(replaced(text, "group = 1", "group = 2"), "f32[8, 8, 3, 3]", "f32[8, 4, 3, 3]");
  CHECK_FALSE(possible(grouped, device));
  // Windows of other sizes.
  const std::string large = replaced(replaced(text, "8, 3, 3]", "8, 5, 5]"), "pads = [1, 1, 1, 1]",
                                     "pads = [2, 2, 2, 2]");
  CHECK_FALSE(possible(large, device));
  // One point along an axis.
  CHECK_FALSE(possible(graph({"1", 8, 8, 3, 8, {0, 0, 0, 0}}), device));
  // f64 and f16.
  CHECK_FALSE(possible(replaced(text, "f32", "f64"), device));
  CHECK_FALSE(possible(replaced(text, "f32", "f16"), device));
  // Weights that are an input.
  CHECK_FALSE(possible(R"(graph @g(%x: f32[1, 8, 8, 8], %w: f32[8, 8, 3, 3]) -> ("y") {
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[1, 8, 8, 8]
    return %y
  })",
                       device));
}

TEST_CASE("winograd: expressions decide, not operators") {
  const hwdb::Description device = productsDecide(test::vectorCpu());
  const auto sum = [](const std::string& x, const std::string& order = "commutative ",
                      const std::string& results = "s0") {
    return R"(graph @g(%x: f32[9, 5, 11]) -> ("y") {
  %w = constant {hash = "w"} : f32[3, 5, 3, 6]
  %y = compute %x, %w {expr = {reduce (6, 7, 9 | 3, 5, 3) init (0.0:f32) each (mul()" +
           x + R"(, in1[r0, r1, r2, d0])) combine (add(s0, e0)) )" + order + "-> (" + results +
           R"()}} : f32[6, 7, 9]
  return %y
}
constant "w" f32[3, 5, 3, 6] = elided)";
  };
  // Channels in the middle, filters last, columns before rows: all the same.
  const std::string plain = sum("in0[d1 + r2, r1, d2 + r0]");
  CHECK(possible(plain, device));
  test::checkGraphOn(device, plain, kWherever);
  CHECK_FALSE(possible(sum("in0[d1 + r2, r1, d2 + r0]", "sequential "), device));  // in order
  CHECK_FALSE(possible(sum("in0[d1 - r2 + 2, r1, d2 + r0]"), device));             // mirrored
  CHECK_FALSE(possible(sum("in0[d1 + r2, r1, d2 + r0] if (lt(d2 + r0, 8)) else 0.0:f32"), device));
  CHECK_FALSE(possible(sum("in0[d1 + r2, r1, d2 + r0] if (lt(d2 + r0, 11)) else 1.0:f32"), device));
  CHECK_FALSE(possible(sum("in0[d1 + r2, r1, d2 + r0]", "commutative ", "mul(s0, s0)"), device));
}

TEST_CASE("winograd: the right values: odd extents, batches, uneven padding, what is on top") {
  const Shape shapes[] = {
      {"1", 5, 7, 7, 5},
      {"3", 8, 8, 9, 13},
      {"2", 6, 20, 8, 10, {0, 0, 0, 0}},
      {"1", 8, 8, 8, 11, {0, 2, 1, 0}},
      {"1", 8, 8, 9, 6, {2, 1, 0, 1}},
      {"1", 4, 4, 4, 4, {0, 0, 0, 0}},
      {"2", 4, 16, 2, 9},
      {"2", 1, 1, 6, 6},
  };
  for (const Shape& shape : shapes) {
    const std::string type = result(shape);
    const std::string bias = "f32[1, " + std::to_string(shape.filters) + ", 1, 1]";
    const std::string top = "  %d = add %c, %b : " + type + "\n  %e = add %d, %r : " + type +
                            "\n  %y = abs %e : " + type + "\n";
    for (const std::string& text :
         {graph(shape), graph(shape, top, ", %b: " + bias + ", %r: " + type)}) {
      INFO(text);
      for (const auto& device : {test::vectorCpu(), test::weakGpu(), test::scalarGpu()}) {
        CHECK(chosen(text, productsDecide(device), kWherever));
        test::checkGraphOn(productsDecide(device), text, kWherever);
      }
    }
  }
}

TEST_CASE("winograd: a batch that is open") {
  const std::string text = graph({"N", 8, 8, 7, 7});
  const hwdb::Description device = productsDecide(test::vectorCpu());
  CHECK(possible(text, device));
  for (const int64_t n : {0, 1, 3}) test::checkGraphOn(device, text, kWherever, {{"N", n}});
}

TEST_CASE("winograd: what memory gives decides") {
  const std::string text = graph({"1", 32, 32, 16, 16});
  hwdb::Description device = productsDecide(test::vectorCpu());
  device.peakGigaflops.value = 100;
  device.memoryGigabytesPerSecond.value = 1000;
  CHECK(chosen(text, device));
  device.memoryGigabytesPerSecond.value = 10;
  CHECK_FALSE(chosen(text, device));
  // Three launches instead of one or two.
  device.memoryGigabytesPerSecond.value = 1000;
  device.launchMicroseconds.value = 100;
  CHECK_FALSE(chosen(text, device));
}

TEST_CASE("winograd: on a CPU the entry decides, not what is measured, nor the threads") {
  const std::string text = graph({"1", 64, 64, 16, 16});
  CHECK(chosen(text, counted(32)));
  CHECK_FALSE(chosen(text, counted(0.5)));
  for (const double rate : {32.0, 0.5}) {
    hwdb::Description device = counted(rate);
    for (const int64_t units : {1, 2, 16}) {
      device.units.value = units;
      device.peakGigaflops.value *= 7;
      device.memoryGigabytesPerSecond.value /= 3;
      device.launchMicroseconds.value += 50;
      CHECK(chosen(text, device) == (rate > 1));
    }
  }
}

TEST_CASE("winograd: not where its buffers would exceed the device") {
  const std::string text = graph({"1", 32, 32, 16, 16});  // 128 KiB each
  hwdb::Description device = productsDecide(test::vectorCpu());
  device.maxBindingBytes.value = 128 << 10;
  CHECK(chosen(text, device));
  device.maxBindingBytes.value = (128 << 10) - 1;
  CHECK_FALSE(chosen(text, device));
  device = productsDecide(test::vectorCpu());
  device.memoryBytes.value = 2 << 20;
  CHECK(chosen(text, device));
  device.memoryBytes.value = (2 << 20) - 8;
  CHECK_FALSE(chosen(text, device));
}

TEST_CASE("winograd: a plan has its weights transformed, and not as they were") {
  const ir::Module plan =
      test::planned(test::expressed(graph({})), productsDecide(test::vectorCpu()), kWherever);
  REQUIRE(plan.constants.size() == 1);
  const ir::ConstantData& weights = *plan.constants.begin()->second;
  CHECK(weights.shape == ir::Ints{16, 8, 8});
  CHECK(static_cast<int64_t>(weights.bytes.size()) == weights.elementCount() * 4);
}

TEST_CASE("winograd: f32 keeps its accuracy, within a small factor") {
  const ir::Module graph32 = test::expressed(graph({"1", 32, 8, 10, 10}));
  const hwdb::Description device = productsDecide(test::vectorCpu());
  const test::Tensors inputs = test::makeInputs(graph32, 7);
  const auto x = inputs[0]->as<float>();
  const auto w = graph32.constants.begin()->second->as<float>();
  const auto worst = [&](const sched::Options& options) {
    const ir::Module plan = test::planned(graph32, device, options);
    const test::Tensors got = test::interpretProgram(test::lowered(plan, device), inputs);
    const auto y = got[0]->as<float>();
    double error = 0;
    // NOLINTNEXTLINE(bugprone-implicit-widening-of-multiplication-result)
    for (int64_t i = 0; i < 8 * 100; ++i) {
      const int64_t f = i / 100;
      double want = 0;
      for (int64_t c = 0; c < 32; ++c) {
        for (int64_t k = 0; k < 9; ++k) {
          const int64_t row = i / 10 % 10 + k / 3 - 1;
          const int64_t column = i % 10 + k % 3 - 1;
          if (row < 0 || row > 9 || column < 0 || column > 9) continue;
          want += static_cast<double>(x[static_cast<size_t>(c * 100 + row * 10 + column)]) *
                  static_cast<double>(w[static_cast<size_t>((f * 32 + c) * 9 + k)]);
        }
      }
      error = std::max(error, std::abs(want - static_cast<double>(y[static_cast<size_t>(i)])));
    }
    return error;
  };
  const double direct = worst({.winograd = false});
  const double winograd = worst(kWherever);
  INFO(direct, " ", winograd);
  CHECK(winograd > 0);
  CHECK(winograd != direct);
  CHECK(winograd < 4 * direct);
}
