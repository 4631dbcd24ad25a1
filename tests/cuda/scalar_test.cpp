// Scalar operations in generated CUDA C++, run on the host.
#include "tests/common/scalar_checks.h"
#include "tests/cuda/fake_device.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;

namespace {

constexpr size_t kAtOnce = 16;  // the host's compiler takes longer to start than to compile

}  // namespace

TEST_CASE("cuda on the host: scalar ops on floats") {
  const auto device = openFakeOrFail();
  checkScalarOps(*device, DType::F32, kAtOnce);
  checkScalarOps(*device, DType::F64, kAtOnce);
}

TEST_CASE("cuda on the host: scalar ops on integers wrap") {
  const auto device = openFakeOrFail();
  for (const DType dtype : {DType::I32, DType::U32, DType::I64, DType::U64}) {
    checkScalarOps(*device, dtype, kAtOnce);
  }
}

TEST_CASE("cuda on the host: conversions between all dtypes") {
  checkCasts(*openFakeOrFail(), kAtOnce);
}

TEST_CASE("cuda on the host: roundings, order of operations, comparisons, functions") {
  const auto device = openFakeOrFail();
  checkFma(*device);
  checkDot2(*device);
  checkNoReassociation(*device);
  checkWidenedComparisons(*device);
  checkFloatFunctions(*device, kAtOnce);
}
