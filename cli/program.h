// The command line as a whole.
#pragma once

#include <vector>

namespace CLI {
class App;
}

namespace quartet::cli {

/// Declares a command, as in commands.h.
using AddCommand = void (*)(CLI::App& app, int& status);

/// What main() does: runs the command that the arguments name, one of `quartet`'s own or of `more`.
/// Returns the exit status.
int program(int argc, char** argv, const std::vector<AddCommand>& more = {});

}  // namespace quartet::cli
