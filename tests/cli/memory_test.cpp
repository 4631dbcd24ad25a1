// How much memory the command needs beside a model's weights.

#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "tests/cli/command.h"
#include "tests/skip.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

// y = x times matrices, one after another; half of the weights are in one of them.
OnnxModel multiplications(int64_t extent, int small) {
  OnnxModel model;
  model.input("x", {1, extent}).output("y", kFloat);
  uint32_t state = 1;
  const auto multiply = [&](const std::string& from, const std::string& to,
                            const std::vector<int64_t>& dims) {
    std::string raw(static_cast<size_t>(dims[0] * dims[1]) * sizeof(float), '\0');
    for (size_t i = 0; i < raw.size(); i += sizeof(float)) {
      state = state * 1664525U + 1013904223U;
      const float value = static_cast<float>(state >> 16) / 65536 - 0.5F;
      std::memcpy(raw.data() + i, &value, sizeof(value));
    }
    onnx::TensorProto weights = floatTensor(dims, {});
    weights.set_name("w_" + to);
    weights.set_raw_data(std::move(raw));
    model.initializer(weights).node("MatMul", {from, "w_" + to}, {to});
  };
  std::string last = "x";
  for (int i = 0; i < small; ++i) {
    const std::string next = "m" + std::to_string(i);
    multiply(last, next, {extent, extent});
    last = next;
  }
  multiply(last, "y", {extent, small * extent});
  return model;
}

// Of `quartet bench`, in bytes: the least of some runs, since what the system maps ahead of files
// and libraries counts too, and varies.
int64_t peakOf(const Workspace& work, const std::string& model, const std::string& device) {
  const std::string out = work.path("peak.txt");
  // What the system counts for a child of a small program is not mixed with this program's own.
  const std::string command =
      "cd " + work.path("") +
      " && " QUARTET_PYTHON
      " -c 'import resource, subprocess, sys\n"
      "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
      "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' " QUARTET_EXE " bench " +
      model + " --runs 1 --warmup 0 --device " + device + " >" + out;
  int64_t least = std::numeric_limits<int64_t>::max();
  for (int run = 0; run < 3; ++run) {
    REQUIRE(std::system(command.c_str()) == 0);
    least = std::min<int64_t>(least, std::stoll(work.read("peak.txt")) * 1024);
  }
  return least;
}

}  // namespace

TEST_CASE("memory: a model's weights are held once") {
#ifdef __SANITIZE_ADDRESS__
  SKIP_TEST("AddressSanitizer needs memory of its own");
#endif
  const Workspace work;
  work.write("small.onnx", multiplications(64, 8));
  // More than what compiling takes for a while: a second copy cannot hide in it.
  const std::string large = multiplications(1448, 8).bytes();
  work.write("large.onnx", large);
  const auto weights = static_cast<double>(large.size());
  CHECK(weights > 128e6);
  for (const std::string& device : devicesToTest()) {
    if (device == "reference") continue;  // which computes in wider types
    CAPTURE(device);
    const int64_t some = peakOf(work, "small.onnx", device);
    const int64_t all = peakOf(work, "large.onnx", device);
    CAPTURE(some);
    CAPTURE(all);
    CHECK(static_cast<double>(all - some) < 1.3 * weights);
  }
}
