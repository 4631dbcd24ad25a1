// Models with open extents: one session for all shapes.
#include <doctest/doctest.h>

#include <numeric>
#include <set>
#include <thread>

#include "tests/api/models.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

/// p = softmax(x + mask) along L, sum = the sum of it, on x: f32[N, L], mask: f32[L].
void writeRows(OnnxModel& onnx) {
  onnx.input("x", {"N", "L"}).input("mask", {"L"});
  onnx.output("p", kFloat).output("sum", kFloat);
  onnx.node("Add", {"x", "mask"}, {"a"});
  onnx.node("Softmax", {"a"}, {"p"}, {{"axis", int64_t{1}}});
  onnx.ints("along", {1}, {1});
  onnx.node("ReduceSum", {"a", "along"}, {"sum"}, {{"keepdims", int64_t{0}}});
}

const Model::Shapes kOpenRows{{"x", {kOpenExtent, kOpenExtent}}, {"mask", {kOpenExtent}}};

Session sessionOf(const Model& model, const CompileOptions& options) {
  auto session = Session::compile(model, options);
  REQUIRE_MESSAGE(session, session.error().str());
  return *session;
}

/// Runs with these shapes and compares with the reference of a model that has them.
void checkShapes(const Model& model, const Session& session, const Model::Shapes& shapes) {
  const auto pinned = model.at(shapes);
  REQUIRE_MESSAGE(pinned, pinned.error().str());
  const NamedTensors inputs = pinned->makeInputs(1);
  const auto oracle = Oracle::evaluate(*pinned, inputs);
  REQUIRE_MESSAGE(oracle, oracle.error().str());
  const auto outputs = session.run(inputs);
  REQUIRE_MESSAGE(outputs, outputs.error().str());
  for (const Comparison& comparison : oracle->compare(*outputs)) {
    CHECK_MESSAGE(comparison.passed, comparison.output, ": ", comparison.detail);
  }
}

Model::Shapes rows(int64_t n, int64_t l) { return {{"x", {n, l}}, {"mask", {l}}}; }

std::string failure(const Session& session, const NamedTensors& inputs) {
  const auto outputs = session.run(inputs);
  REQUIRE_FALSE(outputs);
  CHECK(outputs.error().kind == Error::Kind::User);
  return outputs.error().str();
}

}  // namespace

TEST_CASE("open extents: the model says what is open, and pins it") {
  OnnxModel onnx;
  writeRows(onnx);
  const Model model = modelOf(onnx, kOpenRows);
  CHECK(model.inputs()[0].shape == std::vector<int64_t>{kOpenExtent, kOpenExtent});
  CHECK(model.outputs()[1].shape == std::vector<int64_t>{kOpenExtent});
  const auto pinned = model.at(rows(2, 5));
  REQUIRE_MESSAGE(pinned, pinned.error().str());
  CHECK(pinned->inputs()[0].shape == std::vector<int64_t>{2, 5});
  CHECK(pinned->outputs()[0].shape == std::vector<int64_t>{2, 5});
  // The batch is 1 unless it is left open.
  CHECK(modelOf(onnx, {{"mask", {kOpenExtent}}}).inputs()[0].shape ==
        std::vector<int64_t>{1, kOpenExtent});
}

TEST_CASE("open extents: a batch is a launch parameter, the code is the same for all") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx, {{"x", {kOpenExtent, 3}}});
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session = sessionOf(model, {.device = device, .strict = true, .cache = false});
    for (const int64_t n : {1, 2, 0, 5, 300, 2}) checkShapes(model, session, {{"x", {n, 3}}});
    const auto found = session.specialisations();
    REQUIRE(found.size() == 1);
    CHECK(found[0].compiledIn.empty());
    REQUIRE(found[0].shapes.size() == 5);
    CHECK(found[0].shapes[0] == std::map<std::string, int64_t>{{"N", 2}});  // used last
    const auto five = session.at({{"x", {5, 3}}});
    const auto many = session.at({{"x", {300, 3}}});
    REQUIRE((five && many));
    CHECK(five->code() == many->code());
    if (device != "reference") {
      CHECK(five->statistics().inputOutputBytes == 5 * (3 + 2) * 4);
      // Compiled for one of them, shared by the others.
      CHECK(five->statistics().kernels > 0);
      CHECK(five->statistics().cachedKernels == five->statistics().kernels);
    }
  }
}

TEST_CASE("open extents: what reductions run over is compiled in, a bounded number of times") {
  OnnxModel onnx;
  writeRows(onnx);
  const Model model = modelOf(onnx, kOpenRows);
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session =
        sessionOf(model, {.device = device, .strict = true, .specialisations = 2});
    for (const int64_t l : {3, 1, 40, 3, 0, 17}) {
      for (const int64_t n : {1, 4, 7}) checkShapes(model, session, rows(n, l));
    }
    const auto found = session.specialisations();
    if (device == "reference") continue;  // nothing is compiled
    REQUIRE(found.size() == 2);
    CHECK(found[0].compiledIn == std::map<std::string, int64_t>{{"L", 17}});
    CHECK(found[1].compiledIn == std::map<std::string, int64_t>{{"L", 0}});
    CHECK(found[0].shapes == std::vector<std::map<std::string, int64_t>>{{{"N", 7}}, {{"N", 4}}});
    CHECK(session.explain().find("2 of at most 2 specialisations") != std::string::npos);
    CHECK(session.explain().find("L = 17 compiled in") != std::string::npos);
  }
}

TEST_CASE("open extents: inputs that contradict each other or the model are refused") {
  OnnxModel onnx;
  writeRows(onnx);
  const Session session = sessionOf(modelOf(onnx, kOpenRows), {.device = "cpu"});
  const auto ones = [](const std::vector<int64_t>& shape) {
    int64_t count = 1;
    for (const int64_t extent : shape) count *= extent;
    return Tensor::of<float>(shape, std::vector<float>(static_cast<size_t>(count), 1));
  };
  CHECK(failure(session, {{"x", ones({2, 3})}, {"mask", ones({4})}})
            .find("axis 0 ('L') is 4, required is 3 as in input 'x'") != std::string::npos);
  CHECK(failure(session, {{"x", ones({2, 3, 1})}, {"mask", ones({3})}}).find("required rank 2") !=
        std::string::npos);
  CHECK(failure(session, {{"x", ones({2, 3})}}).find("no value is given") != std::string::npos);
  const auto open = session.at({{"x", {2, 3}}});
  REQUIRE(open);  // the mask's extent follows
  const auto unknown = session.at({{"mask", {3}}});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().str().find("axis 0 is open, and no shape is given") != std::string::npos);
  const auto none =
      Session::compile(modelOf(onnx, kOpenRows), {.device = "cpu", .specialisations = 0});
  REQUIRE_FALSE(none);
  CHECK(none.error().str().find("found 0 specialisations") != std::string::npos);
}

TEST_CASE("open extents: an axis that the model fixes cannot be open, nor open and given") {
  OnnxModel onnx;
  onnx.input("x", {"N", 3}).input("y", {"N"}).output("o");
  onnx.node("ReduceSum", {"x"}, {"s"}, {{"keepdims", int64_t{0}}});
  onnx.node("Add", {"x", "s"}, {"o"});
  const auto fixed = Model::parse(onnx.bytes(), {{"x", {2, kOpenExtent}}});
  REQUIRE_FALSE(fixed);
  CHECK(fixed.error().str().find("axis 1 is fixed") != std::string::npos);
  const auto both = Model::parse(onnx.bytes(), {{"x", {2, 3}}, {"y", {kOpenExtent}}});
  REQUIRE_FALSE(both);
  CHECK(both.error().str().find("dimension 'N' is open here and 2 in another input") !=
        std::string::npos);
}

TEST_CASE("open extents: names that only punctuation tells apart stay apart") {
  OnnxModel onnx;
  onnx.input("x", {"a-b", 2}).input("y", {"a.b", 2}).output("o");
  onnx.node("Concat", {"x", "y"}, {"o"}, {{"axis", int64_t{0}}});
  const Model model = modelOf(onnx, {{"x", {kOpenExtent, 2}}, {"y", {kOpenExtent, 2}}});
  const Session session = sessionOf(model, {.device = "cpu"});
  checkShapes(model, session, {{"x", {3, 2}}, {"y", {5, 2}}});
  checkShapes(model, session, {{"x", {1, 2}}, {"y", {0, 2}}});
}

TEST_CASE("open extents: threads run different shapes through one session") {
  OnnxModel onnx;
  writeRows(onnx);
  const Model model = modelOf(onnx, kOpenRows);
  const Session session = sessionOf(model, {.device = "cpu", .specialisations = 2});
  std::vector<std::vector<Comparison>> results(6);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < results.size(); ++t) {
    threads.emplace_back([&, t] {
      const auto pinned =
          model.at(rows(static_cast<int64_t>(1 + t % 2), static_cast<int64_t>(3 + t / 2)));
      if (!pinned) return;
      const NamedTensors inputs = pinned->makeInputs(t);
      const auto oracle = Oracle::evaluate(*pinned, inputs);
      for (int i = 0; oracle && i < 20; ++i) {
        const auto outputs = session.run(inputs);
        if (!outputs) return;
        for (Comparison& one : oracle->compare(*outputs)) results[t].push_back(std::move(one));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& comparisons : results) {
    CHECK(comparisons.size() == 40);
    for (const Comparison& comparison : comparisons) CHECK(comparison.passed);
  }
}

TEST_CASE("open extents: what an operator must know is compiled in, the batch stays open") {
  OnnxModel onnx;  // the last L positions of x: f32[N, T], which a slice must know
  onnx.input("x", {"N", "T"}).input("y", {"L"});
  onnx.output("o", kFloat, {"N", "L"});
  onnx.ints("zero", {}, {0}).ints("one", {1}, {1}).ints("front", {1}, {0});
  onnx.ints("end", {1}, {INT64_MAX});
  onnx.node("Shape", {"y"}, {"s"}).node("Gather", {"s", "zero"}, {"l"});
  onnx.node("Neg", {"l"}, {"back"}).node("Unsqueeze", {"back", "front"}, {"start"});
  onnx.node("Slice", {"x", "start", "end", "one"}, {"tail"}).node("Add", {"tail", "y"}, {"o"});
  const Model model = modelOf(onnx, {{"x", {kOpenExtent, kOpenExtent}}, {"y", {kOpenExtent}}});
  CHECK(model.outputs()[0].shape == std::vector<int64_t>{kOpenExtent, kOpenExtent});
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session = sessionOf(model, {.device = device, .strict = true});
    for (const int64_t n : {1, 3}) {
      checkShapes(model, session, {{"x", {n, 7}}, {"y", {2}}});
      checkShapes(model, session, {{"x", {n, 5}}, {"y", {5}}});
    }
    // Extents that do not fit together stay an error, and change nothing.
    CHECK(failure(session, {{"x", Tensor::of<float>({1, 2}, {1, 2})},
                            {"y", Tensor::of<float>({3}, {1, 2, 3})}})
              .find("node '") != std::string::npos);
    const auto found = session.specialisations();
    REQUIRE(found.size() == 2);
    CHECK(found[0].compiledIn == std::map<std::string, int64_t>{{"L", 5}, {"T", 5}});
    CHECK(found[0].shapes.size() == 2);
  }
}

namespace {

/// Runs the open model with inputs of these shapes: what the model that is pinned to them gives, or
/// refused as that is. Returns whether it ran.
bool sameAsPinned(const Model& model, const Session& session, const Model::Shapes& shapes) {
  if (model.at(shapes)) {
    checkShapes(model, session, shapes);
    return true;
  }
  NamedTensors inputs;
  for (const auto& [name, shape] : shapes) {
    Tensor tensor{DataType::F32, shape, {}};
    tensor.bytes.resize(static_cast<size_t>(tensor.elementCount()) * 4);
    inputs.emplace(name, std::move(tensor));
  }
  failure(session, inputs);
  return false;
}

/// x: f32[A, B], with shape = [A, B], a = [A], b = [B].
OnnxModel shapeModel() {
  OnnxModel onnx;
  onnx.input("x", {"A", "B"}).node("Shape", {"x"}, {"shape"});
  onnx.ints("0", {1}, {0}).ints("1", {1}, {1}).ints("2", {1}, {2}).ints("3", {1}, {3});
  onnx.node("Slice", {"shape", "0", "1"}, {"a"}).node("Slice", {"shape", "1", "2"}, {"b"});
  return onnx;
}

}  // namespace

TEST_CASE("open extents: values at which the graph is another are compiled by themselves") {
  std::map<std::string, OnnxModel> models;
  const auto add = [&](const std::string& name) -> OnnxModel& {
    return models.emplace(name, shapeModel()).first->second.output("y", kFloat);
  };
  add("a table cut to B").weights("table", {8, 2}).node("Slice", {"table", "0", "b"}, {"y"});
  add("a table cut to B + 2")
      .weights("table", {8, 2})
      .node("Add", {"b", "2"}, {"end"})
      .node("Slice", {"table", "0", "end"}, {"y"});
  add("an axis cut to the other").node("Slice", {"x", "0", "a", "1"}, {"y"});
  add("an end that may count from the end")
      .node("Sub", {"b", "3"}, {"end"})
      .node("Slice", {"x", "0", "end", "1"}, {"y"});
  add("an extent that may become 0, which copies, or -1, which infers")
      .ints("minus", {1}, {-1})
      .node("Sub", {"b", "3"}, {"less"})
      .node("Concat", {"less", "minus"}, {"target"}, {{"axis", int64_t{0}}})
      .node("Reshape", {"x", "target"}, {"y"});
  add("pairs, where there is an even number")
      .ints("target", {2}, {-1, 2})
      .node("Reshape", {"x", "target"}, {"y"});
  add("the fourth column")
      .ints("three", {}, {3})
      .node("Gather", {"x", "three"}, {"y"}, {{"axis", int64_t{1}}});
  add("a window of three")
      .node("Unsqueeze", {"x", "0"}, {"image"})
      .node("MaxPool", {"image"}, {"y"}, {{"kernel_shape", std::vector<int64_t>{3}}});
  add("a mirrored border")
      .ints("pads", {4}, {0, 3, 0, 3})
      .node("Pad", {"x", "pads"}, {"y"}, {{"mode", std::string("reflect")}});
  add("axes of one position dropped").node("Squeeze", {"x"}, {"y"});
  add("halves").output("z", kFloat).node("Split", {"x"}, {"y", "z"}, {{"axis", int64_t{1}}});
  int ran = 0;
  int refused = 0;
  for (const auto& [name, onnx] : models) {
    INFO(name);
    const Model model = modelOf(onnx, {{"x", {kOpenExtent, kOpenExtent}}});
    for (const std::string& device : computingDevices()) {
      INFO(device);
      const Session session = sessionOf(model, {.device = device, .cache = false});
      for (const auto& [a, b] : std::vector<std::pair<int64_t, int64_t>>{{2, 4},
                                                                         {2, 9},
                                                                         {5, 7},
                                                                         {12, 9},
                                                                         {2, 3},
                                                                         {3, 2},
                                                                         {4, 1},
                                                                         {1, 6},
                                                                         {1, 1},
                                                                         {3, 100},
                                                                         {2, 4},
                                                                         {3, 100}}) {
        CAPTURE(a);
        CAPTURE(b);
        (sameAsPinned(model, session, {{"x", {a, b}}}) ? ran : refused) += 1;
      }
      CHECK(session.specialisations().size() <= 8);
      for (const SpecialisationInfo& one : session.specialisations()) {
        // What was compiled before is found again.
        CHECK(std::set(one.shapes.begin(), one.shapes.end()).size() == one.shapes.size());
      }
    }
  }
  CHECK(ran > refused);
  CHECK(refused > 0);
}

TEST_CASE("open extents: a model that must know them need not declare its outputs") {
  OnnxModel onnx;
  onnx.input("x", {"A", "B"}).output("y").output("z");
  onnx.node("Split", {"x"}, {"y", "z"}, {{"axis", int64_t{1}}});
  const Model model = modelOf(onnx, {{"x", {kOpenExtent, kOpenExtent}}});
  REQUIRE(model.outputs().size() == 2);
  CHECK(model.outputs()[1].name == "z");
  CHECK(model.outputs()[1].dtype == DataType::F32);
  CHECK(model.outputs()[1].shape == std::vector<int64_t>{kOpenExtent, kOpenExtent});
  const Session session = sessionOf(model, {.device = "cpu"});
  for (const int64_t b : {4, 8, 2}) checkShapes(model, session, {{"x", {3, b}}});
}

// The largest product of the extents is beyond 64 bits; nobody runs it, but bounds rest on it.
TEST_CASE("open extents whose product could be beyond all numbers") {
  OnnxModel onnx;
  onnx.input("x", {10, "S", 8, "S", 7}).output("y", kFloat);
  onnx.node("Flatten", {"x"}, {"y"}, {{"axis", int64_t{4}}});
  const Model model = modelOf(onnx, {{"x", {10, kOpenExtent, 8, kOpenExtent, 7}}});
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const auto session = Session::compile(model, {.device = device});
    REQUIRE_MESSAGE(session, session.error().str());
    for (const int64_t extent : {3, 2, 5, 1}) {
      CAPTURE(extent);
      std::vector<float> values(static_cast<size_t>(560 * extent * extent));
      std::iota(values.begin(), values.end(), 0.0F);
      const auto outputs =
          session->run({{"x", Tensor::of<float>({10, extent, 8, extent, 7}, values)}});
      REQUIRE_MESSAGE(outputs, outputs.error().str());
      CHECK(outputs->at("y").shape == std::vector<int64_t>{80 * extent * extent, 7});
      CHECK(floats(outputs->at("y")) == values);
    }
  }
}
