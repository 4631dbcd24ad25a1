// What the cases cover, and that what they allow is less than what a wrong kernel does.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/convert.h"
#include "quartet/quartet.h"
#include "tests/operators/draft.h"
#include "tests/shapes/generate.h"

using namespace quartet;
using namespace quartet::shapes;

namespace {

constexpr uint64_t kSeeds = 1200;

bool isPrime(int64_t n) {
  for (int64_t i = 2; i * i <= n; ++i) {
    if (n % i == 0) return false;
  }
  return n > 1;
}

bool besideVector(int64_t n) {
  return n > 2 && std::ranges::any_of(Ints{8, 16, 32}, [&](int64_t width) {
           return n % width == 1 || n % width == width - 1;
         });
}

const ir::ConstantData& dataOf(const Case& c, const std::string& name) {
  return *c.network.values.at(name).fact.data;
}

Tensor answerOf(const operators::Network& network) {
  const auto model = Model::parse(operators::write(network).bytes());
  REQUIRE_MESSAGE(model, model.error().str());
  NamedTensors inputs;
  for (const TensorInfo& info : model->inputs()) {
    inputs[info.name] = api::toTensor(*network.values.at(info.name).fact.data);
  }
  const auto oracle = Oracle::evaluate(*model, inputs);
  REQUIRE_MESSAGE(oracle, oracle.error().str());
  return oracle->outputs().at("y");
}

/// The first operand with its last element taken for zero: the end of a sum is lost.
operators::Network withoutLast(operators::Network network) {
  operators::Fact& fact = network.values.at("x0").fact;
  std::vector<double> elements = fuzz::toDoubles(*fact.data);
  elements.back() = 0;
  fact.data = operators::tensorOf(fact.data->dtype, fact.data->shape, elements);
  return network;
}

}  // namespace

TEST_CASE("a seed gives one case") {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    CHECK(operators::write(generate(seed).network).bytes() ==
          operators::write(generate(seed).network).bytes());
  }
}

TEST_CASE("cases cover operators, dtypes, constant operands and extents that nothing divides") {
  std::map<std::string, int> types;
  std::map<DType, int> dtypes;
  std::map<Family, int> primes;
  std::map<Family, int> besides;
  std::map<Family, int> ones;
  int constantWeights = 0;
  int exact = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Case c = generate(seed);
    const operators::Node& node = c.network.nodes.at(0);
    const Family family = familyOf(seed);
    const Ints& shape = dataOf(c, "x0").shape;
    ++types[node.type];
    ++dtypes[dataOf(c, "x0").dtype];
    if (std::ranges::any_of(shape, isPrime)) ++primes[family];
    if (std::ranges::any_of(shape, besideVector)) ++besides[family];
    if (std::ranges::count(shape, 1) > 0) ++ones[family];
    if (c.accuracy.roundings == 0) ++exact;
    const bool weights = family == Family::MatrixProduct || family == Family::Convolution;
    const auto second = c.network.values.find("x1");
    if (weights && second->second.origin == operators::Origin::Initializer) ++constantWeights;
  }
  CHECK(types.size() == 21);
  for (const auto& [type, count] : types) CHECK_MESSAGE(count >= 5, type);
  for (const DType dtype : {DType::F32, DType::F16, DType::I32, DType::I8, DType::U8}) {
    CHECK(dtypes[dtype] > 40);
  }
  CHECK(dtypes[DType::F32] > static_cast<int>(kSeeds) / 2);
  for (int family = 0; family < kFamilyCount; ++family) {
    CAPTURE(name(static_cast<Family>(family)));
    CHECK(primes[static_cast<Family>(family)] > 150);
    CHECK(besides[static_cast<Family>(family)] > 100);
    CHECK(ones[static_cast<Family>(family)] > 50);
  }
  CHECK(constantWeights > 200);
  CHECK(exact > static_cast<int>(kSeeds) / 3);
}

TEST_CASE("one lost term of a sum is more than what is allowed") {
  int lost = 0;
  int noticed = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Family family = familyOf(seed);
    if (!isSmall(seed) || (family != Family::MatrixProduct && family != Family::Convolution))
      continue;
    const Case c = generate(seed);
    const Tensor want = answerOf(c.network);
    const Tensor got = answerOf(withoutLast(c.network));
    if (got.bytes == want.bytes) continue;  // it was a zero, or no window reached it
    const Tensor magnitudes = answerOf(magnitudesOf(c.network));
    ++lost;
    if (difference(got, want, &magnitudes, c.accuracy)) ++noticed;
  }
  CHECK(lost > 20);
  CHECK(noticed == lost);
}
