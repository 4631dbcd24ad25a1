// What the commands print and write when all is well.

#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/cli/command.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

/// y = relu(x w), best = argmax of it, on x: f32[N, 3].
void writeModel(const Workspace& work) {
  OnnxModel model;
  model.input("x", {"N", 3}).output("a/y", kFloat);
  model.output("best", kInt64).floats("w", {3, 2}, {1, -1, 2, 0, 3, 1});
  model.node("MatMul", {"x", "w"}, {"m"}).node("Relu", {"m"}, {"a/y"});
  model.node("ArgMax", {"a/y"}, {"best"}, {{"axis", int64_t{1}}});
  work.write("model.onnx", model);
}

nlohmann::json json(const Outcome& outcome) {
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  auto parsed = nlohmann::json::parse(outcome.out, nullptr, false);
  REQUIRE_FALSE(parsed.is_discarded());
  return parsed;
}

}  // namespace

TEST_CASE("cli: the version names a commit") {
  const Outcome version = Workspace().quartet("--version");
  CHECK(version.status == 0);
  CHECK(version.out.starts_with("quartet "));
  CHECK(version.out.find(" (commit ") != std::string::npos);
}

TEST_CASE("cli: every command has help") {
  const Workspace work;
  CHECK(work.quartet("--help").status == 0);
  for (const std::string command :
       {"run", "verify", "bench", "explain", "devices", "characterize", "opt"}) {
    const Outcome help = work.quartet(command + " --help");
    CHECK(help.status == 0);
    CHECK(help.out.find("--") != std::string::npos);
    CHECK(help.out.find("UINT:UINT") == std::string::npos);  // a check that repeats the type
  }
}

TEST_CASE("cli run: outputs go to a folder, the seed decides made inputs") {
  const Workspace work;
  writeModel(work);
  work.write("x.npy", Tensor::of<float>({2, 3}, {1, 2, 3, -1, 0, 0}));
  const Outcome saved =
      work.quartet("run model.onnx --device cpu --input x=x.npy --outputs deep/out");
  CHECK_MESSAGE(saved.status == 0, saved.err);
  CHECK(work.list("deep/out") == std::vector<std::string>{"a_y.npy", "best.npy"});
  CHECK(saved.out == "deep/out/a_y.npy\ndeep/out/best.npy\n");
  const Outcome printed = work.quartet("run model.onnx --device reference --input x=x.npy");
  CHECK(printed.out.find("a/y: f32[2, 2], min 0, max 14, mean 4.25: 14 2 0 1") == 0);
  CHECK(printed.out.find("best: i64[2, 1]") != std::string::npos);
  const auto run = [&](const std::string& seed) {
    return work.quartet("run model.onnx --device reference --shape x=4,3 --seed " + seed).out;
  };
  CHECK(run("1") == run("1"));
  CHECK(run("1") != run("2"));
}

TEST_CASE("cli: an input that decides on shapes is bound") {
  const Workspace work;
  OnnxModel model;
  model.input("x", {2, 3}).input("shape", {2}, kInt64);
  model.output("y", kFloat).node("Reshape", {"x", "shape"}, {"r"});
  model.node("Relu", {"r"}, {"y"});
  work.write("model.onnx", model);
  work.write("s.npy", Tensor::of<int64_t>({2}, {3, 2}));
  work.write("wrong.npy", Tensor::of<int64_t>({3}, {3, 2, 1}));
  work.write("x.npy", Tensor::of<float>({2, 3}, {1, 2, 3, -1, 0, 4}));
  // A value for the run comes too late.
  checkRefused(work.quartet("run model.onnx --device cpu --input shape=s.npy"),
               {"'shape'", "at import", "--bind shape="});
  for (const std::string& device : devicesToTest()) {
    const std::string to = " model.onnx --bind shape=s.npy --device " + device;
    const Outcome run = work.quartet("run" + to + " --input x=x.npy");
    CHECK_MESSAGE(run.status == 0, run.err);
    CHECK(run.out.find("y: f32[3, 2], min 0, max 4, mean 1.66667: 1 2 3 0 0 4") == 0);
    CHECK(work.quartet("verify" + to).status == 0);
    CHECK(work.quartet("explain" + to).status == 0);
    if (device == "cpu") CHECK(work.quartet("bench" + to + " --runs 1").status == 0);
  }
  const std::string run = "run model.onnx --device cpu ";
  checkRefused(work.quartet(run + "--bind shape"), {"--bind", "name=file.npy"});
  checkRefused(work.quartet(run + "--bind shape=wrong.npy"), {"'shape'", "[3]", "[2]"});
  checkRefused(work.quartet(run + "--bind nope=s.npy --bind shape=s.npy"), {"nope", "'x'"});
  checkRefused(work.quartet(run + "--bind shape=s.npy --bind shape=s.npy"), {"twice"});
  checkRefused(work.quartet(run + "--bind shape=s.npy --input shape=s.npy"), {"both", "--bind"});
  checkRefused(work.quartet(run + "--bind shape=s.npy --shape shape=2"), {"shape", "bound"});
}

TEST_CASE("cli verify: a table and JSON for all devices, failure is an exit status") {
  const Workspace work;
  writeModel(work);
  std::string devices;
  for (const std::string& device : devicesToTest()) devices += " --device " + device;
  const Outcome table = work.quartet("verify model.onnx --strict --shape x=9,3" + devices);
  CHECK_MESSAGE(table.status == 0, table.out);
  CHECK(table.out.find("FAILED") == std::string::npos);
  CHECK(table.out.find("worst ratio") != std::string::npos);
  const nlohmann::json results = json(work.quartet("verify model.onnx --json" + devices));
  REQUIRE(results["devices"].size() == devicesToTest().size());
  for (const auto& device : results["devices"]) {
    CHECK(device["passed"] == true);
    CHECK(device["outputs"].size() == 2);
  }
  const Outcome failed = work.quartet("verify model.onnx --device cpu --device null");
  CHECK(failed.status == 1);
  CHECK(failed.out.find("computes nothing") != std::string::npos);
  const Outcome unknown = work.quartet("verify model.onnx --device toaster --device cpu");
  CHECK(unknown.status == 1);
  CHECK(unknown.out.find("there is no such device") != std::string::npos);
}

TEST_CASE("cli bench: JSON has every field") {
  const Workspace work;
  writeModel(work);
  const nlohmann::json result =
      json(work.quartet("bench model.onnx --device cpu --threads 1 --runs 5 --json"));
  for (const char* field :
       {"model", "device", "threads", "compile_ms", "schedule_ms", "kernels", "cached_kernels",
        "median_ms", "p10_ms", "p90_ms", "runs", "launches", "bytes", "peak_bytes"}) {
    INFO(field);
    CHECK(result.contains(field));
  }
  CHECK(result["model"] == "model");
  CHECK(result["threads"] == 1);
  CHECK(result["runs"] == 5);
  CHECK(result["median_ms"] > 0);
  CHECK(result["p10_ms"] <= result["median_ms"]);
  CHECK(result["median_ms"] <= result["p90_ms"]);
  CHECK(work.quartet("bench model.onnx --runs 0").status == 2);
}

TEST_CASE("cli explain: placement, memory, waves, description; code on request") {
  const Workspace work;
  writeModel(work);
  const Outcome plain = work.quartet("explain model.onnx --device cpu");
  CHECK(plain.status == 0);
  for (const char* part : {"placement", "peak", "bound", "wave 0", "tile(", "costs:"}) {
    CHECK(plain.out.find(part) != std::string::npos);
  }
  const Outcome code = work.quartet("explain model.onnx --device cpu --code");
  CHECK(code.out.size() > plain.out.size());
  CHECK(plain.out.find("fronts") == std::string::npos);
  const Outcome front = work.quartet("explain model.onnx --device cpu --front");
  for (const char* part : {"fronts (", "unit us", "workgroup B", "tile("}) {
    CHECK(front.out.find(part) != std::string::npos);
  }
  CHECK(work.quartet("explain model.onnx --device reference").out.find("graph @") !=
        std::string::npos);
}

TEST_CASE("cli devices: a list, JSON, one description") {
  const Workspace work;
  const Outcome list = work.quartet("devices");
  CHECK(list.out.find("cpu") != std::string::npos);
  CHECK(list.out.find("(default)") != std::string::npos);
  const nlohmann::json devices = json(work.quartet("devices --json"));
  CHECK(devices.size() >= 3);
  CHECK(devices[0].contains("description"));
  CHECK(work.quartet("devices cpu").out.find("peakGigaflops") != std::string::npos);
}

TEST_CASE("cli devices: the hardware database, and its entries as targets") {
  const Workspace work;
  writeModel(work);
  const Outcome list = work.quartet("devices --database");
  CHECK(list.status == 0);
  CHECK(list.out.find("hwdb:nvidia-h200 ") != std::string::npos);
  CHECK(list.out.find("under 'radv'") != std::string::npos);
  const nlohmann::json entries = json(work.quartet("devices --database --json"));
  CHECK(entries.size() >= 30);
  CHECK(entries[0]["id"].get<std::string>().starts_with("hwdb:"));
  CHECK(work.quartet("devices --database cpu").status != 0);
  CHECK(work.quartet("devices hwdb:nvidia-h200").out.find("f16 x f16 + f32") != std::string::npos);
  const Outcome explained = work.quartet("explain model.onnx --device hwdb:NVIDIA-H200");
  CHECK(explained.status == 0);
  for (const char* part : {"hwdb:nvidia-h200", "estimate", " % rests on derived values: launch"}) {
    CHECK(explained.out.find(part) != std::string::npos);
  }
  for (const std::string command : {"run", "bench"}) {
    checkRefused(work.quartet(command + " model.onnx --device hwdb:nvidia-h200"),
                 {"hwdb:nvidia-h200", "entry of the hardware database", "--device"});
  }
  checkRefused(work.quartet("explain model.onnx --device hwdb:toaster"),
               {"entry 'toaster'", "nvidia-h200", "devices --database"});
}

TEST_CASE("cli opt: stages on a file and on standard input") {
  const Workspace work;
  work.write(
      "graph.ir",
      "graph @main(%x: f32[4, 8]) -> (\"y\") {\n  %n = neg %x : f32[4, 8]\n  return %n\n}\n");
  const Outcome expressed = work.quartet("opt --stage express graph.ir");
  CHECK_MESSAGE(expressed.status == 0, expressed.err);
  CHECK(expressed.out.find("compute") != std::string::npos);
  const Outcome waves = work.quartet(
      "opt --device cpu --stage express --stage grinder --stage welder --stage rammer graph.ir");
  CHECK_MESSAGE(waves.status == 0, waves.err);
  CHECK(waves.out.find("tile(") != std::string::npos);
  work.write("bad.ir", "graph @main(\n");
  checkRefused(work.quartet("opt --stage verify bad.ir"), {"bad.ir"});
  checkRefused(work.quartet("opt --stage solder graph.ir"), {"solder", "stages are"});
  checkRefused(work.quartet("opt --stage verify missing.ir"), {"missing.ir"});
  checkRefused(work.quartet("opt --device cpu --stage rammer graph.ir"),
               {"graph.ir", "rammer requires a plan with tile shapes", "a graph of operations"});
}

TEST_CASE("cli: the null device checks models and runs none") {
  const Workspace work;
  writeModel(work);
  CHECK(work.quartet("explain model.onnx --device null").status == 0);
  for (const std::string command : {"run", "bench"}) {
    checkRefused(work.quartet(command + " model.onnx --device null"),
                 {"device 'null'", "computes nothing", "--device"});
  }
}

TEST_CASE("cli: output that does not arrive is a failure") {
  const Workspace work;
  writeModel(work);
  const std::string to = " model.onnx --device cpu ";
  for (const std::string& command :
       {"run" + to, "run" + to + "--outputs out", "verify" + to, "verify --json" + to,
        "bench --json --runs 1" + to, "explain" + to, std::string("devices --json"),
        std::string("--help")}) {
    INFO(command);
    checkRefused(work.quartet(command, "/dev/full"),
                 {"standard output: cannot write all of the output"});
  }
}

TEST_CASE("cli: several shapes of an input go through one compiled model") {
  const Workspace work;
  writeModel(work);
  work.write("two.npy", Tensor::of<float>({2, 3}, {1, 2, 3, -1, 0, 0}));
  work.write("one.npy", Tensor::of<float>({1, 3}, {1, 2, 3}));
  const std::string shapes = "model.onnx --shape x=1,3 --shape x=5,3 --device cpu";
  const Outcome run = work.quartet("run " + shapes);
  CHECK_MESSAGE(run.status == 0, run.err);
  CHECK(run.out.find("x=1,3\na/y: f32[1, 2]") == 0);
  CHECK(run.out.find("x=5,3\na/y: f32[5, 2]") != std::string::npos);
  const Outcome files = work.quartet("run model.onnx --input x=two.npy --input x=one.npy");
  CHECK_MESSAGE(files.status == 0, files.err);
  CHECK(files.out.find("a/y: f32[2, 2], min 0, max 14, mean 4.25: 14 2 0 1") != std::string::npos);
  CHECK(files.out.find("a/y: f32[1, 2], min 2, max 14") != std::string::npos);
  const Outcome open = work.quartet("run model.onnx --shape x=?,3 --input x=two.npy");
  CHECK_MESSAGE(open.status == 0, open.err);
  CHECK(open.out.find("a/y: f32[2, 2], min 0, max 14") == 0);
  const Outcome saved = work.quartet("run " + shapes + " --outputs out");
  CHECK_MESSAGE(saved.status == 0, saved.err);
  CHECK(saved.out.find("x=5,3\nout/1/a_y.npy\nout/1/best.npy\n") != std::string::npos);
  CHECK(work.list("out/0") == std::vector<std::string>{"a_y.npy", "best.npy"});
  CHECK(work.list("out/1") == std::vector<std::string>{"a_y.npy", "best.npy"});
  const auto verified = json(work.quartet("verify " + shapes + " --json"));
  REQUIRE(verified["devices"].size() == 2);
  CHECK(verified["devices"][1]["shapes"] == "x=5,3");
  CHECK(verified["devices"][1]["passed"] == true);
  const auto measured = json(work.quartet("bench " + shapes + " --runs 2 --profile 2 --json"));
  REQUIRE(measured.size() == 2);
  CHECK(measured[0]["shapes"] == "x=1,3");
  CHECK(measured[1]["task_sets"].size() >= 1);
  const Outcome explained = work.quartet("explain " + shapes);
  CHECK(explained.out.find("1 of at most 8 specialisations") != std::string::npos);
  CHECK(explained.out.find("nothing compiled in, 2 of at most 8 sets of shapes") !=
        std::string::npos);
}

TEST_CASE("cli: shapes of several cases that do not fit together are refused") {
  const Workspace work;
  writeModel(work);
  const auto refused = [&](const std::string& arguments, const std::string& text) {
    const Outcome outcome = work.quartet("run model.onnx --device cpu " + arguments);
    CHECK(outcome.status != 0);
    CHECK_MESSAGE(outcome.err.find(text) != std::string::npos, outcome.err);
  };
  refused("--shape x=1,3 --shape x=1,3,1", "found rank 2 and rank 3");
  refused("--shape x=1,3 --shape x=2,4", "axis 1 is fixed");
  refused("--shape x=?,3", "axis 0 is open, and no shape is given");
  const Outcome verified = work.quartet("verify model.onnx --device cpu --shape x=?,3");
  checkRefused(verified, {"input 'x'", "axis 0 is open, and no shape is given"});
}

TEST_CASE("cli devices: what was measured of the host is taken from the cache") {
  const Workspace work;
  const char* before = std::getenv("QUARTET_CACHE");
  const std::string kept = before == nullptr ? "" : before;
  setenv("QUARTET_CACHE", work.path("cache").c_str(), 1);
  const Outcome first = work.quartet("devices cpu");
  const Outcome again = work.quartet("devices cpu");
  setenv("QUARTET_CACHE", "off", 1);
  const Outcome anew = work.quartet("devices cpu");
  before == nullptr ? unsetenv("QUARTET_CACHE") : setenv("QUARTET_CACHE", kept.c_str(), 1);
  CHECK_MESSAGE(first.status == 0, first.err);
  CHECK(first.out.find("peakGigaflops") != std::string::npos);
  CHECK(again.out == first.out);
  CHECK(anew.out != first.out);  // six digits of several timings
}
