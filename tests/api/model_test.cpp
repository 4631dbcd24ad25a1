#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/api/models.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;

TEST_CASE("model: inputs and outputs with resolved shapes") {
  OnnxModel onnx;
  writeLayer(onnx);
  const Model one = modelOf(onnx);
  REQUIRE(one.inputs().size() == 1);
  CHECK(one.inputs()[0].name == "x");
  CHECK(one.inputs()[0].dtype == DataType::F32);
  CHECK(one.inputs()[0].shape == std::vector<int64_t>{1, 3});
  CHECK(one.outputs()[0].shape == std::vector<int64_t>{1, 2});
  const Model five = modelOf(onnx, {{"x", {5, 3}}});
  CHECK(five.outputs()[0].shape == std::vector<int64_t>{5, 2});
  CHECK_FALSE(Model::parse(onnx.bytes(), {{"nope", {5, 3}}}));
  CHECK_FALSE(Model::load("/no/such/file.onnx"));
}

TEST_CASE("model: a bound input is a constant of the model") {
  OnnxModel onnx;
  onnx.input("x", {2, 3}).input("shape", {2}, kInt64).output("y", kFloat);
  onnx.node("Reshape", {"x", "shape"}, {"y"});
  const auto open = Model::parse(onnx.bytes());
  REQUIRE_FALSE(open);
  CHECK(open.error().hint.find("--bind shape=shape.npy") != std::string::npos);
  const auto model = Model::parse(onnx.bytes(), {}, {{"shape", Tensor::of<int64_t>({2}, {3, -1})}});
  REQUIRE_MESSAGE(model, model.error().str());
  REQUIRE(model->inputs().size() == 1);
  CHECK(model->inputs()[0].name == "x");
  CHECK(model->outputs()[0].shape == std::vector<int64_t>{3, 2});
  Tensor truncated = Tensor::of<int64_t>({2}, {3, -1});
  truncated.bytes.pop_back();
  const auto refused = Model::parse(onnx.bytes(), {}, {{"shape", truncated}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "found 15 bytes, required 16 for i64[2]");
}

TEST_CASE("model: made inputs: floats in [-1, 1), indices within their axis, else 0 or 1") {
  OnnxModel onnx;
  onnx.input("x", {1000}).input("i", {1000}, kInt64).input("k", {1000}, kInt32);
  onnx.input("m", {1000}, kBool);
  onnx.floats("table", {7}, {0, 1, 2, 3, 4, 5, 6}).node("Gather", {"table", "i"}, {"g"});
  onnx.node("Cast", {"k"}, {"f"}, {{"to", int64_t{kFloat}}});
  onnx.node("Where", {"m", "x", "f"}, {"w"}).node("Add", {"g", "w"}, {"y"});
  onnx.output("y", kFloat);
  const Model model = modelOf(onnx);
  const NamedTensors inputs = model.makeInputs(7);
  const std::vector<float> x = floats(inputs.at("x"));
  CHECK(*std::min_element(x.begin(), x.end()) >= -1.0F);
  CHECK(*std::max_element(x.begin(), x.end()) < 1.0F);
  CHECK(*std::min_element(x.begin(), x.end()) < -0.9F);
  CHECK(*std::max_element(x.begin(), x.end()) > 0.9F);
  const auto* i = inputs.at("i").data<int64_t>();
  CHECK(std::set<int64_t>(i, i + 1000) == std::set<int64_t>{0, 1, 2, 3, 4, 5, 6});
  const auto* k = inputs.at("k").data<int32_t>();
  CHECK(std::set<int32_t>(k, k + 1000) == std::set<int32_t>{0, 1});
  const auto* m = inputs.at("m").data<uint8_t>();
  CHECK(std::set<uint8_t>(m, m + 1000) == std::set<uint8_t>{0, 1});
  CHECK(model.makeInputs(7).at("x").bytes == inputs.at("x").bytes);
  CHECK(model.makeInputs(8).at("x").bytes != inputs.at("x").bytes);
}

TEST_CASE("model: integers compared with 0, 1, ..., n - 1 index an axis too") {
  OnnxModel onnx;
  onnx.input("t", {500, 1}, kInt64).output("y", kFloat);
  onnx.ints("classes", {1, 5}, {0, 1, 2, 3, 4}).node("Equal", {"t", "classes"}, {"e"});
  onnx.node("Cast", {"e"}, {"y"}, {{"to", int64_t{kFloat}}});
  const Model model = modelOf(onnx);
  CHECK(model.inputs()[0].indexLimit == 5);
}

TEST_CASE("model: a file that was written to since is refused, one that was replaced is not") {
  onnx::TensorProto tensor = floatTensor({2}, {});
  tensor.set_name("b");
  tensor.set_raw_data(std::string("\0\0\x80\x3f\0\0\0\x40", 8));  // 1, 2
  OnnxModel onnx;
  onnx.input("x", {2}).initializer(tensor).node("Add", {"x", "b"}, {"y"}).output("y");
  const TemporaryFolder folder;
  const std::string path = folder.write("model.onnx", onnx.bytes());
  const auto model = Model::load(path);
  REQUIRE(model);
  std::filesystem::rename(folder.write("other.onnx", "something else"), path);
  const auto session = Session::compile(*model, {.device = "cpu"});
  REQUIRE_MESSAGE(session, session.error().str());
  CHECK(floats(session->run({{"x", Tensor::of<float>({2}, {5, 5})}})->at("y")) ==
        std::vector<float>{6, 7});

  folder.write("model.onnx", onnx.bytes());
  const auto second = Model::load(path);
  REQUIRE(second);
  const auto reference = Session::compile(*second, {.device = "reference"});
  REQUIRE(reference);
  folder.write("model.onnx", "cut");  // what is mapped does not reach behind the end any more
  const auto refused = Session::compile(*second, {.device = "cpu"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::Kind::User);
  CHECK(refused.error().str().find("model.onnx") != std::string::npos);
  CHECK(refused.error().str().find("found it changed") != std::string::npos);
  CHECK_FALSE(reference->run({{"x", Tensor::of<float>({2}, {5, 5})}}));
}
