// Tiles that are measured, and the times that are kept.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/tuning_store.h"
#include "quartet/quartet.h"
#include "tests/api/models.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;
using api::TuningKey;
using api::TuningStore;

namespace {

std::string textOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<TuningStore> openStore(const std::string& folder) {
  auto store = TuningStore::open(folder);
  if (!store) FAIL(store.error().str());
  return *store;
}

/// QUARTET_TUNING for as long as it lives.
class TuningFolder {
 public:
  explicit TuningFolder(const std::string& folder) {
    ::setenv("QUARTET_TUNING", folder.c_str(), 1);
  }
  ~TuningFolder() { ::unsetenv("QUARTET_TUNING"); }
};

}  // namespace

TEST_CASE("tuning store: keeps the shortest time of a key, from process to process") {
  const TemporaryFolder folder;
  const TuningKey key{"aa", "CPU, 2 units", "jit"};
  {
    const auto store = openStore(folder.path() + "/made");
    CHECK(!store->find(key));
    store->add(key, 12.5);
    store->add(key, 14.0);  // a slower run says nothing
    CHECK(store->find(key) == 12.5);
  }
  const auto again = openStore(folder.path() + "/made");
  CHECK(again->find(key) == 12.5);
  CHECK(!again->find({"aa", "CPU, 1 units", "jit"}));
  CHECK(!again->find({"aa", "CPU, 2 units", "another"}));
  CHECK(again->problem().empty());
}

TEST_CASE("tuning store: files are merged by putting one behind the other") {
  const TemporaryFolder folder;
  for (const char* machine : {"a", "b"}) {
    const auto store = openStore(folder.path() + "/" + machine);
    store->add({"both", "d", "e"}, machine == std::string("a") ? 3.0 : 2.0);
    store->add({machine, "d", "e"}, 1.0);
  }
  const std::string a = folder.path() + "/a/" + TuningStore::kFile;
  const std::string both = textOf(a) + textOf(folder.path() + "/b/" + TuningStore::kFile);
  std::ofstream(a, std::ios::binary) << both;
  const auto merged = openStore(folder.path() + "/a");
  CHECK(merged->find({"both", "d", "e"}) == 2.0);
  CHECK(merged->find({"a", "d", "e"}) == 1.0);
  CHECK(merged->find({"b", "d", "e"}) == 1.0);
}

TEST_CASE("tuning store: damaged lines are passed over") {
  const TemporaryFolder folder;
  openStore(folder.path())->add({"good", "d", "e"}, 5.0);
  const std::string path = folder.path() + "/" + TuningStore::kFile;
  const std::string good = textOf(path);
  const auto with = [&](const std::string& line) {
    std::string text = good;
    text.replace(text.find("good"), 4, "bad");
    const size_t at = text.find("5.0");
    return text.replace(at, 3, line);
  };
  std::ofstream(path, std::ios::binary) << "\n[]\nnull\n{\"device\":1}\n"
                                        << with("-1") << with("0") << with("1e999") << with("\"x\"")
                                        << with("null") << std::string(3, '\0') << "\n"
                                        << good << good.substr(0, good.size() / 2);
  const auto store = openStore(folder.path());
  CHECK(store->find({"good", "d", "e"}) == 5.0);
  CHECK(!store->find({"bad", "d", "e"}));
  // What is cut off at the end does not spoil the next line.
  store->add({"next", "d", "e"}, 6.0);
  CHECK(openStore(folder.path())->find({"next", "d", "e"}) == 6.0);
}

TEST_CASE("tuning store: a folder that cannot be made is an error, a full disk a note") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/file") << "x";
  const auto store = TuningStore::open(folder.path() + "/file/below");
  REQUIRE(!store);
  CHECK(store.error().kind == Diagnostic::Kind::Resource);
  const auto gone = openStore(folder.path() + "/gone");
  std::filesystem::remove_all(folder.path() + "/gone");
  gone->add({"a", "d", "e"}, 1.0);
  CHECK(gone->find({"a", "d", "e"}) == 1.0);
  CHECK(!gone->problem().empty());
}

TEST_CASE("measure: the fastest of several tiles, its answers as before") {
  const TemporaryFolder folder;
  const TuningFolder tuning(folder.path());
  OnnxModel onnx;
  onnx.input("x", {40, 33}).input("w", {33, 65}).output("y", kFloat);
  onnx.node("MatMul", {"x", "w"}, {"m"}).node("Relu", {"m"}, {"y"});
  const Model model = modelOf(onnx);
  const NamedTensors inputs = model.makeInputs(1);
  const auto oracle = Oracle::evaluate(model, inputs);
  REQUIRE_MESSAGE(oracle, oracle.error().str());
  for (const std::string& device : computingDevices()) {
    if (device == "reference") continue;
    INFO(device);
    CHECK(Session::compile(model, {.device = device})->trials().empty());
    for (const bool stored : {false, true}) {
      const auto session = Session::compile(model, {.device = device, .measure = 4});
      REQUIRE_MESSAGE(session, session.error().str());
      REQUIRE(session->trials().size() >= 2);
      CHECK(session->trials().size() <= 4);
      for (const TileTrial& trial : session->trials()) {
        CHECK(trial.stored == stored);
        CHECK(trial.microseconds > 0);
        CHECK(trial.predicted > 0);
        CHECK(!trial.nodes.empty());
      }
      // The tile that was taken is the fastest of them.
      const auto fastest = std::min_element(
          session->trials().begin(), session->trials().end(),
          [](const TileTrial& a, const TileTrial& b) { return a.microseconds < b.microseconds; });
      CHECK(session->explain().find(fastest->tile) != std::string::npos);
      const auto outputs = session->run(inputs);
      REQUIRE_MESSAGE(outputs, outputs.error().str());
      CHECK(oracle->compare(*outputs)[0].passed);
    }
    // Drawn tiles are others in general, and with one seed the same.
    const CompileOptions drawn{.device = device, .measure = 3, .drawTiles = 7};
    const auto first = Session::compile(model, drawn);
    const auto second = Session::compile(model, drawn);
    REQUIRE(first->trials().size() == second->trials().size());
    for (size_t i = 0; i < first->trials().size(); ++i) {
      CHECK(first->trials()[i].tile == second->trials()[i].tile);
    }
  }
}

TEST_CASE("measure: what does not run by itself keeps its prediction") {
  // Made values divide by zero.
  const TemporaryFolder folder;
  const TuningFolder tuning(folder.path());
  OnnxModel onnx;
  onnx.input("x", {64, 64}, kInt32).input("d", {64, 64}, kInt32).output("y", kInt32);
  onnx.node("Div", {"x", "d"}, {"y"});
  const auto session = Session::compile(modelOf(onnx), {.device = "cpu", .measure = 4});
  REQUIRE_MESSAGE(session, session.error().str());
  REQUIRE(session->trials().size() >= 2);
  for (const TileTrial& trial : session->trials()) CHECK(std::isinf(trial.microseconds));
  REQUIRE(session->notes().size() == 1);
  CHECK(session->notes()[0].find("a tile was not measured") != std::string::npos);
  const std::vector<int32_t> eight(4096, 8);
  const std::vector<int32_t> two(4096, 2);
  const auto outputs = session->run(
      {{"x", Tensor::of<int32_t>({64, 64}, eight)}, {"d", Tensor::of<int32_t>({64, 64}, two)}});
  REQUIRE_MESSAGE(outputs, outputs.error().str());
  CHECK(outputs->at("y").data<int32_t>()[100] == 4);
}

TEST_CASE("measure: devices that cannot run are an error, open extents have their usual values") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model model = modelOf(onnx, {{"x", {2, 3}}});
  for (const char* device : {"null", "reference", "hwdb:nvidia-h200"}) {
    const auto session = Session::compile(model, {.device = device, .measure = 4});
    INFO(device);
    REQUIRE(!session);
    CHECK(session.error().kind == Error::Kind::User);
    CHECK(session.error().message.find("tiles cannot be measured") != std::string::npos);
  }
  const TemporaryFolder folder;
  const TuningFolder tuning(folder.path());
  const auto session =
      Session::compile(modelOf(onnx, {{"x", {kOpenExtent, 3}}}), {.device = "cpu", .measure = 4});
  REQUIRE_MESSAGE(session, session.error().str());
  const auto outputs = session->run({{"x", Tensor::of<float>({1, 3}, {1, 2, 3})}});
  REQUIRE_MESSAGE(outputs, outputs.error().str());
  CHECK(floats(outputs->at("y")) == std::vector<float>{14.5F, 1.5F});
}
