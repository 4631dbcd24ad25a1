// Memory operations against guard pages, control flow, variables, reports.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <numeric>
#include <optional>
#include <thread>

#include "backends/cpu/memory.h"
#include "tests/cpu/support.h"

using namespace quartet;
using ir::DType;
using ir::KernelBuilder;
using ir::Opcode;
using ir::ValueId;

namespace {

// `bytes` bytes that end where an inaccessible page begins, and start right after another when they
// fill whole pages.
class Guarded {
 public:
  explicit Guarded(size_t bytes) : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    const size_t inner = (bytes + page_ - 1) / page_ * page_;
    size_ = inner + 2 * page_;
    base_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(mprotect(base_, page_, PROT_NONE) == 0);
    REQUIRE(mprotect(base_ + page_ + inner, page_, PROT_NONE) == 0);
    data_ = base_ + page_ + inner - bytes;
  }
  ~Guarded() { munmap(base_, size_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  std::byte* data() const { return data_; }

 private:
  size_t page_;
  size_t size_;
  std::byte* base_;
  std::byte* data_;
};

constexpr DType kStorageTypes[] = {DType::Bool, DType::I8,  DType::U8,  DType::I16, DType::U16,
                                   DType::I32,  DType::U32, DType::I64, DType::U64, DType::F16,
                                   DType::BF16, DType::F32, DType::F64};

// Copies `count` (param 1) elements from index param 0 with a masked load and store of one vector.
ir::Module copyKernel(DType dtype, int lanes) {
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({dtype, dtype}, buffers);
  KernelBuilder b(kernel);
  const ValueId at = b.param(0);
  const ValueId count = b.param(1);
  b.store(buffers[1], at, b.load(buffers[0], at, lanes, count), count);
  return kernel;
}

void checkMaskedCopy(DType dtype, int lanes) {
  const tests::CompiledKernel kernel(copyKernel(dtype, lanes));
  const auto size = static_cast<size_t>(ir::byteSize(dtype));
  for (int count = -2; count <= lanes + 3; ++count) {
    const size_t active = static_cast<size_t>(std::clamp(count, 0, lanes));
    // Exactly the active elements exist: any other access traps.
    const Guarded from(std::max<size_t>(active, 1) * size);
    const Guarded to(std::max<size_t>(active, 1) * size);
    for (size_t i = 0; i < active * size; ++i) from.data()[i] = std::byte(i % 2);
    const int at = active == 0 ? 1 : 0;  // nothing accessed: even the address is outside
    kernel.run({from.data(), to.data()}, 1,
               {static_cast<uint32_t>(at), static_cast<uint32_t>(count)});
    if (dtype == DType::Bool) continue;  // bytes that are neither 0 nor 1 cannot come
    CHECK(std::memcmp(from.data(), to.data(), active * size) == 0);
  }
}

}  // namespace

TEST_CASE("masked loads and stores touch the active lanes only") {
  for (DType dtype : kStorageTypes) {
    for (int lanes : {1, 4, 16}) checkMaskedCopy(dtype, lanes);
  }
}

TEST_CASE("stores of a known number of lanes touch these only") {
  for (DType dtype : kStorageTypes) {
    CAPTURE(ir::name(dtype));
    const auto size = static_cast<size_t>(ir::byteSize(dtype));
    for (int lanes : {1, 4, 8, 16}) {
      for (int count = -1; count <= lanes + 1; ++count) {
        CAPTURE(lanes);
        CAPTURE(count);
        std::vector<ValueId> buffers;
        ir::Module kernel = tests::makeKernel({dtype, dtype}, buffers);
        KernelBuilder b(kernel);
        b.store(buffers[1], b.param(0), b.load(buffers[0], b.literal(0), lanes), b.literal(count));
        const size_t active = static_cast<size_t>(std::clamp(count, 0, lanes)) * size;
        const Guarded to(std::max(active, size));
        std::vector<std::byte> from(static_cast<size_t>(lanes) * size);
        for (size_t i = 0; i < from.size(); ++i) {
          from[i] = std::byte(dtype == DType::Bool ? i * 5 % 7 % 2 : i * 37 % 113);
        }
        tests::CompiledKernel(kernel).run({from.data(), to.data()}, 1, {active == 0 ? 1U : 0U});
        CHECK(std::memcmp(from.data(), to.data(), active) == 0);
      }
    }
  }
}

TEST_CASE("inactive lanes of a load read as zero") {
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::F32, DType::F32}, buffers);
  KernelBuilder b(kernel);
  b.store(buffers[1], b.literal(0), b.load(buffers[0], b.literal(0), 16, b.param(0)));
  std::vector<float> from(16, 7.0F);
  std::vector<float> to(16, -1.0F);
  const tests::CompiledKernel compiled(kernel);
  compiled.run({from.data(), to.data()}, 1, {5});
  for (size_t i = 0; i < 16; ++i) CHECK(to[i] == (i < 5 ? 7.0F : 0.0F));
}

namespace {

/// A load of `lanes` elements that lie `stride` apart, all or the first `count`: exactly these
/// exist, any other access traps.
void checkStrided(DType dtype, int lanes, int stride, std::optional<int> count) {
  CAPTURE(ir::name(dtype));
  CAPTURE(lanes);
  CAPTURE(stride);
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({dtype, dtype}, buffers);
  KernelBuilder b(kernel);
  const ValueId limit = count ? b.param(1) : ValueId{};
  b.store(buffers[1], b.literal(0), b.stridedLoad(buffers[0], b.param(0), lanes, stride, limit));
  const auto size = static_cast<size_t>(ir::byteSize(dtype));
  const int active = std::clamp(count.value_or(lanes), 0, lanes);
  const auto elements = static_cast<size_t>(active == 0 ? 0 : (active - 1) * stride + 1);
  const Guarded from(std::max<size_t>(elements, 1) * size);
  std::vector<std::byte> to(static_cast<size_t>(lanes) * size, std::byte{1});
  for (size_t i = 0; i < elements * size; ++i) {
    from.data()[i] = std::byte(dtype == DType::Bool ? i * 5 % 7 % 2 : i * 37 % 113);
  }
  tests::CompiledKernel(kernel).run({from.data(), to.data()}, 1,
                                    {0, static_cast<uint32_t>(count.value_or(0))});
  const std::vector<std::byte> zero(size);
  for (int lane = 0; lane < lanes; ++lane) {
    const auto at = static_cast<size_t>(lane * stride) * size;
    const std::byte* wanted = lane < active ? from.data() + at : zero.data();
    CHECK(std::memcmp(to.data() + static_cast<size_t>(lane) * size, wanted, size) == 0);
  }
}

}  // namespace

TEST_CASE("loads with a stride pick their elements and touch nothing outside of them") {
  for (DType dtype : kStorageTypes) {
    for (const int stride : {1, 2, 3, 5}) {
      for (const int lanes : {4, 6, 16}) checkStrided(dtype, lanes, stride, {});
    }
  }
  for (int count = -1; count <= 9; ++count) checkStrided(DType::F32, 8, 3, count);
  for (int count = 0; count <= 4; ++count) checkStrided(DType::I8, 4, 2, count);
}

TEST_CASE("stores past the caches: wherever the memory begins, and nothing outside of it") {
  std::vector<ir::ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::F32, DType::F32}, buffers);
  ir::KernelBuilder b(kernel);
  constexpr int kLanes = 16;
  constexpr int kVectors = 6;
  b.loop(b.literal(0), b.literal(kVectors), b.literal(1), [&](ir::ValueId i) {
    const ir::ValueId at = b.apply(Opcode::Mul, {i, b.literal(kLanes)});
    const ir::ValueId x = b.load(buffers[0], at, kLanes, {}, kLanes);
    b.store(buffers[1], at, b.apply(Opcode::Add, {x, x}), {}, kLanes, true);
  });
  kernel.addOp(kernel.top(), Opcode::Return, {}, {});
  const tests::CompiledKernel compiled(kernel, true);
#if defined(__x86_64__)
  CHECK(compiled.assembly().find("vmovntps") != std::string::npos);
  CHECK(compiled.assembly().find("mfence") != std::string::npos);
#endif
  constexpr size_t kCount = size_t{kLanes} * kVectors;
  std::vector<float> x(kCount);
  std::iota(x.begin(), x.end(), 1.0F);
  alignas(64) std::array<float, kCount + 32> memory{};
  for (size_t offset = 0; offset <= 16; ++offset) {
    CAPTURE(offset);
    memory.fill(-1);
    compiled.run({x.data(), memory.data() + offset});
    for (size_t i = 0; i < memory.size(); ++i) {
      const bool inside = i >= offset && i < offset + kCount;
      REQUIRE(memory[i] == (inside ? 2 * x[i - offset] : -1));
    }
  }
}

TEST_CASE("gathers and scatters, masked and not") {
  for (int lanes : {1, 8, 16}) {
    for (bool masked : {false, true}) {
      std::vector<ValueId> buffers;
      ir::Module kernel =
          tests::makeKernel({DType::F32, DType::I32, DType::F32, DType::Bool}, buffers);
      KernelBuilder b(kernel);
      const ValueId indices = b.load(buffers[1], b.literal(0), lanes);
      const ValueId mask = masked ? b.load(buffers[3], b.literal(0), lanes) : ValueId{};
      b.scatterStore(buffers[2], indices, b.gatherLoad(buffers[0], indices, mask), mask);
      std::vector<float> from(32);
      std::iota(from.begin(), from.end(), 1.0F);
      std::vector<float> to(32, 0.0F);
      std::vector<int32_t> index(16);
      std::vector<uint8_t> on(16);
      for (size_t i = 0; i < 16; ++i) {
        on[i] = i % 3 != 1;
        // A lane that is off may have any index.
        index[i] = masked && on[i] == 0 ? 1 << 30 : static_cast<int32_t>((i * 11 + 3) % 32);
      }
      const tests::CompiledKernel compiled(kernel);
      compiled.run({from.data(), index.data(), to.data(), on.data()});
      std::vector<float> expected(32, 0.0F);
      for (size_t i = 0; i < static_cast<size_t>(lanes); ++i) {
        if (masked && on[i] == 0) continue;
        expected[static_cast<size_t>(index[i])] = from[static_cast<size_t>(index[i])];
      }
      CHECK(to == expected);
    }
  }
}

TEST_CASE("atomics: threads that draw numbers never draw one twice") {
  constexpr int kGroups = 20000;
  constexpr int kThreads = 4;
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::I32, DType::U32}, buffers);
  KernelBuilder b(kernel);
  const ValueId number = b.atomicAdd(buffers[0], b.literal(1), b.literal(1));
  const ValueId two = b.literal(2, DType::U32);
  b.atomicAdd(buffers[1], number, two);  // an index that an atomic gave
  const ValueId zero = b.literal(0, DType::U32);
  b.report(b.apply(Opcode::Ne, {b.atomicAdd(buffers[1], number, zero), two}), 1, 2);
  kernel.addOp(kernel.top(), Opcode::Return, {}, {});
  const tests::CompiledKernel compiled(kernel);
  std::vector<int32_t> counter(2, 0);
  std::vector<uint32_t> drawn(size_t{kGroups} * kThreads, 0);
  std::vector<tests::KernelStatus> statuses(kThreads);
  std::vector<std::thread> threads;
  for (tests::KernelStatus& status : statuses) {
    threads.emplace_back([&] { status = compiled.run({counter.data(), drawn.data()}, kGroups); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(counter == std::vector<int32_t>{0, kGroups * kThreads});
  CHECK(drawn == std::vector<uint32_t>(drawn.size(), 2));
  for (const tests::KernelStatus& status : statuses) CHECK(status.code == 0);
}

TEST_CASE("loops, branches and variables") {
  // For each group g: sum over i in [0, g) step 2 of (i < 4 ? i : 100), and the steps in an array.
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::I32}, buffers);
  KernelBuilder b(kernel);
  const ValueId sum = b.var(DType::I32);
  const ValueId steps = b.var(DType::I32, 1, {4});
  b.set(sum, b.literal(0));
  b.loop(b.literal(0), b.literal(4), b.literal(1), [&](ValueId i) {
    b.set(steps, b.apply(Opcode::Mul, {i, i}), i);
  });
  b.loop(b.literal(0), b.groupId(), b.literal(2), [&](ValueId i) {
    b.branch(
        b.apply(Opcode::Lt, {i, b.literal(4)}),
        [&] {
          b.set(sum, b.apply(Opcode::Add, {b.get(sum), b.get(steps, i)}));
        },
        [&] {
          b.set(sum, b.apply(Opcode::Add, {b.get(sum), b.literal(100)}));
        });
  });
  b.store(buffers[0], b.groupId(), b.get(sum));
  std::vector<int32_t> got(10, -1);
  tests::CompiledKernel(kernel).run({got.data()}, 10);
  for (int g = 0; g < 10; ++g) {
    int expected = 0;
    for (int i = 0; i < g; i += 2) expected += i < 4 ? i * i : 100;
    CHECK(got[static_cast<size_t>(g)] == expected);
  }
}

TEST_CASE("lanes: shuffles of two vectors") {
  for (const int lanes : {2, 3, 6, 16}) {
    std::vector<ValueId> buffers;
    ir::Module kernel = tests::makeKernel({DType::F32, DType::F32}, buffers);
    KernelBuilder b(kernel);
    const ValueId low = b.load(buffers[0], b.literal(0), lanes);
    const ValueId high = b.load(buffers[0], b.literal(lanes), lanes);
    std::vector<int64_t> picked;  // every fifth of both, twice as many as a vector has
    const int64_t both = 2 * int64_t{lanes};
    for (int64_t i = 0; i < both; ++i) picked.push_back(i * 5 % both);
    b.store(buffers[1], b.literal(0), b.shuffle(low, high, picked));
    std::vector<float> in(32);
    std::iota(in.begin(), in.end(), 0.0F);
    std::vector<float> out(32);
    tests::CompiledKernel(kernel).run({in.data(), out.data()}, 1);
    for (size_t i = 0; i < picked.size(); ++i) CHECK(out[i] == static_cast<float>(picked[i]));
  }
}

TEST_CASE("lanes: ids, splats, extracts and reductions") {
  for (int lanes : {2, 3, 6, 16}) {
    std::vector<ValueId> buffers;
    ir::Module kernel = tests::makeKernel({DType::F32, DType::F32, DType::I32}, buffers);
    KernelBuilder b(kernel);
    const ValueId x = b.load(buffers[0], b.literal(0), lanes);
    int row = 0;
    for (Opcode fn : {Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min}) {
      b.store(buffers[1], b.literal(row++), b.reduceLanes(fn, x));
    }
    b.store(buffers[1], b.literal(row), b.extract(x, lanes - 1));
    b.store(buffers[2], b.literal(0),
            b.apply(Opcode::Mul, {b.laneId(lanes), b.splat(b.param(0), lanes)}));
    std::vector<float> in(16);
    for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 4) + 1;
    std::vector<float> out(5);
    std::vector<int32_t> ids(16);
    tests::CompiledKernel(kernel).run({in.data(), out.data(), ids.data()}, 1, {3});
    const auto end = in.begin() + lanes;
    CHECK(out[0] == std::accumulate(in.begin(), end, 0.0F));
    CHECK(out[1] == std::accumulate(in.begin(), end, 1.0F, std::multiplies<>()));
    CHECK(out[2] == *std::max_element(in.begin(), end));
    CHECK(out[3] == *std::min_element(in.begin(), end));
    CHECK(out[4] == in[static_cast<size_t>(lanes) - 1]);
    for (int i = 0; i < lanes; ++i) CHECK(ids[static_cast<size_t>(i)] == 3 * i);
  }
}

TEST_CASE("an index beyond 2^31 bytes is addressed in 64 bits") {
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::F32}, buffers, INT64_C(0x7fffffff));
  KernelBuilder b(kernel);
  const ValueId at =
      b.apply(Opcode::Add, {b.apply(Opcode::Mul, {b.param(0), b.literal(1 << 20)}), b.literal(-1)});
  b.store(buffers[0], at, b.literal(5.0, DType::F32));
  // Reserved, not committed: only the touched page exists.
  const size_t bytes = (size_t{1} << 30) * sizeof(float);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  tests::CompiledKernel(kernel).run({memory}, 1, {1024});
  CHECK(static_cast<float*>(memory)[(size_t{1} << 30) - 1] == 5.0F);
  munmap(memory, bytes);
}

TEST_CASE("the first report stays, from scalars and vectors") {
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::I32}, buffers);
  KernelBuilder b(kernel);
  const ValueId x = b.load(buffers[0], b.literal(0), 8);
  b.report(b.apply(Opcode::Eq, {x, b.literal(7, DType::I32, 8)}), 1, 3);
  b.report(b.apply(Opcode::Lt, {b.extract(x, 0), b.literal(0)}), 2, 4);
  const tests::CompiledKernel compiled(kernel);
  const auto run = [&](std::vector<int32_t> values) { return compiled.run({values.data()}); };
  CHECK(run({0, 1, 2, 3, 4, 5, 6, 8}).code == 0);
  const tests::KernelStatus lane = run({0, 1, 2, 3, 7, 5, 6, 8});
  CHECK(lane.code == 1);
  CHECK(lane.node == 3);
  const tests::KernelStatus scalar = run({-1, 1, 2, 3, 4, 5, 6, 8});
  CHECK(scalar.code == 2);
  CHECK(scalar.node == 4);
  CHECK(run({-1, 7, 2, 3, 4, 5, 6, 8}).code == 1);
}

TEST_CASE("blocks are aligned, zeroed and refused when too large") {
  for (int64_t bytes : {0, 1, 64, 65, 5000, 1 << 20}) {
    const auto block = cpu::Block::allocate(bytes, "a test");
    REQUIRE(block.has_value());
    CHECK(reinterpret_cast<uintptr_t>(block->data()) % 64 == 0);
    for (int64_t i = 0; i < bytes; ++i) REQUIRE(block->data()[i] == std::byte{0});
  }
  CHECK(cpu::availableMemory() > 0);
  CHECK(cpu::availableMemory() <= cpu::totalMemory());
  const auto huge = cpu::Block::allocate(int64_t{1} << 50, "a test");
  REQUIRE(!huge.has_value());
  CHECK(huge.error().message.find("not enough memory for a test: 1073741824 MiB needed") == 0);
}
