// Loads, stores, variables and control flow: vectors of all widths, tails, gathers, storage dtypes.

#include <numeric>

#include "ir/scalar_eval.h"
#include "tests/common/small_kernels.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;
using ir::Opcode;
using ir::ValueId;

namespace {

std::vector<float> ramp(size_t elements) {
  std::vector<float> values(elements);
  std::iota(values.begin(), values.end(), 1.0F);
  return values;
}

/// Copies with `lanes` at once: element at + l of the input, for l < count, or 100 + at + l.
void checkCopy(runtime::Device& device, DType dtype, int lanes, int64_t align, bool guarded) {
  constexpr int64_t kElements = 37;
  Kernel k("copy", 1);
  auto& b = k.build;
  const ValueId in = k.input(dtype, kElements);
  const ValueId out = k.output(dtype, kElements);
  const ValueId at = b.apply(Opcode::Mul, {b.groupId(), b.literal(lanes)});
  const ValueId count = guarded ? b.apply(Opcode::Sub, {b.literal(kElements), at}) : ValueId{};
  b.store(out, at, b.load(in, at, lanes, count, align), count, align);
  std::vector<ir::Scalar> values;
  const auto size = static_cast<size_t>(ir::byteSize(dtype));
  Bytes bytes(kElements * size);
  for (size_t i = 0; i < kElements; ++i) {
    const int64_t number = static_cast<int64_t>(i) * 3 + 1;
    values.push_back(ir::castScalar(ir::intScalar(number), DType::I64, dtype));
    ir::writeScalar(dtype, values.back(), bytes.data() + i * size);
  }
  const int64_t groups = guarded ? (kElements + lanes - 1) / lanes : kElements / lanes;
  const auto results = runOrFail(device, programOf(k.finish(), groups), {bytes});
  const auto covered = static_cast<size_t>(guarded ? kElements : groups * lanes) * size;
  CHECK(
      std::equal(bytes.begin(), bytes.begin() + static_cast<int64_t>(covered), results[0].begin()));
}

}  // namespace

TEST_CASE("vectors of all widths, aligned or not, whole or guarded") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    for (const int lanes : {1, 2, 3, 4, 5, 6, 8, 16}) {
      for (const bool guarded : {false, true}) {
        CAPTURE(lanes);
        CAPTURE(guarded);
        checkCopy(*device, DType::F32, lanes, lanes, guarded);
        if (lanes > 1) checkCopy(*device, DType::F32, lanes, 1, guarded);
      }
    }
  }
}

TEST_CASE("vectors of all storage dtypes") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    const auto& description = device->description();
    for (int d = 0; d < ir::kDTypeCount; ++d) {
      const auto dtype = static_cast<DType>(d);
      const int64_t size = ir::byteSize(dtype);
      if (size == 1 && !description.storage8.value) continue;
      if (size == 2 && !description.storage16.value) continue;
      if (dtype == DType::F64 && !description.float64.value) continue;
      CAPTURE(ir::name(dtype));
      checkCopy(*device, dtype, 4, 4, true);
      checkCopy(*device, dtype, 2, 1, false);
    }
  }
}

TEST_CASE("storage that the device lacks is refused with its name") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id, {.widenStorage = true});
    CHECK_FALSE(device->description().storage8.value);
    Kernel k("narrow");
    k.input(DType::I8, 4);
    const auto results = runProgram(*device, programOf(k.finish(), 1), {Bytes(4)});
    REQUIRE_FALSE(results.has_value());
    CHECK(results.error().kind == Diagnostic::Kind::Unsupported);
    CHECK(results.error().message.find("8-bit storage") != std::string::npos);
  }
}

TEST_CASE("gathers and scatters, masked or not") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    for (const DType dtype : {DType::F32, DType::I64}) {
      Kernel k("reverse", 1);
      auto& b = k.build;
      const ValueId in = k.input(dtype, 8);
      const ValueId out = k.output(dtype, 8);
      const ValueId lanes = b.laneId(8);
      const ValueId back = b.apply(Opcode::Sub, {b.literal(7, DType::I32, 8), lanes});
      const ValueId even =
          b.apply(Opcode::Eq, {b.apply(Opcode::And, {lanes, b.literal(1, DType::I32, 8)}),
                               b.literal(0, DType::I32, 8)});
      // Odd lanes read nothing: their index is far outside.
      const ValueId far = b.apply(Opcode::Select, {even, back, b.literal(1 << 28, DType::I32, 8)});
      b.scatterStore(out, lanes, b.gatherLoad(in, back));
      b.scatterStore(out, far, b.gatherLoad(in, far, even), even);
      Bytes bytes(8 * static_cast<size_t>(ir::byteSize(dtype)));
      for (size_t i = 0; i < 8; ++i) {
        const ir::Scalar value = ir::castScalar(ir::intScalar(int64_t(i)), DType::I64, dtype);
        ir::writeScalar(dtype, value, bytes.data() + i * static_cast<size_t>(ir::byteSize(dtype)));
      }
      const auto results = runOrFail(*device, programOf(k.finish(), 1), {bytes});
      // out[i] = 7 - i, then out[7 - i] = in[7 - i] for even i.
      for (size_t i = 0; i < 8; ++i) {
        const ir::Scalar got =
            ir::readScalar(dtype, results[0].data() + i * static_cast<size_t>(ir::byteSize(dtype)));
        const auto wanted = static_cast<int64_t>(i % 2 == 1 ? i : 7 - i);
        CHECK((ir::isFloat(dtype) ? static_cast<int64_t>(got.f) : got.i) == wanted);
      }
    }
  }
}

TEST_CASE("atomics: every number is drawn once") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    checkTickets(*device);
    checkNoMessages();
  }
}

TEST_CASE("lanes: shuffles of two vectors") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    for (const int lanes : {2, 3, 4, 8}) {
      Kernel k("shuffle");
      auto& b = k.build;
      const int64_t both = 2 * int64_t{lanes};
      const ValueId in = k.input(DType::F32, both);
      const ValueId out = k.output(DType::F32, lanes);
      std::vector<int64_t> picked;
      for (int64_t i = 0; i < lanes; ++i) picked.push_back((i * 5 + 1) % both);
      const ValueId low = b.load(in, b.literal(0), lanes);
      const ValueId high = b.load(in, b.literal(lanes), lanes);
      b.store(out, b.literal(0), b.shuffle(low, high, picked));
      const auto results =
          runOrFail(*device, programOf(k.finish(), 1), {bytesOf(ramp(static_cast<size_t>(both)))});
      const auto got = valuesOf<float>(results[0]);
      for (size_t i = 0; i < picked.size(); ++i) {
        CHECK(got[i] == static_cast<float>(picked[i] + 1));
      }
    }
  }
}

TEST_CASE("lanes: splat, extract, tree reductions") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    for (const int lanes : {2, 3, 4, 8, 16}) {
      Kernel k("lanes");
      auto& b = k.build;
      const ValueId in = k.input(DType::F32, lanes);
      const ValueId out = k.output(DType::F32, 6);
      const ValueId x = b.load(in, b.literal(0), lanes, {}, lanes);
      int next = 0;
      const auto put = [&](ValueId value) { b.store(out, b.literal(next++), value); };
      for (const Opcode fn : {Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min}) {
        put(b.reduceLanes(fn, x));
      }
      put(b.extract(x, lanes - 1));
      put(b.reduceLanes(Opcode::Add, b.splat(b.extract(x, 0), lanes)));
      const auto results =
          runOrFail(*device, programOf(k.finish(), 1), {bytesOf(ramp(static_cast<size_t>(lanes)))});
      const auto n = static_cast<float>(lanes);
      float product = 1;
      for (int i = 1; i <= lanes; ++i) product *= static_cast<float>(i);
      const auto got = valuesOf<float>(results[0]);
      CHECK(got[0] == n * (n + 1) / 2);
      CHECK(got[1] == doctest::Approx(product));
      CHECK(got[2] == n);
      CHECK(got[3] == 1);
      CHECK(got[4] == n);
      CHECK(got[5] == n);
    }
  }
}

TEST_CASE("loops, branches, variables and arrays") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    Kernel k("collatz", 1);
    auto& b = k.build;
    const ValueId out = k.output(DType::I32, 16);
    const ValueId zero = b.literal(0);
    const ValueId one = b.literal(1);
    // Steps of the Collatz sequence from group + 1, into an array, then summed by parity.
    const ValueId table = b.var(DType::I32, 4, {ir::Dim(8)});
    const ValueId n = b.var(DType::I32);
    b.loop(zero, b.literal(8), one,
           [&](ValueId i) { b.set(table, b.literal(0, DType::I32, 4), i); });
    b.set(n, b.apply(Opcode::Add, {b.groupId(), one}));
    b.loop(zero, b.literal(200), one, [&](ValueId i) {
      const ValueId now = b.get(n);
      const ValueId odd = b.apply(Opcode::Ne, {b.apply(Opcode::And, {now, one}), zero});
      b.branch(b.apply(Opcode::Gt, {now, one}), [&] {
        b.branch(
            odd,
            [&] {
              b.set(n, b.apply(Opcode::Add, {b.apply(Opcode::Mul, {now, b.literal(3)}), one}));
            },
            [&] {
              b.set(n, b.apply(Opcode::Div, {now, b.literal(2)}));
            });
        const ValueId slot = b.apply(Opcode::Rem, {i, b.literal(8)});
        const ValueId add = b.splat(one, 4);
        b.set(table, b.apply(Opcode::Add, {b.get(table, slot), add}), slot);
      });
    });
    const ValueId sum = b.var(DType::I32);
    b.set(sum, zero);
    b.loop(zero, b.literal(8), b.literal(2), [&](ValueId i) {
      const ValueId both =
          b.apply(Opcode::Add, {b.get(table, i), b.get(table, b.apply(Opcode::Add, {i, one}))});
      b.set(sum, b.apply(Opcode::Add, {b.get(sum), b.extract(both, 2)}));
    });
    b.store(out, b.groupId(), b.get(sum));
    const auto results = runOrFail(*device, programOf(k.finish(), 16), {});
    const auto got = valuesOf<int32_t>(results[0]);
    for (int i = 0; i < 16; ++i) {
      int steps = 0;
      for (int x = i + 1; x > 1; ++steps) x = x % 2 != 0 ? 3 * x + 1 : x / 2;
      CHECK(got[static_cast<size_t>(i)] == steps);
    }
  }
}

namespace {

/// Sums 64 elements per group through workgroup memory, `lanes` at once.
ir::Module groupSum(DType dtype, int lanes, int64_t groups) {
  const int64_t local = 64 / lanes;
  Kernel k("group_sum", local);
  auto& b = k.build;
  const ValueId in = k.input(dtype, groups * 64);
  const ValueId out = k.output(dtype, groups);
  const ValueId scratch = b.shared(dtype, 64);
  const ValueId at = b.apply(Opcode::Mul, {b.localId(), b.literal(lanes)});
  const ValueId from =
      b.apply(Opcode::Add, {b.apply(Opcode::Mul, {b.groupId(), b.literal(64)}), at});
  b.store(scratch, at, b.load(in, from, lanes, {}, lanes), {}, lanes);
  b.barrier();
  for (int64_t half = local / 2; half >= 1; half /= 2) {
    b.branch(b.apply(Opcode::Lt, {b.localId(), b.literal(half)}), [&] {
      const ValueId other = b.apply(Opcode::Add, {at, b.literal(half * lanes)});
      const ValueId sum = b.apply(Opcode::Add, {b.load(scratch, at, lanes, {}, lanes),
                                                b.load(scratch, other, lanes, {}, lanes)});
      b.store(scratch, at, sum, {}, lanes);
    });
    b.barrier();
  }
  b.branch(b.apply(Opcode::Eq, {b.localId(), b.literal(0)}), [&] {
    const ValueId all = b.load(scratch, b.literal(0), lanes, {}, lanes);
    b.store(out, b.groupId(), b.reduceLanes(Opcode::Add, all));
  });
  return k.finish();
}

}  // namespace

TEST_CASE("workgroup memory and barriers") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    constexpr int64_t kGroups = 5;
    for (const int lanes : {1, 4}) {
      const auto floats = ramp(kGroups * 64);
      const auto sums = runOrFail(*device, programOf(groupSum(DType::F32, lanes, kGroups), kGroups),
                                  {bytesOf(floats)});
      std::vector<int64_t> wide(kGroups * 64, int64_t{1} << 33);
      const auto wideSums = runOrFail(
          *device, programOf(groupSum(DType::I64, lanes, kGroups), kGroups), {bytesOf(wide)});
      for (size_t g = 0; g < kGroups; ++g) {
        const float first = static_cast<float>(g) * 64;
        CHECK(valuesOf<float>(sums[0])[g] == 64 * first + 32 * 65);
        CHECK(valuesOf<int64_t>(wideSums[0])[g] == int64_t{1} << 39);
      }
    }
  }
}
