#include "tests/mutation/corpus.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/onnx_model.h"

namespace quartet::tests {
namespace {

namespace fs = std::filesystem;

using Ints = std::vector<int64_t>;

// Larger models make few mutants a second and hit the same operators.
constexpr uintmax_t kMostBytes = uintmax_t{64} << 10;

// Values in [-0.5, 0.5]: sums of products of them stay small.
std::vector<float> smallValues(int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i * 7 % 17 - 8) / 16);
  return values;
}

OnnxModel convolutions() {
  OnnxModel m;
  m.input("x", {"N", 3, 8, 8}).floats("w", {4, 3, 3, 3}, smallValues(108)).weights("b", {4});
  m.node("Conv", {"x", "w", "b"}, {"c"}, {{"pads", Ints{1, 1, 1, 1}}, {"strides", Ints{2, 2}}});
  m.node("Relu", {"c"}, {"r"});
  m.node("MaxPool", {"r"}, {"p"}, {{"kernel_shape", Ints{2, 2}}, {"ceil_mode", int64_t{1}}});
  m.floats("d", {4, 1, 2, 2}, smallValues(16))
      .node("Conv", {"p", "d"}, {"e"}, {{"group", int64_t{4}}});
  m.node("GlobalAveragePool", {"e"}, {"g"}).node("Flatten", {"g"}, {"f"});
  m.floats("k", {5, 4}, smallValues(20)).node("Gemm", {"f", "k"}, {"l"}, {{"transB", int64_t{1}}});
  m.node("Softmax", {"l"}, {"y"}, {{"axis", int64_t{1}}}).output("y");
  return m;
}

OnnxModel attention() {
  OnnxModel m;
  m.input("x", {2, "length", 12});
  m.floats("q", {12, 12}, smallValues(144)).floats("k", {12, 12}, smallValues(144));
  m.node("MatMul", {"x", "q"}, {"a"}).node("MatMul", {"x", "k"}, {"b"});
  m.node("Transpose", {"b"}, {"t"}, {{"perm", Ints{0, 2, 1}}});
  m.node("MatMul", {"a", "t"}, {"s"})
      .floats("scale", {}, {0.05F})
      .node("Mul", {"s", "scale"}, {"u"});
  m.node("Softmax", {"u"}, {"p"}).node("MatMul", {"p", "x"}, {"o"}).node("Add", {"o", "x"}, {"h"});
  m.floats("one", {12}, std::vector<float>(12, 1));
  m.node("LayerNormalization", {"h", "one"}, {"n"});
  m.node("Erf", {"n"}, {"g"}).node("ReduceMean", {"g"}, {"y"}, {{"axes", Ints{1}}}).output("y");
  return m;
}

OnnxModel movements() {
  OnnxModel m;
  m.input("x", {2, 6, 5}).ints("shape", {3}, {3, 4, -1}).node("Reshape", {"x", "shape"}, {"r"});
  m.ints("starts", {2}, {1, 0}).ints("ends", {2}, {3, INT64_MAX}).ints("axes", {2}, {1, 2});
  m.ints("steps", {2}, {1, 2}).node("Slice", {"r", "starts", "ends", "axes", "steps"}, {"s"});
  m.ints("pads", {6}, {0, 1, 0, 1, 0, 2}).node("Pad", {"s", "pads"}, {"p"});
  m.ints("i", {2, 2}, {0, 2, 1, -1}).node("Gather", {"p", "i"}, {"g"}, {{"axis", int64_t{1}}});
  m.node("Transpose", {"g"}, {"t"}, {{"perm", Ints{1, 3, 0, 2}}});
  m.node("Concat", {"t", "t"}, {"c"}, {{"axis", int64_t{2}}});
  m.node("Split", {"t"}, {"u", "v"}, {{"axis", int64_t{0}}});
  m.ints("reps", {4}, {1, 2, 1, 1}).node("Tile", {"u", "reps"}, {"w"});
  m.node("Mul", {"u", "v"}, {"y"}).output("y").output("c").output("w");
  return m;
}

OnnxModel selections() {
  OnnxModel m;
  m.input("x", {4, 7}).input("i", {3}, kInt64).ints("k", {1}, {3});
  m.node("TopK", {"x", "k"}, {"values", "where"}, {{"axis", int64_t{1}}});
  m.node("ArgMax", {"x"}, {"best"}, {{"axis", int64_t{0}}}).node("Gather", {"x", "i"}, {"g"});
  m.floats("zero", {}, {0}).node("Greater", {"g", "zero"}, {"c"}).ints("axis", {}, {1});
  m.node("Cast", {"c"}, {"d"}, {{"to", int64_t{kInt64}}}).node("CumSum", {"d", "axis"}, {"s"});
  m.ints("at", {2, 1}, {0, 2}).ints("new", {2, 7}, std::vector<int64_t>(14, 9));
  m.node("ScatterND", {"s", "at", "new"}, {"n"}).node("Where", {"c", "g", "zero"}, {"w"});
  m.node("Cast", {"n"}, {"f"}, {{"to", int64_t{kFloat}}}).node("Mul", {"f", "w"}, {"y"});
  m.output("values").output("where").output("best").output("y");
  return m;
}

OnnxModel functions() {
  OnnxModel m = selections();  // all of its nodes become one function, which is called twice
  onnx::ModelProto& proto = m.proto();
  onnx::GraphProto& graph = *proto.mutable_graph();
  onnx::FunctionProto& function = *proto.add_functions();
  function.set_name("selections");
  function.set_domain("local");
  *function.mutable_opset_import() = proto.opset_import();
  *function.mutable_node() = graph.node();
  for (const auto& input : graph.input()) function.add_input(input.name());
  for (const auto& data : graph.initializer()) function.add_input(data.name());
  for (const auto& output : graph.output()) function.add_output(output.name());
  graph.clear_node();
  for (const std::string prefix : {"", "again "}) {
    onnx::NodeProto& call = *graph.add_node();
    call.set_op_type(function.name());
    call.set_domain(function.domain());
    *call.mutable_input() = function.input();
    for (const std::string& output : function.output()) call.add_output(prefix + output);
  }
  onnx::OperatorSetIdProto& local = *proto.add_opset_import();
  local.set_domain(function.domain());
  local.set_version(1);
  m.output("again y");
  return m;
}

template <class Message>
bool readMessage(const fs::path& file, Message& message) {
  std::ifstream stream(file, std::ios::binary);
  return stream && message.ParseFromIstream(&stream);
}

// Inputs of integers, the values of the tests' data in their place: they are mostly shapes, axes
// and indices, which must be known at import.
void bindIntegers(const fs::path& folder, onnx::ModelProto& model) {
  onnx::GraphProto& graph = *model.mutable_graph();
  const auto inputs = graph.input();
  graph.clear_input();
  int number = 0;
  for (const auto& input : inputs) {
    const int type = input.type().tensor_type().elem_type();
    const std::string name = "input_" + std::to_string(number++) + ".pb";
    onnx::TensorProto data;
    const bool integer = type == kInt64 || type == kInt32;
    if (!integer || !readMessage(folder / "test_data_set_0" / name, data)) {
      *graph.add_input() = input;
      continue;
    }
    data.set_name(input.name());
    *graph.add_initializer() = std::move(data);
  }
}

void addFile(const fs::path& file, const std::string& name, uintmax_t mostBytes,
             std::vector<SeedModel>& seeds) {
  if (!fs::exists(file) || fs::file_size(file) > mostBytes) return;
  auto model = std::make_shared<onnx::ModelProto>();
  if (!readMessage(file, *model)) return;
  bindIntegers(file.parent_path(), *model);
  seeds.push_back({name, std::move(model)});
}

}  // namespace

std::vector<SeedModel> seedModels() {
  std::vector<SeedModel> seeds;
  const auto add = [&](const std::string& name, OnnxModel model) {
    seeds.push_back({name, std::make_shared<const onnx::ModelProto>(model.proto())});
  };
  add("convolutions", convolutions());
  add("attention", attention());
  add("movements", movements());
  add("selections", selections());
  add("functions", functions());
  const char* root = std::getenv("QUARTET_ONNX_TESTDATA");
  std::vector<fs::path> folders;
  for (const char* suite : {"node", "simple", "pytorch-converted", "pytorch-operator"}) {
    const fs::path folder =
        fs::path(root != nullptr ? root : QUARTET_ONNX_TESTDATA_DEFAULT) / suite;
    if (!fs::is_directory(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder)) folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  for (const fs::path& folder : folders) {
    addFile(folder / "model.onnx", folder.filename().string(), kMostBytes, seeds);
  }
  addFile(fs::path(QUARTET_MODELS) / "magika.onnx", "magika", 64 * kMostBytes, seeds);
  return seeds;
}

}  // namespace quartet::tests
