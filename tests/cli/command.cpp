#include "tests/cli/command.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/npy.h"

namespace quartet::tests {
namespace {

namespace fs = std::filesystem;

std::string readAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::string npyBytes(const Tensor& tensor) {
  return cli::npyHeader(tensor) +
         std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
}

void Workspace::write(const std::string& file, const std::string& bytes) const {
  fs::create_directories(fs::path(path(file)).parent_path());
  std::ofstream out(path(file), std::ios::binary);
  out << bytes;
  REQUIRE(out.good());
}

void Workspace::write(const std::string& file, const Tensor& tensor) const {
  write(file, npyBytes(tensor));
}

std::string Workspace::read(const std::string& file) const { return readAll(path(file)); }

std::vector<std::string> Workspace::list(const std::string& subfolder) const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path(subfolder), error)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Outcome Workspace::quartet(const std::string& arguments, const std::string& output) const {
  const std::string out = path("stdout.txt");
  const std::string err = path("stderr.txt");
  const std::string command = "cd " + folder_.path() + " && timeout -s KILL 120 " QUARTET_EXE " " +
                              arguments + " >" + (output.empty() ? out : output) + " 2>" + err +
                              " </dev/null";
  const int status = std::system(command.c_str());
  Outcome outcome{WIFEXITED(status) ? WEXITSTATUS(status) : 255, readAll(out), readAll(err)};
  fs::remove(out);
  fs::remove(err);
  return outcome;
}

const std::vector<std::string>& devicesToTest() {
  static const std::vector<std::string> ids = [] {
    std::vector<std::string> result{"reference", "cpu"};
    const auto found = devices();
    REQUIRE_MESSAGE(found, found.error().str());
    for (const DeviceInfo& device : *found) {
      if (device.id.starts_with("vulkan:") && !device.compileOnly) result.push_back(device.id);
    }
    return result;
  }();
  return ids;
}

void checkRefused(const Outcome& outcome, const std::vector<std::string>& parts) {
  INFO("stdout: ", outcome.out, "\nstderr: ", outcome.err);
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("error: "));
  CHECK(outcome.err.find("error: ", 1) == std::string::npos);
  CHECK(outcome.err.find("bug in quartet") == std::string::npos);
  for (const std::string& part : parts) {
    INFO("expected: ", part);
    CHECK(outcome.err.find(part) != std::string::npos);
  }
}

}  // namespace quartet::tests
