#include "tests/common/harness.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "backends/common/lower_plan.h"
#include "ir/express.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "runtime/memory_planner.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"

namespace quartet::test {

namespace {

template <class T>
T need(Result<T> result) {
  if (!result) FAIL(result.error().str());
  return *std::move(result);
}

std::vector<int64_t> shapeOf(const ir::Type& type, const ir::SymbolValues& symbols) {
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : type.shape) shape.push_back(need(dim.evaluate(symbols)));
  return shape;
}

template <class T>
void compareFloats(const ir::ConstantData& got, const ir::ConstantData& want) {
  const auto a = got.as<T>();
  const auto b = want.as<T>();
  for (size_t i = 0; i < b.size(); ++i) {
    const double x = static_cast<double>(a[i]);
    const double y = static_cast<double>(b[i]);
    if (std::isnan(y) ? std::isnan(x) : x == y || std::abs(x - y) <= 1e-5 * (std::abs(y) + 1)) {
      continue;
    }
    FAIL_CHECK("element " << i << ": got " << x << ", want " << y);
    return;
  }
}

}  // namespace

void compareTensor(const ir::ConstantData& got, const ir::ConstantData& want) {
  REQUIRE(got.dtype == want.dtype);
  REQUIRE(got.bytes.size() == want.bytes.size());
  switch (want.dtype) {
    case ir::DType::F32:
      return compareFloats<float>(got, want);
    case ir::DType::F64:
      return compareFloats<double>(got, want);
    default:
      CHECK(std::equal(got.bytes.begin(), got.bytes.end(), want.bytes.begin()));
  }
}

ir::Module expressed(std::string_view text) {
  ir::ParseOptions options;
  options.fillElided = true;
  ir::Module graph = need(ir::parse(text, options));
  if (const Status sound = ir::verify(graph); !sound) FAIL(sound.error().str());
  return need(ir::express(std::move(graph)));
}

ir::Module planned(const ir::Module& graph, const hwdb::Description& device,
                   const sched::Options& options) {
  ir::PassRunner runner;
  return need(sched::schedule(graph, {device, sched::roofline, options}, runner));
}

runtime::Program lowered(const ir::Module& plan, const hwdb::Description& device,
                         const ir::SymbolValues& symbols) {
  runtime::Program program = need(common::lowerPlan(plan, device, symbols));
  runtime::planMemory(program, device.bindingAlignBytes.value);
  return program;
}

Tensors makeInputs(const ir::Module& graph, uint64_t seed, const ir::SymbolValues& symbols) {
  std::mt19937_64 random(seed);
  Tensors inputs;
  for (ir::ValueId value : graph.region(graph.top()).parameters) {
    const ir::Type& type = graph.type(value);
    const std::vector<int64_t> shape = shapeOf(type, symbols);
    int64_t elements = 1;
    for (int64_t extent : shape) elements *= extent;
    const int64_t size = ir::byteSize(type.dtype);
    std::vector<std::byte> bytes(static_cast<size_t>(elements * size));
    for (int64_t i = 0; i < elements; ++i) {
      const uint64_t raw = random();
      std::byte* at = bytes.data() + i * size;
      if (type.dtype == ir::DType::F32) {
        const float x = static_cast<float>(raw >> 40) / static_cast<float>(1 << 23) - 1.0F;
        std::memcpy(at, &x, sizeof x);
      } else if (type.dtype == ir::DType::F64) {
        const double x = static_cast<double>(raw >> 12) / 0x1p51 - 1.0;
        std::memcpy(at, &x, sizeof x);
      } else {
        *at = static_cast<std::byte>(type.dtype == ir::DType::Bool ? raw & 1 : raw & 3);
      }
    }
    inputs.push_back(ir::makeConstant(type.dtype, shape, std::move(bytes)));
  }
  return inputs;
}

Tensors evaluateExpressed(const ir::Module& graph, const Tensors& inputs,
                          const ir::SymbolValues& symbols) {
  return need(runExpressed(graph, inputs, symbols)).outputs;
}

Tensors interpretProgram(const runtime::Program& program, const Tensors& inputs,
                         uint32_t* statusCode) {
  const Run run = need(runInterpreted(program, inputs));
  if (statusCode != nullptr && run.statusCode != 0) *statusCode = run.statusCode;
  return run.outputs;
}

void checkClose(const Tensors& got, const Tensors& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < want.size(); ++i) compareTensor(*got[i], *want[i]);
}

void checkGraphOn(const hwdb::Description& device, std::string_view text,
                  const sched::Options& options, const ir::SymbolValues& symbols) {
  const ir::Module graph = expressed(text);
  const Tensors inputs = makeInputs(graph, 1, symbols);
  const Tensors want = evaluateExpressed(graph, inputs, symbols);
  const ir::Module plan = planned(graph, device, options);
  CAPTURE(ir::print(plan));
  const Tensors got = interpretProgram(lowered(plan, device, symbols), inputs);
  checkClose(got, want);
}

void checkGraph(std::string_view text, uint64_t seed, const ir::SymbolValues& symbols) {
  const ir::Module graph = expressed(text);
  const Tensors inputs = makeInputs(graph, seed, symbols);
  const Tensors want = evaluateExpressed(graph, inputs, symbols);
  const std::pair<const char*, hwdb::Description> devices[] = {
      {"vector cpu", vectorCpu()}, {"weak gpu", weakGpu()}, {"scalar gpu", scalarGpu()}};
  const std::pair<const char*, sched::Options> options[] = {{"all on", {}},
                                                            {"welder off", {false, true, true}},
                                                            {"roller off", {true, false, true}},
                                                            {"rammer off", {true, true, false}}};
  for (const auto& [deviceName, description] : devices) {
    for (const auto& [optionName, option] : options) {
      CAPTURE(deviceName);
      CAPTURE(optionName);
      const ir::Module plan = planned(graph, description, option);
      CAPTURE(ir::print(plan));
      const Tensors got = interpretProgram(lowered(plan, description, symbols), inputs);
      REQUIRE(got.size() == want.size());
      for (size_t i = 0; i < want.size(); ++i) compareTensor(*got[i], *want[i]);
    }
  }
}

}  // namespace quartet::test
