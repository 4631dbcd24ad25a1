// quartet: the command line.

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>

#include "cli/commands.h"
#include "cli/options.h"

namespace {

/// The exit status of a command: output that did not arrive (a full disk, say) is a failure,
/// whatever the command says.
int finish(int status) {
  using namespace quartet;
  errno = 0;
  std::cout.flush();
  if (std::cout) return status;
  const std::string why = errno == 0 ? "" : std::string(": ") + std::strerror(errno);
  return cli::fail({Error::Kind::User,
                    "cannot write all of the output" + why,
                    "standard output",
                    {},
                    "check what it is redirected to"});
}

}  // namespace

int main(int argc, char** argv) {
  using namespace quartet::cli;
  try {
    CLI::App app("Compiles ONNX networks for CPUs and GPUs, and runs them.", "quartet");
    app.require_subcommand(1);
    int status = 0;
    addRun(app, status);
    addVerify(app, status);
    addBench(app, status);
    addExplain(app, status);
    addDevices(app, status);
    addCharacterize(app, status);
    addOpt(app, status);
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
