#include "cli/program.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/version.h"

namespace quartet::cli {
namespace {

/// The exit status of a command: output that did not arrive (a full disk, say) is a failure,
/// whatever the command says.
int finish(int status) {
  errno = 0;
  std::cout.flush();
  if (std::cout) return status;
  const std::string why = errno == 0 ? "" : std::string(": ") + std::strerror(errno);
  return fail({Error::Kind::User,
               "cannot write all of the output" + why,
               "standard output",
               {},
               "check what it is redirected to"});
}

}  // namespace

int program(int argc, char** argv, const std::vector<AddCommand>& more) {
  try {
    CLI::App app("Compiles ONNX networks for CPUs and GPUs, and runs them.", "quartet");
    app.set_version_flag("--version", "quartet " QUARTET_VERSION " (commit " QUARTET_COMMIT ")",
                         "Print the version and exit");
    app.require_subcommand(1);
    int status = 0;
    std::vector<AddCommand> commands = {addRun,     addVerify,       addBench, addExplain,
                                        addDevices, addCharacterize, addOpt};
    commands.insert(commands.end(), more.begin(), more.end());
    for (const AddCommand add : commands) add(app, status);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return finish(app.exit(error) == 0 ? 0 : kUsage);
    }
    return finish(status);
  } catch (const std::exception& error) {
    std::cerr << "error: this is a bug in quartet: " << error.what() << std::endl;
    return kFailed;
  }
}

}  // namespace quartet::cli
