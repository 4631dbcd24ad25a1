// Runs the quartet binary as a user would.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "quartet/quartet.h"
#include "tests/onnx_model.h"
#include "tests/temporary_folder.h"

namespace quartet::tests {

struct Outcome {
  int status = -1;  // exit status; 128 and above: killed by a signal or by the time limit
  std::string out;
  std::string err;
};

/// The bytes of a .npy file.
std::string npyBytes(const Tensor& tensor);

/// A folder of files for one test case; commands run inside it. Removed at the end.
class Workspace {
 public:
  std::string path(const std::string& file) const { return folder_.path(file); }
  void write(const std::string& file, const std::string& bytes) const;
  void write(const std::string& file, const OnnxModel& model) const { write(file, model.bytes()); }
  void write(const std::string& file, const Tensor& tensor) const;
  std::string read(const std::string& file) const;
  /// Names of the files in a subfolder, sorted; empty when there is none.
  std::vector<std::string> list(const std::string& subfolder) const;

  /// quartet with these arguments (quoted for the shell by the caller where need be). Standard
  /// output goes to the outcome, or to the file that `output` names.
  Outcome quartet(const std::string& arguments, const std::string& output = {}) const;

 private:
  TemporaryFolder folder_;
};

/// Devices that every case is run on: reference, cpu, and the Vulkan drivers that are installed.
const std::vector<std::string>& devicesToTest();

/// Checks that a command failed with one clear diagnostic: exit status 1, "error: " with all of
/// `parts` on stderr, nothing on stdout, no mention of a bug.
void checkRefused(const Outcome& outcome, const std::vector<std::string>& parts);

}  // namespace quartet::tests
