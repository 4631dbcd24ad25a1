// quartet explain: what a compilation decided.

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/options.h"

namespace quartet::cli {
namespace {

struct ExplainOptions : ModelOptions {
  bool code = false;
};

int explain(const ExplainOptions& options) {
  const auto loaded = loadModel(options);
  if (!loaded) return fail(loaded.error());
  const auto session = compile(*loaded, options.compile);
  if (!session) return fail(session.error());
  for (const Case& one : loaded->cases) {  // compiles what is not compiled yet
    if (const auto at = sessionFor(*session, one); !at) return fail(at.error());
  }
  std::cout << session->explain();
  if (options.code) std::cout << "\ncode\n" << session->code();
  return 0;
}

}  // namespace

void addExplain(CLI::App& app, int& status) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app.add_subcommand(
      "explain", "Show placement, task sets, tiles, waves, memory, and what they rest on");
  options->addModel(*command);
  options->addCompile(*command, true);
  command->add_flag("--front", options->compile.fronts,
                    "Print the alternatives of every task set that trade time for what they take "
                    "of the device's units");
  command->add_flag("--code", options->code, "Print the generated code too");
  command->callback([options, &status] { status = explain(*options); });
}

}  // namespace quartet::cli
