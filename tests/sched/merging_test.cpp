// Axes that become one: where every access goes through them together, and nowhere else.
#include "sched/roller/merging.h"

#include <doctest/doctest.h>

#include "ir/text.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

/// A plan of one task set; `body` are its tiles and writes.
std::string planOf(const std::string& parameters, const std::string& buffers,
                   const std::string& body) {
  return "plan @p(" + parameters + ") -> (\"y\") {\n" + buffers +
         "  seq {\n    tasks {name = \"t0\"} {\n" + body + "    }\n  }\n  return\n}\n";
}

/// The domains (with `| reduction`) of the tiles after merging, in order.
std::string merged(const std::string& text, bool outputIsFree = false) {
  auto plan = ir::parse(text);
  if (!plan) FAIL(plan.error().str());
  const ir::OpId tasks = sched::taskSets(*plan).at(0);
  std::vector<ir::ValueId> free;
  if (outputIsFree) free.push_back(plan->region(plan->top()).parameters.back());
  sched::mergeAxes(*plan, tasks, free);
  std::string found;
  for (const ir::OpId id : plan->region(plan->op(tasks).regions[0]).ops) {
    if (plan->op(id).opcode != ir::Opcode::Tile) continue;
    const ir::TensorExpr& expr = plan->op(id).attributes.expr();
    if (!found.empty()) found += "; ";
    for (const ir::Dim& dim : expr.domain) found += dim.str() + " ";
    if (!expr.reduction.empty()) found += "| ";
    for (const ir::Dim& dim : expr.reduction) found += dim.str() + " ";
  }
  return found;
}

std::string map(const std::string& domain, const std::string& result) {
  return "{expr = {map (" + domain + ") -> (" + result + ")}, tile = tile()}";
}

std::string add(const std::string& x, const std::string& w, const std::string& right) {
  return merged(planOf(
      "%x: buffer<f32[" + x + "]>, %w: buffer<f32[" + w + "]>, %y: buffer<f32[2, 3, 4, 5]>", "",
      "      %t = tile %x, %w " + map("2, 3, 4, 5", "add(in0[d0, d1, d2, d3], " + right + ")") +
          " : f32[2, 3, 4, 5]\n      write %t, %y\n"));
}

}  // namespace

TEST_CASE("merging: what all accesses share becomes one axis") {
  CHECK(add("2, 3, 4, 5", "2, 3, 4, 5", "in1[d0, d1, d2, d3]") == "120 ");
  CHECK(add("2, 3, 4, 5", "3", "in1[d1]") == "2 3 20 ");
  CHECK(add("2, 3, 4, 5", "3, 4", "in1[d1, d2]") == "2 12 5 ");
  CHECK(add("2, 3, 4, 5", "5", "in1[d3]") == "24 5 ");
  CHECK(add("2, 3, 4, 5", "2, 5", "in1[d0, d3]") == "2 12 5 ");
  CHECK(add("2, 3, 4, 5", "", "in1[]") == "120 ");
}

TEST_CASE("merging: what is not read as it lies stays apart") {
  CHECK(add("2, 3, 4, 5", "2, 3, 5, 4", "in1[d0, d1, d3, d2]") == "6 4 5 ");     // transposed
  CHECK(add("2, 3, 4, 5", "2, 3, 4, 6", "in1[d0, d1, d2, d3]") == "24 5 ");      // a part of rows
  CHECK(add("2, 3, 4, 5", "2, 3, 5, 5", "in1[d0, d1, d2, d3]") == "6 20 ");      // of columns
  CHECK(add("2, 3, 4, 5", "2, 3, 4, 5", "in1[d0, d1, d2, 4 - d3]") == "24 5 ");  // backwards
  CHECK(add("2, 3, 4, 5", "2, 3, 4, 5", "cast.f32(d2)") == "6 4 5 ");            // a position
  CHECK(add("2, 3, 4, 5", "2, 3, 4, 5", "in1[d0, d1, d2, d3] if (lt(d2, 2)) else 0.0:f32") ==
        "6 4 5 ");  // a guard
}

TEST_CASE("merging: no axis becomes longer than a kernel's indices reach") {
  const auto relu = [](const std::string& shape, const std::string& point) {
    return merged(planOf("%x: buffer<i8[" + shape + "]>, %y: buffer<i8[" + shape + "]>", "",
                         "      %t = tile %x " + map(shape, "max(in0[" + point + "], 0:i8)") +
                             " : i8[" + shape + "]\n      write %t, %y\n"));
  };
  CHECK(relu("32768, 32768", "d0, d1") == "1073741824 ");
  CHECK(relu("32768, 32769", "d0, d1") == "32768 32769 ");
  CHECK(relu("0, 32768, 32769", "d0, d1, d2") == "0 32768 32769 ");  // empty, as long as before
}

TEST_CASE("merging: the only index of an axis of one point counts as the axis") {
  const auto broadcast = [](const std::string& x, const std::string& w, const std::string& index) {
    return merged(planOf(
        "%x: buffer<f32[" + x + "]>, %w: buffer<f32[" + w + "]>, %y: buffer<f32[" + x + "]>", "",
        "      %t = tile %x, %w " + map(x, "add(in0[d0, d1, d2, d3], in1[" + index + "])") +
            " : f32[" + x + "]\n      write %t, %y\n"));
  };
  CHECK(broadcast("1, 3, 4, 5", "1, 3, 4, 5", "0, d1, d2, d3") == "60 ");
  CHECK(broadcast("1, 3, 4, 5", "1, 3, 1, 1", "0, d1, 0, 0") == "3 20 ");
  // The axis of one point belongs to the second operand's run or to the first's, not to both.
  CHECK(broadcast("4, 7, 1, 3", "1, 7, 1, 1", "0, d1, 0, 0") == "4 7 3 ");
  CHECK(broadcast("5, 1, 4, 8", "1, 1, 4, 8", "0, 0, d2, d3") == "5 32 ");
}

TEST_CASE("merging: layouts decide what lies one behind the other; an open one follows") {
  const auto relu = [](const std::string& layout, bool free) {
    return merged(
        planOf("%x: buffer<f32[2, 3, 4, 5]" + layout + ">, %y: buffer<f32[2, 3, 4, 5]>", "",
               "      %t = tile %x " + map("2, 3, 4, 5", "max(in0[d0, d1, d2, d3], 0.0:f32)") +
                   " : f32[2, 3, 4, 5]\n      write %t, %y\n"),
        free);
  };
  CHECK(relu("", false) == "120 ");
  CHECK(relu(", [a0, a2, a3, a1]", false) == "2 3 20 ");
  CHECK(relu(", [a0, a2, a3, a1]", true) == "2 3 20 ");
  CHECK(relu(", [a1, a0, a3, a2]", false) == "2 3 4 5 ");
  CHECK(relu(", [a2, a3, a0, a1]", true) == "6 20 ");
}

TEST_CASE("merging: a layout of merged axes expands to one of the buffer's") {
  sched::MergedBuffer merged;
  merged.firstAxis = {0, 1, 2};
  CHECK(merged.expand(ir::Layout::permutation({0, 2, 1}), 4) ==
        ir::Layout::permutation({0, 2, 3, 1}));
  CHECK(merged.expand({}, 4).rowMajor());
  merged.firstAxis = {0, 2};
  CHECK(merged.expand(ir::Layout::permutation({1, 0}), 4) == ir::Layout::permutation({2, 3, 0, 1}));
}

TEST_CASE("merging: around a reduction, and of what is reduced") {
  const auto pointwise = [](const std::string& index, const std::string& top) {
    return merged(planOf(
        "%x: buffer<f32[1, 8, 4, 5]>, %w: buffer<f32[6, 8, 1, 1]>, %b: buffer<f32[6]>, "
        "%y: buffer<f32[1, 6, 4, 5]>",
        "",
        "      %c = tile %x, %w {expr = {reduce (1, 6, 4, 5 | 8, 1, 1) init (0.0:f32) each "
        "(mul(in0[" +
            index +
            "], in1[d1, r0, r1, r2])) combine (add(s0, e0)) commutative -> (s0)}, tile = tile()} "
            ": f32[1, 6, 4, 5]\n      %t = tile %c, %b " +
            map("1, 6, 4, 5", top) + " : f32[1, 6, 4, 5]\n      write %t, %y\n"));
  };
  // Windows of one element are nothing.
  CHECK(pointwise("d0, r0, d2 + r1, d3 + r2", "add(in0[d0, d1, d2, d3], in1[d1])") ==
        "1 6 20 | 8 ; 1 6 20 ");
  CHECK(pointwise("d0, r0, d2 + r1, d3 + r2", "add(in0[d0, d1, d2, d3], in1[d1 + d3])") ==
        "1 6 4 5 | 8 ; 1 6 4 5 ");
  CHECK(pointwise("d0, r0, d2, d3", "add(in0[0, d1, d2, d3], in1[d1])") == "1 6 20 | 8 ; 1 6 20 ");
  CHECK(pointwise("d0, r0, d2, 4 - d3", "add(in0[0, d1, d2, d3], in1[d1])") ==
        "1 6 4 5 | 8 ; 1 6 4 5 ");
  const std::string pooled = merged(planOf(
      "%x: buffer<f32[2, 8, 4, 5]>, %y: buffer<f32[2, 8]>", "",
      "      %c = tile %x {expr = {reduce (2, 8 | 4, 5) init (0.0:f32) each (in0[d0, d1, r0, r1]) "
      "combine (add(s0, e0)) commutative -> (s0)}, tile = tile()} : f32[2, 8]\n      write %c, "
      "%y\n"));
  CHECK(pooled == "16 | 20 ");
}

TEST_CASE("merging: graphs compute what they say, whatever is merged") {
  test::checkGraph(R"(graph @g(%x: f32[2, 12, 3, 5], %b: f32[1, 12, 1, 1]) -> ("y", "m") {
    %w = constant {hash = "w"} : f32[12, 4, 1, 1]
    %c = conv %x, %w {dilations = [1, 1], group = 3, pads = [0, 0, 0, 0], strides = [1, 1]} : f32[2, 12, 3, 5]
    %a = add %c, %b : f32[2, 12, 3, 5]
    %y = add %a, %x : f32[2, 12, 3, 5]
    %m = reduce %y {axes = [2, 3], fn = max} : f32[2, 12]
    return %y, %m
  }
  constant "w" f32[12, 4, 1, 1] = elided)");
}
