// Buffers next to unmapped pages: a kernel that leaves its buffer dies, one that stays lives.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "backends/cpu/device.h"
#include "ir/kernel.h"
#include "runtime/memory_planner.h"
#include "tests/cpu/support.h"

using namespace quartet;
using cpu::Placement;
using ir::DType;
using ir::KernelBuilder;
using ir::ValueId;
using runtime::BufferInfo;

namespace {

constexpr int64_t kElements = 5;

BufferInfo buffer(BufferInfo::Kind kind, const std::string& name) {
  BufferInfo info;
  info.kind = kind;
  info.name = name;
  info.storage = info.logical = DType::F32;
  info.shape = {kElements};
  info.bytes = kElements * ir::byteSize(DType::F32);
  if (kind == BufferInfo::Kind::Constant) {
    info.data = ir::makeConstant(DType::F32, {kElements},
                                 std::vector<std::byte>(static_cast<size_t>(info.bytes)));
    info.hash = name;
  }
  return info;
}

/// Loads (or loads and stores) the element before the first by default, then params[0] further.
ir::Module touchKernel(bool stores) {
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::F32, DType::F32}, buffers);
  KernelBuilder b(kernel);
  const ValueId at = b.apply(ir::Opcode::Add, {b.param(0), b.literal(-1)});
  const ValueId loaded = b.load(buffers[0], stores ? b.literal(0) : at);
  b.store(buffers[stores ? 0 : 1], stores ? at : b.literal(0), loaded);
  return kernel;
}

/// Buffers: input, arena, constant, output, and a second arena buffer that other loads go to.
runtime::Program touchProgram(int touched, bool stores, uint32_t at) {
  runtime::Program program;
  program.buffers = {buffer(BufferInfo::Kind::Input, "x"), buffer(BufferInfo::Kind::Arena, "a"),
                     buffer(BufferInfo::Kind::Constant, "c"), buffer(BufferInfo::Kind::Output, "y"),
                     buffer(BufferInfo::Kind::Arena, "b")};
  program.kernels.push_back(touchKernel(stores));
  runtime::Dispatch dispatch;
  dispatch.groups = 1;
  for (int number : {touched, 4}) {
    dispatch.bindings.push_back({number, 0, program.buffers[0].bytes});
  }
  dispatch.parameters = {at};
  dispatch.name = "touch";
  program.waves.push_back({{dispatch}});
  runtime::planMemory(program, 64);
  return program;
}

/// Whether a process that runs the program dies of an invalid access.
bool traps(const runtime::Program& program, Placement placement) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (int signal : {SIGSEGV, SIGBUS}) ::signal(signal, SIG_DFL);
    const auto device =
        cpu::createDevice(cpu::makeExecutor(cpu::ExecutorKind::Inline, 1), nullptr, {placement})
            .value();
    const auto executable = device->compile(program);
    const auto context = executable ? (*executable)->createContext() : nullptr;
    std::vector<float> x(kElements);
    std::vector<float> y(kElements);
    const auto in = std::as_bytes(std::span<const float>(x));
    const bool ran = context && (*context)->run({in}, {std::as_writable_bytes(std::span(y))});
    _exit(ran ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

}  // namespace

TEST_CASE("an access right outside of a guarded buffer traps, of every kind of buffer") {
  for (int touched : {0, 1, 2, 3}) {
    for (bool stores : {false, true}) {
      CAPTURE(touched);
      CAPTURE(stores);
      const auto before = touchProgram(touched, stores, 0);
      const auto first = touchProgram(touched, stores, 1);
      const auto last = touchProgram(touched, stores, kElements);
      const auto beyond = touchProgram(touched, stores, kElements + 1);
      CHECK(traps(before, Placement::StartsAfterUnmapped));
      CHECK(traps(beyond, Placement::EndsAtUnmapped));
      for (Placement placement : {Placement::StartsAfterUnmapped, Placement::EndsAtUnmapped}) {
        CHECK_FALSE(traps(first, placement));
        CHECK_FALSE(traps(last, placement));
      }
      // What the guards are for: in one arena, and beside the heap's other blocks, it is silent.
      CHECK_FALSE(traps(beyond, Placement::Heap));
    }
  }
}

TEST_CASE("guarded blocks hold no zeros, are as long as asked and given back") {
  for (Placement placement : {Placement::EndsAtUnmapped, Placement::StartsAfterUnmapped}) {
    for (int64_t bytes : {0, 1, 4095, 4096, 4097, 1 << 20}) {
      const auto block = cpu::Block::allocate(bytes, "a test", placement);
      REQUIRE(block.has_value());
      CHECK(block->size() == bytes);
      for (int64_t i = 0; i < bytes; ++i) REQUIRE(block->data()[i] == std::byte{0xff});
    }
  }
}
