// Options that several commands share.
#pragma once

#include <string>
#include <vector>

#include "quartet/quartet.h"

namespace CLI {
class Validator;
class App;
}  // namespace CLI

namespace quartet::cli {

/// Exit statuses: a failure of what was asked, and a command line that makes no sense.
constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// A model, the shapes and values of its inputs, and how to compile it.
struct ModelOptions {
  std::string path;
  std::vector<std::string> shapes;  // "name=1,3,48,320"
  std::vector<std::string> inputs;  // "name=file.npy"
  std::vector<std::string> bound;   // "name=file.npy"
  uint64_t seed = 0;
  CompileOptions compile;

  void addModel(CLI::App& command);
  void addInputs(CLI::App& command);
  void addCompile(CLI::App& command, bool device);
};

/// One set of shapes that a model is used with: the n-th --shape and --input of each name.
struct Case {
  Model::Shapes shapes;
  NamedTensors given;  // by files

  /// "x=1,3,48,320 mask=1,320"
  std::string str() const;
};

/// A model, and the shapes and values to use it with. With several cases, extents in which they
/// differ are open.
struct LoadedModel {
  Model model;
  std::vector<Case> cases;  // one at least
  uint64_t seed = 0;
  double milliseconds = 0;

  /// The model with the shapes of a case.
  Expected<Model> at(const Case& one) const;
  /// Values for all inputs of `pinned`, which has the shapes of a case: those of the files, which
  /// are moved out, made ones for the rest. Made only when asked for: after the session has been
  /// compiled, so that shapes beyond the machine's memory have been refused.
  NamedTensors takeInputs(const Model& pinned, Case& one) const;
};

/// "name=1,3,48,320" (nothing after '=': a scalar; "?": an open extent); the name may hold '='
/// itself.
Expected<std::pair<std::string, std::vector<int64_t>>> parseShape(const std::string& text);

/// Reads the files of --input and --bind, and the model with its shapes pinned by --shape, and by
/// the files where --shape says nothing. Both may be given several times for an input, a case for
/// each; what is given once holds for all cases. What is bound is a constant of the model.
Expected<LoadedModel> loadModel(const ModelOptions& options);

/// Compiles; what has open extents is compiled case by case.
Expected<Session> compile(const LoadedModel& loaded, const CompileOptions& options);

/// The session for a case; says on stderr what is placed elsewhere.
Expected<Session> sessionFor(const Session& session, const Case& one);

/// Prints an error to stderr; returns kFailed.
int fail(const Error& error);

/// "f32[1, 3, 224, 224]".
std::string typeText(DataType dtype, const std::vector<int64_t>& shape);

/// Refuses an option's empty text.
CLI::Validator notEmpty();

/// Refuses numbers beyond 64 bits: CLI11 itself takes the largest that fits for them.
CLI::Validator unsigned64();

}  // namespace quartet::cli
