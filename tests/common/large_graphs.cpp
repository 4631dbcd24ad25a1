#include "tests/common/large_graphs.h"

namespace quartet::test {

namespace {

constexpr NamedGraph kLarge[] = {
    {"matmul", R"(graph @matmul(%x: f32[512, 768], %w: f32[768, 640]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[512, 640] from "y"
    return %y
  })"},
    {"odd_matmul", R"(graph @odd_matmul(%x: f32[127, 61], %w: f32[61, 53]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[127, 53] from "y"
    return %y
  })"},
    {"packed_matmul", R"(graph @packed_matmul(%x: f32[512, 256]) -> ("y") {
    %w = constant {hash = "w"} : f32[256, 512]
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[512, 512] from "y"
    return %y
  }
  constant "w" f32[256, 512] = elided)"},
    {"half_matmul", R"(graph @half_matmul(%x: f16[256, 256], %w: f16[256, 256]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f16[256, 256] from "y"
    return %y
  })"},
    {"strided_conv", R"(graph @strided_conv(%x: f32[1, 3, 230, 230]) -> ("y") {
    %w = constant {hash = "w"} : f32[64, 3, 7, 7]
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [2, 2]} : f32[1, 64, 112, 112] from "y"
    return %y
  }
  constant "w" f32[64, 3, 7, 7] = elided)"},
    {"pool", R"(graph @pool(%x: f32[1, 64, 112, 112]) -> ("y") {
    %y = window %x {dilations = [1, 1, 1, 1], fn = max, pads = [0, 0, 1, 1, 0, 0, 1, 1], strides = [1, 1, 2, 2], window = [1, 1, 3, 3]} : f32[1, 64, 56, 56] from "y"
    return %y
  })"},
    {"rows", R"(graph @rows(%x: f32[4096, 1024]) -> ("y") {
    %y = reduce %x {axes = [1], fn = add} : f32[4096] from "y"
    return %y
  })"},
    {"columns", R"(graph @columns(%x: f32[4096, 1024]) -> ("y") {
    %y = reduce %x {axes = [0], fn = max} : f32[1024] from "y"
    return %y
  })"},
    {"integers", R"(graph @integers(%x: i64[4096], %z: i64[4096]) -> ("y") {
    %a = mul %x, %z : i64[4096] from "a"
    %y = div %a, %z : i64[4096] from "y"
    return %y
  })"},
};

}  // namespace

std::vector<NamedGraph> graphsToCompile() {
  std::vector<NamedGraph> graphs(scheduledGraphs().begin(), scheduledGraphs().end());
  graphs.insert(graphs.end(), std::begin(kLarge), std::end(kLarge));
  return graphs;
}

}  // namespace quartet::test
