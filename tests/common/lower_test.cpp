// Graphs through all stages and the lowering, in the kernel interpreter, against direct evaluation.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "backends/common/lower_plan.h"
#include "ir/kernel.h"
#include "ir/text.h"
#include "tests/common/harness.h"

using namespace quartet;
using namespace quartet::test;

TEST_CASE("elementwise chain") {
  checkGraph(R"(graph @g(%x: f32[3, 37], %y: f32[37]) -> ("o") {
    %a = add %x, %y : f32[3, 37]
    %b = mul %a, %x : f32[3, 37]
    %c = max %b, %y : f32[3, 37]
    return %c
  })");
}

TEST_CASE("matrix product with an epilogue") {
  checkGraph(R"(graph @g(%x: f32[7, 12], %bias: f32[40]) -> ("o") {
    %w = constant {hash = "w"} : f32[12, 40]
    %c = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[7, 40]
    %d = add %c, %bias : f32[7, 40]
    %e = tanh %d : f32[7, 40]
    return %e
  }
  constant "w" f32[12, 40] = elided)");
}

TEST_CASE("batched matrix product of two inputs, transposed") {
  checkGraph(R"(graph @g(%x: f32[2, 5, 8], %y: f32[2, 19, 8]) -> ("o") {
    %t = transpose %y {perm = [0, 2, 1]} : f32[2, 8, 19]
    %c = contract %x, %t {lhs = [0, 1, 3], out = [0, 1, 2], rhs = [0, 3, 2]} : f32[2, 5, 19]
    return %c
  })");
}

TEST_CASE("padded convolution, residual, pooling") {
  checkGraph(R"(graph @g(%x: f32[1, 3, 9, 9]) -> ("o") {
    %w = constant {hash = "w"} : f32[20, 3, 3, 3]
    %v = constant {hash = "v"} : f32[20, 20, 3, 3]
    %c = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[1, 20, 9, 9]
    %d = conv %c, %v {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[1, 20, 9, 9]
    %e = add %c, %d : f32[1, 20, 9, 9]
    %p = window %e {dilations = [1, 1, 1, 1], fn = max, pads = [0, 0, 1, 1, 0, 0, 1, 1], strides = [1, 1, 2, 2], window = [1, 1, 3, 3]} : f32[1, 20, 5, 5]
    %s = reduce %p {axes = [2, 3], fn = add} : f32[1, 20]
    return %s
  }
  constant "w" f32[20, 3, 3, 3] = elided
  constant "v" f32[20, 20, 3, 3] = elided)");
}

TEST_CASE("depthwise and grouped convolution, strided and dilated") {
  checkGraph(R"(graph @g(%x: f32[2, 16, 8, 7]) -> ("o") {
    %w = constant {hash = "w"} : f32[16, 1, 3, 3]
    %v = constant {hash = "v"} : f32[12, 4, 2, 2]
    %c = conv %x, %w {dilations = [1, 1], group = 16, pads = [1, 1, 1, 1], strides = [2, 2]} : f32[2, 16, 4, 4]
    %d = conv %c, %v {dilations = [2, 2], group = 4, pads = [0, 1, 0, 1], strides = [1, 1]} : f32[2, 12, 2, 4]
    return %d
  }
  constant "w" f32[16, 1, 3, 3] = elided
  constant "v" f32[12, 4, 2, 2] = elided)");
}

TEST_CASE("softmax in primitives, with reshapes of one") {
  checkGraph(R"(graph @g(%x: f32[4, 33]) -> ("o") {
    %m = reduce %x {axes = [1], fn = max} : f32[4]
    %n = reshape %m : f32[4, 1]
    %d = sub %x, %n : f32[4, 33]
    %e = exp %d : f32[4, 33]
    %s = reduce %e {axes = [1], fn = add} : f32[4]
    %t = reshape %s : f32[4, 1]
    %o = div %e, %t : f32[4, 33]
    return %o
  })");
}

TEST_CASE("gather, concat, slice, pad, argmax") {
  checkGraph(R"(graph @g(%x: f32[4, 18], %i: i64[3]) -> ("o", "p", "q") {
    %g = gather %x, %i {axis = 0} : f32[3, 18]
    %c = concat %g, %x {axis = 0} : f32[7, 18]
    %k = concat %c, %c {axis = 1} : f32[7, 36]
    %s = slice %k {starts = [6, 1], steps = [-2, 3]} : f32[3, 11]
    %z = constant {hash = "z"} : f32[]
    %p = pad %s, %z {mode = "constant", pads = [1, 0, 0, 2]} : f32[4, 13]
    %a = arg_reduce %k {axis = 1, fn = max, last = 0} : i64[7]
    return %p, %a, %g
  }
  constant "z" f32[] = [0.5])");
}

TEST_CASE("narrow and wide integers, booleans, casts") {
  checkGraph(
      R"(graph @g(%x: i64[5, 7], %y: u8[5, 7], %b: bool[7], %f: f32[5, 7]) -> ("o", "p", "q") {
    %a = mul %y, %y : u8[5, 7]
    %c = cast %a : i64[5, 7]
    %d = add %c, %x : i64[5, 7]
    %s = select %b, %d, %x : i64[5, 7]
    %l = lt %f, %f : bool[5, 7]
    %m = or %l, %b : bool[5, 7]
    %h = cast %f : f16[5, 7]
    %r = cast %h : f32[5, 7]
    return %s, %m, %r
  })");
}

TEST_CASE("reshapes that split, merge and alias; outputs that are inputs or constants") {
  checkGraph(R"(graph @g(%x: f32[2, 6, 4]) -> ("o", "p", "q", "r") {
    %a = reshape %x : f32[12, 4]
    %b = exp %a : f32[12, 4]
    %c = reshape %b : f32[3, 4, 4]
    %d = transpose %c {perm = [1, 0, 2]} : f32[4, 3, 4]
    %e = reshape %d : f32[48]
    %f = neg %e : f32[48]
    %g = reshape %f : f32[6, 8]
    %s = reduce %g {axes = [0], fn = add} : f32[8]
    %k = constant {hash = "k"} : f32[2]
    return %s, %x, %k, %e
  }
  constant "k" f32[2] = [1.5, -2.0])");
}

TEST_CASE("empty tensors run through") {
  checkGraph(R"(graph @g(%x: f32[0, 4], %y: f32[3, 0]) -> ("o", "p") {
    %a = exp %x : f32[0, 4]
    %s = reduce %y {axes = [1], fn = add} : f32[3]
    return %a, %s
  })");
}

TEST_CASE("scalars: maps of rank 0") {
  checkGraph(R"(graph @g(%x: f32[], %y: f32[4]) -> ("o", "p") {
    %a = exp %x : f32[]
    %b = mul %a, %x : f32[]
    %c = add %y, %b : f32[4]
    return %b, %c
  })");
}

TEST_CASE("empty results with lanes to spare") {
  checkGraph(R"(graph @g(%x: f32[0, 1, 1, 1, 2], %y: bool[2, 0, 1, 1, 1]) -> ("o", "p") {
    %a = transpose %x {perm = [4, 2, 0, 1, 3]} : f32[2, 1, 0, 1, 1]
    %b = reduce %y {axes = [4], fn = or} : bool[2, 0, 1, 1]
    return %a, %b
  })");
}

TEST_CASE("narrow sums along lanes wrap") {
  checkGraph(R"(graph @g(%x: i16[4, 33], %y: u8[4, 33]) -> ("o", "p", "q", "r") {
    %k = constant {hash = "k"} : i16[]
    %l = constant {hash = "l"} : u8[]
    %a = mul %x, %k : i16[4, 33]
    %b = mul %y, %l : u8[4, 33]
    %c = reduce %a {axes = [1], fn = add} : i16[4]
    %d = reduce %b {axes = [1], fn = add} : u8[4]
    %e = reduce %a {axes = [1], fn = min} : i16[4]
    %f = reduce %b {axes = [1], fn = max} : u8[4]
    return %c, %d, %e, %f
  }
  constant "k" i16[] = [9000]
  constant "l" u8[] = [77])");
}

TEST_CASE("narrow sums along lanes have wrapped before anything else sees them") {
  checkGraph(R"(graph @g(%x: i16[4, 33], %y: u8[4, 33], %z: i8[4, 33]) -> ("o", "p", "q") {
    %k = constant {hash = "k"} : i16[]
    %l = constant {hash = "l"} : u8[]
    %m = constant {hash = "m"} : i8[]
    %a = mul %x, %k : i16[4, 33]
    %b = mul %y, %l : u8[4, 33]
    %c = mul %z, %m : i8[4, 33]
    %d = reduce %a {axes = [1], fn = add} : i16[4]
    %e = reduce %b {axes = [1], fn = add} : u8[4]
    %f = reduce %c {axes = [1], fn = mul} : i8[4]
    %g = cast %d : i32[4]
    %h = cast %e : f32[4]
    %i = cast %f : i64[4]
    return %g, %h, %i
  }
  constant "k" i16[] = [9000]
  constant "l" u8[] = [77]
  constant "m" i8[] = [53])");
}

TEST_CASE("many outputs that are inputs") {
  checkGraph(R"(graph @g(%x: f32[3], %y: f32[5]) -> ("a", "b", "c", "d", "e", "f", "g", "h") {
    %z = neg %x : f32[3]
    return %x, %y, %x, %z, %y, %z, %x, %y
  })");
}

TEST_CASE("symbolic outer extents are launch parameters") {
  const std::string_view text = R"(graph @g(%x: f32[N, 12]) -> ("o") symbols {N: 1..64 multiple 1} {
    %w = constant {hash = "w"} : f32[12, 20]
    %c = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[N, 20]
    %e = exp %c : f32[N, 20]
    return %e
  }
  constant "w" f32[12, 20] = elided)";
  for (int64_t n : {1, 7, 64}) checkGraph(text, 1, {{"N", n}});
}

TEST_CASE("indices into an axis that turns out empty are out of range, and access nothing") {
  // %y is empty with %x; what is gathered goes through a map that is computed on demand.
  const std::string_view text =
      R"(graph @g(%x: f32[N, 5], %i: i64[3], %u: f32[3, 5]) -> ("o", "p", "q") symbols {N: 0..64 multiple 1} {
    %y = abs %x : f32[N, 5]
    %g = gather %y, %i {axis = 0} : f32[3, 5]
    %j = reshape %i : i64[3, 1]
    %n = gather_nd %x, %j {batch_dims = 0} : f32[3, 5]
    %s = scatter_nd %x, %j, %u : f32[N, 5]
    return %g, %n, %s
  })";
  for (int64_t n : {0, 4}) {
    const quartet::ir::SymbolValues symbols = {{"N", n}};
    checkGraph(text, 1, symbols);
    const auto graph = quartet::test::expressed(text);
    const auto inputs = quartet::test::makeInputs(graph, 1, symbols);
    const auto device = quartet::test::vectorCpu();
    const auto program =
        quartet::test::lowered(quartet::test::planned(graph, device), device, symbols);
    uint32_t status = 0;
    quartet::test::interpretProgram(program, inputs, &status);
    CHECK(status == static_cast<uint32_t>(n == 0 ? quartet::ir::StatusCode::IndexOutOfRange
                                                 : quartet::ir::StatusCode::Ok));
  }
}

TEST_CASE("a constant over the binding range is bound in windows") {
  using namespace quartet;
  const ir::Module graph = test::expressed(R"(graph @g(%x: f32[3, 24]) -> ("o") {
    %w = constant {hash = "w"} : f32[24, 130]
    %c = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[3, 130]
    %e = exp %c : f32[3, 130]
    return %e
  }
  constant "w" f32[24, 130] = elided)");
  const test::Tensors inputs = test::makeInputs(graph, 3);
  const test::Tensors want = test::evaluateExpressed(graph, inputs);
  for (hwdb::Description device : {test::vectorCpu(), test::weakGpu()}) {
    device.maxBindingBytes.value = int64_t{24} * 64 * 4;  // about half of the packed constant
    const runtime::Program program = test::lowered(test::planned(graph, device), device);
    size_t dispatches = 0;
    for (const runtime::Wave& wave : program.waves) {
      for (const runtime::Dispatch& dispatch : wave.dispatches) {
        ++dispatches;
        for (const runtime::Binding& binding : dispatch.bindings) {
          CHECK(binding.bytes <= device.maxBindingBytes.value);
          CHECK(binding.offset % device.bindingAlignBytes.value == 0);
        }
      }
    }
    CHECK(dispatches > 1);
    const test::Tensors got = test::interpretProgram(program, inputs);
    REQUIRE(got.size() == 1);
    const auto a = got[0]->as<float>();
    const auto b = want[0]->as<float>();
    for (size_t i = 0; i < b.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-5));
  }
}

TEST_CASE("a window of a concatenation that misses some operands") {
  using namespace quartet;
  const ir::Module graph = test::expressed(R"(graph @g(%x: f32[40, 3], %y: f32[43, 3]) -> ("o") {
    %c = concat %x, %y {axis = 0} : f32[83, 3]
    return %c
  })");
  const test::Tensors inputs = test::makeInputs(graph, 3);
  const test::Tensors want = test::evaluateExpressed(graph, inputs);
  hwdb::Description device = test::scalarGpu();
  device.maxBindingBytes.value = 256;  // less than either operand
  const test::Tensors got =
      test::interpretProgram(test::lowered(test::planned(graph, device), device), inputs);
  CHECK(std::equal(got[0]->bytes.begin(), got[0]->bytes.end(), want[0]->bytes.begin()));
}

TEST_CASE("windows of a buffer seen under another shape") {
  using namespace quartet;
  const ir::Module graph =
      test::expressed(R"(graph @g(%x: f32[4, 4, 45]) -> ("o") symbols {N: 1..64 multiple 1} {
    %r = reshape %x : f32[N, 45]
    %e = neg %r : f32[N, 45]
    return %e
  })");
  const ir::SymbolValues symbols{{"N", 16}};
  const test::Tensors inputs = test::makeInputs(graph, 3, symbols);
  const test::Tensors want = test::evaluateExpressed(graph, inputs, symbols);
  hwdb::Description device = test::weakGpu();
  device.maxBindingBytes.value = 1472;  // half of it
  const test::Tensors got =
      test::interpretProgram(test::lowered(test::planned(graph, device), device, symbols), inputs);
  CHECK(std::equal(got[0]->bytes.begin(), got[0]->bytes.end(), want[0]->bytes.begin()));
}

TEST_CASE("two views of a buffer are read in windows of their own") {
  using namespace quartet;
  const ir::Module graph =
      test::expressed(R"(graph @g(%x: f32[16, 45]) -> ("o") symbols {N: 1..64 multiple 1} {
    %r = reshape %x : f32[N, 45]
    %s = compute %x, %r {expr = {map (16, 45) -> (sub(in0[15 - d0, d1], in1[d0, d1]))}} : f32[16, 45]
    return %s
  })");
  const ir::SymbolValues symbols{{"N", 16}};
  const test::Tensors inputs = test::makeInputs(graph, 3, symbols);
  const test::Tensors want = test::evaluateExpressed(graph, inputs, symbols);
  hwdb::Description device = test::weakGpu();
  device.maxBindingBytes.value =
      1472;  // half of it: first rows of one view, last rows of the other
  const test::Tensors got =
      test::interpretProgram(test::lowered(test::planned(graph, device), device, symbols), inputs);
  CHECK(std::equal(got[0]->bytes.begin(), got[0]->bytes.end(), want[0]->bytes.begin()));
}

namespace {

Diagnostic refused(std::string_view text, const hwdb::Description& device,
                   const sched::Options& options = {}) {
  const ir::Module plan = planned(expressed(text), device, options);
  const auto program = common::lowerPlan(plan, device);
  REQUIRE_FALSE(program.has_value());
  CHECK(program.error().kind == Diagnostic::Kind::Unsupported);
  CHECK_FALSE(program.error().hint.empty());
  return program.error();
}

}  // namespace

TEST_CASE("tensors beyond 32-bit element numbers are refused, by name, with what is found") {
  for (const hwdb::Description& device : {vectorCpu(), weakGpu()}) {
    const Diagnostic input = refused(R"(graph @g(%x: i8[2, 1073741824]) -> ("o") {
      %n = neg %x : i8[2, 1073741824]
      %r = reduce %n {axes = [1], fn = max} : i8[2]
      return %r
    })",
                                     device);
    CHECK(input.where == "input 'x'");
    CHECK(input.message ==
          "found 2147483648 elements, kernels index at most 2147483647 in one tensor");
    const Diagnostic output = refused(R"(graph @g(%x: i8[1]) -> ("big") {
      %b = broadcast %x : i8[3000000000]
      return %b
    })",
                                      device);
    CHECK(output.where == "output 'big'");
    const Diagnostic between = refused(R"(graph @g(%x: f32[65536], %y: f32[65536]) -> ("o") {
      %c = contract %x, %y {lhs = [0], out = [0, 1], rhs = [1]} : f32[65536, 65536] from "outer"
      %r = reduce %c {axes = [1], fn = max} : f32[65536]
      return %r
    })",
                                       device, {.welder = false});
    CHECK(between.where == "tensor 'c' of node outer");
    CHECK(between.message.find("found 4294967296 elements") == 0);
  }
}

TEST_CASE("loops beyond 32 bits are refused where no tensor is") {
  const Diagnostic loop = refused(R"(graph @g(%x: f32[1]) -> ("o") {
    %b = broadcast %x : f32[3000000000]
    %r = reduce %b {axes = [0], fn = add} : f32[]
    return %r
  })",
                                  vectorCpu());
  CHECK(loop.message.find("found a loop over 3000000000 elements") == 0);
  // What a tile reaches beyond the extent counts too.
  const Diagnostic edge = refused(R"(graph @g(%x: i8[2147483647]) -> ("o") {
    %n = neg %x : i8[2147483647]
    return %n
  })",
                                  vectorCpu());
  CHECK(edge.message.find("found a loop over 2147483647 elements in tiles of") == 0);
}

TEST_CASE("a halo that leads beyond 32 bits is no obstacle where it is not stored") {
  // The padding reaches 3816 rows of 2^20 elements; input and output stay below 2^31.
  constexpr std::string_view kText = R"(graph @g(%x: i8[16, 1048576]) -> ("o") {
    %w = window %x {dilations = [1, 1], fn = max, pads = [1900, 0, 1900, 0], strides = [4, 1], window = [4, 1]} : i8[954, 1048576] from "pool"
    return %w
  })";
  const ir::Module guarded = planned(expressed(kText), scalarGpu());
  CHECK(common::lowerPlan(guarded, scalarGpu()).has_value());
  // This device's plan has a padded copy.
  const Diagnostic padded = refused(kText, vectorCpu());
  CHECK(padded.where.find("node pool") != std::string::npos);
  CHECK(padded.message.find("found 4001366016 elements") == 0);
}

namespace {

/// The kernel of graph text that is one task set, for the CPU with vectors.
ir::Module onlyKernel(std::string_view text) {
  const ir::Module plan = planned(expressed(text), vectorCpu());
  const runtime::Program program = lowered(plan, vectorCpu());
  REQUIRE(program.kernels.size() == 1);
  return program.kernels[0];
}

}  // namespace

TEST_CASE(
    "a step computes the vectors of a row one after the other, whichever axis lanes run along") {
  // Lanes along the first axis of the results, rows along the second: of the rows, one value at a
  // time is spread over lanes.
  const ir::Module kernel = onlyKernel(R"(graph @g(%x: f32[28, 24], %w: f32[24, 64]) -> ("y") {
    %y = compute %x, %w {expr = {reduce (64, 28 | 24) init (0.0:f32) each (mul(in1[r0, d0], in0[d1, r0])) combine (add(s0, e0)) commutative -> (s0)}} : f32[64, 28]
    return %y
  })");
  std::vector<ir::ValueId> spread;  // an entry for each run of products with one value
  std::set<ir::ValueId> values;
  int64_t products = 0;
  for (int i = 0; i < kernel.opCount(); ++i) {  // in the order in which they were written
    const ir::Op& op = kernel.op(ir::OpId{i});
    if (op.opcode != ir::Opcode::Fma) continue;
    for (const ir::ValueId operand : op.operands) {
      const ir::OpId definition = kernel.value(operand).definition;
      if (!definition.valid() || kernel.op(definition).opcode != ir::Opcode::Splat) continue;
      ++products;
      values.insert(operand);
      if (spread.empty() || spread.back() != operand) spread.push_back(operand);
    }
  }
  CHECK(values.size() > 1);
  CHECK(products > static_cast<int64_t>(values.size()));
  CHECK(spread.size() == values.size());
}

TEST_CASE("tiles that lie inside are marked as likely: the edges' loops are deeper, and rarer") {
  const ir::Module kernel = onlyKernel(R"(graph @g(%x: f32[29, 24], %w: f32[24, 70]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[29, 70]
    return %y
  })");
  int likely = 0;
  for (int i = 0; i < kernel.opCount(); ++i) {
    const ir::Op& op = kernel.op(ir::OpId{i});
    if (op.opcode == ir::Opcode::If && op.attributes.has("likely")) ++likely;
  }
  CHECK(likely == 3);  // rows, then lanes; and the lanes of rows at the edge
  const Result<ir::Module> again = ir::parse(ir::print(kernel));
  REQUIRE(again.has_value());
  CHECK(ir::print(*again) == ir::print(kernel));
}
