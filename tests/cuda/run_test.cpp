// Whole plans as generated CUDA C++, run on the host, against the tensor expressions evaluated
// point by point.
#include "ir/text.h"
#include "tests/common/harness.h"
#include "tests/common/matrix_units.h"
#include "tests/cuda/fake_device.h"
#include "tests/sched/graphs.h"

using namespace quartet;
using namespace quartet::test;
using namespace quartet::tests;

namespace {

constexpr NamedGraph kGraphs[] = {
    {"matmul", R"(graph @matmul(%x: f32[33, 24], %w: f32[24, 52]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[33, 52] from "y"
    return %y
  })"},
    {"half_matmul", R"(graph @half_matmul(%x: f16[16, 32], %w: f16[32, 16]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f16[16, 16] from "y"
    return %y
  })"},
    {"brain_sum", R"(graph @brain_sum(%x: bf16[9, 20], %z: bf16[9, 20]) -> ("y") {
    %a = add %x, %z : bf16[9, 20] from "a"
    %y = mul %a, %z : bf16[9, 20] from "y"
    return %y
  })"},
    {"conv", R"(graph @conv(%x: f32[1, 3, 11, 11], %w: f32[8, 3, 3, 3]) -> ("y") {
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [2, 2]} : f32[1, 8, 6, 6] from "y"
    return %y
  })"},
    {"pool", R"(graph @pool(%x: f32[1, 4, 12, 12]) -> ("y") {
    %y = window %x {dilations = [1, 1, 1, 1], fn = max, pads = [0, 0, 1, 1, 0, 0, 1, 1], strides = [1, 1, 2, 2], window = [1, 1, 3, 3]} : f32[1, 4, 6, 6] from "y"
    return %y
  })"},
    {"columns", R"(graph @columns(%x: f32[40, 36]) -> ("y") {
    %y = reduce %x {axes = [0], fn = max} : f32[36] from "y"
    return %y
  })"},
    {"scan", R"(graph @scan(%x: f32[5, 40]) -> ("y") {
    %y = scan %x {axis = 1, exclusive = 0, fn = add, reverse = 1} : f32[5, 40] from "y"
    return %y
  })"},
    {"argsort", R"(graph @argsort(%x: f32[3, 21]) -> ("y") {
    %y = argsort %x {descending = 1} : i32[3, 21] from "y"
    return %y
  })"},
    {"gather", R"(graph @gather(%x: f32[4, 18], %i: i64[3]) -> ("y") {
    %y = gather %x, %i {axis = 0} : f32[3, 18] from "y"
    return %y
  })"},
    {"integers", R"(graph @integers(%x: i64[130], %z: i64[130]) -> ("y") {
    %a = mul %x, %z : i64[130] from "a"
    %y = sub %a, %z : i64[130] from "y"
    return %y
  })"},
};

Tensors runOn(runtime::Device& device, const hwdb::Description& description,
              const ir::Module& graph, const Tensors& inputs) {
  const auto executable = device.compile(lowered(planned(graph, description), description));
  REQUIRE_MESSAGE(executable.has_value(), (executable ? "" : executable.error().str()));
  const auto context = (*executable)->createContext();
  REQUIRE_MESSAGE(context.has_value(), (context ? "" : context.error().str()));
  runtime::Context::Sources sources;
  for (const auto& input : inputs) sources.push_back(input->bytes);
  std::vector<std::vector<std::byte>> results;
  std::vector<const runtime::BufferInfo*> outputs;
  for (const runtime::BufferInfo& buffer : (*executable)->program().buffers) {
    if (buffer.kind != runtime::BufferInfo::Kind::Output) continue;
    outputs.push_back(&buffer);
    results.emplace_back(static_cast<size_t>(runtime::hostBytes(buffer)));
  }
  const runtime::Context::Targets targets(results.begin(), results.end());
  const Status status = (*context)->run(sources, targets);
  REQUIRE_MESSAGE(status.has_value(), (status ? "" : status.error().str()));
  Tensors tensors;
  for (size_t i = 0; i < outputs.size(); ++i) {
    tensors.push_back(ir::makeConstant(outputs[i]->logical, outputs[i]->shape, results[i]));
  }
  return tensors;
}

}  // namespace

TEST_CASE("cuda on the host: plans compute what their expressions say") {
  const auto device = openFakeOrFail();
  for (const NamedGraph& named : kGraphs) {
    INFO(named.name);
    const ir::Module graph = expressed(named.text);
    const Tensors inputs = makeInputs(graph, 1);
    const Tensors wanted = evaluateExpressed(graph, inputs);
    const Tensors got = runOn(*device, device->description(), graph, inputs);
    REQUIRE(got.size() == wanted.size());
    for (size_t i = 0; i < got.size(); ++i) compareTensor(*got[i], *wanted[i]);
  }
}

TEST_CASE("cuda on the host: products by matrix units") {
  const auto device = openFakeOrFail();
  const hwdb::Description description = warpGpu();
  for (const std::string& text :
       {matrixProductText("f16", 0, 64, 64, 128), matrixProductText("bf16", 2, 40, 50, 70),
        matrixProductText("i8", 0, 70, 90, 50), matrixConvolutionText("f16", 20, 30, 9, 11)}) {
    INFO(text);
    const ir::Module graph = expressed(text);
    CHECK(ir::print(planned(graph, description)).find("unit [16, 16, 16]") != std::string::npos);
    const Tensors inputs = exactInputs(graph, 4);
    const Tensors wanted = evaluateExpressed(graph, inputs);
    const Tensors got = runOn(*device, description, graph, inputs);
    REQUIRE(got.size() == 1);
    compareTensor(*got[0], *wanted[0]);
  }
}
