#include <doctest/doctest.h>

#include <thread>

#include "tests/api/models.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

Session compileFor(const Model& model, const CompileOptions& options) {
  auto session = Session::compile(model, options);
  REQUIRE_MESSAGE(session, session.error().str());
  return *session;
}

}  // namespace

TEST_CASE("session: every device gives the layer's answer, by hand") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx, {{"x", {2, 3}}});
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session = compileFor(model, {.device = device, .strict = true});
    const auto outputs = session.run({{"x", Tensor::of<float>({2, 3}, {1, 2, 3, -1, 0, 0})}});
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    REQUIRE(outputs->size() == 1);
    CHECK(outputs->at("y").shape == std::vector<int64_t>{2, 2});
    CHECK(floats(outputs->at("y")) == std::vector<float>{14.5F, 1.5F, 0.0F, 0.5F});
  }
}

TEST_CASE("session: outputs that are inputs, constants, shared, and inputs that nothing reads") {
  OnnxModel onnx;
  onnx.input("x", {2}).input("unused", {3});
  onnx.output("same", kFloat).output("fixed", kFloat).output("twice", kFloat);
  onnx.output("again", kFloat).floats("c", {2}, {7, 8});
  onnx.node("Identity", {"x"}, {"same"}).node("Identity", {"c"}, {"fixed"});
  onnx.node("Neg", {"x"}, {"twice"}).node("Identity", {"twice"}, {"again"});
  const Model model = modelOf(onnx);
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session = compileFor(model, {.device = device});
    const auto outputs = session.run(
        {{"x", Tensor::of<float>({2}, {1, 2})}, {"unused", Tensor::of<float>({3}, {0, 0, 0})}});
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    CHECK(floats(outputs->at("same")) == std::vector<float>{1, 2});
    CHECK(floats(outputs->at("fixed")) == std::vector<float>{7, 8});
    CHECK(floats(outputs->at("twice")) == std::vector<float>{-1, -2});
    CHECK(floats(outputs->at("again")) == std::vector<float>{-1, -2});
  }
}

TEST_CASE("session: a network of 20000 layers compiles, and needs no stack as deep") {
  constexpr int kLayers = 20000;
  OnnxModel onnx;
  onnx.input("v0", {2}).output("v" + std::to_string(kLayers), kFloat).floats("half", {1}, {0.5F});
  for (int i = 0; i < kLayers; ++i) {
    const std::string from = "v" + std::to_string(i);
    const std::string to = "v" + std::to_string(i + 1);
    i % 2 == 0 ? onnx.node("Add", {from, "half"}, {to}) : onnx.node("Relu", {from}, {to});
  }
  const Model model = modelOf(onnx);
  for (const std::string device : {"reference", "cpu"}) {
    INFO(device);
    const Session session = compileFor(model, {.device = device, .strict = true});
    const auto outputs = session.run({{"v0", Tensor::of<float>({2}, {1, -3})}});
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    CHECK(floats(outputs->begin()->second) == std::vector<float>{5001, 4999.5F});
  }
}

TEST_CASE("session: integers of 64 bits beyond 2^32 stay exact") {
  OnnxModel onnx;
  onnx.input("a", {3}, kInt64).input("b", {3}, kInt64).output("sum", kInt64);
  onnx.output("product", kInt64).output("less", kBool);
  onnx.node("Add", {"a", "b"}, {"sum"}).node("Mul", {"a", "b"}, {"product"});
  onnx.node("Less", {"a", "b"}, {"less"});
  const Model model = modelOf(onnx);
  const std::vector<int64_t> a{(1LL << 40) + 3, -(1LL << 35), 5};
  const std::vector<int64_t> b{(1LL << 33) + 1, 7, (1LL << 62)};
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session = compileFor(model, {.device = device, .strict = true});
    const auto outputs =
        session.run({{"a", Tensor::of<int64_t>({3}, a)}, {"b", Tensor::of<int64_t>({3}, b)}});
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    for (size_t i = 0; i < 3; ++i) {
      CHECK(outputs->at("sum").data<int64_t>()[i] == a[i] + b[i]);
      CHECK(static_cast<uint64_t>(outputs->at("product").data<int64_t>()[i]) ==
            static_cast<uint64_t>(a[i]) * static_cast<uint64_t>(b[i]));
      CHECK(outputs->at("less").data<uint8_t>()[i] == (a[i] < b[i] ? 1 : 0));
    }
  }
}

TEST_CASE("session: a bad index into an axis of extent 1 is an error that names the node") {
  OnnxModel onnx;
  onnx.input("x", {4}).input("i", {2}, kInt64).output("y", kFloat);
  onnx.ints("row", {2}, {1, 4});
  onnx.node("Reshape", {"x", "row"}, {"r"}, {}, "as_row");
  onnx.node("Gather", {"r", "i"}, {"y"}, {{"axis", int64_t{0}}}, "pick");
  const Model model = modelOf(onnx);
  const Tensor x = Tensor::of<float>({4}, {1, 2, 3, 4});
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session = compileFor(model, {.device = device, .strict = true});
    const auto good = session.run({{"x", x}, {"i", Tensor::of<int64_t>({2}, {0, -1})}});
    REQUIRE_MESSAGE(good, good.error().str());
    CHECK(floats(good->at("y")) == std::vector<float>{1, 2, 3, 4, 1, 2, 3, 4});
    const auto bad = session.run({{"x", x}, {"i", Tensor::of<int64_t>({2}, {0, 1})}});
    REQUIRE_FALSE(bad);
    CAPTURE(bad.error().str());
    CHECK(bad.error().where == "node 'pick' (gather)");
    CHECK(bad.error().message.find("index 1 is out of range for a") == 0);
    CHECK(bad.error().message.find("of extent 1") != std::string::npos);
  }
}

TEST_CASE(
    "session: the index of a report is the one that is wrong, in vectors and beyond 32 bits") {
  OnnxModel onnx;
  onnx.input("x", {40}).input("i", {40}, kInt64).output("y", kFloat);
  onnx.node("Gather", {"x", "i"}, {"y"}, {{"axis", int64_t{0}}}, "pick");
  const Model model = modelOf(onnx);
  for (const std::string& device : computingDevices()) {
    const Session session = compileFor(model, {.device = device, .strict = true});
    for (const int64_t index : {int64_t{40}, int64_t{-41}, (int64_t{1} << 40) + 3, INT64_MIN}) {
      for (const size_t at : {size_t{0}, size_t{21}, size_t{39}}) {
        INFO(device, ", index ", index, " at ", at);
        std::vector<int64_t> indices(40, -40);
        indices[at] = index;
        const auto bad = session.run({{"x", Tensor::of<float>({40}, std::vector<float>(40, 1))},
                                      {"i", Tensor::of<int64_t>({40}, indices)}});
        REQUIRE_FALSE(bad);
        CHECK(bad.error().message.find("index " + std::to_string(index) + " is out of") == 0);
        CHECK(bad.error().message.find("of extent 40") != std::string::npos);
      }
    }
  }
}

TEST_CASE("session: results of an earlier run lend their memory to the next") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx, {{"x", {2, 3}}});
  const NamedTensors ones{{"x", Tensor::of<float>({2, 3}, {1, 1, 1, 1, 1, 1})}};
  const NamedTensors some{{"x", Tensor::of<float>({2, 3}, {1, 2, 3, -1, 0, 0})}};
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session = compileFor(model, {.device = device});
    auto outputs = session.run(ones);
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    const std::byte* memory = outputs->at("y").bytes.data();
    outputs = session.run(some, std::move(*outputs));
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    if (device != "reference") CHECK(outputs->at("y").bytes.data() == memory);
    CHECK(floats(outputs->at("y")) == std::vector<float>{14.5F, 1.5F, 0.0F, 0.5F});
    // Whatever else they are: other sizes, other types, other names.
    outputs = session.run(some, {{"y", Tensor::of<int8_t>({1}, {7})}, {"z", {}}});
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    CHECK(outputs->size() == 1);
    CHECK(outputs->at("y").dtype == DataType::F32);
    CHECK(outputs->at("y").shape == std::vector<int64_t>{2, 2});
    CHECK(floats(outputs->at("y")) == std::vector<float>{14.5F, 1.5F, 0.0F, 0.5F});
  }
}

TEST_CASE("session: callers on several threads do not disturb each other") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx, {{"x", {64, 3}}});
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const Session session = compileFor(model, {.device = device});
    std::vector<NamedTensors> inputs;
    std::vector<Bytes> expected;
    for (uint64_t seed = 0; seed < 4; ++seed) {
      inputs.push_back(model.makeInputs(seed));
      const auto outputs = session.run(inputs.back());
      REQUIRE_MESSAGE(outputs, outputs.error().str());
      expected.push_back(outputs->at("y").bytes);
    }
    std::vector<int> wrong(4, 0);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 10; ++round) {
          const auto outputs = session.run(inputs[i]);
          if (!outputs || outputs->at("y").bytes != expected[i]) ++wrong[i];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(4, 0));
  }
}

TEST_CASE("session: compiling twice gives the same code, 1 and 2 threads the same bytes") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx, {{"x", {500, 3}}});
  const Session first = compileFor(model, {.device = "cpu", .threads = 2});
  const Session second = compileFor(model, {.device = "cpu", .threads = 2});
  CHECK(first.code() == second.code());
  CHECK_FALSE(first.code().empty());
  const Session alone = compileFor(model, {.device = "cpu", .threads = 1});
  const NamedTensors inputs = model.makeInputs(3);
  CHECK(first.run(inputs)->at("y").bytes == alone.run(inputs)->at("y").bytes);
}

TEST_CASE("session: stages off give the same answers in more launches") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx, {{"x", {8, 3}}});
  const NamedTensors inputs = model.makeInputs(1);
  const auto oracle = Oracle::evaluate(model, inputs);
  REQUIRE(oracle);
  const Session all = compileFor(model, {.device = "cpu"});
  const Session none =
      compileFor(model, {.device = "cpu", .welder = false, .roller = false, .rammer = false});
  CHECK(none.statistics().taskSets > all.statistics().taskSets);
  for (const Session* session : {&all, &none}) {
    const auto outputs = session->run(inputs);
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    CHECK(oracle->compare(*outputs)[0].passed);
  }
}

TEST_CASE("session: the null device compiles, and refuses to run") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx);
  const Session session = compileFor(model, {.device = "null"});
  CHECK(session.statistics().launches > 0);
  const auto outputs = session.run(model.makeInputs(0));
  REQUIRE_FALSE(outputs);
  CHECK(outputs.error().kind == Error::Kind::Unsupported);
  CHECK(outputs.error().message.find("computes nothing") != std::string::npos);
}

TEST_CASE("session: explain tells placement, memory, waves and the description") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Session session = compileFor(modelOf(onnx), {.device = "cpu"});
  const std::string text = session.explain();
  for (const char* part : {"placement", "all of it on cpu", "peak", "sum", "bound", "wave 0",
                           "groups of kernel", "tile(", "description used", "costs: "}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
  const Statistics& statistics = session.statistics();
  CHECK(statistics.device == "cpu");
  CHECK(statistics.launches > 0);
  CHECK(statistics.kernels > 0);
  CHECK(statistics.flops > 0);
  CHECK(statistics.peakBytes() >= statistics.inputOutputBytes + statistics.constantBytes);
  CHECK(session.notes().empty());
}

TEST_CASE("session: explain tells the fronts when asked, and compiles the same") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Session plain = compileFor(modelOf(onnx), {.device = "cpu", .cache = false});
  const Session asked =
      compileFor(modelOf(onnx), {.device = "cpu", .cache = false, .fronts = true});
  const std::string text = asked.explain();
  const size_t at = text.find("\nfronts (");
  REQUIRE(at != std::string::npos);
  CHECK(text.find("tile(", at) < text.find("\nestimate"));
  CHECK(plain.explain().find("\nfronts (") == std::string::npos);
  CHECK(plain.code() == asked.code());
}

TEST_CASE("session: the bytes of the reports are what the accesses reach") {
  OnnxModel onnx;
  onnx.input("table", {1000, 16}).input("i", {8}, kInt64).output("y", kFloat);
  onnx.node("Gather", {"table", "i"}, {"y"}, {{"axis", int64_t{0}}});
  const Session session = compileFor(modelOf(onnx), {.device = "cpu"});
  CHECK(session.statistics().trafficBytes == 8 * 16 * 4 + 8 * 8 + 8 * 16 * 4);
  CHECK(session.explain().find("0.001088 MB moved") != std::string::npos);
}

TEST_CASE("session: inputs and options that do not fit are refused") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx);
  const Session session = compileFor(model, {.device = "cpu"});
  CHECK_FALSE(session.run({}));
  Tensor truncated = Tensor::of<float>({1, 3}, {1, 2});
  const auto refused = session.run({{"x", truncated}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("found 8 bytes, required 12") == 0);
  CHECK_FALSE(Session::compile(model, {.device = "cpu", .threads = 5000}));
  CHECK_FALSE(Session::compile(model, {.device = "toaster"}));
}

TEST_CASE("session: more elements than kernels can number are refused by name") {
  OnnxModel onnx;
  onnx.input("x", {65536, 65536}, 3).output("y", 3);
  onnx.node("Neg", {"x"}, {"y"}, {}, "negate");
  const auto session = Session::compile(modelOf(onnx), {.device = "null"});
  REQUIRE_FALSE(session);
  CHECK(session.error().kind == Error::Kind::Unsupported);
  CHECK(session.error().where == "input 'x'");
  CHECK(session.error().message.find("found 4294967296 elements") == 0);
}

TEST_CASE("session: a profile times every task set of a run") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx, {{"x", {64, 3}}});
  const NamedTensors inputs = model.makeInputs(1);
  const Session session = compileFor(model, {.device = "cpu", .welder = false});
  const auto times = session.profile(inputs, 3);
  REQUIRE_MESSAGE(times, times.error().str());
  REQUIRE(static_cast<int64_t>(times->size()) == session.statistics().taskSets);
  CHECK(times->size() > 1);
  for (const TaskSetTime& set : *times) {
    CHECK(set.microseconds > 0);
    CHECK(set.predicted > 0);
    CHECK_FALSE(set.name.empty());
    CHECK_FALSE(set.nodes.empty());
  }
  // Runs go on as before.
  const auto outputs = session.run(inputs);
  REQUIRE_MESSAGE(outputs, outputs.error().str());
  const auto none = session.profile(inputs, 0);
  REQUIRE_FALSE(none);
  CHECK(none.error().str().find("found 0 runs") != std::string::npos);
  const auto reference = compileFor(model, {.device = "reference"}).profile(inputs, 1);
  REQUIRE_FALSE(reference);
  CHECK(reference.error().kind == Error::Kind::Unsupported);
}
