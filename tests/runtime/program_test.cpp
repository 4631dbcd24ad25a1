#include "runtime/program.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <string_view>

#include "base/mapped_file.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::runtime;
using ir::DType;

namespace {

BufferInfo constantOf(const std::vector<int64_t>& shape, ir::Layout layout, DType storage) {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 1.0F);
  BufferInfo buffer;
  buffer.kind = BufferInfo::Kind::Constant;
  buffer.logical = DType::F32;
  buffer.storage = storage;
  buffer.shape = shape;
  buffer.layout = std::move(layout);
  buffer.data = ir::makeConstant(DType::F32, shape, values);
  int64_t physical = 1;
  if (buffer.layout.rowMajor()) {
    physical = count;
  } else {
    const std::vector<ir::Dim> dims(shape.begin(), shape.end());
    for (const ir::Dim& dim : buffer.layout.physicalShape(dims)) physical *= dim.value();
  }
  buffer.bytes = physical * ir::byteSize(storage);
  return buffer;
}

std::vector<float> floats(const std::vector<std::byte>& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace

TEST_CASE("pack: row-major is a copy, a transposition moves, blocks are padded with zeros") {
  CHECK(floats(packConstant(constantOf({2, 3}, {}, DType::F32))) ==
        std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(floats(packConstant(constantOf({2, 3}, ir::Layout::permutation({1, 0}), DType::F32))) ==
        std::vector<float>{1, 4, 2, 5, 3, 6});
  // [k, n] as [n/2][k][n%2]
  const ir::Layout blocked{{{1, 2, 0}, {0, 1, 0}, {1, 1, 2}}};
  CHECK(floats(packConstant(constantOf({2, 3}, blocked, DType::F32))) ==
        std::vector<float>{1, 2, 4, 5, 3, 0, 6, 0});
  CHECK(packConstant(constantOf({0, 3}, blocked, DType::F32)).empty());
}

TEST_CASE("pack: into memory that holds something, all of it is written") {
  const ir::Layout blocked{{{1, 2, 0}, {0, 1, 0}, {1, 1, 2}}};
  BufferInfo buffer = constantOf({2, 3}, blocked, DType::F32);
  buffer.bytes += 8;  // room behind the last element
  std::vector<std::byte> to(static_cast<size_t>(buffer.bytes), std::byte{0xff});
  packConstant(buffer, to);
  CHECK(floats(to) == std::vector<float>{1, 2, 4, 5, 3, 0, 6, 0, 0, 0});
  buffer.layout = {};
  buffer.bytes = 32;
  to.assign(32, std::byte{0xff});
  packConstant(buffer, to);
  CHECK(floats(to) == std::vector<float>{1, 2, 3, 4, 5, 6, 0, 0});
}

TEST_CASE("pack: any layout agrees with the definition, in f32 and f16") {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> shape;
    ir::Layout layout;
    for (int axis = 0; axis < 3; ++axis) {
      shape.push_back(1 + static_cast<int64_t>(random() % 9));
      const auto block = static_cast<int64_t>(1 + random() % 4);
      const auto inner = static_cast<int64_t>(1 + random() % 3);
      layout.axes.push_back({axis, block * inner, 0});
      layout.axes.push_back({axis, inner, block});
      layout.axes.push_back({axis, 1, inner});
    }
    std::shuffle(layout.axes.begin(), layout.axes.end(), random);
    const BufferInfo buffer = constantOf(shape, layout, DType::F32);
    const std::vector<float> packed = floats(packConstant(buffer));
    const std::vector<ir::Dim> physical =
        layout.physicalShape(std::vector<ir::Dim>(shape.begin(), shape.end()));
    std::vector<float> expected(packed.size(), 0.0F);
    const std::span<const float> values = buffer.data->as<float>();
    for (int64_t at = 0; at < buffer.data->elementCount(); ++at) {
      const std::vector<int64_t> index{at / (shape[1] * shape[2]), at / shape[2] % shape[1],
                                       at % shape[2]};
      int64_t offset = 0;
      for (size_t i = 0; i < physical.size(); ++i) {
        const ir::Layout::Axis& axis = layout.axes[i];
        int64_t piece = index[static_cast<size_t>(axis.axis)] / axis.divide;
        if (axis.modulo != 0) piece %= axis.modulo;
        offset = offset * physical[i].value() + piece;
      }
      expected[static_cast<size_t>(offset)] = values[static_cast<size_t>(at)];
    }
    REQUIRE(packed == expected);
  }
  const std::vector<std::byte> halves = packConstant(constantOf({1, 2}, {}, DType::F16));
  REQUIRE(halves.size() == 4);
  CHECK(halves[1] == std::byte{0x3c});  // 1.0
  CHECK(halves[3] == std::byte{0x40});  // 2.0
}

TEST_CASE("pack: a large constant in a file, in any layout") {
  const std::vector<int64_t> shape{1500, 1501};
  const BufferInfo here = constantOf(shape, {}, DType::F32);
  const tests::TemporaryFolder folder;
  const std::string path = folder.path("constant");
  const std::span<const std::byte> bytes = here.data->bytes;
  std::ofstream(path, std::ios::binary)
      << "x"  // aligned to nothing
      << std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto file = MappedFile::open(path);
  REQUIRE(file);
  const auto there = std::make_shared<ir::ConstantData>(
      ir::ConstantData{DType::F32, shape, (*file)->bytes().subspan(1), nullptr, *file});
  CHECK(ir::contentHash(*there) == ir::contentHash(*here.data));
  for (const DType storage : {DType::F32, DType::F16}) {
    for (const ir::Layout& layout : {ir::Layout{}, ir::Layout::permutation({1, 0}),
                                     ir::Layout{{{1, 32, 0}, {0, 1, 0}, {1, 1, 32}}},
                                     ir::Layout{{{0, 16, 0}, {1, 1, 0}, {0, 1, 16}}}}) {
      BufferInfo buffer = constantOf(shape, layout, storage);
      const std::vector<std::byte> want = packConstant(buffer);
      buffer.data = there;
      CHECK(packConstant(buffer) == want);
    }
  }
  CHECK(packConstant(here) == std::vector<std::byte>(bytes.begin(), bytes.end()));
}

TEST_CASE("tensors: stored wider than they are, and back") {
  BufferInfo buffer;
  buffer.logical = DType::Bool;
  buffer.storage = DType::U32;
  buffer.shape = {3};
  buffer.bytes = 12;
  const std::vector<std::byte> host{std::byte{1}, std::byte{0}, std::byte{1}};
  std::vector<std::byte> device(12);
  storeTensor(buffer, host, device);
  uint32_t words[3];
  std::memcpy(words, device.data(), 12);
  CHECK(words[0] == 1);
  CHECK(words[1] == 0);
  words[1] = 5;
  std::memcpy(device.data(), words, 12);
  std::vector<std::byte> back(3);
  loadTensor(buffer, device, back);
  CHECK(back == std::vector<std::byte>(3, std::byte{1}));
}
