// quartet: the command line.

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "cli/commands.h"
#include "cli/options.h"

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
    addOpt(app, status);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : kUsage;
    }
    return status;
  } catch (const std::exception& error) {
    std::cerr << "error: this is a bug in quartet: " << error.what() << std::endl;
    return kFailed;
  }
}
