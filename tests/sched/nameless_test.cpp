// Computations without an operator's name give the kernels that the same operators of ONNX give.
#include <doctest/doctest.h>

#include <span>

#include "backends/common/lower_plan.h"
#include "frontend/onnx/import.h"
#include "ir/express.h"
#include "ir/text.h"
#include "tests/common/harness.h"
#include "tests/onnx_model.h"

using namespace quartet;
using tests::OnnxModel;

namespace {

std::string kernels(const ir::Module& graph, const hwdb::Description& device) {
  const ir::Module plan = test::planned(graph, device);
  ir::PrintOptions options;
  options.origins = false;
  std::string text;
  for (const ir::Module& kernel : test::lowered(plan, device).kernels) {
    text += ir::print(kernel, options);
  }
  return text;
}

ir::Module imported(const OnnxModel& model) {
  const std::string bytes = model.bytes();
  auto result = frontend::importModel(std::as_bytes(std::span<const char>(bytes)), {}, {});
  if (!result) FAIL(result.error().str());
  auto graph = ir::express(std::move(result->graph));
  if (!graph) FAIL(graph.error().str());
  return *std::move(graph);
}

void checkSame(const OnnxModel& model, std::string_view text) {
  const ir::Module named = imported(model);
  const ir::Module nameless = test::expressed(text);
  for (const hwdb::Description& device : {test::vectorCpu(), test::weakGpu()}) {
    const std::string want = kernels(named, device);
    CHECK(!want.empty());
    CHECK(kernels(nameless, device) == want);
  }
}

}  // namespace

TEST_CASE("a contraction") {
  OnnxModel model(17);
  model.input("x", {7, 12});
  model.floats("w", {12, 40}, std::vector<float>(480, 0.25F));
  model.node("MatMul", {"x", "w"}, {"y"});
  model.output("y", tests::kFloat);
  checkSame(model, R"(graph @g(%x: f32[7, 12]) -> ("y") {
  %w = constant {hash = "w"} : f32[12, 40]
  %y = compute %x, %w {expr = {reduce (7, 40 | 12) init (0.0:f32) each (mul(in0[d0, r0], in1[r0, d1])) combine (add(s0, e0)) commutative -> (s0)}} : f32[7, 40]
  return %y
}
constant "w" f32[12, 40] = elided)");
}

TEST_CASE("a pooling") {
  OnnxModel model(17);
  model.input("x", {1, 3, 9, 9});
  model.node("MaxPool", {"x"}, {"y"},
             {{"kernel_shape", std::vector<int64_t>{3, 3}},
              {"pads", std::vector<int64_t>{1, 1, 1, 1}},
              {"strides", std::vector<int64_t>{2, 2}}});
  model.output("y", tests::kFloat);
  checkSame(model, R"(graph @g(%x: f32[1, 3, 9, 9]) -> ("y") {
  %y = compute %x {expr = {reduce (1, 3, 5, 5 | 3, 3) init (-inf:f32) each (in0[d0, d1, d2 * 2 + r0 - 1, d3 * 2 + r1 - 1] if (and(and(ge(d2 * 2 + r0 - 1, 0), lt(d2 * 2 + r0 - 1, 9)), and(ge(d3 * 2 + r1 - 1, 0), lt(d3 * 2 + r1 - 1, 9)))) else -inf:f32) combine (max(s0, e0)) commutative -> (s0)}} : f32[1, 3, 5, 5]
  return %y
})");
}

TEST_CASE("a reduction") {
  OnnxModel model(17);
  model.input("x", {5, 33});
  model.ints("axes", {1}, {1});
  model.node("ReduceSum", {"x", "axes"}, {"y"}, {{"keepdims", int64_t{0}}});
  model.output("y", tests::kFloat);
  checkSame(model, R"(graph @g(%x: f32[5, 33]) -> ("y") {
  %y = compute %x {expr = {reduce (5 | 33) init (0.0:f32) each (in0[d0, r0]) combine (add(s0, e0)) commutative -> (s0)}} : f32[5]
  return %y
})");
}
