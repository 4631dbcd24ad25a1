// What is wrong with a model is said once, clearly, and never crashes.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/frontend/support.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;
using frontend::ImportOptions;
using Kind = Diagnostic::Kind;

namespace {

OnnxModel relu(int64_t opset = 17) {
  OnnxModel m(opset);
  m.input("x", {2, 3}).node("Relu", {"x"}, {"y"}).output("y");
  return m;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Checks message and place of the diagnostic of a model.
void expectError(const OnnxModel& m, const std::string& message, const std::string& where) {
  const Diagnostic error = importError(m);
  CHECK_MESSAGE(contains(error.message, message), error.str());
  CHECK_MESSAGE(contains(error.where, where), error.str());
}

}  // namespace

TEST_CASE("all unsupported operators are reported at once") {
  OnnxModel m;
  m.input("x", {2, 3}).node("Mystery", {"x"}, {"a"}).node("Mystery", {"a"}, {"b"});
  m.node("NonZero", {"b"}, {"c"}).node("Relu", {"c"}, {"y"}).output("y");
  const Diagnostic error = importError(m);
  CHECK(error.kind == Kind::Unsupported);
  CHECK(error.message == "2 operators of the model are not supported");
  REQUIRE(error.notes.size() == 2);
  CHECK(error.notes[0] == "Mystery (opset 17): 2 nodes: 'make_a', 'make_b'");
  CHECK(error.notes[1] == "NonZero (opset 17): 1 node: 'make_c'");
}

TEST_CASE("operators inside subgraphs are reported too") {
  OnnxModel m;
  m.input("x", {2}).node("If", {"x"}, {"y"}).output("y");
  auto& branch = *m.proto().mutable_graph()->mutable_node(0)->add_attribute();
  branch.set_name("then_branch");
  branch.set_type(onnx::AttributeProto::GRAPH);
  branch.mutable_g()->add_node()->set_op_type("Mystery");
  const Diagnostic error = importError(m);
  REQUIRE(error.notes.size() == 2);
  CHECK(contains(error.notes[0], "If (opset 17)"));
  CHECK(contains(error.notes[1], "Mystery (opset 17)"));
}

TEST_CASE("other domains and sparse initializers are unsupported, not errors of ours") {
  OnnxModel m = relu();
  m.proto().mutable_graph()->mutable_node(0)->set_domain("com.example");
  m.proto().mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("w");
  const Diagnostic error = importError(m);
  REQUIRE(error.notes.size() == 2);
  CHECK(contains(error.notes[0], "com.example.Relu"));
  CHECK(error.notes[1] == "sparse initializer 'w'");
}

TEST_CASE("operator set versions") {
  CHECK(contains(importError(relu(1000)).message, "the newest that is supported is 27"));
  CHECK(contains(importError(relu(0)).message, "operator of the model is not supported"));
  OnnxModel m = relu();
  m.proto().clear_opset_import();
  CHECK(importError(m).kind != Kind::Internal);
}

TEST_CASE("files that are not models") {
  const auto import = [](const std::string& text) {
    const auto* first = reinterpret_cast<const std::byte*>(text.data());
    return frontend::importModel(std::span(first, text.size()), {}, referenceEvaluator());
  };
  CHECK(contains(import("this is text, not a model").error().message, "not an ONNX model"));
  CHECK(contains(import("").error().message, "not an ONNX model"));
  CHECK(contains(import("GGUF\x03").error().message, "not an ONNX model"));
  const auto bytes = bytesOf(relu());
  const auto cut = std::span(bytes).first(bytes.size() / 2);
  CHECK(contains(frontend::importModel(cut, {}, referenceEvaluator()).error().message,
                 "truncated or damaged"));
  OnnxModel empty = relu();
  empty.proto().clear_graph();
  CHECK(contains(importError(empty).message, "holds no graph"));
  const auto missing = frontend::importModel("/does/not/exist.onnx", {}, referenceEvaluator());
  CHECK(missing.error().where == "file '/does/not/exist.onnx'");
  const auto folder = frontend::importModel("/", {}, referenceEvaluator());
  CHECK(contains(folder.error().message, "found a folder, required a regular file"));
}

TEST_CASE("deep nesting is refused, not followed to the end of the stack") {
  OnnxModel m;
  m.input("x", {2}).output("y");
  onnx::GraphProto* graph = m.proto().mutable_graph();
  for (int depth = 0; depth < 5000; ++depth) {
    auto& node = *graph->add_node();
    node.set_op_type("If");
    auto& branch = *node.add_attribute();
    branch.set_type(onnx::AttributeProto::GRAPH);
    graph = branch.mutable_g();
  }
  CHECK(contains(importError(m).message, "protobuf cannot parse it"));
}

TEST_CASE("names") {
  SUBCASE("undefined") {
    OnnxModel m;
    m.input("x", {2}).node("Add", {"x", "nowhere"}, {"y"}).output("y");
    expectError(m, "input 'nowhere' is defined nowhere", "node 'make_y' (Add)");
  }
  SUBCASE("twice") {
    OnnxModel m = relu();
    m.node("Abs", {"x"}, {"y"});
    expectError(m, "the name 'y' is defined twice", "(Abs)");
  }
  SUBCASE("an output that shadows an input") {
    OnnxModel m;
    m.input("x", {2}).node("Relu", {"x"}, {"x"}).output("x");
    expectError(m, "the name 'x' is defined twice", "(Relu)");
  }
  SUBCASE("an initializer twice") {
    OnnxModel m = relu();
    m.floats("w", {1}, {1}).floats("w", {1}, {1});
    expectError(m, "the name 'w' is defined twice", "initializers");
  }
  SUBCASE("an output that nothing computes") {
    OnnxModel m = relu();
    m.output("z");
    expectError(m, "no node computes it", "output 'z'");
  }
  SUBCASE("slashes and colons are names like others") {
    OnnxModel m;
    m.input("in/x:0", {2}).node("Relu", {"in/x:0"}, {"out/y:0"}).output("out/y:0");
    const auto model = import(m);
    CHECK(model.info.inputs[0].name == "in/x:0");
    CHECK(model.graph.outputs[0] == "out/y:0");
  }
}

TEST_CASE("order of nodes") {
  SUBCASE("unsorted nodes are sorted") {
    OnnxModel m;
    m.input("x", {2}).node("Relu", {"a"}, {"y"}).node("Abs", {"x"}, {"a"}).output("y");
    CHECK(opsOf(import(m).graph) == "abs max");
  }
  SUBCASE("a cycle is an error that names its nodes") {
    OnnxModel m;
    m.input("x", {2}).node("Add", {"x", "b"}, {"a"}).node("Relu", {"a"}, {"b"});
    m.node("Abs", {"b"}, {"y"}).output("y");
    const Diagnostic error = importError(m);
    CHECK(error.message == "the graph has a cycle");
    CHECK(error.notes.size() == 2);
  }
}

TEST_CASE("nodes against their inputs") {
  SUBCASE("too few, too many, left out") {
    OnnxModel few;
    few.input("x", {2}).node("Add", {"x"}, {"y"}).output("y");
    expectError(few, "found 1 inputs, required are 2", "node 'make_y' (Add, opset 17)");
    OnnxModel many;
    many.input("x", {2}).node("Relu", {"x", "x"}, {"y"}).output("y");
    expectError(many, "found 2 inputs, required are 1", "(Relu, opset 17)");
    OnnxModel out;
    out.input("x", {2}).node("Add", {"x", ""}, {"y"}).output("y");
    expectError(out, "input 1 is left out, it is required", "(Add, opset 17)");
  }
  SUBCASE("element types") {
    OnnxModel m;
    m.input("x", {2}, kInt64).node("Exp", {"x"}, {"y"}).output("y");
    expectError(m, "input 0 ('x') is i64[2], required is a float", "(Exp, opset 17)");
    OnnxModel mixed;
    mixed.input("x", {2}).input("i", {2}, kInt64);
    mixed.node("Add", {"x", "i"}, {"y"}).output("y");
    expectError(mixed, "inputs have different element types, f32 and i64", "(Add, opset 17)");
    OnnxModel text;
    text.input("x", {2}, onnx::TensorProto::STRING).node("Identity", {"x"}, {"y"}).output("y");
    expectError(text, "the type string tensor is not supported", "input 'x'");
  }
  SUBCASE("shapes") {
    OnnxModel m;
    m.input("a", {2, 3}).input("b", {4}).node("Add", {"a", "b"}, {"y"}).output("y");
    expectError(m, "shapes [2, 3] and [4] do not broadcast", "(Add, opset 17)");
    OnnxModel product;
    product.input("a", {2, 3}).input("b", {4, 5}).node("MatMul", {"a", "b"}, {"y"}).output("y");
    expectError(product, "do not multiply: 3 against 4", "(MatMul, opset 17)");
    OnnxModel rank;
    rank.input("x", {2, 3}).weights("w", {1, 3, 1, 1}).node("Conv", {"x", "w"}, {"y"}).output("y");
    expectError(rank, "input 0 has shape [2, 3], required is rank 3 or more", "(Conv, opset 17)");
    OnnxModel large;
    large.input("x", {1, 1, 2, 2}).weights("w", {1, 1, 5, 5});
    large.node("Conv", {"x", "w"}, {"y"}).output("y");
    expectError(large, "the kernel spans 5 of spatial axis 0", "(Conv, opset 17)");
    OnnxModel reshape;
    reshape.input("x", {2, 3}).ints("s", {1}, {7}).node("Reshape", {"x", "s"}, {"y"}).output("y");
    expectError(reshape, "input of shape [2, 3] cannot be reshaped to [7]", "(Reshape, opset 17)");
    OnnxModel negative;
    negative.ints("s", {1}, {-7}).node("ConstantOfShape", {"s"}, {"y"}).output("y");
    expectError(negative, "the shape [-7] has a negative extent", "(ConstantOfShape, opset 17)");
  }
  SUBCASE("indices out of range") {
    OnnxModel m;
    m.input("x", {2, 3}).ints("i", {1}, {2}).node("Gather", {"x", "i"}, {"y"}).output("y");
    expectError(m, "index 2 is out of range for extent 2", "(Gather, opset 17)");
    OnnxModel axis;
    axis.input("x", {2, 3}).node("Softmax", {"x"}, {"y"}, {{"axis", int64_t{2}}}).output("y");
    expectError(axis, "axis 2 is out of range for rank 2", "(Softmax, opset 17)");
  }
  SUBCASE("a declared output of another type") {
    OnnxModel m;
    m.input("x", {2}).node("Relu", {"x"}, {"y"}).output("y", kInt64);
    expectError(m, "declared as int64 tensor, computed as f32[2]", "output 'y'");
  }
  SUBCASE("outputs that the operator does not have") {
    OnnxModel m;
    m.input("x", {2}).node("Relu", {"x"}, {"y", "z"}).output("y");
    expectError(m, "output 1 ('z') is not supported", "(Relu, opset 17)");
  }
}

TEST_CASE("attributes") {
  OnnxModel missing;
  missing.input("x", {2}).node("Cast", {"x"}, {"y"}).output("y");
  expectError(missing, "attribute 'to' is missing", "(Cast, opset 17)");
  OnnxModel wrong;
  wrong.input("x", {2, 2}).node("Softmax", {"x"}, {"y"}, {{"axis", 1.5f}}).output("y");
  expectError(wrong, "attribute 'axis' must be an integer", "(Softmax, opset 17)");
  OnnxModel length;
  length.input("x", {1, 1, 4, 4}).weights("w", {1, 1, 2, 2});
  length.node("Conv", {"x", "w"}, {"y"}, {{"strides", std::vector<int64_t>{1}}}).output("y");
  expectError(length, "attribute 'strides' has 1 entries, required are 2", "(Conv, opset 17)");
  OnnxModel value;
  value.input("x", {2, 2}).node("Pad", {"x", "p"}, {"y"}, {{"mode", std::string("odd")}});
  value.ints("p", {4}, {0, 0, 0, 0}).output("y");
  expectError(value, "attribute 'mode' is 'odd'", "(Pad, opset 17)");
}

TEST_CASE("dimensions of inputs") {
  OnnxModel negative;
  negative.input("x", {int64_t{-5}}).node("Relu", {"x"}, {"y"}).output("y");
  expectError(negative, "dimension -5 of axis 0 is negative", "input 'x'");
  OnnxModel large;
  large.input("x", {INT64_MAX}).node("Relu", {"x"}, {"y"}).output("y");
  expectError(large, "overflows", "input 'x'");
  OnnxModel product;
  product.input("x", {1 << 30, 1 << 30, 1 << 30}).node("Relu", {"x"}, {"y"}).output("y");
  expectError(product, "the product of the dimensions overflows", "input 'x'");
}

TEST_CASE("extents that overflow name the node") {
  const int64_t huge = INT64_C(1) << 62;
  OnnxModel tile;
  tile.input("x", {4}).ints("r", {1}, {huge}).node("Tile", {"x", "r"}, {"y"}).output("y");
  expectError(tile, "required are extents of 0 or more and at most 1099511627776 elements",
              "node 'make_y' (Tile, opset 17)");
  OnnxModel chain;
  chain.input("x0", {4});
  for (int i = 0; i < 70; ++i) {
    const std::string x = "x" + std::to_string(i);
    chain.node("Concat", {x, x}, {"x" + std::to_string(i + 1)}, {{"axis", int64_t{0}}});
  }
  chain.output("x70");
  expectError(chain, "it gives a tensor of shape [2199023255552]", "'make_x39' (Concat, opset 17)");
  OnnxModel reshape;
  reshape.input("x", {4}).ints("s", {3}, {huge, 4, -1}).node("Reshape", {"x", "s"}, {"y"});
  expectError(reshape.output("y"), "it gives a tensor of shape", "(Reshape, opset 17)");
  OnnxModel known;
  known.floats("x", {4}, {1, 2, 3, 4}).ints("s", {3}, {huge, 4, -1});
  expectError(known.node("Reshape", {"x", "s"}, {"y"}).output("y"), "it gives a tensor of shape",
              "(Reshape, opset 17)");
  OnnxModel expand;
  expand.input("x", {1}).ints("s", {2}, {huge, huge}).node("Expand", {"x", "s"}, {"y"});
  expectError(expand.output("y"), "it gives a tensor of shape", "(Expand, opset 17)");
  OnnxModel product;
  product.input("a", {1 << 30, 1}).input("b", {1, 1 << 30}).node("MatMul", {"a", "b"}, {"y"});
  expectError(product.output("y"), "it gives a tensor of shape [1073741824, 1073741824]",
              "(MatMul, opset 17)");
}

TEST_CASE("attributes of windows beyond their range say which range") {
  const auto huge = std::vector<int64_t>{INT64_C(1) << 62};
  OnnxModel pool;
  pool.input("x", {1, 1, 4});
  pool.node("MaxPool", {"x"}, {"y"}, {{"kernel_shape", huge}}).output("y");
  expectError(pool, "attribute 'kernel_shape' holds 4611686018427387904, required is 1 to 16777216",
              "(MaxPool, opset 17)");
  OnnxModel transposed;
  transposed.input("x", {1, 1, 4}).weights("w", {1, 1, 2});
  transposed.node("ConvTranspose", {"x", "w"}, {"y"}, {{"output_padding", huge}}).output("y");
  expectError(transposed, "attribute 'output_padding' holds 4611686018427387904, required is 0 to",
              "(ConvTranspose, opset 17)");
}

TEST_CASE("tables that import would compute are refused when they are too large") {
  OnnxModel window;
  window.ints("n", {}, {INT64_C(1) << 62}).node("HannWindow", {"n"}, {"y"}).output("y");
  expectError(window, "the window is a table of [4611686018427387904] entries",
              "(HannWindow, opset 17)");
  OnnxModel transform;
  transform.input("x", {1, 4, 1}).ints("n", {}, {1 << 20}).node("DFT", {"x", "n"}, {"y"});
  expectError(transform.output("y"), "required are at most 67108864", "(DFT, opset 17)");
  OnnxModel positions;
  positions.input("x", {1, 1, 1 << 20});
  positions.node("MaxPool", {"x"}, {"y", "i"}, {{"kernel_shape", std::vector<int64_t>{1 << 10}}});
  expectError(positions.output("i"), "the second output chooses from", "(MaxPool, opset 17)");
}

TEST_CASE("tensors whose data does not fit their shape") {
  const auto with = [](const onnx::TensorProto& tensor) {
    OnnxModel m;
    auto named = tensor;
    named.set_name("w");
    m.initializer(named).node("Identity", {"w"}, {"y"}).output("y");
    return importError(m);
  };
  CHECK(contains(with(floatTensor({3}, {1, 2})).message,
                 "float_data holds 2, shape [3] of f32 requires 3"));
  CHECK(with(floatTensor({3}, {1, 2})).where == "tensor 'w'");
  auto raw = floatTensor({3}, {});
  raw.set_raw_data(std::string(5, 'x'));
  CHECK(contains(with(raw).message, "raw_data (bytes) holds 5, shape [3] of f32 requires 12"));
  CHECK(contains(with(floatTensor({-3}, {})).message, "dimension -3 is negative"));
  CHECK(contains(with(floatTensor({INT64_MAX, 4}, {})).message, "overflows"));
  auto text = floatTensor({}, {});
  text.set_data_type(onnx::TensorProto::STRING);
  CHECK(contains(with(text).message, "element type string is not supported"));
  text.set_data_type(22);
  CHECK(contains(with(text).message, "element type int4 is not supported"));
}

namespace {

// A model whose weights lie in a file beside it.
OnnxModel externalModel(const std::string& location, const std::string& length,
                        const std::string& offset) {
  onnx::TensorProto tensor = floatTensor({3}, {});
  tensor.set_name("w");
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("location", location);
  if (!length.empty()) add("length", length);
  if (!offset.empty()) add("offset", offset);
  OnnxModel m;
  m.input("x", {3}).initializer(tensor).node("Add", {"x", "w"}, {"y"}).output("y");
  return m;
}

}  // namespace

TEST_CASE("external data") {
  const TemporaryFolder folder;
  const std::vector<float> data = {0, 1, 2, 3, 4};
  std::ofstream(folder.path("weights.bin"), std::ios::binary)
      .write(reinterpret_cast<const char*>(data.data()), 20);
  ImportOptions options;
  options.directory = folder.path();
  const auto error = [&](const OnnxModel& m) { return importError(m, options).message; };

  const auto good = import(externalModel("weights.bin", "12", "8"), options);
  CHECK(evaluate(good, {{10, 10, 10}}) == std::vector<float>{12, 13, 14});
  CHECK(contains(error(externalModel("weights.bin", "", "12")),
                 "has 20 bytes, the tensor needs 12 from offset 12"));
  CHECK(contains(error(externalModel("weights.bin", "8", "")), "external data holds 8"));
  CHECK(contains(error(externalModel("missing.bin", "", "")), "cannot be read"));
  CHECK(contains(error(externalModel("../weights.bin", "", "")), "outside the model's folder"));
  CHECK(contains(error(externalModel("/etc/passwd", "", "")), "outside the model's folder"));
  CHECK(
      contains(error(externalModel("weights.bin", "", "-4")), "'-4', required is a whole number"));
  CHECK(contains(error(externalModel("", "", "")), "outside the model's folder"));
  std::filesystem::create_symlink("/etc/passwd", folder.path("link.bin"));
  CHECK(contains(error(externalModel("link.bin", "", "")), "outside the model's folder"));
  // Opening a pipe without a writer would wait for one.
  REQUIRE(::mkfifo(folder.path("pipe.bin").c_str(), 0600) == 0);
  CHECK(
      contains(error(externalModel("pipe.bin", "", "")), "found a pipe, required a regular file"));
  std::filesystem::create_directory(folder.path("folder.bin"));
  CHECK(contains(error(externalModel("folder.bin", "", "")), "found a folder"));
  const auto pipe =
      frontend::importModel(folder.path("pipe.bin"), ImportOptions(), referenceEvaluator());
  REQUIRE_FALSE(pipe.has_value());
  CHECK(contains(pipe.error().message, "found a pipe, required a regular file"));
}

TEST_CASE("an optional input that is left out, and an optional output") {
  OnnxModel m;
  m.input("x", {2}).floats("high", {}, {1}).node("Clip", {"x", "", "high"}, {"y"}).output("y");
  CHECK(opsOf(import(m).graph) == "max min");
  OnnxModel dropout;
  dropout.input("x", {2}).node("Dropout", {"x"}, {"d", ""}).node("Relu", {"d"}, {"y"}).output("y");
  CHECK(opsOf(import(dropout).graph) == "max");
}

TEST_CASE("operands that do not fit each other") {
  SUBCASE("a rotary embedding with rotations of another batch") {
    OnnxModel m(23);
    m.input("x", {2, 3, 5, 4}).input("cos", {1, 5, 2}).input("sin", {1, 5, 2});
    m.node("RotaryEmbedding", {"x", "cos", "sin"}, {"y"}).output("y");
    expectError(m, "batches of the rotations and of the input: found 1 and 2", "RotaryEmbedding");
  }
  SUBCASE("an attention whose keys and queries have other sizes") {
    OnnxModel m(23);
    m.input("q", {1, 2, 3, 4}).input("k", {1, 2, 3, 5}).input("v", {1, 2, 3, 5});
    m.node("Attention", {"q", "k", "v"}, {"y"}).output("y");
    expectError(m, "sizes of the heads of queries and keys: found 4 and 5", "Attention");
  }
  SUBCASE("an attention whose mask is larger than the scores") {
    OnnxModel m(23);
    m.input("q", {1, 2, 3, 4}).input("k", {1, 2, 5, 4}).input("v", {1, 2, 5, 4});
    m.input("mask", {4, 5}).node("Attention", {"q", "k", "v", "mask"}, {"y"}).output("y");
    expectError(m, "broadcasts to the scores [1, 2, 3, 5]", "Attention");
  }
  SUBCASE("a layer normalization with a scale of another type, or of more elements") {
    OnnxModel m;
    m.input("x", {2, 3}).input("s", {3}, kInt32).output("y");
    m.node("LayerNormalization", {"x", "s"}, {"y"});
    expectError(m, "i32", "LayerNormalization");
    OnnxModel wide;
    wide.input("x", {1, 3}).input("s", {2, 3}).output("y");
    wide.node("LayerNormalization", {"x", "s"}, {"y"});
    expectError(wide, "required is one that broadcasts to [1, 3]", "LayerNormalization");
  }
  SUBCASE("frames longer than their signal, a window without an axis") {
    OnnxModel m;
    m.input("x", {1, 4, 1}).ints("step", {}, {5}).ints("length", {}, {14}).output("y");
    m.node("STFT", {"x", "step", "", "length"}, {"y"});
    expectError(m, "frames of 14 elements do not fit into a signal of 4", "STFT");
    OnnxModel flat;
    flat.input("x", {1, 4, 1}).ints("step", {}, {1}).ints("length", {}, {2}).output("y");
    flat.input("w", {}).node("STFT", {"x", "step", "w", "length"}, {"y"});
    expectError(flat, "input 2 has shape [], required is rank 1", "STFT");
  }
  SUBCASE("an equation with a term for an input that is left out") {
    OnnxModel m;
    m.input("x", {2, 3}).output("y");
    m.node("Einsum", {"x", ""}, {"y"}, {{"equation", std::string("ij,jk")}});
    expectError(m, "input 1 is left out", "Einsum");
  }
  SUBCASE("a split of known values into more than there is") {
    OnnxModel m;
    m.ints("x", {2}, {7, 8}).ints("sizes", {2}, {2, 100000000}).output("a").output("b");
    m.node("Split", {"x", "sizes"}, {"a", "b"});
    expectError(m, "sum of the sizes and extent of the axis", "Split");
  }
  SUBCASE("tiles whose axis is left out") {
    OnnxModel m(2);
    m.input("x", {2, 3}).ints("tiles", {1}, {3}).output("y");
    m.node("Tile", {"x", "tiles", ""}, {"y"});
    expectError(m, "1 repeats for a shape [2, 3]", "Tile");
  }
}

TEST_CASE("a loss whose weights are of another element type than its scores") {
  constexpr int kUint32 = 12;
  for (const char* type : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) {
    OnnxModel m;
    m.input("x", {3, 5}).input("t", {3}, kInt64).input("w", {5}, kUint32);
    m.node(type, {"x", "t", "w"}, {"y"}, {{"ignore_index", int64_t{2}}}).output("y");
    expectError(m, "inputs have different element types, f32 and u32", "'make_y'");
  }
}

TEST_CASE("tables that no signal needs are refused before anything is computed") {
  for (const int64_t size : {int64_t{754974730}, INT64_MAX}) {
    OnnxModel window;
    window.ints("n", {}, {size}).node("BlackmanWindow", {"n"}, {"y"}).output("y");
    expectError(window, "entries, required are at most", "'make_y'");
    OnnxModel mel;
    mel.ints("bins", {}, {size}).ints("length", {}, {size}).ints("rate", {}, {8000});
    mel.floats("from", {}, {0}).floats("to", {}, {4000});
    mel.node("MelWeightMatrix", {"bins", "length", "rate", "from", "to"}, {"y"}).output("y");
    expectError(mel, "entries, required are at most", "'make_y'");
    OnnxModel dft;
    dft.input("x", {1, 8, 1}).ints("length", {}, {size});
    dft.node("DFT", {"x", "length"}, {"y"}).output("y");
    expectError(dft, "entries, required are at most", "'make_y'");
  }
}

TEST_CASE("mel edges that are no numbers") {
  OnnxModel m;
  m.ints("bins", {}, {4}).ints("length", {}, {16}).ints("rate", {}, {8000}).floats("from", {}, {0});
  m.floats("to", {}, {std::numeric_limits<float>::quiet_NaN()});
  m.node("MelWeightMatrix", {"bins", "length", "rate", "from", "to"}, {"y"}).output("y");
  expectError(m, "lies outside of the spectrum", "'make_y'");
}
