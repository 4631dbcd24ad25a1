#include "tests/sched/graphs.h"

namespace quartet::test {

namespace {

constexpr NamedGraph kGraphs[] = {
    {"conv", R"(graph @conv(%x: f32[1, 8, 14, 14]) -> ("y") {
    %w = constant {hash = "w"} : f32[32, 8, 3, 3]
    %v = constant {hash = "v"} : f32[32, 32, 3, 3]
    %b = constant {hash = "b"} : f32[32, 1, 1]
    %z = constant {hash = "z"} : f32[]
    %c = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[1, 32, 14, 14] from "conv1"
    %d = conv %c, %v {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[1, 32, 14, 14] from "conv2"
    %e = add %d, %b : f32[1, 32, 14, 14] from "conv2"
    %f = add %e, %c : f32[1, 32, 14, 14] from "residual"
    %y = max %f, %z : f32[1, 32, 14, 14] from "relu"
    return %y
  }
  constant "w" f32[32, 8, 3, 3] = elided
  constant "v" f32[32, 32, 3, 3] = elided
  constant "b" f32[32, 1, 1] = elided
  constant "z" f32[] = [0.0])"},
    {"matmul_chain", R"(graph @matmul_chain(%x: f32[61, 64]) -> ("y") {
    %w = constant {hash = "w"} : f32[64, 96]
    %v = constant {hash = "v"} : f32[96, 40]
    %b = constant {hash = "b"} : f32[96]
    %c = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[61, 96] from "up"
    %d = add %c, %b : f32[61, 96] from "up"
    %e = tanh %d : f32[61, 96] from "tanh"
    %y = contract %e, %v {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[61, 40] from "down"
    return %y
  }
  constant "w" f32[64, 96] = elided
  constant "v" f32[96, 40] = elided
  constant "b" f32[96] = elided)"},
    {"softmax", R"(graph @softmax(%x: f32[12, 50]) -> ("y") {
    %m = reduce %x {axes = [1], fn = max} : f32[12] from "softmax"
    %n = reshape %m : f32[12, 1] from "softmax"
    %d = sub %x, %n : f32[12, 50] from "softmax"
    %e = exp %d : f32[12, 50] from "softmax"
    %s = reduce %e {axes = [1], fn = add} : f32[12] from "softmax"
    %t = reshape %s : f32[12, 1] from "softmax"
    %y = div %e, %t : f32[12, 50] from "softmax"
    return %y
  })"},
    {"branches", R"(graph @branches(%x: f32[20, 24], %z: f32[20, 24]) -> ("y") {
    %w = constant {hash = "w"} : f32[24, 32]
    %v = constant {hash = "v"} : f32[24, 32]
    %a = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[20, 32] from "left"
    %b = exp %a : f32[20, 32] from "left"
    %s = reduce %b {axes = [1], fn = add} : f32[20] from "left"
    %c = contract %z, %v {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[20, 32] from "right"
    %d = tanh %c : f32[20, 32] from "right"
    %t = reduce %d {axes = [1], fn = max} : f32[20] from "right"
    %y = add %s, %t : f32[20] from "join"
    return %y
  }
  constant "w" f32[24, 32] = elided
  constant "v" f32[24, 32] = elided)"},
    {"attention",
     R"(graph @attention(%q: f32[1, 17, 32], %k: f32[1, 17, 32], %v: f32[1, 17, 32]) -> ("y") {
    %q4 = reshape %q : f32[1, 17, 4, 8] from "heads"
    %k4 = reshape %k : f32[1, 17, 4, 8] from "heads"
    %v4 = reshape %v : f32[1, 17, 4, 8] from "heads"
    %qt = transpose %q4 {perm = [0, 2, 1, 3]} : f32[1, 4, 17, 8] from "heads"
    %kt = transpose %k4 {perm = [0, 2, 3, 1]} : f32[1, 4, 8, 17] from "heads"
    %vt = transpose %v4 {perm = [0, 2, 1, 3]} : f32[1, 4, 17, 8] from "heads"
    %s = contract %qt, %kt {lhs = [0, 1, 2, 4], out = [0, 1, 2, 3], rhs = [0, 1, 4, 3]} : f32[1, 4, 17, 17] from "scores"
    %e = exp %s : f32[1, 4, 17, 17] from "weights"
    %o = contract %e, %vt {lhs = [0, 1, 2, 4], out = [0, 1, 2, 3], rhs = [0, 1, 4, 3]} : f32[1, 4, 17, 8] from "context"
    %t = transpose %o {perm = [0, 2, 1, 3]} : f32[1, 17, 4, 8] from "merge"
    %y = reshape %t : f32[1, 17, 32] from "merge"
    return %y
  })"},
    {"depthwise", R"(graph @depthwise(%x: f32[1, 24, 12, 12]) -> ("y") {
    %w = constant {hash = "w"} : f32[24, 1, 3, 3]
    %v = constant {hash = "v"} : f32[16, 24, 1, 1]
    %c = conv %x, %w {dilations = [1, 1], group = 24, pads = [1, 1, 1, 1], strides = [2, 2]} : f32[1, 24, 6, 6] from "depthwise"
    %y = conv %c, %v {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [1, 1]} : f32[1, 16, 6, 6] from "pointwise"
    return %y
  }
  constant "w" f32[24, 1, 3, 3] = elided
  constant "v" f32[16, 24, 1, 1] = elided)"},
};

}  // namespace

std::span<const NamedGraph> scheduledGraphs() { return kGraphs; }

}  // namespace quartet::test
