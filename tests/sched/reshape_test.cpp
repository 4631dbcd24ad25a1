// Reshapes as index maps, against row-major order; what they read, and what they report.
#include "sched/grinder/reshape.h"

#include <doctest/doctest.h>

#include <numeric>

#include "backends/common/lower_plan.h"
#include "ir/evaluate.h"
#include "ir/kernel.h"
#include "tests/common/harness.h"
#include "tests/fuzz/random.h"

using namespace quartet;
using ir::DType;
using ir::Expr;

namespace {

constexpr auto kOutOfRange = static_cast<uint32_t>(ir::StatusCode::IndexOutOfRange);

/// The prime factors of 24 cut into axes at random, with axes of extent 1 among them.
std::vector<ir::Dim> randomShape(fuzz::Random& random) {
  std::vector<int64_t> extents{1};
  for (int64_t factor : {2, 3, 2, 2}) {
    while (random.chance(0.3)) extents.push_back(1);
    if (random.chance(0.5)) extents.push_back(1);
    extents.back() *= factor;
  }
  while (random.chance(0.3)) extents.push_back(1);
  return {extents.begin(), extents.end()};
}

std::shared_ptr<const ir::ConstantData> iota(const std::vector<ir::Dim>& shape) {
  std::vector<int64_t> extents;
  for (const ir::Dim& dim : shape) extents.push_back(dim.value());
  std::vector<float> values(24);
  std::iota(values.begin(), values.end(), 0.0F);
  return ir::makeConstant(DType::F32, extents, values);
}

/// The source read through the map at every element of the reshaped tensor; axis `checked` is
/// indexed by an input.
ir::TensorExpr readThrough(const sched::ReshapeMap& map, const std::vector<ir::Dim>& to,
                           size_t checked) {
  std::vector<Expr> indices;
  for (size_t k = 0; k < to.size(); ++k) {
    indices.push_back(k == checked ? Expr::bounded(Expr::load(1, DType::I64, {}), to[k])
                                   : Expr::axis(static_cast<int>(k)));
  }
  ir::TensorExpr expr;
  expr.domain = to;
  expr.results = {Expr::load(0, DType::F32, map.map(indices))};
  return expr;
}

ir::Evaluation evaluate(const ir::TensorExpr& expr, const std::vector<ir::Dim>& from,
                        int64_t index) {
  auto result = ir::evaluate(
      expr, {iota(from), ir::makeConstant(DType::I64, {}, std::vector<int64_t>{index})});
  if (!result) FAIL(result.error().str());
  return *std::move(result);
}

/// The graph's kernels in the interpreter for each device: the status code of each.
void checkReported(std::string_view text, const test::Tensors& inputs, uint32_t want) {
  const ir::Module graph = test::expressed(text);
  for (const hwdb::Description& device : {test::vectorCpu(), test::weakGpu(), test::scalarGpu()}) {
    uint32_t code = 0;
    test::interpretProgram(test::lowered(test::planned(graph, device), device), inputs, &code);
    CHECK(code == want);
  }
}

}  // namespace

TEST_CASE("reshape map: reads in row-major order, and reports every index out of range") {
  fuzz::Random random(7);
  for (int round = 0; round < 300; ++round) {
    const std::vector<ir::Dim> from = randomShape(random);
    const std::vector<ir::Dim> to = randomShape(random);
    const auto map = sched::ReshapeMap::make(from, to);
    REQUIRE(map.has_value());
    const auto row = iota(to);
    const auto order = row->as<float>();
    for (size_t axis = 0; axis < to.size(); ++axis) {
      const ir::TensorExpr expr = readThrough(*map, to, axis);
      CAPTURE(expr.str());
      const int64_t extent = to[axis].value();
      if (extent == 1) {
        for (int64_t good : {0, -1}) {
          const ir::Evaluation read = evaluate(expr, from, good);
          CHECK(read.statusCode == 0);
          const auto got = read.results[0]->as<float>();
          CHECK(std::equal(got.begin(), got.end(), order.begin(), order.end()));
        }
      }
      CHECK(evaluate(expr, from, extent).statusCode == kOutOfRange);
      CHECK(evaluate(expr, from, -extent - 1).statusCode == kOutOfRange);
    }
  }
}

TEST_CASE("reshape map: a bad index into an axis of extent 1 reaches the status word") {
  const auto index = [](int64_t value) {
    return ir::makeConstant(DType::I64, {1}, std::vector<int64_t>{value});
  };
  const auto x = ir::makeConstant(DType::F32, {4}, std::vector<float>{1, 2, 3, 4});
  constexpr std::string_view kVector = R"(graph @g(%x: f32[4], %i: i64[1]) -> ("y") {
    %r = reshape %x : f32[1, 4]
    %y = gather %r, %i {axis = 0} : f32[1, 4]
    return %y
  })";
  checkReported(kVector, {x, index(0)}, 0);
  checkReported(kVector, {x, index(-1)}, 0);
  checkReported(kVector, {x, index(1)}, kOutOfRange);
  checkReported(kVector, {x, index(-2)}, kOutOfRange);
  // A scalar has no axis for the check: the reshaped tensor is read as it is.
  const auto scalar = ir::makeConstant(DType::F32, {}, std::vector<float>{5});
  constexpr std::string_view kScalar = R"(graph @g(%x: f32[], %i: i64[1]) -> ("y") {
    %r = reshape %x : f32[1]
    %y = gather %r, %i {axis = 0} : f32[1]
    return %y
  })";
  checkReported(kScalar, {scalar, index(0)}, 0);
  checkReported(kScalar, {scalar, index(3)}, kOutOfRange);
}
