// The probes' kernels compute what they say: in the kernel interpreter, which also checks bounds,
// races and barriers.
#include "characterize/kernels.h"

#include <doctest/doctest.h>

#include <cstring>
#include <numeric>

#include "characterize/matrix_kernels.h"
#include "ir/kernel.h"
#include "ir/scalar_eval.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/characterize/units.h"

using namespace quartet;
using namespace quartet::characterize;
using namespace quartet::tests;

namespace {

template <class T>
ir::KernelMemory memoryOf(ir::DType dtype, const std::vector<T>& values) {
  ir::KernelMemory memory{dtype, std::vector<std::byte>(values.size() * sizeof(T))};
  std::memcpy(memory.bytes.data(), values.data(), memory.bytes.size());
  return memory;
}

template <class T>
std::vector<T> valuesOf(const ir::KernelMemory& memory) {
  std::vector<T> values(memory.bytes.size() / sizeof(T));
  std::memcpy(values.data(), memory.bytes.data(), memory.bytes.size());
  return values;
}

ir::KernelRun runText(const std::string& text, int64_t groups,
                      std::vector<ir::KernelMemory>& buffers, const std::vector<uint32_t>& words) {
  const auto kernel = ir::parse(text);
  REQUIRE_MESSAGE(kernel, kernel.error().str() << "\n" << text);
  const auto valid = ir::verify(*kernel);
  REQUIRE_MESSAGE(valid, valid.error().str());
  const auto run = ir::interpret(*kernel, groups, buffers, words);
  REQUIRE_MESSAGE(run, run.error().str());
  return *run;
}

const std::vector<KernelShape> kShapes = {{4, 0}, {4, 8}, {1, 8}};

template <class T>
double sum(const std::vector<T>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// The sum of the chains after so many links.
template <class T>
T chainsTotal(int chains, int links, T factor) {
  std::vector<T> sums(static_cast<size_t>(chains));
  std::iota(sums.begin(), sums.end(), T{1});
  for (int link = 0; link < links; ++link) {
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += sums[(i + 1) % sums.size()] * factor;
  }
  return std::accumulate(sums.begin(), sums.end(), T{0});
}

/// All that is computed stays below 2^24, so that no dtype rounds it.
template <class T>
void checkMultiplyAdd(const std::string& dtype, ir::DType type, const KernelShape& shape) {
  constexpr int kChains = 3;
  const auto elements = static_cast<size_t>(2 * shape.groupElements());
  const std::string text = multiplyAddKernel(dtype, shape, kChains, 2 * shape.groupElements());
  std::vector<ir::KernelMemory> buffers{memoryOf(type, std::vector<T>(elements, 0))};
  runText(text, 2, buffers, {1, 1});
  const T total = chainsTotal<T>(kChains, kLinksPerCount, 1);
  REQUIRE(total > 1000 * kChains);
  REQUIRE(total < (1 << 24));
  for (const T value : valuesOf<T>(buffers[0])) CHECK(value == total);
  const auto run = runText(text, 2, buffers, {5, 0});  // as the probes have it
  for (const T value : valuesOf<T>(buffers[0])) CHECK(value == 1 + 2 + 3);
  CHECK(run.traffic.operations >= int64_t{5} * kLinksPerCount * kChains * int64_t(elements));
}

}  // namespace

TEST_CASE("characterize kernels: chains of multiply-adds, in every dtype") {
  for (const KernelShape& shape : kShapes) {
    checkMultiplyAdd<float>("f32", ir::DType::F32, shape);
    checkMultiplyAdd<double>("f64", ir::DType::F64, shape);
    checkMultiplyAdd<int32_t>("i32", ir::DType::I32, shape);
    checkMultiplyAdd<int64_t>("i64", ir::DType::I64, shape);
  }
}

TEST_CASE("characterize kernels: filling, reading and copying touch all of a walk") {
  constexpr int64_t kElements = 1024;
  for (const KernelShape& shape : kShapes) {
    std::vector<float> zeros(kElements, 0);
    std::vector<ir::KernelMemory> filled{memoryOf(ir::DType::F32, zeros)};
    const int64_t row = 2 * shape.groupElements();
    runText(fillKernel(shape, kElements), 2, filled,
            {static_cast<uint32_t>(kElements / row), static_cast<uint32_t>(row)});
    CHECK(sum(valuesOf<float>(filled[0])) == kElements);

    Walk walk;  // two groups, half each
    walk.count = kElements / 2;
    walk.groupStride = walk.count;
    walk.invocationStride = shape.lanes;
    walk.streamStride = shape.groupElements();
    walk.step = kStreams * shape.groupElements();
    walk.passes = 3;
    walk.mask = kElements - 1;
    for (const bool wraps : {false, true}) {
      std::vector<ir::KernelMemory> buffers{
          filled[0], memoryOf(ir::DType::F32, std::vector<float>(static_cast<size_t>(row)))};
      const auto run =
          runText(readKernel(shape, kElements, row, wraps), 2, buffers, parametersOf(walk));
      CHECK(sum(valuesOf<float>(buffers[1])) == 3 * kElements);
      CHECK(run.traffic.loadedBytes == int64_t{3} * 4 * kElements);
    }
    walk.groupStride = kElements / 4 * 3;  // the second group goes around
    std::vector<ir::KernelMemory> around{
        filled[0], memoryOf(ir::DType::F32, std::vector<float>(static_cast<size_t>(row)))};
    runText(readKernel(shape, kElements, row, true), 2, around, parametersOf(walk));
    CHECK(sum(valuesOf<float>(around[1])) == 3 * kElements);

    walk.groupStride = walk.count;
    walk.passes = 1;
    std::vector<ir::KernelMemory> copied{filled[0], memoryOf(ir::DType::F32, zeros)};
    runText(copyKernel(shape, kElements), 2, copied, parametersOf(walk));
    CHECK(copied[0].bytes == copied[1].bytes);
  }
}

TEST_CASE("characterize kernels: cached loads, whole and broadcast") {
  for (const KernelShape& shape : kShapes) {
    for (const bool broadcast : {false, true}) {
      const auto elements = static_cast<size_t>(64 + kCachedLoads * shape.lanes);
      std::vector<ir::KernelMemory> buffers{
          memoryOf(ir::DType::F32, std::vector<float>(elements, 2)),
          memoryOf(ir::DType::F32, std::vector<float>(static_cast<size_t>(shape.groupElements())))};
      runText(cachedLoadKernel(shape, broadcast), 1, buffers, {100});
      for (const float value : valuesOf<float>(buffers[1])) CHECK(value == 2 * 100 * kCachedLoads);
    }
  }
}

TEST_CASE("characterize kernels: chases follow their rings") {
  const std::vector<int32_t> ring{3, 0, 1, 4, 2};  // 0 -> 3 -> 4 -> 2 -> 1 -> 0
  int32_t end = 4;
  for (int link = 0; link < 3 * kLinksPerCount; ++link) end = ring[static_cast<size_t>(end)];
  for (const int64_t invocations : {0, 1}) {
    std::vector<ir::KernelMemory> buffers{memoryOf(ir::DType::I32, ring),
                                          memoryOf<int32_t>(ir::DType::I32, {0, 4})};
    runText(chaseKernel(invocations, 5, 2), 1, buffers, {3, 1});  // from 4
    CHECK(valuesOf<int32_t>(buffers[1]) == std::vector<int32_t>{0, end});
  }
  std::vector<ir::KernelMemory> state{memoryOf<int32_t>(ir::DType::I32, {0, 0, 0, 0})};
  runText(workgroupChaseKernel(64), 1, state, {5});
  CHECK(valuesOf<int32_t>(state[0])[0] == (17 * 5 * kLinksPerCount) % 64);
}

TEST_CASE("characterize kernels: workgroup memory, barriers, next to nothing") {
  constexpr int64_t kInvocations = 8;
  constexpr int64_t kWords = 64;
  const auto zeros = [](int64_t count) {
    return memoryOf(ir::DType::F32, std::vector<float>(static_cast<size_t>(count)));
  };
  std::vector<ir::KernelMemory> read{zeros(2 * kInvocations)};
  runText(workgroupReadKernel(kInvocations, kWords, 2 * kInvocations), 2, read, {3, 2});
  const auto sums = valuesOf<float>(read[0]);
  for (int64_t i = 0; i < kInvocations; ++i) {
    int64_t expected = 0;  // word w holds w mod kInvocations
    for (int64_t k = 0; k < int64_t{2} * kLinksPerCount; ++k)
      expected += (3 * i + k) % kInvocations;
    CHECK(sums[static_cast<size_t>(i)] == static_cast<float>(expected));
    CHECK(sums[static_cast<size_t>(kInvocations + i)] == static_cast<float>(expected));
  }
  std::vector<ir::KernelMemory> barrier{zeros(kInvocations)};
  runText(barrierKernel(kInvocations, kInvocations), 1, barrier, {3});
  CHECK(sum(valuesOf<float>(barrier[0])) == kInvocations);
  // Groups that run one after another: each sees those before it, and none waits for ever.
  for (const int64_t invocations : {0, 1}) {
    std::vector<ir::KernelMemory> meeting{memoryOf<int32_t>(ir::DType::I32, {0, 9, 9, 9}),
                                          memoryOf<int32_t>(ir::DType::I32, {0, 0, 0, 0})};
    const auto run = runText(meetingKernel(invocations, 4), 3, meeting, {3, 5});
    CHECK(valuesOf<int32_t>(meeting[0]) == std::vector<int32_t>{3, 9, 9, 9});
    CHECK(valuesOf<int32_t>(meeting[1]) == std::vector<int32_t>{1, 2, 3, 0});
    CHECK(run.loopIterations == 6);
    CHECK(run.traffic.loads == 3 + 2 * 5);  // the last group does not look again
  }
  std::vector<ir::KernelMemory> tiny{zeros(6)};
  runText(tinyKernel(1, 6), 6, tiny, {});
  CHECK(sum(valuesOf<float>(tiny[0])) == 6);
}

TEST_CASE("characterize kernels: chains of dot products of packed elements") {
  constexpr int kChains = 3;
  constexpr int kLinks = 5 * kLinksPerCount;
  for (const KernelShape& shape : kShapes) {
    const auto lanes = static_cast<size_t>(shape.lanes);
    const auto elements = static_cast<size_t>(2 * shape.groupElements());
    const auto packed = [&](uint32_t a, uint32_t b) {
      std::vector<uint32_t> words(lanes, a);
      words.resize(2 * lanes, b);
      return memoryOf(ir::DType::I32, words);
    };
    // (1, 2, 3, 200) . (1, -1, 1, -1) = -198
    std::vector<ir::KernelMemory> bytes{packed(0xc8030201, 0xff01ff01),
                                        memoryOf(ir::DType::I32, std::vector<int32_t>(elements))};
    runText(dotProductKernel(dotBytes(), shape, kChains, static_cast<int64_t>(elements)), 2, bytes,
            {5});
    const std::vector<int32_t> sums(elements, 0 + 1 + 2 - 198 * kChains * kLinks);
    CHECK(valuesOf<int32_t>(bytes[1]) == sums);
    // (1, 2) . (0.5, 0.25) = 1
    std::vector<ir::KernelMemory> halves{packed(0x40003f80, 0x3e803f00),
                                         memoryOf(ir::DType::F32, std::vector<float>(elements))};
    runText(dotProductKernel(dotBf16(), shape, kChains, static_cast<int64_t>(elements)), 2, halves,
            {5});
    const std::vector<float> total(elements, 0 + 1 + 2 + kChains * kLinks);
    CHECK(valuesOf<float>(halves[1]) == total);
  }
}

namespace {

/// Small whole numbers, row by row.
ir::KernelMemory matrixOf(ir::DType dtype, int64_t elements, int64_t step) {
  const int64_t size = ir::byteSize(dtype);
  ir::KernelMemory memory{dtype, std::vector<std::byte>(static_cast<size_t>(elements * size))};
  for (int64_t i = 0; i < elements; ++i) {
    const int64_t number = i * step % 7 - 3;
    const bool real = ir::isFloat(dtype);
    ir::writeScalar(dtype,
                    real ? ir::floatScalar(static_cast<double>(number)) : ir::intScalar(number),
                    memory.bytes.data() + i * size);
  }
  return memory;
}

double numberAt(const ir::KernelMemory& memory, int64_t i) {
  const ir::Scalar scalar =
      ir::readScalar(memory.dtype, memory.bytes.data() + i * ir::byteSize(memory.dtype));
  return ir::isFloat(memory.dtype) ? scalar.f : static_cast<double>(scalar.i);
}

void checkMatrixProducts(const hwdb::MatrixUnit& unit, ir::DType dtype, ir::DType sum) {
  constexpr int64_t kGroups = 2;
  constexpr int64_t kLinks = int64_t{2} * kLinksPerCount;
  const MatrixShape shape{8, 4, 3};
  const int64_t m = unit.m.value;
  const int64_t n = unit.n.value;
  const int64_t k = unit.k.value;
  const int64_t sums = kGroups * shape.sums(unit);
  REQUIRE(sums == kGroups * 2 * 3 * m * n);
  std::vector<ir::KernelMemory> buffers{matrixOf(dtype, m * k, 3), matrixOf(dtype, k * n, 5),
                                        matrixOf(sum, sums, 0)};
  runText(matrixProductKernel(unit, shape, kGroups), kGroups, buffers, {2});
  for (int64_t i = 0; i < sums; ++i) {
    const int64_t row = i % (m * n) / n;
    const int64_t column = i % n;
    double product = 0;
    for (int64_t step = 0; step < k; ++step) {
      product += numberAt(buffers[0], row * k + step) * numberAt(buffers[1], step * n + column);
    }
    const int64_t chain = i / (m * n) % 3;
    REQUIRE(numberAt(buffers[2], i) == static_cast<double>(chain) + kLinks * product);
  }
}

}  // namespace

TEST_CASE("characterize kernels: chains of products of matrices that subgroups hold") {
  checkMatrixProducts(subgroupUnit("f16", 8, 8, 16), ir::DType::F16, ir::DType::F32);
  checkMatrixProducts(subgroupUnit("bf16", 16, 8, 8), ir::DType::BF16, ir::DType::F32);
  checkMatrixProducts(subgroupUnit("i8", 8, 16, 16), ir::DType::I8, ir::DType::I32);
}

TEST_CASE("characterize kernels: which matrix units they can multiply by") {
  CHECK(expressible(dotBytes()));
  CHECK(expressible(dotBf16()));
  hwdb::MatrixUnit wider = dotBytes();
  wider.k.value = 8;
  CHECK_FALSE(expressible(wider));
  for (const char* dtype : {"f16", "bf16", "i8", "u8"}) {
    CHECK(expressible(subgroupUnit(dtype, 16, 16, 16)));
  }
  for (const char* dtype : {"tf32", "f64", "f8e4m3", "i4"}) {
    CHECK_FALSE(expressible(subgroupUnit(dtype, 16, 16, 16)));
  }
  hwdb::MatrixUnit narrow = subgroupUnit("f16", 16, 16, 16);
  narrow.accumulator = "f16";
  CHECK_FALSE(expressible(narrow));
  hwdb::MatrixUnit group = subgroupUnit("f16", 64, 128, 16);
  group.scope = hwdb::MatrixUnit::Scope::Group;
  CHECK_FALSE(expressible(group));
}
