// Reductions staged in workgroup memory, on drivers: barriers, vectors and tails for real.
#include "ir/text.h"
#include "tests/common/harness.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

constexpr const char* kGraphs[] = {
    R"(graph @g(%x: f32[70, 130], %w: f32[130, 90]) -> ("y") {
      %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[70, 90]
      return %y
    })",
    R"(graph @g(%x: f32[3, 33, 257], %w: f32[3, 257, 41]) -> ("y") {
      %y = contract %x, %w {lhs = [0, 1, 3], out = [0, 1, 2], rhs = [0, 3, 2]} : f32[3, 33, 41]
      return %y
    })",
    R"(graph @g(%x: f32[2, 24, 19, 23], %w: f32[20, 24, 3, 3]) -> ("y") {
      %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [2, 2]} : f32[2, 20, 10, 12]
      return %y
    })"};

/// Runs a program on the device; outputs are f32.
test::Tensors run(runtime::Device& device, runtime::Program program, const test::Tensors& inputs) {
  const auto executable = device.compile(std::move(program));
  REQUIRE_MESSAGE(executable.has_value(), (executable ? "" : executable.error().str()));
  const auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  std::vector<std::span<const std::byte>> given;
  for (const auto& input : inputs) given.emplace_back(input->bytes);
  test::Tensors outputs;
  std::vector<std::vector<std::byte>> results;
  for (const runtime::BufferInfo& buffer : (*executable)->program().buffers) {
    if (buffer.kind != runtime::BufferInfo::Kind::Output) continue;
    int64_t elements = 1;
    for (const auto& extent : buffer.shape) elements *= extent;
    results.emplace_back(static_cast<size_t>(elements) * sizeof(float));
  }
  const std::vector<std::span<std::byte>> wanted(results.begin(), results.end());
  const Status status = (*context)->run(given, wanted);
  REQUIRE_MESSAGE(status.has_value(), (status ? "" : status.error().str()));
  checkNoMessages();
  for (std::vector<std::byte>& bytes : results) {
    const auto elements = static_cast<int64_t>(bytes.size() / sizeof(float));
    outputs.push_back(ir::makeConstant(ir::DType::F32, {elements}, bytes));
  }
  return outputs;
}

}  // namespace

TEST_CASE("staged reductions") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    hwdb::Description staging = device->description();
    // On these devices it is slower, and must be right.
    staging.stagingPays.value = true;
    for (hwdb::MemoryLevel& level : staging.memory) {
      if (level.kind == hwdb::MemoryLevel::Kind::Explicit) level.gigabytesPerSecond.value = 1e6;
    }
    for (const char* text : kGraphs) {
      CAPTURE(text);
      const ir::Module graph = test::expressed(text);
      runtime::Program program = test::lowered(test::planned(graph, staging), staging);
      bool shared = false;
      for (const ir::Module& kernel : program.kernels) {
        shared |= ir::print(kernel).find("= shared") != std::string::npos;
      }
      CHECK(shared);
      const test::Tensors inputs = test::makeInputs(graph, 5);
      test::checkClose(run(*device, std::move(program), inputs),
                       test::evaluateExpressed(graph, inputs));
    }
  }
}
