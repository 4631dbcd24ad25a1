// What kind of file is this? A trained network (magika) looks at the bytes of files, on the CPU and
// on every Vulkan device; each of its answers is verified against the reference.
//
//     filetype [--model FOLDER] [FILE...]
//
// Without files it takes some of this repository (run it from there), a Markdown text under the
// name of a binary among them. Exit status 1 when a device disagrees with the reference.

#include <quartet/quartet.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <set>

#include "examples/filetype/config.h"
#include "examples/filetype/tokens.h"

namespace {

namespace fs = std::filesystem;
using namespace filetype;

constexpr const char* kMissing =
    "the network is not there. Put these files of the PyPI package magika==1.0.3 into %s:\n"
    "  magika/models/standard_v3_3/model.onnx            as model.onnx\n"
    "  magika/models/standard_v3_3/config.min.json       as config.min.json\n"
    "  magika/config/content_types_kb.min.json           as content_types_kb.min.json\n"
    "(`pip download --no-deps magika==1.0.3`, then unzip the wheel; `./dev demo` does it too)\n";

struct Options {
  std::string folder = "build/models/magika";
  std::vector<std::string> files;
  std::string disguised;  // among the files: Markdown that does not look like it by its name
};

struct Engine {
  std::string id;
  quartet::Session session;
};

struct Answer {
  Verdict verdict;
  double milliseconds = 0;
  double worstRatio = 0;
  std::string problem;
};

/// A folder for copies of files, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "filetype-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Files of this repository, of as many kinds as it has.
bool chooseFiles(const char* self, const TemporaryFolder& folder, Options& options) {
  options.files = {"README.md",
                   "docs/architecture.md",
                   "dev",
                   "meson.build",
                   "base/result.h",
                   "base/result.cpp",
                   "hwdb/data/cpu.toml",
                   "tools/lint_layers.py",
                   ".clang-format",
                   ".gitignore",
                   options.folder + "/model.onnx",
                   options.folder + "/config.min.json",
                   self};
  std::error_code error;
  const fs::path disguised = folder.path() / "holiday.bin";
  fs::copy_file("docs/architecture.md", disguised, error);
  if (error) {
    std::cerr << "error: cannot copy docs/architecture.md (run this from the repository, or name "
                 "files): "
              << error.message() << "\n";
    return false;
  }
  options.disguised = disguised.string();
  options.files.push_back(options.disguised);
  return true;
}

bool parseArguments(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--model" && i + 1 < argc) {
      options.folder = argv[++i];
    } else if (argument.starts_with("-")) {
      std::cerr << "usage: filetype [--model FOLDER] [FILE...]\n";
      return false;
    } else {
      options.files.push_back(argument);
    }
  }
  return true;
}

/// A session for the CPU and for every Vulkan device that can run.
bool openEngines(const quartet::Model& model, std::vector<Engine>& engines) {
  const auto devices = quartet::devices();
  if (!devices) {
    std::cerr << devices.error().str() << "\n";
    return false;
  }
  for (const quartet::DeviceInfo& device : *devices) {
    const bool vulkan = device.id.starts_with("vulkan:");
    if ((!vulkan && device.id != "cpu") || device.compileOnly) continue;
    auto session = quartet::Session::compile(model, {.device = device.id, .strict = true});
    if (!session) {
      std::cerr << session.error().str() << "\n";
      return false;
    }
    std::printf("%-10s %s: ready in %.0f ms\n", device.id.c_str(), device.name.c_str(),
                session->statistics().compileMs);
    engines.push_back({device.id, *std::move(session)});
  }
  return true;
}

Answer ask(const Engine& engine, const quartet::NamedTensors& inputs, const quartet::Oracle& oracle,
           const Config& config) {
  Answer answer;
  const auto start = std::chrono::steady_clock::now();
  const auto outputs = engine.session.run(inputs);
  answer.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (!outputs) {
    answer.problem = outputs.error().str();
    return answer;
  }
  for (const quartet::Comparison& comparison : oracle.compare(*outputs)) {
    answer.worstRatio = std::max(answer.worstRatio, comparison.worstRatio);
    if (!comparison.passed) answer.problem = comparison.output + ": " + comparison.detail;
  }
  answer.verdict = judge(outputs->begin()->second.data<float>(), config);
  return answer;
}

class Demo {
 public:
  Demo(Config config, quartet::Model model)
      : config_(std::move(config)), model_(std::move(model)) {}

  bool open() { return openEngines(model_, engines_); }

  void printHeader() const {
    std::printf("\n%-44s %-12s %6s", "file", "label", "score");
    for (const Engine& engine : engines_) std::printf("  %10s", engine.id.c_str());
    std::printf("  %11s\n", "worst ratio");
  }

  /// The label that all devices agree on; prints a row.
  std::string look(const std::string& file) {
    const auto features = extractFeatures(file, config_);
    if (!features) {
      fail(file, "cannot be read");
      return {};
    }
    if (features->tokens.empty()) {
      std::printf("%-44s %-12s %6s  (too short for the network)\n", shown(file).c_str(),
                  features->label.c_str(), "-");
      return features->label;
    }
    const quartet::TensorInfo& input = model_.inputs()[0];
    const quartet::NamedTensors inputs{
        {input.name, quartet::Tensor::of<int32_t>(input.shape, features->tokens)}};
    const auto oracle = quartet::Oracle::evaluate(model_, inputs);
    if (!oracle) {
      fail(file, oracle.error().str());
      return {};
    }
    return compare(file, inputs, *oracle);
  }

  bool failed() const { return failed_; }
  void fail(const std::string& file, const std::string& why) {
    failed_ = true;
    std::printf("%-44s FAILED: %s\n", shown(file).c_str(), why.c_str());
  }

  void printSummary(size_t files) const {
    std::printf("\n%zu files on %zu devices: %s (worst: %.3g of the allowed difference)\n", files,
                engines_.size(), failed_ ? "FAILED" : "every output agrees with the reference",
                worst_);
  }

 private:
  static std::string shown(const std::string& file) {
    return file.size() <= 44 ? file : "..." + file.substr(file.size() - 41);
  }

  std::string compare(const std::string& file, const quartet::NamedTensors& inputs,
                      const quartet::Oracle& oracle) {
    const Verdict expected = judge(oracle.outputs().begin()->second.data<float>(), config_);
    std::vector<Answer> answers;
    double worst = 0;
    for (const Engine& engine : engines_) {
      answers.push_back(ask(engine, inputs, oracle, config_));
      worst = std::max(worst, answers.back().worstRatio);
    }
    std::printf("%-44s %-12s %6.3f", shown(file).c_str(), expected.label.c_str(), expected.score);
    for (const Answer& answer : answers) std::printf("  %7.2f ms", answer.milliseconds);
    std::printf("  %11.3g\n", worst);
    for (size_t i = 0; i < engines_.size(); ++i) {
      if (!answers[i].problem.empty()) {
        fail(file, engines_[i].id + ": " + answers[i].problem);
      } else if (answers[i].verdict.label != expected.label) {
        fail(file, engines_[i].id + " says " + answers[i].verdict.label + ", the reference " +
                       expected.label);
      }
    }
    worst_ = std::max(worst_, worst);
    return expected.label;
  }

  Config config_;
  quartet::Model model_;
  std::vector<Engine> engines_;
  bool failed_ = false;
  double worst_ = 0;
};

/// Whether the network takes and gives what the configuration says.
bool fits(const quartet::Model& model, const Config& config) {
  const auto tokens = static_cast<int64_t>(config.beginSize + config.endSize);
  const auto labels = static_cast<int64_t>(config.labels.size());
  return model.inputs().size() == 1 && model.outputs().size() == 1 &&
         model.inputs()[0].dtype == quartet::DataType::I32 &&
         model.inputs()[0].shape == std::vector<int64_t>{1, tokens} &&
         model.outputs()[0].dtype == quartet::DataType::F32 &&
         model.outputs()[0].shape == std::vector<int64_t>{1, labels};
}

int run(Options options, const char* self) {
  if (!fs::exists(options.folder + "/model.onnx")) {
    std::fprintf(stderr, kMissing, options.folder.c_str());
    return 1;
  }
  std::string problem;
  auto config = readConfig(options.folder, problem);
  if (!config) {
    std::cerr << "error: " << problem << "\n";
    std::fprintf(stderr, kMissing, options.folder.c_str());
    return 1;
  }
  auto model = quartet::Model::load(options.folder + "/model.onnx");
  if (!model) {
    std::cerr << model.error().str() << "\n";
    return 1;
  }
  if (!fits(*model, *config)) {
    std::cerr << "error: model.onnx and config.min.json do not belong together\n";
    return 1;
  }
  const TemporaryFolder temporary;
  if (options.files.empty() && !chooseFiles(self, temporary, options)) return 1;

  Demo demo(*std::move(config), *std::move(model));
  if (!demo.open()) return 1;
  demo.printHeader();
  for (const std::string& file : options.files) {
    const std::string label = demo.look(file);
    if (file == options.disguised && label != "markdown") {
      demo.fail(file, "a Markdown text, recognised as '" + label + "'");
    }
  }
  demo.printSummary(options.files.size());
  return demo.failed() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parseArguments(argc, argv, options)) return 2;
  return run(std::move(options), argv[0]);
}
