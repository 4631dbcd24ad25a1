// quartet characterize: measures a device and writes what it found.

#include "characterize/characterize.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <span>

#include "api/convert.h"
#include "characterize/report.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/options.h"

namespace quartet::cli {
namespace {

namespace fs = std::filesystem;

struct CharacterizeOptions {
  characterize::Options measure;
  std::string output;  // empty: named after the device
  std::string report;
  bool force = false;
};

/// "vulkan:0" -> "vulkan_0".
std::string stem(const std::string& device) {
  std::string name = device.empty() ? "device" : device;
  for (char& c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.';
    if (!plain) c = '_';
  }
  return name;
}

/// Before anything is measured: what would be lost, and what cannot be written.
std::optional<Error> checkTarget(const std::string& path, bool force) {
  const std::string where = "file '" + path + "'";
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    return Error{Error::Kind::User, "cannot write: it is a folder", where, {}, {}};
  }
  if (fs::exists(path, ignored) && !force) {
    return Error{Error::Kind::User,
                 "the file exists, and holds what was measured before",
                 where,
                 {},
                 "name another file, or overwrite it with --force"};
  }
  return std::nullopt;
}

std::optional<Error> write(const std::string& path, const std::string& text) {
  const fs::path file(path);
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  return writeFiles(folder, {{file.filename().string(), {text, {}}}});
}

int run(CharacterizeOptions options) {
  const std::string name = stem(options.measure.device);
  if (options.output.empty()) options.output = name + ".toml";
  if (options.report.empty()) {
    options.report = fs::path(options.output).replace_extension(".html").string();
  }
  if (fs::path(options.output).lexically_normal() == fs::path(options.report).lexically_normal()) {
    return fail({Error::Kind::User,
                 "the description and the report are one file",
                 "file '" + options.output + "'",
                 {},
                 "name two with --output and --report"});
  }
  for (const std::string& path : {options.output, options.report}) {
    if (const auto error = checkTarget(path, options.force)) return fail(*error);
  }
  const auto say = [](const std::string& text) { std::cerr << text << std::endl; };
  const auto found = api::guarded([&] { return characterize::characterize(options.measure, say); });
  if (!found) return fail(found.error());
  if (const auto error = write(options.output, characterize::description(*found))) {
    return fail(*error);
  }
  if (const auto error = write(options.report, characterize::report(*found))) return fail(*error);
  std::cout << options.output << "\n" << options.report << "\n";
  std::cerr << fmt::format(
      "measured in {:.0f} s; set QUARTET_DEVICES to the description's folder (an absolute path) to "
      "have it used\n",
      found->seconds);
  return 0;
}

}  // namespace

void addCharacterize(CLI::App& app, int& status) {
  auto options = std::make_shared<CharacterizeOptions>();
  CLI::App* command = app.add_subcommand(
      "characterize", "Measure a device; write its description for the compiler, and a report");
  command->add_option("--device", options->measure.device,
                      "Device: an id (cpu, vulkan:0), a UUID or a part of its name");
  command->add_option("--threads", options->measure.threads, "CPU threads; 0: all cores");
  command->add_option("--output", options->output,
                      "The description, a TOML file; otherwise DEVICE.toml");
  command->add_option("--report", options->report,
                      "The report, an HTML file; otherwise beside the description");
  command->add_flag("--force", options->force, "Overwrite files that exist");
  command->add_flag("--quick", options->measure.quick, "In seconds, less exact");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quartet::cli
