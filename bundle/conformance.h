// quartet conformance: ONNX's own backend tests on a device, without the tests' build.
#pragma once

namespace CLI {
class App;
}

namespace quartet::bundle {

/// Declares the command; see cli/commands.h.
void addConformance(CLI::App& app, int& status);

}  // namespace quartet::bundle
