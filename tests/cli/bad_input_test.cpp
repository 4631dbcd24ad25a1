// What users get wrong: one clear diagnostic each, a non-zero exit status, nothing half-written.

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/cli/command.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

/// y = x + b, on x: f32[2, 3].
std::string addModel() {
  OnnxModel model;
  model.input("x", {2, 3}).output("y", kFloat);
  model.floats("b", {3}, {1, 2, 3}).node("Add", {"x", "b"}, {"y"}, {}, "plus");
  return model.bytes();
}

}  // namespace

TEST_CASE("bad input: the model file is missing, a folder, empty, or no model") {
  const Workspace work;
  checkRefused(work.quartet("run nothing.onnx --device cpu"), {"nothing.onnx"});
  checkRefused(work.quartet("run . --device cpu"), {"."});
  work.write("empty.onnx", "");
  checkRefused(work.quartet("run empty.onnx --device cpu"), {"empty.onnx"});
  work.write("text.onnx", "this is no model, only a line of text\n");
  checkRefused(work.quartet("run text.onnx --device cpu"), {"text.onnx"});
}

TEST_CASE("bad input: a model truncated anywhere is refused or complete") {
  const Workspace work;
  const std::string model = addModel();
  for (size_t length = 1; length < model.size(); length += 7) {
    work.write("cut.onnx", model.substr(0, length));
    const Outcome outcome = work.quartet("run cut.onnx --device reference");
    INFO("length ", length, "\n", outcome.err);
    if (outcome.status != 0) checkRefused(outcome, {});
  }
}

TEST_CASE("bad input: a corrupted model never crashes") {
  const Workspace work;
  const std::string model = addModel();
  uint32_t state = 1;
  for (int round = 0; round < 60; ++round) {
    std::string mutant = model;
    for (int change = 0; change < 3; ++change) {
      state = state * 1664525U + 1013904223U;
      mutant[(state >> 8) % mutant.size()] = static_cast<char>(state >> 3);
    }
    work.write("mutant.onnx", mutant);
    const Outcome outcome = work.quartet("run mutant.onnx --device cpu");
    INFO("round ", round, "\n", outcome.err);
    CHECK((outcome.status == 0 || outcome.status == 1));
    CHECK(outcome.err.find("bug in quartet") == std::string::npos);
  }
}

TEST_CASE("bad input: unknown operators are reported all at once") {
  const Workspace work;
  OnnxModel model;
  model.input("x", {2}).output("y", kFloat);
  model.node("Frobnicate", {"x"}, {"a"}, {}, "first").node("Relu", {"a"}, {"b"});
  model.node("Defenestrate", {"b"}, {"y"}, {}, "second");
  work.write("model.onnx", model);
  checkRefused(work.quartet("run model.onnx --device cpu"),
               {"Frobnicate", "first", "Defenestrate", "second"});
}

TEST_CASE("bad input: a cycle, and a value that nothing computes") {
  const Workspace work;
  OnnxModel cycle;
  cycle.input("x", {2}).output("y", kFloat);
  cycle.node("Add", {"x", "b"}, {"a"}, {}, "one").node("Relu", {"a"}, {"b"}, {}, "two");
  cycle.node("Relu", {"b"}, {"y"}, {}, "three");
  work.write("cycle.onnx", cycle);
  checkRefused(work.quartet("run cycle.onnx --device cpu"), {"one"});
  OnnxModel dangling;
  dangling.input("x", {2}).output("y", kFloat);
  dangling.node("Add", {"x", "nowhere"}, {"y"}, {}, "sum");
  work.write("dangling.onnx", dangling);
  checkRefused(work.quartet("run dangling.onnx --device cpu"), {"nowhere", "sum"});
}

TEST_CASE("bad input: names, dtypes, ranks and shapes of inputs") {
  const Workspace work;
  work.write("model.onnx", addModel());
  work.write("good.npy", Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  work.write("ints.npy", Tensor::of<int32_t>({2, 3}, {1, 2, 3, 4, 5, 6}));
  work.write("flat.npy", Tensor::of<float>({6}, {1, 2, 3, 4, 5, 6}));
  work.write("wide.npy", Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  for (const std::string& device : devicesToTest()) {
    const std::string run = "run model.onnx --device " + device + " --outputs out ";
    checkRefused(work.quartet(run + "--input z=good.npy"), {"'z'", "x"});
    checkRefused(work.quartet(run + "--input x=ints.npy"), {"'x'", "i32", "f32"});
    checkRefused(work.quartet(run + "--input x=flat.npy"), {"'x'", "[6]", "[2, 3]"});
    checkRefused(work.quartet(run + "--input x=wide.npy"), {"'x'", "[3, 2]", "[2, 3]"});
    checkRefused(work.quartet(run + "--shape z=2,3"), {"'z'", "x"});
    checkRefused(work.quartet(run + "--shape x=2,4"), {"'x'", "4", "3"});
    checkRefused(work.quartet(run + "--shape x=6"), {"'x'"});
    CHECK(work.list("out").empty());
    const Outcome good = work.quartet(run + "--input x=good.npy");
    CHECK_MESSAGE(good.status == 0, good.err);
    CHECK(work.list("out") == std::vector<std::string>{"y.npy"});
    std::system(("rm -r " + work.path("out")).c_str());
  }
}

TEST_CASE("bad input: broken .npy files") {
  const Workspace work;
  work.write("model.onnx", addModel());
  const std::string run = "run model.onnx --device reference --input x=";
  checkRefused(work.quartet(run + "missing.npy"), {"missing.npy"});
  work.write("text.npy", "hello");
  checkRefused(work.quartet(run + "text.npy"), {"text.npy", "magic"});
  work.write("good.npy", Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  const std::string good = work.read("good.npy");
  for (size_t length = 6; length < good.size(); length += 9) {
    work.write("cut.npy", good.substr(0, length));
    checkRefused(work.quartet(run + "cut.npy"), {"cut.npy"});
  }
  work.write("long.npy", good + "x");
  checkRefused(work.quartet(run + "long.npy"), {"long.npy", "25", "24"});
}

TEST_CASE("bad input: pipes and devices are refused where files are read, without waiting") {
  const Workspace work;
  work.write("model.onnx", addModel());
  REQUIRE(mkfifo(work.path("pipe").c_str(), 0600) == 0);
  for (const std::string file : {"pipe", "/dev/zero"}) {
    for (const std::string command :
         {"run model.onnx --device cpu --input x=", "run model.onnx --device cpu --bind x=", "run ",
          "opt --stage verify "}) {
      INFO(command, file);
      checkRefused(work.quartet(command + file), {"file '" + file + "'", "a regular file"});
    }
  }
  OnnxModel model;
  model.input("x", {2, 3}).output("y", kFloat);
  model.external("b", {3}, "pipe").node("Add", {"x", "b"}, {"y"});
  work.write("external.onnx", model);
  checkRefused(work.quartet("run external.onnx --device cpu"), {"pipe", "a regular file"});
}

TEST_CASE("bad input: option values") {
  const Workspace work;
  work.write("model.onnx", addModel());
  const std::string run = "run model.onnx --device reference ";
  for (const std::string shape :
       {"x", "=2,3", "x=2,,3", "x=2,a", "x=2,3,", "x=-1,3", "x=99999999999999999999,3"}) {
    checkRefused(work.quartet(run + "--shape " + shape), {"--shape"});
  }
  checkRefused(work.quartet(run + "--input x"), {"--input"});
  checkRefused(work.quartet("run model.onnx --device toaster"), {"toaster", "device cpu"});
  checkRefused(work.quartet("run model.onnx --device cpu --threads -3"), {"-3"});
  for (const std::string seed : {"many", "-1", "1.5", "18446744073709551616"}) {
    const Outcome outcome = work.quartet("run model.onnx --seed " + seed);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.starts_with("--seed: required: 0 to 2^64 - 1"));
  }
  CHECK(work.quartet("run").status == 2);
  CHECK(work.quartet("jump").status == 2);
}

TEST_CASE("bad input: an open dimension is named, a batch is one") {
  const Workspace work;
  OnnxModel model;
  model.input("x", {"N", "W"}).output("y", kFloat).node("Relu", {"x"}, {"y"});
  work.write("model.onnx", model);
  checkRefused(work.quartet("run model.onnx --device cpu"), {"'x'", "W", "--shape"});
  const Outcome pinned = work.quartet("run model.onnx --device cpu --shape x=1,5");
  CHECK(pinned.out.find("f32[1, 5]") != std::string::npos);
  OnnxModel batch;
  batch.input("x", {"N", 4}).output("y", kFloat).node("Relu", {"x"}, {"y"});
  work.write("batch.onnx", batch);
  CHECK(work.quartet("run batch.onnx --device cpu").out.find("f32[1, 4]") != std::string::npos);
}

TEST_CASE("bad input: external data is missing or too short") {
  const Workspace work;
  OnnxModel model;
  model.input("x", {2, 3}).output("y", kFloat);
  model.external("b", {3}, "weights.bin").node("Add", {"x", "b"}, {"y"});
  work.write("folder/model.onnx", model);
  checkRefused(work.quartet("run folder/model.onnx --device cpu"), {"'b'", "weights.bin"});
  work.write("folder/weights.bin", "1234");
  checkRefused(work.quartet("run folder/model.onnx --device cpu"), {"'b'", "weights.bin"});
  work.write("folder/weights.bin", std::string(12, '\0'));
  const Outcome good = work.quartet("run folder/model.onnx --device cpu");
  CHECK_MESSAGE(good.status == 0, good.err);
  OnnxModel outside;
  outside.input("x", {3}).output("y", kFloat);
  outside.external("b", {3}, "../weights.bin").node("Add", {"x", "b"}, {"y"});
  work.write("weights.bin", std::string(12, '\0'));
  work.write("folder/outside.onnx", outside);
  checkRefused(work.quartet("run folder/outside.onnx --device cpu"), {"../weights.bin"});
}

TEST_CASE("bad input: negative and overflowing dimensions") {
  const Workspace work;
  OnnxModel negative;
  negative.input("x", {2, -3}).output("y", kFloat);
  negative.node("Relu", {"x"}, {"y"});
  work.write("negative.onnx", negative);
  checkRefused(work.quartet("run negative.onnx --device cpu"), {"x", "-3"});
  OnnxModel weights;
  weights.input("x", {3}).output("y", kFloat);
  weights.floats("w", {-1, 3}, {1, 2, 3}).node("Add", {"x", "w"}, {"y"});
  work.write("weights.onnx", weights);
  checkRefused(work.quartet("run weights.onnx --device cpu"), {"w", "-1"});
  OnnxModel overflow;
  overflow.input("x", {4294967296, 4294967296, 4});
  overflow.output("y", kFloat).node("Relu", {"x"}, {"y"});
  work.write("overflow.onnx", overflow);
  for (const std::string& device : devicesToTest()) {
    checkRefused(work.quartet("run overflow.onnx --device " + device), {});
  }
}

TEST_CASE("bad input: more than the memory there is") {
  const Workspace work;
  OnnxModel model;
  model.input("x", {"N", 1000000}).output("y", kFloat);
  model.node("Relu", {"x"}, {"y"});
  work.write("model.onnx", model);
  for (const std::string& device : devicesToTest()) {
    checkRefused(work.quartet("run model.onnx --shape x=1000000,1000000 --device " + device), {});
  }
  checkRefused(work.quartet("verify model.onnx --shape x=1000000,1000000 --device cpu"), {});
  OnnxModel constant;
  constant.input("x", {1}).output("y", kFloat);
  constant.ints("shape", {2}, {1000000, 1000000});
  constant.node("ConstantOfShape", {"shape"}, {"big"}, {}, "filler");
  constant.node("Add", {"big", "x"}, {"y"});
  work.write("constant.onnx", constant);
  checkRefused(work.quartet("run constant.onnx --device cpu"), {});
}

TEST_CASE("empty tensors are legal and come out empty") {
  const Workspace work;
  OnnxModel model;
  model.input("x", {"N", 3}).output("y", kFloat).output("s", kFloat);
  model.floats("w", {3, 2}, {1, 2, 3, 4, 5, 6}).node("MatMul", {"x", "w"}, {"m"});
  model.node("Relu", {"m"}, {"y"});
  model.ints("axes", {1}, {0}).node("ReduceSum", {"m", "axes"}, {"s"}, {{"keepdims", int64_t{0}}});
  work.write("model.onnx", model);
  for (const std::string& device : devicesToTest()) {
    const Outcome outcome = work.quartet("run model.onnx --shape x=0,3 --device " + device);
    INFO(device, "\n", outcome.err);
    CHECK(outcome.status == 0);
    CHECK(outcome.out.find("y: f32[0, 2], empty") != std::string::npos);
    CHECK(outcome.out.find("s: f32[2], min 0, max 0") != std::string::npos);
  }
}

TEST_CASE("bad input: an index out of range names the node, nothing is written") {
  const Workspace work;
  OnnxModel model;
  model.input("i", {3}, kInt64).output("y", kFloat);
  model.floats("table", {4}, {1, 2, 3, 4});
  model.node("Gather", {"table", "i"}, {"y"}, {}, "lookup");
  work.write("model.onnx", model);
  work.write("bad.npy", Tensor::of<int64_t>({3}, {0, 4, 1}));
  work.write("good.npy", Tensor::of<int64_t>({3}, {0, -4, 3}));
  for (const std::string& device : devicesToTest()) {
    const std::string run = "run model.onnx --outputs out --device " + device;
    checkRefused(work.quartet(run + " --input i=bad.npy"), {"lookup", "index"});
    CHECK(work.list("out").empty());
    const Outcome good = work.quartet(run + " --input i=good.npy");
    CHECK_MESSAGE(good.status == 0, good.err);
    std::system(("rm -r " + work.path("out")).c_str());
    // Made indices stay inside.
    CHECK(work.quartet("run model.onnx --seed 5 --device " + device).status == 0);
  }
}

TEST_CASE("bad input: every index into an empty axis is out of range") {
  const Workspace work;
  struct Lookup {
    std::string type;
    std::vector<Extent> indices;
    std::vector<Extent> updates;
  };
  for (const Lookup& lookup :
       {Lookup{"Gather", {"N"}, {}}, Lookup{"GatherElements", {"N", 3}, {}},
        Lookup{"GatherND", {"N", 1}, {}}, Lookup{"GatherND", {"N", 2}, {}},
        Lookup{"ScatterElements", {"N", 3}, {"N", 3}}, Lookup{"ScatterND", {"N", 1}, {"N", 3}}}) {
    OnnxModel model;
    model.input("x", {0, 3}).input("i", lookup.indices, kInt64).output("y", kFloat);
    std::vector<std::string> inputs = {"x", "i"};
    if (!lookup.updates.empty()) {
      model.input("u", lookup.updates);
      inputs.emplace_back("u");
    }
    model.node(lookup.type, inputs, {"y"}, {}, "lookup");
    work.write("model.onnx", model);
    std::string rest;
    for (size_t axis = 1; axis < lookup.indices.size(); ++axis) {
      rest += "," + std::to_string(std::get<int64_t>(lookup.indices[axis]));
    }
    for (const std::string& device : devicesToTest()) {
      const std::string run = "run model.onnx --device " + device + " --shape i=";
      checkRefused(work.quartet(run + "2" + rest), {"lookup", "index"});
      const Outcome none = work.quartet(run + "0" + rest);
      CHECK_MESSAGE(none.status == 0, none.err);
      CHECK(none.out.find("empty") != std::string::npos);
    }
  }
}

TEST_CASE("bad input: integer division by zero names the node") {
  const Workspace work;
  OnnxModel model;
  model.input("a", {3}, kInt32).input("b", {3}, kInt32).output("y", kInt32);
  model.node("Div", {"a", "b"}, {"y"}, {}, "ratio");
  work.write("model.onnx", model);
  work.write("a.npy", Tensor::of<int32_t>({3}, {7, -7, INT32_MIN}));
  work.write("zero.npy", Tensor::of<int32_t>({3}, {1, 0, 2}));
  work.write("good.npy", Tensor::of<int32_t>({3}, {2, 2, -1}));
  for (const std::string& device : devicesToTest()) {
    const std::string run = "run model.onnx --input a=a.npy --device " + device;
    checkRefused(work.quartet(run + " --input b=zero.npy"), {"ratio", "zero"});
    const Outcome good = work.quartet(run + " --input b=good.npy");
    INFO(device, "\n", good.err);
    CHECK(good.out.find(" 3 -3 -2.14748e+09") != std::string::npos);
  }
}

TEST_CASE("outputs that cannot be written leave nothing behind") {
  const Workspace work;
  OnnxModel model;
  model.input("x", {2}).output("a", kFloat).output("b", kFloat);
  model.node("Relu", {"x"}, {"a"}).node("Neg", {"x"}, {"b"});
  work.write("model.onnx", model);
  work.write("out/b.npy/in_the_way", "a folder where a file should go");
  checkRefused(work.quartet("run model.onnx --device reference --outputs out"), {"b.npy"});
  CHECK(work.list("out") == std::vector<std::string>{"b.npy"});
  work.write("file", "a file where a folder should go");
  checkRefused(work.quartet("run model.onnx --device reference --outputs file"), {"file"});
}
