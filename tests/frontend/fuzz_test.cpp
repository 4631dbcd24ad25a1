// Damaged models: whatever the bytes, the result is a graph that verifies or a diagnostic.
#include <doctest/doctest.h>

#include <random>

#include "ir/verifier.h"
#include "tests/frontend/support.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

// A model with a bit of everything that reads attributes and contents.
OnnxModel seedModel() {
  OnnxModel m;
  m.input("x", {1, 3, 8, 8}).weights("w", {4, 3, 3, 3}).weights("b", {4});
  m.node("Conv", {"x", "w", "b"}, {"c"},
         {{"pads", std::vector<int64_t>{1, 1, 1, 1}}, {"strides", std::vector<int64_t>{2, 2}}});
  m.node("MaxPool", {"c"}, {"p"},
         {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"ceil_mode", int64_t{1}}});
  m.node("Shape", {"p"}, {"s"}).ints("i", {}, {0}).node("Gather", {"s", "i"}, {"n"});
  m.ints("a", {1}, {0}).node("Unsqueeze", {"n", "a"}, {"n1"}).ints("m", {1}, {-1});
  m.node("Concat", {"n1", "m"}, {"t"}, {{"axis", int64_t{0}}});
  m.node("Reshape", {"p", "t"}, {"r"}).weights("g", {36, 4}).node("Gemm", {"r", "g"}, {"d"});
  m.ints("e", {1}, {INT64_MAX}).node("Slice", {"d", "a", "e", "a"}, {"l"});
  m.node("Softmax", {"l"}, {"y"}, {{"axis", int64_t{1}}}).output("y");
  return m;
}

OnnxModel resizeModel() {
  OnnxModel m;
  m.input("x", {1, 1, 4, 4}).floats("scales", {4}, {1, 1, 2, 1.5});
  m.node("Resize", {"x", "", "scales"}, {"r"}, {{"mode", std::string("linear")}});
  m.ints("pads", {8}, {0, 0, 1, 0, 0, 0, 0, 2}).node("Pad", {"r", "pads"}, {"p"});
  m.ints("sizes", {2}, {3, 6}).ints("reps", {4}, {1, 2, 1, 1});
  m.node("Split", {"p", "sizes"}, {"s", "u"}, {{"axis", int64_t{2}}});
  m.node("Tile", {"s", "reps"}, {"t"}).ints("depth", {}, {5}).floats("v", {2}, {0, 1});
  m.node("ReduceMean", {"t"}, {"k"}, {{"axes", std::vector<int64_t>{1, 2}}});
  m.node("LayerNormalization", {"k", "one"}, {"y"}).floats("one", {8}, std::vector<float>(8, 1));
  m.node("Einsum", {"k", "k"}, {"z"}, {{"equation", std::string("abcd,abcd->ad")}});
  m.output("y").output("z");
  return m;
}

void importMutant(const std::vector<std::byte>& bytes, int& imported) {
  const auto result = frontend::importModel(bytes, {}, referenceEvaluator());
  if (!result) {
    CHECK(result.error().kind != Diagnostic::Kind::Internal);
    CHECK_FALSE(result.error().message.empty());
    return;
  }
  const Status valid = ir::verify(result->graph);
  CHECK_MESSAGE(valid.has_value(), valid.error().str());
  ++imported;
}

void fuzz(const OnnxModel& seed, int mutants) {
  std::mt19937 random(20240611);
  const auto original = bytesOf(seed);
  import(seed);
  int imported = 0;
  for (int i = 0; i < mutants; ++i) {
    auto bytes = original;
    const int changes = 1 + static_cast<int>(random() % 3);
    for (int k = 0; k < changes; ++k) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<std::byte>(random());
          break;
        case 1:
          bytes[at] ^= static_cast<std::byte>(1u << (random() % 8));
          break;
        case 2:
          bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        default:
          bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes[at]);
          break;
      }
    }
    CAPTURE(i);
    importMutant(bytes, imported);
  }
  // The mutations reach behind the parser.
  CHECK(imported > mutants / 20);
  CHECK(imported < mutants);
}

}  // namespace

TEST_CASE("mutated models") { fuzz(seedModel(), 4000); }
TEST_CASE("mutated models of other operators") { fuzz(resizeModel(), 4000); }

TEST_CASE("every truncation of a model") {
  const auto bytes = bytesOf(seedModel());
  int imported = 0;
  for (size_t length = 0; length < bytes.size(); length += 3) {
    importMutant({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)}, imported);
  }
}
