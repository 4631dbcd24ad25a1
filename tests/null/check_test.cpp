// Every fault that the check promises to find, planted one at a time into a sound program.

#include "backends/null/check.h"

#include <doctest/doctest.h>

#include <functional>

#include "backends/null/device.h"
#include "runtime/memory_planner.h"

using namespace quartet;
using namespace quartet::runtime;
using ir::DType;
using ir::Type;

namespace {

/// A kernel that reads its first buffers and writes its last one.
ir::Module kernelOf(int reads) {
  ir::Module kernel(ir::Level::Kernel, "k");
  kernel.attributes.set("local", int64_t{64});
  for (int i = 0; i < reads; ++i) {
    kernel.addParameter(kernel.top(), Type::kernelBuffer(DType::F32, 256, Type::Access::Read));
  }
  kernel.addParameter(kernel.top(), Type::kernelBuffer(DType::F32, 256, Type::Access::Write));
  kernel.addOp(kernel.top(), ir::Opcode::Param, {}, {Type::scalar(DType::I32)}, [] {
    ir::Attributes attributes;
    attributes.set("index", int64_t{0});
    return attributes;
  }());
  kernel.addOp(kernel.top(), ir::Opcode::Return, {}, {});
  return kernel;
}

BufferInfo buffer(BufferInfo::Kind kind, const std::string& name) {
  BufferInfo info;
  info.kind = kind;
  info.name = name;
  info.storage = info.logical = DType::F32;
  info.shape = {256};
  info.bytes = 1024;
  return info;
}

Dispatch dispatch(int kernel, const std::vector<int>& buffers, const std::string& name) {
  Dispatch result;
  result.kernel = kernel;
  result.groups = 4;
  result.name = name;
  result.parameters = {256};
  for (int buffer : buffers) result.bindings.push_back({buffer, 0, 1024});
  return result;
}

/// in -> a; (a, weights) -> b and a -> c at once; (b, c) -> out
Program soundProgram() {
  Program program;
  using Kind = BufferInfo::Kind;
  program.buffers = {buffer(Kind::Input, "in"),   buffer(Kind::Arena, "a"),
                     buffer(Kind::Arena, "b"),    buffer(Kind::Arena, "c"),
                     buffer(Kind::Output, "out"), buffer(Kind::Constant, "weights")};
  program.buffers[5].data = ir::makeConstant(DType::F32, {256}, std::vector<float>(256, 1.0F));
  program.kernels = {kernelOf(1), kernelOf(2)};
  program.waves = {{{dispatch(0, {0, 1}, "first")}},
                   {{dispatch(1, {1, 5, 2}, "left"), dispatch(0, {1, 3}, "right")}},
                   {{dispatch(1, {2, 3, 4}, "last")}}};
  planMemory(program, 256);
  return program;
}

void checkFound(const std::function<void(Program&)>& plant, const std::string& message,
                const std::string& where) {
  const hwdb::Description device = null::defaultDescription().value();
  Program program = soundProgram();
  plant(program);
  const Status status = null::checkProgram(program, device);
  REQUIRE_FALSE(status.has_value());
  INFO(status.error().str());
  CHECK(status.error().kind == Diagnostic::Kind::Internal);
  CHECK(status.error().message.find(message) != std::string::npos);
  CHECK(status.error().where.find(where) != std::string::npos);
}

Dispatch& at(Program& program, size_t wave, size_t i) { return program.waves[wave].dispatches[i]; }

}  // namespace

TEST_CASE("null: a sound program passes") {
  const Status status = null::checkProgram(soundProgram(), null::defaultDescription().value());
  CHECK_MESSAGE(status.has_value(), status.error().str());
}

TEST_CASE("null: faults of dispatches") {
  checkFound([](Program& p) { at(p, 0, 0).kernel = 2; }, "no kernel 2", "wave 0, dispatch 'first'");
  checkFound([](Program& p) { at(p, 0, 0).groups = -1; }, "-1 groups", "'first'");
  checkFound([](Program& p) { at(p, 0, 0).groups = int64_t{1} << 31; }, "groups", "'first'");
  checkFound([](Program& p) { at(p, 1, 0).bindings.pop_back(); }, "2 bindings", "'left'");
  checkFound([](Program& p) { at(p, 2, 0).parameters.clear(); }, "launch parameter 0", "'last'");
  checkFound([](Program& p) { p.kernels[0].attributes.set("local", int64_t{512}); },
             "512 invocations", "'first'");
}

TEST_CASE("null: faults of windows") {
  checkFound([](Program& p) { at(p, 0, 0).bindings[0].buffer = 9; }, "no buffer 9", "'first'");
  checkFound([](Program& p) { at(p, 0, 0).bindings[1].bytes = 1028; }, "of 1024 bytes", "'first'");
  checkFound([](Program& p) { at(p, 0, 0).bindings[1].offset = -256; }, "of 1024 bytes", "'first'");
  checkFound([](Program& p) { at(p, 2, 0).bindings[0] = {2, 128, 512}; }, "not aligned", "'last'");
  checkFound([](Program& p) { p.buffers[1].storage = DType::I32; }, "holds i32", "'first'");
  checkFound(
      [](Program& p) {
        p.buffers[0].shape = {int64_t{1} << 23};
        p.buffers[0].bytes = int64_t{1} << 25;
        at(p, 0, 0).bindings[0].bytes = int64_t{1} << 25;
      },
      "exceeds the binding range", "'first'");
}

TEST_CASE("null: faults of accesses") {
  checkFound([](Program& p) { at(p, 0, 0).bindings[1].buffer = 5; }, "input or a constant",
             "'first'");
  checkFound([](Program& p) { p.waves.erase(p.waves.begin()); }, "nothing has written", "'left'");
  checkFound([](Program& p) { at(p, 0, 0).bindings[1].bytes = 512; }, "nothing has written in full",
             "'left'");
  checkFound([](Program& p) { at(p, 1, 1).bindings[1].buffer = 1; }, "is read while", "'left'");
  checkFound([](Program& p) { p.waves.pop_back(); }, "not written in full", "'out'");
  checkFound([](Program& p) { at(p, 2, 0).bindings[2].bytes = 512; }, "not written in full",
             "'out'");
}

TEST_CASE("null: faults of buffers and of the arena") {
  checkFound([](Program& p) { p.buffers[5].data = nullptr; }, "no data", "'weights'");
  checkFound([](Program& p) { p.buffers[5].shape = {128}; }, "256 elements", "'weights'");
  checkFound([](Program& p) { p.buffers[3].bytes = 1000; }, "1000 bytes for 256", "'c'");
  checkFound([](Program& p) { p.buffers[4].layout = ir::Layout::permutation({0}); }, "row-major",
             "'out'");
  checkFound([](Program& p) { p.buffers[2].arenaOffset = -1; }, "of an arena", "'b'");
  checkFound([](Program& p) { p.buffers[2].arenaOffset = p.arenaBytes; }, "of an arena", "'b'");
  checkFound([](Program& p) { p.buffers[3].arenaOffset = p.buffers[2].arenaOffset; },
             "shares arena bytes", "'c'");
  checkFound(
      [](Program& p) {
        p.arenaBytes += 4096;
        p.buffers[3].arenaOffset = p.arenaBytes - 1024 - 128;
      },
      "not aligned", "'c'");
}

TEST_CASE("null: two dispatches of a wave may write different parts of one buffer") {
  Program program = soundProgram();
  program.buffers[1].shape = {512};
  program.buffers[1].bytes = 2048;
  at(program, 0, 0).bindings[1] = {1, 0, 1024};
  Dispatch second = dispatch(0, {0, 1}, "second half");
  second.bindings[1] = {1, 1024, 1024};
  program.waves[0].dispatches.push_back(second);
  at(program, 1, 0).bindings[0] = {1, 512, 1024};  // reads across the seam
  planMemory(program, 256);
  const Status status = null::checkProgram(program, null::defaultDescription().value());
  CHECK_MESSAGE(status.has_value(), status.error().str());
}
