// quartet opt: one stage of the compiler on IR text.

#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>

#include "api/convert.h"
#include "api/driver.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/options.h"

namespace quartet::cli {
namespace {

struct OptOptions {
  std::string path;
  std::vector<std::string> stages;
  CompileOptions compile;
};

int optimise(const OptOptions& options) {
  std::string text;
  if (options.path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    auto read = readFile(options.path);
    if (!read) return fail(read.error());
    text = *std::move(read);
  }
  for (const std::string& stage : options.stages) {
    auto result =
        api::guarded([&] { return api::runStage(stage, text, options.path, options.compile); });
    if (!result) return fail(result.error());
    text = *std::move(result);
  }
  std::cout << text;
  return 0;
}

}  // namespace

void addOpt(CLI::App& app, int& status) {
  auto options = std::make_shared<OptOptions>();
  CLI::App* command = app.add_subcommand("opt", "Run stages of the compiler on IR text");
  command->add_option("file", options->path, "IR text; - reads standard input")->required();
  command
      ->add_option("--stage", options->stages,
                   "verify, express, grinder, welder, roller (Welder without joining), rammer, "
                   "lower; several run one after another")
      ->required();
  command->add_option("--device", options->compile.device, "Device to schedule for");
  command->callback([options, &status] { status = optimise(*options); });
}

}  // namespace quartet::cli
