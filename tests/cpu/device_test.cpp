// Programs on the device: bindings, waves, status, memory.
#include <cmath>
#include <cstring>
#include <numeric>

#include "backends/cpu/device.h"
#include "ir/kernel.h"
#include "runtime/memory_planner.h"
#include "tests/cpu/support.h"

using namespace quartet;
using ir::DType;
using ir::KernelBuilder;
using ir::Opcode;
using ir::ValueId;
using runtime::BufferInfo;

namespace {

using Inputs = std::vector<std::span<const std::byte>>;
using Outputs = std::vector<std::span<std::byte>>;

template <class T>
std::span<const std::byte> in(const std::vector<T>& values) {
  return std::as_bytes(std::span<const T>(values));
}
template <class T>
std::span<std::byte> out(std::vector<T>& values) {
  return std::as_writable_bytes(std::span<T>(values));
}

BufferInfo buffer(BufferInfo::Kind kind, DType dtype, int64_t elements, std::string name) {
  BufferInfo info;
  info.kind = kind;
  info.name = std::move(name);
  info.storage = info.logical = dtype;
  info.shape = {elements};
  info.bytes = elements * ir::byteSize(dtype);
  return info;
}

runtime::Dispatch dispatch(int kernel, int64_t groups, const runtime::Program& program,
                           const std::vector<int>& buffers, std::vector<uint32_t> params = {}) {
  runtime::Dispatch made;
  made.kernel = kernel;
  made.groups = groups;
  for (int number : buffers) {
    made.bindings.push_back({number, 0, program.buffers[static_cast<size_t>(number)].bytes});
  }
  made.parameters = std::move(params);
  made.name = "test";
  return made;
}

// b1[i] = b0[i] * param(0) + groupId, 16 elements a group.
ir::Module scaleKernel() {
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::F32, DType::F32}, buffers);
  KernelBuilder b(kernel);
  const ValueId at = b.apply(Opcode::Mul, {b.groupId(), b.literal(16)});
  const ValueId factor = b.splat(b.cast(b.param(0), DType::F32), 16);
  const ValueId group = b.splat(b.cast(b.groupId(), DType::F32), 16);
  b.store(buffers[1], at, b.apply(Opcode::Fma, {b.load(buffers[0], at, 16), factor, group}));
  return kernel;
}

// Input (0) -> arena (1) -> arena (2) -> output (3), in three waves.
runtime::Program chainProgram(int64_t groups) {
  runtime::Program program;
  program.name = "chain";
  const int64_t elements = groups * 16;
  program.buffers = {buffer(BufferInfo::Kind::Input, DType::F32, elements, "x"),
                     buffer(BufferInfo::Kind::Arena, DType::F32, elements, "a"),
                     buffer(BufferInfo::Kind::Arena, DType::F32, elements, "b"),
                     buffer(BufferInfo::Kind::Output, DType::F32, elements, "y")};
  program.kernels.push_back(scaleKernel());
  for (int i = 0; i < 3; ++i) {
    program.waves.push_back({{dispatch(0, groups, program, {i, i + 1}, {uint32_t(i + 2)})}});
  }
  runtime::planMemory(program, 64);
  return program;
}

std::vector<float> runChain(runtime::Device& device, int64_t groups) {
  auto executable = device.compile(chainProgram(groups));
  REQUIRE(executable.has_value());
  auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  std::vector<float> x(static_cast<size_t>(groups) * 16);
  std::iota(x.begin(), x.end(), -5.0F);
  std::vector<float> y(x.size());
  for (int run = 0; run < 3; ++run) {
    REQUIRE((*context)->run({in(x)}, {out(y)}).has_value());
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const auto g = std::floor(static_cast<float>(i) / 16);
    REQUIRE(y[i] == doctest::Approx(((x[i] * 2 + g) * 3 + g) * 4 + g));
  }
  return y;
}

std::unique_ptr<runtime::Device> makeDevice(cpu::ExecutorKind kind, int threads) {
  return cpu::createDevice(cpu::makeExecutor(kind, threads)).value();
}

// out[0] = in[0] / in[1], with reports of a zero divisor (node 1) and of in[1] > 100 (node 0).
runtime::Program reportingProgram() {
  runtime::Program program;
  program.buffers = {buffer(BufferInfo::Kind::Input, DType::I32, 2, "x"),
                     buffer(BufferInfo::Kind::Output, DType::I32, 1, "y")};
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::I32, DType::I32}, buffers);
  KernelBuilder b(kernel);
  const ValueId dividend = b.load(buffers[0], b.literal(0));
  const ValueId divisor = b.load(buffers[0], b.literal(1));
  b.report(b.apply(Opcode::Eq, {divisor, b.literal(0)}),
           static_cast<int64_t>(ir::StatusCode::DivisionByZero), 1);
  b.report(b.apply(Opcode::Gt, {divisor, b.literal(100)}),
           static_cast<int64_t>(ir::StatusCode::IndexOutOfRange), 0, b.cast(divisor, DType::I64));
  b.store(buffers[1], b.literal(0), b.apply(Opcode::Div, {dividend, divisor}));
  program.kernels.push_back(std::move(kernel));
  program.waves.push_back({{dispatch(0, 1, program, {0, 1})}});
  program.statusSites = {{{"gather1"}, "gather", 100}, {{"div1"}, "div"}};
  runtime::planMemory(program, 64);
  return program;
}

}  // namespace

TEST_CASE("a chain of waves, on every executor, any number of threads, bit-identical") {
  const std::vector<float> expected = runChain(*makeDevice(cpu::ExecutorKind::Inline, 1), 1000);
  for (cpu::ExecutorKind kind : {cpu::ExecutorKind::Tbb, cpu::ExecutorKind::Threads}) {
    for (int threads : {1, 2, 3}) {
      const auto device = makeDevice(kind, threads);
      CHECK(runChain(*device, 1000) == expected);
      CHECK(runChain(*device, 1).size() == 16);
    }
  }
}

TEST_CASE("groups may be none: an empty tensor runs through") {
  CHECK(runChain(*makeDevice(cpu::ExecutorKind::Tbb, 2), 0).empty());
}

TEST_CASE("compiling twice gives identical code") {
  const auto device = makeDevice(cpu::ExecutorKind::Tbb, 2);
  auto first = device->compile(chainProgram(8));
  auto second = device->compile(chainProgram(8));
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  CHECK(!(*first)->code().empty());
  CHECK((*first)->code() == (*second)->code());
}

TEST_CASE("the caller's memory is used where it can be, else copied") {
  const auto device = makeDevice(cpu::ExecutorKind::Tbb, 2);
  auto executable = device->compile(chainProgram(4));
  REQUIRE(executable.has_value());
  auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  const size_t count = 64;
  const size_t bytes = count * sizeof(float);
  std::vector<std::byte> memory(2 * bytes + 64);
  std::vector<float> expected(count);
  const auto write = [&](size_t offset) {
    for (size_t i = 0; i < expected.size(); ++i) {
      const auto x = static_cast<float>(i);
      std::memcpy(&memory[offset + i * sizeof(float)], &x, sizeof(float));
      const auto g = std::floor(static_cast<float>(i) / 16);
      expected[i] = ((x * 2 + g) * 3 + g) * 4 + g;
    }
  };
  const auto check = [&](size_t from, size_t to) {
    write(from);
    const Inputs inputs = {{&memory[from], bytes}};
    REQUIRE((*context)->run(inputs, {{&memory[to], bytes}}).has_value());
    std::vector<float> found(count);
    std::memcpy(found.data(), &memory[to], bytes);
    CHECK(found == expected);
  };
  check(0, bytes);      // in place
  check(1, bytes + 3);  // not aligned to an element
  check(0, 0);          // the output overwrites the input
  check(0, bytes / 2);  // overlapping
  check(bytes + 16, 0);
}

TEST_CASE("wrong numbers or sizes of tensors are errors that name them") {
  const auto device = makeDevice(cpu::ExecutorKind::Inline, 1);
  auto executable = device->compile(chainProgram(4));
  REQUIRE(executable.has_value());
  auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  std::vector<float> x(64);
  std::vector<float> y(64);
  std::vector<float> shorter(63);
  const Status none = (*context)->run({}, {out(y)});
  REQUIRE(!none.has_value());
  CHECK(none.error().message.find("0 inputs given, the model has 1") != std::string::npos);
  const Status small = (*context)->run({in(x)}, {out(shorter)});
  REQUIRE(!small.has_value());
  CHECK(small.error().where == "output 'y'");
  CHECK(small.error().message == "252 bytes given, 256 required");
  CHECK((*context)->run({in(x)}, {out(y)}).has_value());
}

TEST_CASE("reports become errors that name the node, and the next run is clean") {
  const auto device = makeDevice(cpu::ExecutorKind::Tbb, 2);
  auto executable = device->compile(reportingProgram());
  REQUIRE(executable.has_value());
  auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  const auto run = [&](int a, int b, int& quotient) {
    const std::vector<int> x = {a, b};
    std::vector<int> y = {-1};
    Status status = (*context)->run({in(x)}, {out(y)});
    quotient = y[0];
    return status;
  };
  int quotient = 0;
  CHECK(run(7, 2, quotient).has_value());
  CHECK(quotient == 3);
  const Status division = run(7, 0, quotient);
  REQUIRE(!division.has_value());
  CHECK(division.error().message.find("division by zero") != std::string::npos);
  CHECK(division.error().where == "node 'div1' (div)");
  const Status index = run(7, 101, quotient);
  REQUIRE(!index.has_value());
  CHECK(index.error().where == "node 'gather1' (gather)");
  CHECK(index.error().message == "index 101 is out of range for an axis of extent 100");
  CHECK(run(-8, 4, quotient).has_value());
  CHECK(quotient == -2);
}

TEST_CASE("constants are packed into their layout") {
  runtime::Program program;
  program.buffers = {buffer(BufferInfo::Kind::Constant, DType::F32, 32, "w"),
                     buffer(BufferInfo::Kind::Output, DType::F32, 32, "y")};
  std::vector<float> values(32);
  std::iota(values.begin(), values.end(), 0.0F);
  program.buffers[0].shape = {2, 16};
  program.buffers[0].layout = ir::Layout::permutation({1, 0});
  program.buffers[0].data = ir::makeConstant(DType::F32, {2, 16}, values);
  program.kernels.push_back(scaleKernel());
  program.waves.push_back({{dispatch(0, 2, program, {0, 1}, {1})}});
  runtime::planMemory(program, 64);
  auto executable = makeDevice(cpu::ExecutorKind::Tbb, 2)->compile(std::move(program));
  REQUIRE(executable.has_value());
  auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  std::vector<float> y(32);
  REQUIRE((*context)->run({}, {out(y)}).has_value());
  for (size_t i = 0; i < 32; ++i) {
    const size_t expected = i / 2 + i % 2 * 16 + i / 16;
    CHECK(y[i] == static_cast<float>(expected));
  }
}

TEST_CASE("more memory than there is: an error before anything is allocated") {
  runtime::Program program = chainProgram(4);
  program.arenaBytes = int64_t{1} << 50;
  auto executable = makeDevice(cpu::ExecutorKind::Inline, 1)->compile(std::move(program));
  REQUIRE(executable.has_value());
  const auto context = (*executable)->createContext();
  REQUIRE(!context.has_value());
  CHECK(context.error().kind == Diagnostic::Kind::Resource);
  CHECK(context.error().message.find("needed") != std::string::npos);
}

TEST_CASE("the host's description is complete") {
  const auto device = cpu::createDevice(runtime::DeviceOptions{.threads = 2});
  REQUIRE(device.has_value());
  const hwdb::Description& host = (*device)->description();
  MESSAGE(host.name, ", ", host.driver, ": ", host.peakGigaflops.value, " GFLOP/s, FMA per cycle ",
          host.fmaPerCycle.value, ", launch ", host.launchMicroseconds.value, " us, task ",
          host.taskMicroseconds.value, " us, ", host.memoryGigabytesPerSecond.value, " GB/s");
  for (const hwdb::MemoryLevel& level : host.memory) {
    MESSAGE(level.name, ": ", level.bytes.value, " bytes, ", level.gigabytesPerSecond.value,
            " GB/s");
    CHECK(level.bytes.value > 0);
    CHECK(level.gigabytesPerSecond.value > 0.5);
  }
  CHECK(host.units.value == 2);
  CHECK(host.peakGigaflops.value > 1);
  CHECK(host.vectorLanes.value >= 4);
  CHECK(host.level("L1") != nullptr);
  CHECK(host.memory.front().name == "memory");
  CHECK(!cpu::createDevice(runtime::DeviceOptions{.threads = -1}).has_value());
}
