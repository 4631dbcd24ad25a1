#include "backends/null/device.h"

#include <doctest/doctest.h>

#include <vector>

#include "backends/null/written.h"

using namespace quartet;
using namespace quartet::runtime;

TEST_CASE("null: the device compiles, runs, and its outputs are zero") {
  Program program;
  BufferInfo output;
  output.kind = BufferInfo::Kind::Output;
  output.storage = output.logical = ir::DType::F32;
  output.shape = {0, 4};
  program.buffers.push_back(output);
  const auto device = null::createDevice(null::defaultDescription().value());
  const auto executable = device->compile(program);
  REQUIRE_MESSAGE(executable.has_value(), executable.error().str());
  const auto context = (*executable)->createContext();
  REQUIRE(context.has_value());
  std::vector<std::byte> bytes;
  CHECK((*context)->run({}, {std::span<std::byte>(bytes)}).has_value());
}

TEST_CASE("null: a faulty program is refused when it is compiled") {
  Program program;
  program.waves.push_back({{Dispatch{}}});
  const auto device = null::createDevice(null::defaultDescription().value());
  CHECK_FALSE(device->compile(program).has_value());
}

TEST_CASE("null: intervals of written bytes join, and cover only what they hold") {
  null::Written written;
  CHECK(written.covers(5, 5));
  CHECK_FALSE(written.covers(0, 1));
  written.add(0, 10);
  written.add(20, 30);
  CHECK(written.covers(2, 10));
  CHECK_FALSE(written.covers(5, 25));
  written.add(10, 20);
  CHECK(written.covers(0, 30));
  written.add(40, 50);
  written.add(5, 60);
  CHECK(written.covers(0, 60));
  CHECK_FALSE(written.covers(0, 61));
  written.add(70, 70);
  CHECK_FALSE(written.covers(69, 71));
}
