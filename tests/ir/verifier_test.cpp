// Every rule of the verifier has a text that breaks it.
#include "ir/verifier.h"

#include <doctest/doctest.h>

#include <string>

#include "ir/text.h"

namespace quartet::ir {
namespace {

/// "" when `text` verifies, else the message.
std::string problem(const std::string& text) {
  const auto module = parse(text);
  REQUIRE_MESSAGE(module.has_value(), module.error().str() << "\n" << text);
  const Status status = verify(*module);
  return status ? "" : status.error().message;
}

void contains(const std::string& text, const std::string& message) {
  const std::string found = problem(text);
  CHECK_MESSAGE(found.find(message) != std::string::npos, "expected '" << message << "', found '"
                                                                       << found << "' in\n"
                                                                       << text);
}

/// A graph with one op, whose result it returns.
std::string graph(const std::string& parameters, const std::string& op) {
  return "graph @g(" + parameters + ") -> (\"y\") symbols {N: 1..8 multiple 1} {\n  %y = " + op +
         "\n  return %y\n}\n";
}

void good(const std::string& parameters, const std::string& op) {
  CHECK(problem(graph(parameters, op)) == "");
}

void bad(const std::string& parameters, const std::string& op, const std::string& message) {
  contains(graph(parameters, op), message);
}

TEST_CASE("structure") {
  contains("graph @g() {}", "does not end with return");
  contains("graph @g(%x: f32[]) -> (\"y\") { return }", "names 1 outputs and returns 0");
  contains("graph @g() { return return }", "return stands at the end");
  contains("graph @g() { %x = load : f32[] return }", "load does not belong to this level");
  contains("graph @g(%x: f32[]) { %y = add %x : f32[] return }", "add has 1 operands, required: 2");
  contains("graph @g(%x: f32[]) { neg %x return }", "neg has 0 results, required: 1");
  contains("graph @g(%x: f32[]) { %y = neg %x {} : f32[] return }",
           "neg has 1 regions, required: 0");
  contains("graph @g(%x: f32[N]) { return }", "the symbol N of type f32[N] is not declared");
  contains("graph @g(%x: f32[-1]) { return }", "negative extent");
  contains("graph @g(%x: f32) { return }", "does not belong to this level");
  contains("kernel @k(%x: f32[4]) { return }", "does not belong to this level");
  contains("kernel @k(%x: buffer<f32[4]>) { return %x }", "only a graph returns values");
  contains("kernel @k() -> (\"y\") { return }", "names 1 outputs and has 0 buffers");
  contains("plan @p(%x: buffer<f32[4], [a1]>) { return }", "does not fit its shape");
  contains(R"(kernel @k() {
  %c = literal {value = 1} : bool
  if %c { %x = literal {value = 1} : i32 } {}
  %y = splat %x : i32x4
  return
})",
           "an operand is not defined before its use");
}

TEST_CASE("names are unique") {
  Module module(Level::Graph, "g");
  module.addParameter(module.top(), Type::tensor(DType::F32, {}), "x");
  module.addParameter(module.top(), Type::tensor(DType::F32, {}), "x");
  module.addOp(module.top(), Opcode::Return, {}, {});
  CHECK(verify(module).error().message == "two values have the name %x");
}

TEST_CASE("an error names the op and its origin") {
  const auto module = parse(
      "graph @g(%x: f32[2]) -> (\"y\") {\n"
      "  %y = neg %x : f32[3] from \"conv1\"\n  return %y\n}");
  REQUIRE(module.has_value());
  CHECK(verify(*module).error().where == "%y = neg %x : f32[3] from \"conv1\"");
}

TEST_CASE("attributes") {
  bad("%x: f32[2]", "transpose %x : f32[2]", "the attribute 'perm' is missing");
  bad("%x: f32[2]", "transpose %x {perm = 1} : f32[2]", "'perm' must be a list of integers");
}

TEST_CASE("constants") {
  const std::string data = "constant \"c\" f32[2] = [1, 2]\n";
  CHECK(problem(graph("", "constant {hash = \"c\"} : f32[2]") + data) == "");
  contains(graph("", "constant {hash = \"c\"} : f32[3]") + data, "the constant is f32[2]");
  contains(graph("", "constant {hash = \"c\"} : i32[2]") + data, "the constant is f32[2]");
  bad("", "constant {hash = \"c\"} : f32[2]", "the constant \"c\" is not known");
}

TEST_CASE("elementwise ops") {
  good("%a: f32[4, 1], %b: f32[N, 1, 3]", "add %a, %b : f32[N, 4, 3]");
  good("%a: f32[4], %b: f16[4]", "cast %a : f16[4]");
  bad("%a: f32[4], %b: f16[4]", "add %a, %b : f32[4]", "add takes numbers of one dtype");
  bad("%a: i32[4]", "sqrt %a : i32[4]", "sqrt takes floats of one dtype");
  bad("%a: f32[4]", "not %a : f32[4]", "not takes bools or integers");
  bad("%a: f32[4]", "select %a, %a, %a : f32[4]", "select takes a bool and two operands");
  bad("%a: f32[4]", "lt %a, %a : f32[4]", "the result is f32, required bool");
  bad("%a: bool[4]", "reduce %a {axes = [0], fn = add} : bool[]", "add takes numbers");
  bad("%a: f32[4]", "reduce %a {axes = [0], fn = and} : f32[]", "and takes bools or integers");
  bad("%a: bool[4]", "contract %a, %a {lhs = [0], out = [], rhs = [0]} : bool[]",
      "the operands are numbers");
  bad("%a: f32[4], %b: f32[3]", "add %a, %b : f32[4]", "does not broadcast");
  bad("%a: f32[1]", "neg %a : f32[4]", "the result has the shape [4], required [1]");
}

TEST_CASE("contractions") {
  const std::string ab = "%a: f32[4, 5], %b: f32[5, 6]";
  const auto contract = [](const char* labels, const char* type) {
    return std::string("contract %a, %b {") + labels + "} : " + type;
  };
  good(ab, contract("lhs = [0, 1], rhs = [1, 2], out = [0, 2]", "f32[4, 6]"));
  bad(ab, contract("lhs = [0], rhs = [1, 2], out = [0, 2]", "f32[4, 6]"), "'lhs' has 1 values");
  bad(ab, contract("lhs = [0, 1], rhs = [0, 2], out = [0, 2]", "f32[4, 6]"),
      "label 0 has the extents 4 and 5");
  bad(ab, contract("lhs = [0, 1], rhs = [1, 2], out = [0, 3]", "f32[4, 6]"), "in no operand");
  bad(ab, contract("lhs = [0, 1], rhs = [1, 2], out = [0, 0]", "f32[4, 4]"), "is twice");
  bad(ab, contract("lhs = [0, 1], rhs = [1, 2], out = [0, 2]", "f32[4, 7]"), "required [4, 6]");
}

TEST_CASE("convolutions and windows") {
  const std::string xw = "%x: f32[1, 4, 9, 9], %w: f32[8, 2, 3, 3]";
  const auto conv = [](const std::string& op, int group, const char* pads, const char* shape) {
    return op + " %x, %w {strides = [2, 2], dilations = [1, 1], pads = " + pads +
           ", group = " + std::to_string(group) + "} : f32" + shape;
  };
  good(xw, conv("conv", 2, "[1, 1, 1, 1]", "[1, 8, 5, 5]"));
  bad(xw, conv("conv", 1, "[1, 1, 1, 1]", "[1, 8, 5, 5]"),
      "x has 4 channels, w has 2 in each of 1");
  bad(xw, conv("conv", 0, "[1, 1, 1, 1]", "[1, 8, 5, 5]"), "'group' must be positive");
  bad(xw, conv("conv", 2, "[1, 1]", "[1, 8, 5, 5]"), "'pads' has 2 values, required 4");
  bad(xw, conv("conv", 2, "[1, 1, 1, 1]", "[1, 8, 4, 5]"), "required [1, 8, 5, 5]");
  bad("%x: f32[1, 6, 9], %w: f32[8, 2, 3]",
      "conv %x, %w {strides = [1], dilations = [1], pads = [0, 0], group = 3} : f32[1, 8, 7]",
      "does not divide");
  bad("%x: f32[1, 4, 9], %w: f32[8, 4, 3, 3]", conv("conv", 1, "[]", "[]"),
      "x and w have one rank");

  const std::string xt = "%x: f32[1, 4, 5, 5], %w: f32[4, 8, 3, 3]";
  good(xt, conv("conv_transpose", 1, "[1, 1, 1, 1]", "[1, 8, 10, 9]"));
  bad(xt, conv("conv_transpose", 1, "[1, 1, 1, 1]", "[1, 8, 8, 9]"), "smaller than the windows");
  bad(xt, conv("conv_transpose", 1, "[1, 1, 1, 1]", "[1, 7, 9, 9]"), "required [1, 8, 9, 9]");
  bad("%x: f32[1, 3, 5, 5], %w: f32[4, 8, 3, 3]",
      conv("conv_transpose", 1, "[0, 0, 0, 0]", "[1, 8, 9, 9]"), "differ in their input channels");

  const auto window = [](const char* fn, const char* extents, const char* shape) {
    return std::string("window %x {fn = ") + fn + ", window = " + extents +
           ", strides = [1, 2], dilations = [1, 1], pads = [0, 0, 0, 0]} : f32" + shape;
  };
  good("%x: f32[1, 8]", window("max", "[1, 3]", "[1, 3]"));
  good("%x: f32[1, 8]", window("max", "[1, 3]", "[1, 4]"));
  bad("%x: f32[1, 8]", window("max", "[1, 3]", "[1, 5]"), "has 5 windows, required 3");
  bad("%x: f32[1, 8]", window("sub", "[1, 3]", "[1, 3]"), "'fn' cannot be sub");
  bad("%x: f32[1, 8]", window("max", "[1, 0]", "[1, 3]"), "'window' must be positive");
}

TEST_CASE("reductions") {
  const std::string x = "%x: f32[2, 3, 4]";
  good(x, "reduce %x {fn = add, axes = [2, 0]} : f32[3]");
  bad(x, "reduce %x {fn = add, axes = [3]} : f32[2, 3]", "'axes' must be distinct");
  bad(x, "reduce %x {fn = add, axes = [1, 1]} : f32[2, 4]", "'axes' must be distinct");
  bad(x, "reduce %x {fn = add, axes = [1]} : f32[2, 1, 4]", "required [2, 4]");
  bad(x, "reduce %x {fn = sub, axes = [1]} : f32[2, 4]", "'fn' cannot be sub");
  bad(x, "reduce %x {fn = add, axes = [1]} : f64[2, 4]", "the result is f64, operand 0 f32");
  good(x, "arg_reduce %x {fn = max, axis = 1, last = 0} : i64[2, 4]");
  bad(x, "arg_reduce %x {fn = max, axis = 1, last = 0} : i32[2, 4]", "is i64");
  bad(x, "arg_reduce %x {fn = max, axis = 3, last = 0} : i64[2, 4]", "'axis' 3 is not in [0, 3)");
}

TEST_CASE("movement") {
  const std::string x = "%x: f32[2, 3]";
  good(x, "transpose %x {perm = [1, 0]} : f32[3, 2]");
  bad(x, "transpose %x {perm = [1, 1]} : f32[3, 3]", "is not a permutation");
  good("%x: f32[N, 2, 3]", "reshape %x : f32[N * 6]");
  bad(x, "reshape %x : f32[7]", "the operand has 6 elements, the result 7");
  good(x, "broadcast %x : f32[5, 2, 3]");
  bad(x, "broadcast %x : f32[2, 4]", "does not broadcast");
  good(x, "slice %x {starts = [1, 2], steps = [1, -2]} : f32[1, 2]");
  bad(x, "slice %x {starts = [1, 2], steps = [1, -2]} : f32[1, 3]", "axis 1 is read outside");
  bad(x, "slice %x {starts = [0, 0], steps = [1, 0]} : f32[2, 3]", "must not be zero");
  good("%x: f32[N, 3], %z: f32[2, 3]", "concat %x, %z {axis = 0} : f32[N + 2, 3]");
  bad("%x: f32[2, 3], %z: f32[2, 4]", "concat %x, %z {axis = 0} : f32[4, 3]", "beside the axis");
  bad("%x: f32[2, 3], %z: f32[2]", "concat %x, %z {axis = 0} : f32[4, 3]", "differ in rank");
  bad("%x: f32[2, 3], %z: f32[2, 3]", "concat %x, %z {axis = 0} : f32[5, 3]", "required [4, 3]");
  const std::string xf = "%x: f32[2, 3], %f: f32[]";
  good(xf, "pad %x, %f {mode = \"edge\", pads = [1, -1, 0, 0]} : f32[3, 2]");
  bad(xf, "pad %x, %f {mode = \"odd\", pads = [0, 0, 0, 0]} : f32[2, 3]", "'mode' must be");
  bad(xf, "pad %x, %f {mode = \"edge\", pads = [1, 0, 0, 0]} : f32[2, 3]", "required [3, 3]");
  bad("%x: f32[2, 3], %f: f32[1]", "pad %x, %f {mode = \"edge\", pads = [0, 0, 0, 0]} : f32[2, 3]",
      "is a scalar");
  const std::string xi = "%x: f32[2, 3, 4], %i: i64[5, 2]";
  good(xi, "gather %x, %i {axis = 1} : f32[2, 5, 2, 4]");
  bad(xi, "gather %x, %i {axis = 1} : f32[2, 5, 4]", "required [2, 5, 2, 4]");
  bad("%x: f32[2], %i: f32[5]", "gather %x, %i {axis = 0} : f32[5]", "indices are i32 or i64");
  good("%x: f32[2, 3], %i: i64[2, 1]", "gather_elements %x, %i {axis = 1} : f32[2, 1]");
  bad(xi, "gather_elements %x, %i {axis = 1} : f32[5, 2]", "data and indices have one rank");
  good(xi, "gather_nd %x, %i {batch_dims = 0} : f32[5, 4]");
  bad(xi, "gather_nd %x, %i {batch_dims = 2} : f32[5, 4]", "more than the axes of data");
  bad("%x: f32[2], %i: i64[N]", "gather_nd %x, %i {batch_dims = 0} : f32[]", "is constant");
  good("", "iota {axis = 0} : i64[N]");
  bad("", "iota {axis = 1} : i64[N]", "'axis' 1 is not in [0, 1)");
  bad("", "iota {axis = 0} : bool[N]", "iota gives numbers");
}

TEST_CASE("tensor expressions") {
  const auto compute = [](const std::string& expr, const char* type) {
    return "compute %x {expr = {" + expr + "}} : " + type;
  };
  const std::string x = "%x: f32[4, 8]";
  const std::string sum = "init (0.0:f32) each (in0[d0, r0]) combine (s0 + e0) commutative -> (s0)";
  good(x, compute("map (4, 8) -> (neg(in0[d0, d1]))", "f32[4, 8]"));
  good(x, compute("reduce (4 | 8) " + sum, "f32[4]"));
  bad(x, compute("map (4, 8) -> (neg(in0[d0, d1]))", "f32[4, 7]"), "its expression [4, 8]");
  bad(x, compute("map (4, 8) -> (neg(in0[d0, d1]))", "f16[4, 8]"), "is f16, its expression f32");
  bad(x, compute("map (4, 8) -> (in0[d0])", "f32[4, 8]"), "with rank 1, the operand is f32[4, 8]");
  bad(x, compute("map (4, 8) -> (in0[d0, d1], 1:i32)", "f32[4, 8]"), "has 2 results, the op 1");
  bad(x, compute("map (M, 8) -> (in0[d0, d1])", "f32[4, 8]"), "the symbol M is not declared");
  bad(x, compute("map (4, 8) -> (in0[bounded(d0, M), d1])", "f32[4, 8]"), "M is not declared");
  bad(x,
      compute(
          "reduce (4 | 8) init (0:i32) each (in0[d0, r0]) combine (s0) commutative -> (1.0:f32)",
          "f32[4]"),
      "state 0 changes its dtype");
  bad(x, compute("reduce (4 | 8) init () each () combine () commutative -> (1.0:f32)", "f32[4]"),
      "a reduction has no state");
  bad(x,
      compute("reduce (4 | 8) init (0.0:f32) each () combine (s0) commutative -> (s0)", "f32[4]"),
      "differ in length");
  bad(x,
      compute("reduce (4 | 8) init (0.0:f32) each (in0[d0, r0]) combine (e0) commutative -> (s0)",
              "f32[5]"),
      "its expression [4]");
}

TEST_CASE("scans, scatters and orders") {
  const auto compute = [](const std::string& expr, const char* type) {
    return "compute %x, %i {expr = {" + expr + "}} : " + type;
  };
  const std::string x = "%x: f32[4, 8], %i: i64[3]";
  const std::string sum = "init (0.0:f32) each (in0[r0, d0]) combine (s0 + e0) -> (s0) at ";
  good(x, compute("scan (8 | 4) into (4, 8) " + sum + "(r0, d0)", "f32[4, 8]"));
  good(x, compute("scan (8 | 4) into (4, 8) " + sum + "(3 - r0, d0)", "f32[4, 8]"));
  bad(x, compute("scan (8 | 4) into (4, 8) " + sum + "(2 - r0, d0)", "f32[4, 8]"),
      "an index of a scan's target is no axis of its extent");
  bad(x, compute("scan (8 | 4) into (4, 9) " + sum + "(r0, d0)", "f32[4, 9]"),
      "an index of a scan's target is no axis of its extent");
  bad(x, compute("scan (8 | 4) into (4, 4) " + sum + "(r0, r0)", "f32[4, 4]"),
      "the target does not name axis d0 by itself once");
  bad(x, compute("scan (8 | 4) into (4) " + sum + "(r0)", "f32[4]"), "does not name axis d0");
  const std::string put = "init (in0[d0, d1]) each (1.0:f32) combine (s0 + e0) at ";
  good(x, compute("scatter (8 | 3) into (4, 8) " + put + "(bounded(in1[r0], 4), d0)", "f32[4, 8]"));
  bad(x, compute("scatter (8 | 3) into (4, 8) " + put + "(bounded(in1[r0], 4), 0)", "f32[4, 8]"),
      "the target does not name axis d0 by itself once");
  bad(x,
      compute("scatter (8 | 3) into (4, 8) each (1.0:f32) combine (e0) at (r0, d0)", "f32[4, 8]"),
      "a result that is changed in place has one init");
  bad(x, compute("scatter (8 | 3) into (4, 8) " + put + "(r0)", "f32[4, 8]"),
      "the target has 1 indices, the result 2 axes");
  good(x, compute("opaque argsort_ascending (4 | 8) init (cast.i32(d1)) each (in0[d0, r0])",
                  "i32[4, 8]"));
  bad(x,
      compute("opaque argsort_ascending (4 | 8) init (cast.i32(d1)) each (in0[d0, r0])",
              "i64[4, 8]"),
      "is i64, its expression i32");
  bad(x, compute("opaque shuffle (4 | 8) init (cast.i32(d1)) each (in0[d0, r0])", "i32[4, 8]"),
      "there is no kernel builder 'shuffle'");
  bad(x,
      compute("opaque argsort_ascending (| 4, 8) init (cast.i32(d1)) each (in0[r0, r1])",
              "i32[4, 8]"),
      "a sort has one element along one axis");
}

TEST_CASE("parts of an expression that the text cannot even say") {
  Module module(Level::Graph, "g");
  const Type type = Type::tensor(DType::F32, {4});
  const ValueId x = module.addParameter(module.top(), type);
  TensorExpr expr;
  expr.domain = {4};
  const auto verified = [&](Expr result) {
    Module copy = module;
    TensorExpr one = expr;
    one.results = {std::move(result)};
    Attributes attributes;
    attributes.set("expr", std::make_shared<const TensorExpr>(std::move(one)));
    copy.addOp(copy.top(), Opcode::Compute, {x}, {type}, std::move(attributes));
    copy.addOp(copy.top(), Opcode::Return, {}, {});
    const Status status = verify(copy);
    return status ? std::string() : status.error().message;
  };
  CHECK(verified(Expr::load(0, DType::F32, {Expr::axis(0)})) == "");
  CHECK(verified(Expr::load(0, DType::F32, {Expr::axis(1)})) == "r0 cannot stand in a result");
  CHECK(verified(Expr::load(1, DType::F32, {Expr::axis(0)})) ==
        "in1[d0] reads an operand that is not there");
  CHECK(verified(Expr::load(0, DType::F16, {Expr::axis(0)})).find("is a load of f16") !=
        std::string::npos);
  CHECK(verified(Expr::state(0, DType::F32)) == "s0 cannot stand in a result");
  CHECK(verified(Expr()) == "a result is empty");
}

std::string plan(const std::string& body) {
  return "plan @p(%x: buffer<f32[4, 8]>, %y: buffer<f32[4, 8]>) -> (\"y\") {\n"
         "  %b = buffer : buffer<f32[4, 8]>\n" +
         body + "  return\n}\n";
}

std::string tasks(const std::string& body) { return "tasks {name = \"t\"} {" + body + "}\n"; }

std::string tile(const std::string& result, const std::string& operand,
                 const std::string& shape = "tile()") {
  return result + " = tile " + operand +
         " {expr = {map (4, 8) -> (neg(in0[d0, d1]))}, tile = " + shape + "} : f32[4, 8]\n";
}

std::string tasksOn(const std::string& device, const std::string& body) {
  return "tasks {device = \"" + device + "\", name = \"t\"} {" + body + "}\n";
}

TEST_CASE("plans over several devices") {
  const std::string first = tasksOn("gpu", tile("%t", "%x") + "write %t, %b");
  const std::string alias = "%a = buffer %b : buffer<f32[8, 4]>\n";
  const std::string there = "%c = buffer : buffer<f32[4, 8]>\n";
  const std::string copy = "copy %b, %c {device = \"cpu\", from = \"gpu\"}\n";
  const auto second = [](const std::string& device, const std::string& buffer) {
    return tasksOn(device, tile("%u", buffer) + "write %u, %y");
  };
  CHECK(problem(plan("seq {" + first + second("gpu", "%b") + "}\n")) == "");
  CHECK(problem(plan(there + "seq {" + first + copy + second("cpu", "%c") + "}\n")) == "");
  // Inputs are readable everywhere.
  CHECK(problem(plan("seq {" + first + second("cpu", "%x") + "}\n")) == "");
  contains(plan("seq {" + first + second("cpu", "%b") + "}\n"),
           "%b lies on gpu and is read on cpu without a copy");
  contains(plan(there + "seq {" + first + copy + second("gpu", "%c") + "}\n"),
           "%c lies on cpu and is read on gpu without a copy");
  contains(plan(there + "seq {" + first + "copy %b, %c {device = \"gpu\", from = \"cpu\"}\n}\n"),
           "%b lies on gpu and is read on cpu without a copy");
  contains(plan(alias + "seq {" + first +
                tasksOn("cpu",
                        "%u = tile %a {expr = {map (8, 4) -> (neg(in0[d0, d1]))}, tile = "
                        "tile()} : f32[8, 4]\n%v = tile %x {expr = {map (4, 8) -> "
                        "(in0[d0, d1])}, tile = tile()} : f32[4, 8]\nwrite %v, %y") +
                "}\n"),
           "%a lies on gpu and is read on cpu without a copy");
  contains(plan("par {" + first + second("cpu", "%x") + "}\n"),
           "the nodes of one par run on different devices");
}

TEST_CASE("plans") {
  const std::string first = tasks(tile("%t", "%x") + "write %t, %b");
  const std::string second = tasks(tile("%u", "%b") + "write %u, %y");
  CHECK(problem(plan("seq {" + first + second + "}\n")) == "");
  CHECK(problem(plan(tasks(tile("%t", "%x") + tile("%u", "%t") + "write %u, %y"))) == "");
  contains(plan("seq {" + second + first + "}\n"), "%b is read before it is written");
  contains(plan("par {" + second + "}\n"), "%b is read before it is written");
  contains(plan("par {" + first + second + "}\n"), "two nodes of one par access %b");
  contains(plan("par {" + first + tasks(tile("%u", "%x") + "write %u, %b") + "}\n"),
           "two nodes of one par access %b");
  contains(plan("%a = buffer %b : buffer<f32[32]>\n par {" + first +
                tasks("%u = tile {expr = {map (32) -> (1.0:f32)}, tile = tile()} : f32[32]\n"
                      "write %u, %a") +
                "}\n"),
           "two nodes of one par access %a");
  contains(plan(tile("%t", "%x")), "this op belongs into a task set");
  contains(plan(tasks("seq {}")), "a task set holds tiles and writes only");
  contains(plan(tasks(tile("%t", "%x") + "write %t, %x write %x, %y")), "write takes a tile's");
  contains(plan("%a = buffer %b : buffer<f32[31]>\n"), "an alias of");
  contains(plan("copy %b, %y\n"), "%b is read before it is written");
  CHECK(problem(plan("copy %x, %y\n")) == "");
  contains(plan("%d = buffer : buffer<f32[3]>\n copy %x, %d\n"), "the source is");
  contains(plan("%c = constant {hash = \"c\"} : buffer<f32[1]>\n copy %c, %c\n") +
               "constant \"c\" f32[1] = [0]",
           "%c is a constant and cannot be written");
  contains("plan @p(%x: f32[4]) { return }", "a plan's parameters are buffers");
}

TEST_CASE("parts of one buffer may be written side by side") {
  const auto part = [](const char* name, int offset) {
    return tasks(std::string("%") + name +
                 " = tile %x {expr = {map (2, 8) -> (in0[d0, d1])}, tile = tile()} : f32[2, 8]\n"
                 "write %" +
                 name + ", %y {offset = <dims: " + std::to_string(offset) + ", 0>}");
  };
  CHECK(problem(plan("par {" + part("a", 0) + part("c", 2) + "}\n")) == "");
  contains(plan("par {" + part("a", 0) + part("c", 1) + "}\n"), "two nodes of one par");
  contains(plan(part("a", 3)), "does not lie inside");
}

TEST_CASE("a result may be spread over a buffer") {
  const auto part = [](const char* name, int offset, const char* strides) {
    return tasks(std::string("%") + name +
                 " = tile %x {expr = {map (2, 8) -> (in0[d0, d1])}, tile = tile()} : f32[2, 8]\n"
                 "write %" +
                 name + ", %y {offset = <dims: " + std::to_string(offset) +
                 ", 0>, strides = " + strides + "}");
  };
  CHECK(problem(plan(part("a", 0, "[2, 1]"))) == "");
  CHECK(problem(plan(part("a", 1, "[2, 1]"))) == "");
  CHECK(problem(plan(part("a", 3, "[2, 1]"))) == "");  // the second row is dropped
  contains(plan(part("a", 4, "[2, 1]")), "does not lie inside");
  contains(plan(part("a", 0, "[0, 1]")), "strides need an offset");
  contains(plan(part("a", 0, "[2]")), "strides need an offset");
}

TEST_CASE("tiles fit their expressions") {
  const auto shaped = [](const char* shape) {
    return plan(tasks(tile("%t", "%x", shape) + "write %t, %y"));
  };
  CHECK(problem(shaped("tile(group [4, 8], reg [1, 4], lane 1 x 4, order [1, 0])")) == "");
  contains(shaped("tile(group [4], reg [1, 4], lane 1 x 4, order [1, 0])"), "each of 2 axes");
  contains(shaped("tile(group [4, 8], reg [1, 0], lane 1 x 4, order [1, 0])"), "each of 2 axes");
  contains(shaped("tile(group [4, 8], reg [1, 4], lane 2 x 4, order [1, 0])"), "along no axis");
  contains(shaped("tile(group [4, 0], reg [1, 4], lane 1 x 4, order [1, 0])"),
           "no points along axis 1 of extent 8");
  contains(shaped("tile(group [4, 8], reg [1, 6], lane 1 x 4, order [1, 0])"),
           "6 points along the lanes, required is a multiple of 4");
  contains(shaped("tile(group [4, 8], reg [1, 4], lane -1 x 4, order [1, 0])"),
           "1 points along the lanes");
  const auto sums = [&](const std::string& unrolled) {
    return plan("%z = buffer : buffer<f32[4]>\n" +
                tasks("%u = tile %x {expr = {reduce (4 | 8) init (0.0:f32) each (in0[d0, r0]) "
                      "combine (add(s0, e0)) commutative -> (s0)}, tile = tile(group [4, 8], reg "
                      "[1, " +
                      unrolled +
                      "], lane -1 x 1, order [0, 1])} : f32[4]\n"
                      "write %u, %z"));
  };
  CHECK(problem(sums("4")) == "");
  contains(sums("3"), "reduction axis 0 of extent 8 is unrolled by 3");
  contains(shaped("tile(group [4, 8], reg [1, 4], lane 1 x 4, order [1, 1])"), "each axis once");
  contains(shaped("tile(group [4, 8], reg [1, 4], lane 1 x 4, order [0])"), "each axis once");
  contains(shaped("tile(group [4, 8], reg [1, 4], stage [1, 8], lane 1 x 4, order [0, 1])"),
           "a stage needs a reduction");
}

TEST_CASE("parts of a group are whole register tiles, groups whole parts") {
  const auto staged = [](const std::string& shape, const std::string& lane = "1 x 4") {
    return plan("%z = buffer : buffer<f32[6, 8]>\n" +
                tasks("%u = tile %x {expr = {reduce (6, 8 | 3) init (0.0:f32) each (in0[0, r0]) "
                      "combine (add(s0, e0)) commutative -> (s0)}, tile = tile(" +
                      shape + ", lane " + lane +
                      ", order [0, 1, 2])} : f32[6, 8]\n"
                      "write %u, %z"));
  };
  CHECK(problem(staged("group [4, 8, 3], reg [2, 4, 1], stage [4, 8, 3]")) == "");
  CHECK(problem(staged("group [4, 8, 3], reg [1, 4, 1], stage [2, 8, 3]")) == "");
  CHECK(problem(staged("group [6, 8, 3], reg [4, 4, 1], stage [8, 12, 3]")) == "");
  contains(staged("group [4, 8, 3], reg [1, 4, 1], stage [3, 8, 3]"),
           "3 points along axis 0, required are whole register tiles that divide the group");
  contains(staged("group [4, 8, 3], reg [2, 4, 1], stage [1, 8, 3]"), "1 points along axis 0");
  contains(staged("group [4, 8, 3], reg [2, 4, 1], stage [2, 4, 3]"),
           "4 points along axis 1, required is its extent 8");
  contains(staged("group [4, 8, 3], reg [2, 4, 1], stage [2, 8, 1]"),
           "1 points along axis 2, required is its extent 3");
  contains(staged("group [4, 8, 3], reg [2, 4, 1], stage [2, 8]"),
           "the stage has 2 extents, required are 3");
  contains(staged("group [4, 8, 1], reg [2, 4, 1], stage [2, 8, 3]"), "in slices has no stage");
  contains(staged("group [4, 8, 3], reg [2, 4, 1], stage [2, 8, 3]", "-1 x 1"),
           "a stage needs a reduction");
}

std::string kernel(const std::string& body) {
  return "kernel @k(%in: buffer<read f32[64]>, %out: buffer<write f32[64]>) {\n"
         "  %i = literal {value = 1} : i32\n  %f = literal {value = 1.5} : f32\n"
         "  %v = splat %f : f32x4\n  %c = lt %f, %f : bool\n  " +
         body + "\n  return\n}\n";
}

TEST_CASE("kernels") {
  CHECK(problem(kernel("%a = load %in, %i : f32x4 store %out, %i, %a, %i {align = 4}")) == "");
  contains(kernel("%a = load %out, %i : f32"), "only written");
  contains(kernel("store %in, %i, %f"), "only read");
  contains(kernel("%a = load %in, %f : f32"), "the index is i32");
  contains(kernel("%a = load %in, %i : f16"), "the value has the buffer's dtype");
  contains(kernel("%a = load %f, %i : f32"), "operand 0 is a buffer");
  contains(kernel("%a = load %in, %i, %f : f32"), "the count is i32");
  contains(kernel("%a = gather_load %in, %i : f32x4"), "one per lane");
  contains(kernel("%l = lane_id : i32x4 %a = gather_load %in, %l, %c : f32x4"), "the mask is bool");
  contains(kernel("%a = add %f, %v : f32"), "of one width");
  contains(kernel("%a = add %f, %i : f32"), "numbers of one dtype");
  contains(kernel("%a = lt %f, %f : f32"), "another dtype");
  contains(kernel("%a = cast %i : i8 %b = add %a, %a : i8"), "arithmetic is on bool");
  contains(kernel("%a = literal {value = 1.5} : i32"), "an integer value");
  contains(kernel("%a = splat %v : f32x8"), "splat makes a vector");
  contains(kernel("%a = lane_id : f32x4"), "a vector of i32");
  contains(kernel("%a = bitcast %f : f64"), "bitcast keeps width");
  contains(kernel("%a = extract %v {lane = 4} : f32"), "beyond the vector");
  contains(kernel("%a = extract %v {lane = 0} : f64"), "extract gives a scalar");
  contains(kernel("%a = shuffle %v, %v {lanes = [0, 8]} : f32x2"), "beyond the vectors");
  contains(kernel("%a = shuffle %v, %v {lanes = [0, 1]} : f32x4"), "shuffle takes two vectors");
  contains(kernel("%a = shuffle %v, %f {lanes = [0, 1]} : f32x2"), "shuffle takes two vectors");
  contains(kernel("%a = shuffle %f, %f {lanes = [0, 1]} : f32x2"), "shuffle takes two vectors");
  contains(kernel("%a = shuffle %v, %v {lanes = [0]} : f32"), "shuffle takes two vectors");
  contains(kernel("%a = reduce_lanes %v {fn = sub} : f32"), "'fn' is not one");
  contains(kernel("%a = reduce_lanes %v {fn = add} : f32x4"), "reduce_lanes gives a scalar");
  contains(kernel("%a = param {index = 0} : u32"), "the result is i32");
  contains(kernel("%a = shared : buffer<f32[4]>"), "1-D workgroup buffer");
  contains(kernel("%a = var : f32"), "the result is a variable");
  contains(kernel("%a = get %f : f32"), "operand 0 is a variable");
  contains(kernel("%a = var : var<f32[4]> %b = get %a : f32"), "an array has an index");
  contains(kernel("%a = var : var<f32[4]> %b = get %a, %f : f32"), "an index is i32");
  contains(kernel("%a = var : var<f32> %b = get %a : f64"), "has the variable's type");
  contains(kernel("%a = var : var<f32> set %a, %i"), "has the variable's type");
  contains(kernel("for %i, %i, %f (%k: i32) {}"), "bounds and step of a loop are i32");
  contains(kernel("for %i, %i, %i {}"), "one i32 parameter");
  contains(kernel("%z = literal {value = 0} : i32 for %i, %i, %z (%k: i32) {}"), "is positive");
  contains(kernel("if %i {} {}"), "a scalar bool");
  contains(kernel("if %c (%k: i32) {} {}"), "have no parameters");
  contains(kernel("report %i {code = 1, node = 2}"), "the condition is bool");
  contains(kernel("report %c, %i {code = 1, node = 2}"), "the detail is an i64 of as many lanes");
  contains("kernel @k(%x: buffer<f32[4, 4]>) { return }", "1-D buffers");
}

TEST_CASE("atomics are on i32 and u32 in device memory that is read and written") {
  const auto on = [](const std::string& buffer, const std::string& body) {
    return "kernel @k(%x: buffer<" + buffer +
           "[64]>) attributes {local = 4} {\n"
           "%i = literal {value = 1} : i32\n%u = literal {value = 1} : u32\n"
           "%f = literal {value = 1.5} : f32\n" +
           body + "\nreturn\n}\n";
  };
  const std::string add = "%a = atomic_add %x, %i, %i : i32";
  CHECK(problem(on("readwrite i32", add)) == "");
  CHECK(problem(on("readwrite u32", "%a = atomic_add %x, %i, %u : u32")) == "");
  contains(on("read i32", add), "only read");
  contains(on("write i32", add), "only written");
  contains(on("readwrite f32", "%a = atomic_add %x, %i, %f : f32"), "atomics are on i32 and u32");
  contains(on("readwrite i32",
              "%s = shared : buffer<workgroup readwrite i32[4]>\n"
              "%a = atomic_add %s, %i, %i : i32"),
           "in device memory");
  contains(on("readwrite i32", "%a = atomic_add %x, %u, %i : i32"), "the index is i32");
  contains(on("readwrite i32", "%a = atomic_add %x, %i, %u : i32"), "of the buffer's dtype");
  contains(on("readwrite i32", "%a = atomic_add %x, %i, %i : u32"), "of the buffer's dtype");
  contains(on("readwrite i32", "%v = splat %i : i32x4 %a = atomic_add %x, %i, %v : i32x4"),
           "scalars");
  contains(on("readwrite i32", add + " %c = lt %a, %i : bool if %c { barrier } {}"),
           "a barrier in control flow");
}

TEST_CASE("prefetches are from device memory that is read") {
  const auto on = [](const std::string& access, const std::string& body) {
    return "kernel @k(%x: buffer<" + access +
           " f32[64]>) attributes {local = 1} {\n"
           "%i = literal {value = -100} : i32\n%f = literal {value = 1.5} : f32\n" +
           body + "\nreturn\n}\n";
  };
  CHECK(problem(on("read", "prefetch %x, %i")) == "");
  CHECK(problem(on("readwrite", "prefetch %x, %i")) == "");
  contains(on("write", "prefetch %x, %i"), "only written");
  contains(on("read", "prefetch %x, %f"), "the index is i32");
  contains(on("read", "%v = splat %i : i32x4 prefetch %x, %v"), "the index is i32");
  contains(on("read", "%s = shared : buffer<workgroup readwrite f32[4]> prefetch %s, %i"),
           "from device memory");
}

TEST_CASE("barriers stand in uniform control flow") {
  const std::string group = "%g = group_id : i32 %gc = lt %g, %i : bool ";
  const std::string local = "%l = local_id : i32 %lc = lt %l, %i : bool ";
  CHECK(problem(kernel(group + "if %gc { barrier } {}")) == "");
  CHECK(problem(kernel("for %i, %i, %i (%k: i32) { barrier }")) == "");
  const std::string message = "a barrier in control flow";
  contains(kernel(local + "if %lc { barrier } {}"), message);
  contains(kernel(local + "if %lc { for %i, %i, %i (%k: i32) { barrier } } {}"), message);
  contains(kernel(local + "for %i, %l, %i (%k: i32) { barrier }"), message);
  contains(
      kernel(local + "for %i, %i, %i (%k: i32) { %kc = lt %k, %l : bool if %kc {} { barrier } }"),
      message);
  contains(kernel("%a = load %in, %i : f32 %b = lt %a, %f : bool if %b { barrier } {}"), message);
  // Through a variable, also when the set comes later in the text.
  contains(kernel(local + "%a = var : var<bool> set %a, %c for %i, %i, %i (%k: i32) {"
                          "%b = get %a : bool if %b { barrier } {} set %a, %lc }"),
           message);
  contains(kernel(local + "%a = var : var<bool> if %lc { set %a, %c } {} %b = get %a : bool "
                          "if %b { barrier } {}"),
           message);
}

}  // namespace
}  // namespace quartet::ir
