// Waves: several task sets in one launch, dependences between launches, status reports.

#include <numeric>
#include <thread>

#include "backends/common/gpu/launch.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;
using ir::Opcode;
using ir::ValueId;
using Kind = runtime::BufferInfo::Kind;

namespace {

/// y[group] = x[group] * factor + parameter, one element per group.
ir::Module scale(double factor, int64_t elements, int64_t local = 1, bool words = true) {
  Kernel k("scale" + std::to_string(static_cast<int>(factor)), local);
  auto& b = k.build;
  const ValueId x = k.input(DType::F32, elements);
  const ValueId y = k.output(DType::F32, elements);
  b.branch(b.apply(Opcode::Eq, {b.localId(), b.literal(0)}), [&] {
    const ValueId product =
        b.apply(Opcode::Mul, {b.load(x, b.groupId()), b.literal(factor, DType::F32)});
    const ValueId word = words ? b.param(0) : b.literal(0);
    b.store(y, b.groupId(), b.apply(Opcode::Add, {product, b.cast(word, DType::F32)}));
  });
  return k.finish();
}

runtime::Dispatch dispatchOf(int kernel, int64_t groups, int from, int to, uint32_t word) {
  runtime::Dispatch dispatch;
  dispatch.kernel = kernel;
  dispatch.groups = groups;
  dispatch.bindings = {{from, 0, groups * 4}, {to, 0, groups * 4}};
  dispatch.parameters = {word};
  dispatch.name = "scale";
  return dispatch;
}

constexpr int64_t kElements = 100;

/// Two waves: arena buffers a = 2x + 10 and b = 3x + 20 side by side, then y = 5a + 30, z = 7b
/// + 40. Groups of the second kernel have another size.
runtime::Program diamond() {
  runtime::Program program;
  program.name = "diamond";
  int64_t local = 1;
  for (const double factor : {2.0, 3.0, 5.0, 7.0}) {
    program.kernels.push_back(scale(factor, kElements, local));
    local = factor == 2.0 ? 8 : 1;
  }
  const auto add = [&](Kind kind, const std::string& name) {
    program.buffers.push_back(bufferOf(kind, name, DType::F32, kElements));
  };
  add(Kind::Input, "x");
  add(Kind::Arena, "a");
  add(Kind::Arena, "b");
  add(Kind::Output, "y");
  add(Kind::Output, "z");
  program.buffers[1].arenaOffset = 0;
  program.buffers[2].arenaOffset = 512;
  program.arenaBytes = 1024;
  program.waves.push_back(
      {{dispatchOf(0, kElements, 0, 1, 10), dispatchOf(1, kElements, 0, 2, 20)}});
  program.waves.push_back(
      {{dispatchOf(2, kElements, 1, 3, 30), dispatchOf(3, kElements, 2, 4, 40)}});
  return program;
}

std::vector<float> ramp(int64_t elements) {
  std::vector<float> values(static_cast<size_t>(elements));
  std::iota(values.begin(), values.end(), 0.0F);
  return values;
}

void checkDiamond(const std::vector<Bytes>& results) {
  const auto y = valuesOf<float>(results[0]);
  const auto z = valuesOf<float>(results[1]);
  for (size_t i = 0; i < y.size(); ++i) {
    const auto x = static_cast<float>(i);
    CHECK(y[i] == 5 * (2 * x + 10) + 30);
    CHECK(z[i] == 7 * (3 * x + 20) + 40);
  }
}

gpu::Limits generousLimits() {
  gpu::Limits limits;
  limits.bindings = 64;
  return limits;
}

}  // namespace

TEST_CASE("waves share launches, and wait for what they read") {
  FOR_EACH_DEVICE(id) {
    const Bytes x = bytesOf(ramp(kElements));
    checkDiamond(runOrFail(*openOrFail(id), diamond(), {x}));
    checkDiamond(runOrFail(*openOrFail(id, {.separateLaunches = true}), diamond(), {x}));
    checkDiamond(runOrFail(*openOrFail(id, {.forceStaging = true}), diamond(), {x}));
    checkDiamond(runOrFail(*openOrFail(id, {.maxGroupsPerAxis = 17}), diamond(), {x}));
    checkDiamond(runOrFail(*openOrFail(id, {.maxPushBytes = 4}), diamond(), {x}));
  }
}

TEST_CASE("dispatches are timed by the device, each by its number, and answers stay the same") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    runtime::Program program = diamond();
    program.waves[1].dispatches[0].microseconds = 1;  // the two share a launch
    program.waves[1].dispatches[1].microseconds = 3;
    const auto executable = device->compile(std::move(program));
    REQUIRE_MESSAGE(executable, executable.error().str());
    const auto context = (*executable)->createContext();
    REQUIRE_MESSAGE(context, context.error().str());
    std::vector<double> times;
    const Status timed = (*context)->timeDispatches(&times);
    if (!timed) {  // a queue without timestamps says so, and nothing else changes
      CHECK(timed.error().kind == Diagnostic::Kind::Unsupported);
      continue;
    }
    CHECK(times == std::vector<double>{0, 0, 0, 0});
    const Bytes x = bytesOf(ramp(kElements));
    std::vector<Bytes> results(2, Bytes(kElements * 4));
    const auto run = [&] {
      const Status status = (*context)->run({x}, {results[0], results[1]});
      REQUIRE_MESSAGE(status, status.error().str());
    };
    run();
    checkDiamond(results);
    for (const double time : times) CHECK(time > 0);
    CHECK(times[3] == doctest::Approx(3 * times[2]));
    const std::vector<double> once = times;
    run();
    for (size_t i = 0; i < times.size(); ++i) CHECK(times[i] > once[i]);
    REQUIRE((*context)->timeDispatches(nullptr));
    const std::vector<double> before = times;
    run();
    CHECK(times == before);
    checkDiamond(results);
    checkNoMessages();
  }
}

TEST_CASE("launches are planned by group size, limits and dependences") {
  runtime::Program program = diamond();
  gpu::LaunchPlan plan = gpu::planLaunches(program, program.kernels, generousLimits());
  REQUIRE(plan.launches.size() == 3);  // local 1 and 8; then one
  CHECK_FALSE(plan.launches[0].barrier);
  CHECK_FALSE(plan.launches[1].barrier);
  CHECK(plan.launches[2].barrier);
  CHECK(plan.launches[2].groups == 2 * kElements);

  gpu::Limits few = generousLimits();
  few.bindings = 3;  // one kernel has two
  plan = gpu::planLaunches(program, program.kernels, few);
  REQUIRE(plan.launches.size() == 4);
  CHECK(plan.launches[2].barrier);
  CHECK_FALSE(plan.launches[3].barrier);  // behind the same barrier

  // The second wave writes over what the first one reads: no RAW, but WAR.
  program.waves[1].dispatches = {dispatchOf(2, kElements, 0, 3, 30)};
  CHECK_FALSE(gpu::planLaunches(program, program.kernels, generousLimits()).launches[2].barrier);
  program.buffers[3].kind = Kind::Arena;
  program.buffers[3].arenaOffset = 0;  // where `a` is written: WAW
  CHECK(gpu::planLaunches(program, program.kernels, generousLimits()).launches[2].barrier);

  program.waves[1].dispatches[0].groups = 0;
  CHECK(gpu::planLaunches(program, program.kernels, generousLimits()).launches.size() == 2);
}

TEST_CASE("one kernel several times in a wave, on windows of one buffer") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    constexpr int kParts = 20;  // more than one shader takes
    constexpr int64_t kWindow = 64;
    runtime::Program program;
    program.name = "windows";
    program.kernels.push_back(scale(2.0, kWindow));
    program.buffers.push_back(bufferOf(Kind::Input, "x", DType::F32, kParts * kWindow));
    program.buffers.push_back(bufferOf(Kind::Output, "y", DType::F32, kParts * kWindow));
    runtime::Wave wave;
    for (int part = 0; part < kParts; ++part) {
      runtime::Dispatch dispatch = dispatchOf(0, kWindow, 0, 1, static_cast<uint32_t>(part));
      for (runtime::Binding& binding : dispatch.bindings) binding.offset = part * kWindow * 4;
      wave.dispatches.push_back(dispatch);
    }
    program.waves.push_back(wave);
    const auto results = runOrFail(*device, program, {bytesOf(ramp(kParts * kWindow))});
    const auto y = valuesOf<float>(results[0]);
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t window = i / kWindow;
      CHECK(y[i] == 2 * static_cast<float>(i) + static_cast<float>(window));
    }
  }
}

TEST_CASE("more groups than an axis takes") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    constexpr int64_t kGroups = 70'001;
    const auto results = runOrFail(*device, programOf(scale(2.0, kGroups, 1, false), kGroups),
                                   {bytesOf(ramp(kGroups))});
    const auto y = valuesOf<float>(results[0]);
    int64_t wrong = 0;
    for (size_t i = 0; i < y.size(); ++i) wrong += y[i] != 2 * static_cast<float>(i);
    CHECK(wrong == 0);
  }
  const gpu::Grid grid = gpu::gridOf(70'001, 65'535);
  CHECK(grid.y == 2);
  CHECK(int64_t{grid.x} * grid.y >= 70'001);
  CHECK(int64_t{grid.x} * grid.y - 70'001 < grid.y);
  CHECK(gpu::gridOf(65'535, 65'535).y == 1);
}

namespace {

/// y[i] = 100 / x[i], with a report where x[i] is 0.
runtime::Program division(int64_t elements) {
  Kernel k("division");
  auto& b = k.build;
  const ValueId x = k.input(DType::I32, elements);
  const ValueId y = k.output(DType::I32, elements);
  const ValueId divisor = b.load(x, b.groupId());
  b.report(b.apply(Opcode::Eq, {divisor, b.literal(0)}),
           static_cast<int64_t>(ir::StatusCode::DivisionByZero), 1);
  b.store(y, b.groupId(), b.apply(Opcode::Div, {b.literal(100), divisor}));
  runtime::Program program = programOf(k.finish(), elements);
  program.statusSites = {{{"first"}, {}}, {{"div1"}, {}}};
  return program;
}

}  // namespace

TEST_CASE("a division by zero names the node, and later runs are clean") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    auto executable = device->compile(division(4));
    REQUIRE(executable.has_value());
    auto context = (*executable)->createContext();
    REQUIRE(context.has_value());
    std::vector<int32_t> x = {1, 0, 7, -3};
    std::vector<int32_t> y(4);
    const auto run = [&] {
      return (*context)->run({std::as_bytes(std::span(x))}, {std::as_writable_bytes(std::span(y))});
    };
    const Status failed = run();
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().kind == Diagnostic::Kind::User);
    CHECK(failed.error().message.find("division by zero") != std::string::npos);
    CHECK(failed.error().where.find("div1") != std::string::npos);
    x[1] = 5;
    CHECK(run().has_value());
    CHECK(y == std::vector<int32_t>{100, 20, 14, -33});
    checkNoMessages();
  }
}

TEST_CASE("empty tensors run through") {
  FOR_EACH_DEVICE(id) {
    const auto results =
        runOrFail(*openOrFail(id), programOf(scale(2.0, 0, 1, false), 0), {Bytes{}});
    CHECK(results[0].empty());
  }
}

TEST_CASE("inputs and outputs of the wrong size or number are refused") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    auto results = runProgram(*device, division(4), {Bytes(12)});
    REQUIRE_FALSE(results.has_value());
    CHECK(results.error().message == "12 bytes given, 16 required");
    results = runProgram(*device, division(4), {});
    REQUIRE_FALSE(results.has_value());
    CHECK(results.error().message == "0 inputs given, the model has 1");
  }
}

TEST_CASE("constants of any size lie on the device once") {
  FOR_EACH_DEVICE(id) {
    for (const bool staging : {false, true}) {
      const auto device = openOrFail(id, {.forceStaging = staging});
      runtime::Program program = programOf(scale(3.0, kElements), kElements, {5});
      program.buffers[0].kind = Kind::Constant;
      program.buffers[0].data = ir::makeConstant(DType::F32, {kElements}, ramp(kElements));
      auto executable = device->compile(program);
      REQUIRE(executable.has_value());
      for (int round = 0; round < 2; ++round) {
        auto context = (*executable)->createContext();
        REQUIRE(context.has_value());
        std::vector<float> y(kElements);
        REQUIRE((*context)->run({}, {std::as_writable_bytes(std::span(y))}).has_value());
        for (size_t i = 0; i < y.size(); ++i) CHECK(y[i] == 3 * static_cast<float>(i) + 5);
      }
      checkNoMessages();
    }
  }
}

TEST_CASE("contexts of several threads run side by side") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    auto executable = device->compile(diamond());
    REQUIRE(executable.has_value());
    std::vector<std::vector<Bytes>> results(3);
    std::vector<std::string> errors(3);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < results.size(); ++t) {
      threads.emplace_back([&, t] {
        auto context = (*executable)->createContext();
        if (!context) {
          errors[t] = context.error().str();
          return;
        }
        const Bytes x = bytesOf(ramp(kElements));
        results[t].assign(2, Bytes(kElements * 4));
        for (int round = 0; round < 10; ++round) {
          const Status status = (*context)->run({x}, {results[t][0], results[t][1]});
          if (!status) errors[t] = status.error().str();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t t = 0; t < results.size(); ++t) {
      CHECK(errors[t].empty());
      checkDiamond(results[t]);
    }
    checkNoMessages();
  }
}

namespace {

/// Whether the run fails with a message of the validation layer that holds `part`.
void checkComplaint(const std::string& id, const vulkan::TestOptions& fault,
                    const std::string& part) {
  const auto device = openOrFail(id, fault);
  const auto results = runProgram(*device, diamond(), {bytesOf(ramp(kElements))});
  REQUIRE_FALSE(results.has_value());
  CHECK(results.error().kind == Diagnostic::Kind::Internal);
  REQUIRE_FALSE(results.error().notes.empty());
  CHECK_MESSAGE(results.error().notes[0].find(part) != std::string::npos, results.error().str());
  (void)vulkan::takeValidationMessages();
}

}  // namespace

TEST_CASE("a planted fault: without barriers the run fails under validation") {
  FOR_EACH_DEVICE(id) { checkComplaint(id, {.omitBarriers = true}, "SYNC-HAZARD"); }
}

TEST_CASE("a planted fault: a wrong buffer usage makes the run fail under validation") {
  FOR_EACH_DEVICE(id) { checkComplaint(id, {.omitStorageUsage = true}, "VUID"); }
}

TEST_CASE("more memory than there is: refused before anything is allocated") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    runtime::Program program = diamond();
    program.arenaBytes = int64_t{1} << 44;
    const auto results = runProgram(*device, program, {bytesOf(ramp(kElements))});
    REQUIRE_FALSE(results.has_value());
    CHECK(results.error().kind == Diagnostic::Kind::Resource);
    CHECK(results.error().message.find("needs") != std::string::npos);
    checkNoMessages();
  }
}
