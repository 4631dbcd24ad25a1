// The commands of `quartet`, one file each. add* declares a command; `status` receives the exit
// status of the one that ran.
#pragma once

namespace CLI {
class App;
}

namespace quartet::cli {

void addRun(CLI::App& app, int& status);
void addVerify(CLI::App& app, int& status);
void addBench(CLI::App& app, int& status);
void addExplain(CLI::App& app, int& status);
void addDevices(CLI::App& app, int& status);
void addCharacterize(CLI::App& app, int& status);
void addOpt(CLI::App& app, int& status);

}  // namespace quartet::cli
