// quartet run: one run, outputs printed or saved.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/npy.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/values.h"

namespace quartet::cli {
namespace {

struct RunOptions : ModelOptions {
  std::string outputs;
};

/// "scores: f32[1, 10], min -1.2, max 3.4, mean 0.5: 0.1 0.2 ...".
std::string summary(const std::string& name, const Tensor& tensor) {
  std::string text = name + ": " + typeText(tensor.dtype, tensor.shape);
  const int64_t count = tensor.elementCount();
  if (count == 0) return text + ", empty";
  constexpr int64_t kAtOnce = 4096;  // a large tensor does not exist a second time as doubles
  double sum = 0;
  double least = NAN;
  double most = NAN;
  for (int64_t first = 0; first < count; first += kAtOnce) {
    for (double value : asDoubles(tensor, first, std::min(kAtOnce, count - first))) {
      sum += value;
      least = std::fmin(least, value);
      most = std::fmax(most, value);
    }
  }
  text += fmt::format(", min {:g}, max {:g}, mean {:g}:", least, most,
                      sum / static_cast<double>(count));
  constexpr int64_t kShown = 8;
  for (double value : asDoubles(tensor, 0, std::min(kShown, count))) {
    text += fmt::format(" {:g}", value);
  }
  return text + (count > kShown ? " ..." : "");
}

/// File names may coincide where tensor names do not.
std::map<std::string, FileParts> outputFiles(const NamedTensors& outputs) {
  std::map<std::string, FileParts> files;
  for (const auto& [name, tensor] : outputs) {
    std::string file = fileName(name);
    while (files.contains(file + ".npy")) file += '_';
    files.emplace(file + ".npy", FileParts{npyHeader(tensor), tensor.bytes});
  }
  return files;
}

/// Runs once; the outputs are printed, or saved in `folder` where there is one.
int runCase(const std::string& folder, const LoadedModel& loaded, const Session& session,
            Case& one) {
  const auto pinned = loaded.at(one);
  if (!pinned) return fail(pinned.error());
  const auto compiled = sessionFor(session, one);
  if (!compiled) return fail(compiled.error());
  const auto outputs = [&] {
    const Progress progress("running");
    return compiled->run(loaded.takeInputs(*pinned, one));
  }();
  if (!outputs) return fail(outputs.error());
  if (folder.empty()) {
    for (const TensorInfo& info : pinned->outputs()) {
      std::cout << summary(info.name, outputs->at(info.name)) << "\n";
    }
    return 0;
  }
  const std::map<std::string, FileParts> files = outputFiles(*outputs);
  if (const auto error = writeFiles(folder, files)) return fail(*error);
  for (const auto& [file, parts] : files) std::cout << folder << "/" << file << "\n";
  return 0;
}

int run(const RunOptions& options) {
  auto loaded = loadModel(options);
  if (!loaded) return fail(loaded.error());
  const bool several = loaded->cases.size() > 1;
  const auto session = compile(*loaded, options.compile);
  if (!session) return fail(session.error());
  for (size_t i = 0; i < loaded->cases.size(); ++i) {
    if (several) std::cout << loaded->cases[i].str() << "\n";
    const bool saved = !options.outputs.empty();
    const std::string folder = options.outputs + (several && saved ? "/" + std::to_string(i) : "");
    const int status = runCase(folder, *loaded, *session, loaded->cases[i]);
    if (status != 0) return status;
  }
  return 0;
}

}  // namespace

void addRun(CLI::App& app, int& status) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run a model once");
  options->addModel(*command);
  options->addInputs(*command);
  options->addCompile(*command, true);
  command
      ->add_option("--outputs", options->outputs,
                   "Folder for the outputs, one .npy each, of several shapes in folders 0, 1, ... "
                   "inside it; without it a summary is printed")
      ->check(notEmpty());
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quartet::cli
