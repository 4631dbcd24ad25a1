#include "tests/common/scalar_checks.h"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "ir/scalar_eval.h"
#include "tests/common/kernels.h"

namespace quartet::tests {

using ir::DType;
using ir::Opcode;
using ir::ValueId;

namespace {

std::vector<ir::Scalar> integerEdges(DType dtype) {
  const int bits = ir::bitWidth(dtype);
  std::vector<int64_t> values = {0,  1,  2,  3,  5,   7,  10, 24, 31, 32,
                                 33, 63, 64, 65, 100, -1, -2, -3, -7};
  for (const int shift : {7, 8, 15, 16, 23, 24, 31, 32, 33, 40, 52, 62, 63}) {
    if (shift >= bits) continue;
    const uint64_t power = uint64_t{1} << shift;
    for (const uint64_t near : {power, power - 1, power + 1, 0 - power, 1 - power}) {
      values.push_back(static_cast<int64_t>(near));
    }
  }
  values.push_back(static_cast<int64_t>(0x123456789abcdef0));
  values.push_back(static_cast<int64_t>(0xfedcba9876543210));
  std::vector<ir::Scalar> edges;
  for (const int64_t value : values) edges.push_back(ir::intScalar(ir::wrapInteger(dtype, value)));
  return edges;
}

std::vector<ir::Scalar> floatEdges(DType dtype) {
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<double> values = {0.0,
                                -0.0,
                                1.0,
                                -1.0,
                                0.5,
                                -0.5,
                                1.5,
                                2.5,
                                -2.5,
                                3.0,
                                -3.0,
                                7.25,
                                1e-3,
                                -1e-3,
                                1e10,
                                -1e10,
                                inf,
                                -inf,
                                1e20,
                                -1e-15,
                                127.5,
                                255.9,
                                -128.9,
                                65504.0,
                                65519.0,
                                65520.0,
                                6e-8,
                                3e-8,
                                2147483647.0,
                                2147483648.0,
                                -2147483648.0,
                                -2147483904.0,
                                4294967040.0,
                                4294967296.0,
                                9223371487098961920.0,
                                9223372036854775808.0,
                                -9223372036854775808.0,
                                18446742974197923840.0,
                                18446744073709551616.0,
                                std::nan("")};
  std::vector<ir::Scalar> edges;
  for (const double value : values) edges.push_back(ir::floatScalar(ir::roundFloat(dtype, value)));
  return edges;
}

std::vector<ir::Scalar> edgesOf(DType dtype) {
  return ir::isFloat(dtype) ? floatEdges(dtype) : integerEdges(dtype);
}

Bytes packed(DType dtype, const std::vector<ir::Scalar>& values) {
  Bytes bytes(values.size() * static_cast<size_t>(ir::byteSize(dtype)));
  for (size_t i = 0; i < values.size(); ++i) {
    ir::writeScalar(dtype, values[i], bytes.data() + i * static_cast<size_t>(ir::byteSize(dtype)));
  }
  return bytes;
}

std::string text(DType dtype, ir::Scalar value) {
  return ir::isFloat(dtype) ? std::to_string(value.f) : std::to_string(value.i);
}

/// The same value; all NaN are one.
bool same(DType dtype, ir::Scalar a, ir::Scalar b) {
  if (!ir::isFloat(dtype)) return a.i == b.i;
  return (std::isnan(a.f) && std::isnan(b.f)) || a.f == b.f;
}

/// All tuples of `arity` edge values.
std::vector<std::vector<ir::Scalar>> tuples(DType dtype, int arity) {
  std::vector<std::vector<ir::Scalar>> operands(static_cast<size_t>(arity));
  const std::vector<ir::Scalar> edges = edgesOf(dtype);
  for (size_t i = 0; i < edges.size(); ++i) {
    for (size_t j = 0; j < (arity > 1 ? edges.size() : 1); ++j) {
      operands[0].push_back(edges[i]);
      if (arity > 1) operands[1].push_back(edges[j]);
      if (arity > 2) operands[2].push_back(edges[(i * 7 + j * 3) % edges.size()]);
    }
  }
  return operands;
}

/// A kernel that applies `op` to its inputs element by element, `lanes` at once.
ir::Module elementwise(Opcode op, DType dtype, int lanes, int64_t elements) {
  Kernel k(std::string(ir::name(op)), 32);
  auto& b = k.build;
  std::vector<ValueId> buffers;
  for (int i = 0; i < ir::info(op).minOperands; ++i) buffers.push_back(k.input(dtype, elements));
  const bool truth = ir::isComparison(op);
  const DType stored = truth ? DType::U32 : dtype;
  const ValueId out = k.output(stored, elements);
  const ValueId group = b.apply(Opcode::Mul, {b.groupId(), b.literal(32)});
  const ValueId at =
      b.apply(Opcode::Mul, {b.apply(Opcode::Add, {group, b.localId()}), b.literal(lanes)});
  const ValueId count = b.apply(Opcode::Sub, {b.literal(elements), at});
  std::vector<ValueId> operands;
  for (const ValueId buffer : buffers) operands.push_back(b.load(buffer, at, lanes, count, lanes));
  if (op == Opcode::Select) {
    operands[0] = b.apply(Opcode::Ne, {operands[0], b.literal(int64_t{0}, dtype, lanes)});
  }
  ValueId result = b.apply(op, operands);
  if (truth) result = b.cast(result, DType::U32);
  b.store(out, at, result, count, lanes);
  return k.finish();
}

bool isInexact(Opcode op) { return op == Opcode::Pow || (op >= Opcode::Exp && op <= Opcode::Erf); }

bool defined(Opcode op, DType dtype) {
  // Their own tests.
  if (op == Opcode::Cast || op == Opcode::Fma || op == Opcode::Dot2) return false;
  if (ir::isFloat(dtype)) {
    return !isInexact(op) && op != Opcode::Dot4 && !(op >= Opcode::And && op <= Opcode::Shr);
  }
  if (op == Opcode::Dot4) return dtype == DType::I32;
  return !(op >= Opcode::Sqrt && op <= Opcode::IsInf);
}

std::vector<Opcode> scalarOps(DType dtype) {
  std::vector<Opcode> ops;
  for (int i = 0; i <= static_cast<int>(Opcode::Cast); ++i) {
    if (defined(static_cast<Opcode>(i), dtype)) ops.push_back(static_cast<Opcode>(i));
  }
  return ops;
}

/// A kernel with one output, and what is right.
struct Case {
  ir::Module kernel;
  int64_t groups = 1;
  std::vector<Bytes> inputs;
  std::function<void(const Bytes& output)> check;
};

/// Runs the cases, so many in one launch.
void runCases(runtime::Device& device, std::vector<Case> cases, size_t atOnce) {
  for (size_t first = 0; first < cases.size(); first += atOnce) {
    const size_t count = std::min(atOnce, cases.size() - first);
    runtime::Program program = programOf(std::move(cases[first].kernel), cases[first].groups);
    std::vector<Bytes> inputs = std::move(cases[first].inputs);
    for (size_t i = first + 1; i < first + count; ++i) {
      addKernel(program, std::move(cases[i].kernel), cases[i].groups);
      inputs.insert(inputs.end(), cases[i].inputs.begin(), cases[i].inputs.end());
    }
    const auto results = runProgram(device, std::move(program), inputs);
    REQUIRE_MESSAGE(results.has_value(), (results ? "" : results.error().str()));
    for (size_t i = 0; i < count; ++i) cases[first + i].check((*results)[i]);
  }
}

void compareOp(Opcode op, DType dtype, const std::vector<std::vector<ir::Scalar>>& operands,
               const Bytes& output) {
  const bool truth = ir::isComparison(op);
  const DType stored = truth ? DType::U32 : dtype;
  int wrong = 0;
  for (size_t i = 0; i < operands[0].size(); ++i) {
    std::vector<ir::Scalar> args;
    for (const auto& operand : operands) args.push_back(operand[i]);
    if (op == Opcode::Select) {
      args[0] = ir::intScalar(ir::isFloat(dtype) ? args[0].f != 0 : args[0].i != 0);
    }
    bool zero = false;
    const ir::Scalar wanted = ir::applyScalar(op, dtype, args.data(), zero);
    const ir::Scalar got =
        ir::readScalar(stored, output.data() + i * static_cast<size_t>(ir::byteSize(stored)));
    if (same(stored, wanted, got) || ++wrong > 5) continue;
    std::string operandsText;
    for (const auto& operand : operands) operandsText += " " + text(dtype, operand[i]);
    FAIL_CHECK(ir::name(op), " of ", ir::name(dtype), operandsText, " is ", text(stored, got),
               ", not ", text(stored, wanted));
  }
  CHECK(wrong == 0);
}

Case opCase(Opcode op, DType dtype, int lanes) {
  auto operands = tuples(dtype, ir::info(op).minOperands);
  const auto elements = static_cast<int64_t>(operands[0].size());
  const int64_t perGroup = int64_t{32} * lanes;
  Case made{elementwise(op, dtype, lanes, elements), (elements + perGroup - 1) / perGroup, {}, {}};
  for (const auto& operand : operands) made.inputs.push_back(packed(dtype, operand));
  made.check = [op, dtype, operands = std::move(operands)](const Bytes& output) {
    compareOp(op, dtype, operands, output);
  };
  return made;
}

/// The 32- or 64-bit dtype that holds a narrow one in buffers of the test.
DType carrier(DType dtype) {
  switch (dtype) {
    case DType::Bool:
    case DType::U8:
    case DType::U16:
      return DType::U32;
    case DType::I8:
    case DType::I16:
      return DType::I32;
    case DType::F16:
    case DType::BF16:
      return DType::F32;
    default:
      return dtype;
  }
}

Case castCase(DType from, DType to) {
  const DType read = carrier(from);
  const DType written = carrier(to);
  const std::vector<ir::Scalar> values = edgesOf(read);
  const auto elements = static_cast<int64_t>(values.size());
  Kernel k("cast", 1);
  auto& b = k.build;
  const ValueId in = k.input(read, elements);
  const ValueId out = k.output(written, elements);
  b.loop(b.literal(0), b.literal(elements), b.literal(1), [&](ValueId i) {
    const ValueId x = b.cast(b.load(in, i), from);
    b.store(out, i, b.cast(b.cast(x, to), written));
  });
  const auto check = [=](const Bytes& output) {
    for (size_t i = 0; i < values.size(); ++i) {
      const ir::Scalar x = ir::castScalar(values[i], read, from);
      const ir::Scalar wanted = ir::castScalar(ir::castScalar(x, from, to), to, written);
      const ir::Scalar got =
          ir::readScalar(written, output.data() + i * static_cast<size_t>(ir::byteSize(written)));
      if (same(written, wanted, got)) continue;
      FAIL_CHECK(ir::name(from), " ", text(from, x), " to ", ir::name(to), " is ",
                 text(written, got), ", not ", text(written, wanted));
    }
  };
  return {k.finish(), 1, {packed(read, values)}, check};
}

/// Distance in units of the last place of an f32 result.
double ulps(float got, double wanted) {
  if (std::isnan(wanted)) return std::isnan(got) ? 0 : std::numeric_limits<double>::infinity();
  const auto narrow = static_cast<float>(wanted);
  if (got == narrow) return 0;
  const int exponent = std::max(std::ilogb(narrow), -126);
  return std::fabs(static_cast<double>(got) - wanted) / std::ldexp(1.0, exponent - 23);
}

Case functionCase(Opcode op) {
  std::vector<float> values;
  for (int i = -200; i <= 200; ++i) values.push_back(static_cast<float>(i) * 0.137F);
  for (int i = -20; i <= 20; ++i) values.push_back(std::ldexp(1.1F, i * 3));
  const auto elements = static_cast<int64_t>(values.size());
  const auto check = [=](const Bytes& output) {
    const auto got = valuesOf<float>(output);
    for (size_t v = 0; v < values.size(); ++v) {
      const ir::Scalar arg = ir::floatScalar(values[v]);
      bool zero = false;
      const double wanted = ir::applyScalar(op, DType::F64, &arg, zero).f;
      if (std::fabs(wanted) < 0x1p-126 && wanted != 0) continue;  // may be flushed
      CHECK_MESSAGE(ulps(got[v], wanted) <= 8, ir::name(op), " of ", values[v], " gives ", got[v],
                    ", not ", wanted);
    }
  };
  return {
      elementwise(op, DType::F32, 4, elements), (elements + 127) / 128, {bytesOf(values)}, check};
}

std::vector<Bytes> runKernel(runtime::Device& device, ir::Module kernel, int64_t groups,
                             const std::vector<Bytes>& inputs) {
  auto results = runProgram(device, programOf(std::move(kernel), groups), inputs);
  REQUIRE_MESSAGE(results.has_value(), (results ? "" : results.error().str()));
  return *results;
}

}  // namespace

void checkScalarOps(runtime::Device& device, DType dtype, size_t atOnce) {
  if (dtype == DType::F64 && !device.description().float64.value) return;
  std::vector<Case> cases;
  for (const Opcode op : scalarOps(dtype)) {
    for (const int lanes : {1, 4}) cases.push_back(opCase(op, dtype, lanes));
  }
  runCases(device, std::move(cases), atOnce);
}

void checkCasts(runtime::Device& device, size_t atOnce) {
  std::vector<Case> cases;
  for (int from = 0; from < ir::kDTypeCount; ++from) {
    for (int to = 0; to < ir::kDTypeCount; ++to) {
      const bool wide = from == static_cast<int>(DType::F64) || to == static_cast<int>(DType::F64);
      const auto& description = device.description();
      if (wide && !(description.float64.value && description.int64.value)) continue;
      if (from == to) continue;
      cases.push_back(castCase(static_cast<DType>(from), static_cast<DType>(to)));
    }
  }
  runCases(device, std::move(cases), atOnce);
}

void checkFma(runtime::Device& device) {
  const std::vector<float> a = {1.0F + 0x1p-12F, 3.0F, 1e20F, -1.0F / 3};
  const std::vector<float> b = {1.0F - 0x1p-12F, 4.0F, 1e20F, 3.0F};
  const std::vector<float> c = {-1.0F, 5.0F, 1.0F, 1.0F};
  Kernel k("fma");
  const ValueId x = k.input(DType::F32, 4);
  const ValueId y = k.input(DType::F32, 4);
  const ValueId z = k.input(DType::F32, 4);
  const ValueId out = k.output(DType::F32, 4);
  auto& build = k.build;
  const auto whole = [&](ValueId from) { return build.load(from, build.literal(0), 4, {}, 4); };
  build.store(out, build.literal(0), build.apply(Opcode::Fma, {whole(x), whole(y), whole(z)}), {},
              4);
  const auto results = runKernel(device, k.finish(), 1, {bytesOf(a), bytesOf(b), bytesOf(c)});
  const auto got = valuesOf<float>(results[0]);
  for (size_t i = 0; i < a.size(); ++i) {
    const float once = std::fma(a[i], b[i], c[i]);
    volatile float product = a[i] * b[i];
    const float twice = product + c[i];
    CHECK((got[i] == once || got[i] == twice));
  }
}

void checkDot2(runtime::Device& device) {
  constexpr int kLanes = 16;
  std::vector<int32_t> a;
  std::vector<int32_t> b;
  std::vector<float> c;
  std::vector<float> want;
  const auto packed = [](float low, float high) {
    const uint32_t lower = std::bit_cast<uint32_t>(low) >> 16;
    return static_cast<int32_t>((std::bit_cast<uint32_t>(high) & 0xffff0000U) | lower);
  };
  for (int i = 0; i < kLanes; ++i) {  // whole numbers that a bf16 holds: exact in any order
    const auto x = static_cast<float>(i - 7);
    const auto y = static_cast<float>(3 * i - 20);
    a.push_back(packed(x, y));
    b.push_back(packed(y + 1, -x));
    c.push_back(0.5F * x);
    want.push_back(c.back() + x * (y + 1) - y * x);
  }
  for (const int lanes : {1, 4, kLanes}) {
    Kernel k("dot2");
    const ValueId x = k.input(DType::I32, kLanes);
    const ValueId y = k.input(DType::I32, kLanes);
    const ValueId z = k.input(DType::F32, kLanes);
    const ValueId out = k.output(DType::F32, kLanes);
    auto& build = k.build;
    for (int first = 0; first < kLanes; first += lanes) {
      const ValueId at = build.literal(first);
      const auto some = [&](ValueId from) { return build.load(from, at, lanes, {}, lanes); };
      build.store(out, at, build.apply(Opcode::Dot2, {some(x), some(y), some(z)}), {}, lanes);
    }
    const auto results = runKernel(device, k.finish(), 1, {bytesOf(a), bytesOf(b), bytesOf(c)});
    CHECK(valuesOf<float>(results[0]) == want);
  }
}

void checkNoReassociation(runtime::Device& device) {
  Kernel k("magic");
  const ValueId x = k.input(DType::F32, 2);
  const ValueId out = k.output(DType::F32, 2);
  auto& b = k.build;
  const ValueId magic = b.literal(12582912.0, DType::F32, 2);
  const ValueId up = b.apply(Opcode::Add, {b.load(x, b.literal(0), 2, {}, 2), magic});
  b.store(out, b.literal(0), b.apply(Opcode::Sub, {up, magic}), {}, 2);
  const auto results = runKernel(device, k.finish(), 1, {bytesOf(std::vector<float>{2.3F, -7.8F})});
  CHECK(valuesOf<float>(results[0]) == std::vector<float>{2.0F, -8.0F});
}

void checkWidenedComparisons(runtime::Device& device) {
  const std::vector<int32_t> values = {0, 1, -1, 5, -3, 100, -100, INT32_MAX, INT32_MIN};
  const std::vector<int64_t> constants = {0, -3, 5, int64_t{1} << 31, -(int64_t{1} << 40)};
  for (const DType source : {DType::I32, DType::U32}) {
    Kernel k("compare_widened", 1);
    auto& b = k.build;
    const auto count = static_cast<int64_t>(values.size() * constants.size()) * 6;
    const ValueId in = k.input(source, static_cast<int64_t>(values.size()));
    const ValueId out = k.output(DType::U32, count);
    int next = 0;
    for (size_t v = 0; v < values.size(); ++v) {
      const ValueId x = b.cast(b.load(in, b.literal(static_cast<int64_t>(v))), DType::I64);
      for (const int64_t constant : constants) {
        for (int op = static_cast<int>(Opcode::Eq); op <= static_cast<int>(Opcode::Ge); ++op) {
          const ValueId truth =
              b.apply(static_cast<Opcode>(op), {x, b.literal(constant, DType::I64)});
          b.store(out, b.literal(next++), b.cast(truth, DType::U32));
        }
      }
    }
    const auto results = runKernel(device, k.finish(), 1, {bytesOf(values)});
    const auto got = valuesOf<uint32_t>(results[0]);
    size_t at = 0;
    for (const int32_t value : values) {
      const int64_t wide = source == DType::I32 ? int64_t{value} : static_cast<uint32_t>(value);
      for (const int64_t constant : constants) {
        for (int op = static_cast<int>(Opcode::Eq); op <= static_cast<int>(Opcode::Ge); ++op) {
          const ir::Scalar args[] = {ir::intScalar(wide), ir::intScalar(constant)};
          bool zero = false;
          const auto wanted = ir::applyScalar(static_cast<Opcode>(op), DType::I64, args, zero);
          CHECK_MESSAGE(got[at++] == wanted.i, wide, " ", ir::name(static_cast<Opcode>(op)), " ",
                        constant);
        }
      }
    }
  }
}

void checkFloatFunctions(runtime::Device& device, size_t atOnce) {
  std::vector<Case> cases;
  for (int i = static_cast<int>(Opcode::Exp); i <= static_cast<int>(Opcode::Erf); ++i) {
    cases.push_back(functionCase(static_cast<Opcode>(i)));
  }
  runCases(device, std::move(cases), atOnce);
}

}  // namespace quartet::tests
