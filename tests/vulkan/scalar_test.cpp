// Scalar operations on every driver.
#include "tests/common/scalar_checks.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;

TEST_CASE("scalar ops on floats") {
  FOR_EACH_DEVICE(id) {
    for (const DType dtype : {DType::F32, DType::F64}) checkScalarOps(*openOrFail(id), dtype);
    checkNoMessages();
  }
}

TEST_CASE("scalar ops on integers, of 64 bits native or as two words") {
  FOR_EACH_DEVICE(id) {
    for (const DType dtype : {DType::I32, DType::U32, DType::I64, DType::U64}) {
      checkScalarOps(*openOrFail(id), dtype);
    }
    checkNoMessages();
  }
}

TEST_CASE("scalar ops on 64-bit integers as two words, where they are native too") {
  FOR_EACH_DEVICE(id) {
    if (!openOrFail(id)->description().int64.value) continue;  // done above
    const auto device = openOrFail(id, {.emulateInt64 = true});
    for (const DType dtype : {DType::I64, DType::U64}) checkScalarOps(*device, dtype);
    checkNoMessages();
  }
}

TEST_CASE("conversions between all dtypes") {
  FOR_EACH_DEVICE(id) {
    checkCasts(*openOrFail(id));
    checkNoMessages();
  }
}

TEST_CASE("conversions with 64-bit integers as two words, where they are native too") {
  FOR_EACH_DEVICE(id) {
    if (!openOrFail(id)->description().int64.value) continue;
    checkCasts(*openOrFail(id, {.emulateInt64 = true}));
    checkNoMessages();
  }
}

TEST_CASE("roundings, order of operations, comparisons, functions") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    checkFma(*device);
    checkDot2(*device);
    checkNoReassociation(*device);
    checkWidenedComparisons(*device);
    checkFloatFunctions(*device);
    checkNoMessages();
  }
}
