#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <optional>

#include "cli/npy.h"
#include "cli/progress.h"

namespace quartet::cli {
namespace {

Error usageError(std::string message, std::string where, std::string hint) {
  return {Error::Kind::User, std::move(message), std::move(where), {}, std::move(hint)};
}

/// What options of the form name=... give, in their order.
template <class T>
using Given = std::map<std::string, std::vector<T>>;

/// The files of an option that is given as name=file.npy.
Expected<Given<Tensor>> readTensors(const std::string& flag,
                                    const std::vector<std::string>& options) {
  Given<Tensor> tensors;
  for (const std::string& option : options) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == option.size()) {
      return usageError("not of the form name=file.npy", flag + " '" + option + "'",
                        "for example: " + flag + " x=image.npy");
    }
    const std::string name = option.substr(0, equals);
    Expected<Tensor> tensor = readNpy(option.substr(equals + 1));
    if (!tensor) return tensor.error();
    tensors[name].push_back(*std::move(tensor));
  }
  return tensors;
}

Expected<Given<std::vector<int64_t>>> readShapes(const std::vector<std::string>& options) {
  Given<std::vector<int64_t>> shapes;
  for (const std::string& option : options) {
    auto parsed = parseShape(option);
    if (!parsed) return parsed.error();
    shapes[parsed->first].push_back(std::move(parsed->second));
  }
  return shapes;
}

/// Every input that is bound, with its one value.
Expected<NamedTensors> readBound(const std::vector<std::string>& options) {
  auto files = readTensors("--bind", options);
  if (!files) return files.error();
  NamedTensors bound;
  for (auto& [name, tensors] : *files) {
    if (tensors.size() > 1) {
      return usageError("the input is bound twice", "--bind " + name + "=...", {});
    }
    bound.emplace(name, std::move(tensors[0]));
  }
  return bound;
}

/// Adds the options of one kind to the cases: the n-th of a name to the n-th case.
template <class T, class F>
std::optional<Error> addCases(std::vector<Case>& cases, const std::string& flag, Given<T> given,
                              F add) {
  for (auto& [name, values] : given) {
    if (values.size() > 1 && cases.size() == 1) cases.resize(values.size(), cases[0]);
    if (values.size() > 1 && values.size() != cases.size()) {
      return usageError(
          fmt::format("given {} times, another option {} times", values.size(), cases.size()),
          flag + " " + name + "=...", "give it once, or once for each case");
    }
    for (size_t i = 0; i < cases.size(); ++i) {
      add(cases[i], name, values.size() == 1 ? values[0] : std::move(values[i]));
    }
  }
  return std::nullopt;
}

/// The shapes that the model is imported with: open where the cases differ.
Expected<Model::Shapes> commonShapes(const std::vector<Case>& cases) {
  Model::Shapes common = cases[0].shapes;
  for (const Case& other : cases) {
    for (auto& [name, shape] : common) {
      const std::vector<int64_t>& here = other.shapes.at(name);
      if (here.size() != shape.size()) {
        return usageError(fmt::format("found rank {} and rank {}", shape.size(), here.size()),
                          "--shape " + name + "=...",
                          "the shapes of an input differ in extents, not in rank");
      }
      for (size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] != here[i]) shape[i] = kOpenExtent;
      }
    }
  }
  return common;
}

}  // namespace

void ModelOptions::addModel(CLI::App& command) {
  command.add_option("model", path, "The model, an ONNX file")->required();
  command.add_option("--shape", shapes,
                     "Shape of an input, name=1,3,48,320; an unpinned first extent is 1. Given "
                     "several times for an input: one compiled model takes these shapes in turn");
  command.add_option("--bind", bound,
                     "Value of an input that is compiled in, name=x.npy: for inputs that decide on "
                     "shapes");
}

CLI::Validator notEmpty() {
  return {[](const std::string& text) { return text.empty() ? "it must not be empty" : ""; }, "",
          "not empty"};
}

CLI::Validator unsigned64() {
  return {[](const std::string& text) {
            uint64_t value = 0;
            const char* end = text.data() + text.size();
            const auto [next, error] = std::from_chars(text.data(), end, value);
            return error == std::errc() && next == end ? "" : "required: 0 to 2^64 - 1";
          },
          "", "0 to 2^64 - 1"};
}

void ModelOptions::addInputs(CLI::App& command) {
  command.add_option("--input", inputs,
                     "Values of an input, name=x.npy; inputs without a file get made values. Given "
                     "several times: as for --shape");
  command.add_option("--seed", seed, "Seed of made values")->check(unsigned64());
}

void ModelOptions::addCompile(CLI::App& command, bool device) {
  if (device) {
    command
        .add_option("--device", compile.device,
                    "Device: an id (cpu, vulkan:0, reference), a UUID or a part of its name; "
                    "hwdb:NAME compiles for an entry of the hardware database")
        ->check(notEmpty());
  }
  command.add_option("--threads", compile.threads, "CPU threads; 0: all cores");
  command.add_flag("--strict", compile.strict, "Refuse to place anything on another device");
  command.add_flag("!--no-cache", compile.cache,
                   "Keep no compiled code, use none (QUARTET_CACHE=off is the same)");
  command
      .add_option(
          "--measure", compile.measure,
          "Run so many tiles of each task set on the device and take the fastest; the times "
          "are kept for the next time (QUARTET_TUNING). 0: predictions decide")
      ->check(CLI::Range(0, 10000));
  command.add_flag("!--no-welder", compile.welder, "Do not join operations");
  command.add_flag("!--no-roller", compile.roller, "Do not choose tiles");
  command.add_flag("!--no-rammer", compile.rammer, "Do not share launches");
  command.add_flag_callback(
      "--winograd", [this] { compile.winograd = true; },
      "Compute convolutions of 3 x 3 by Winograd's algorithm wherever that is possible; otherwise "
      "where it is predicted to be faster");
  command.add_flag_callback(
      "--no-winograd", [this] { compile.winograd = false; }, "Do not use Winograd's algorithm");
}

std::string Case::str() const {
  std::string text;
  for (const auto& [name, shape] : shapes) {
    text += (text.empty() ? "" : " ") + name + "=";
    for (size_t i = 0; i < shape.size(); ++i) {
      text += (i > 0 ? "," : "") + (shape[i] == kOpenExtent ? "?" : std::to_string(shape[i]));
    }
  }
  return text;
}

namespace {

std::optional<Error> checkClosed(const Model& model) {
  for (const TensorInfo& input : model.inputs()) {
    const auto open = std::find(input.shape.begin(), input.shape.end(), kOpenExtent);
    if (open == input.shape.end()) continue;
    return usageError(
        "axis " + std::to_string(open - input.shape.begin()) + " is open, and no shape is given",
        "input '" + input.name + "'", "give all of its extents (--shape), or its values (--input)");
  }
  return std::nullopt;
}

}  // namespace

Expected<Model> LoadedModel::at(const Case& one) const {
  for (const TensorInfo& input : model.inputs()) {
    if (std::count(input.shape.begin(), input.shape.end(), kOpenExtent) == 0) continue;
    auto pinned = model.at(one.shapes);
    if (!pinned) return pinned;
    if (auto error = checkClosed(*pinned)) return *std::move(error);
    return pinned;
  }
  return model;
}

NamedTensors LoadedModel::takeInputs(const Model& pinned, Case& one) const {
  NamedTensors values = std::exchange(one.given, {});
  values.merge(pinned.makeInputs(seed));
  return values;
}

Expected<std::pair<std::string, std::vector<int64_t>>> parseShape(const std::string& text) {
  const std::string where = "--shape '" + text + "'";
  const std::string form = "for example: --shape x=1,3,48,320";
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) {
    return usageError("not of the form name=extent,extent,...", where, form);
  }
  std::vector<int64_t> shape;
  const char* at = text.data() + equals + 1;
  const char* end = text.data() + text.size();
  while (at != end) {
    if (*at == '?' && (at + 1 == end || (at[1] == ',' && at + 2 != end))) {
      shape.push_back(kOpenExtent);
      at += at + 1 == end ? 1 : 2;
      continue;
    }
    int64_t extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    if (error == std::errc::result_out_of_range) {
      return usageError("an extent does not fit 64 bits", where, form);
    }
    const bool comma = next != end && *next == ',' && next + 1 != end;
    if (error != std::errc() || (next != end && !comma)) {
      return usageError("its extents are not numbers separated by commas", where, form);
    }
    if (extent < 0) {
      return usageError("found extent " + std::to_string(extent) + ", required 0 or more", where,
                        form);
    }
    shape.push_back(extent);
    at = comma ? next + 1 : next;
  }
  return std::pair(text.substr(0, equals), std::move(shape));
}

Expected<LoadedModel> loadModel(const ModelOptions& options) {
  auto inputs = readTensors("--input", options.inputs);
  if (!inputs) return inputs.error();
  const auto bound = readBound(options.bound);
  if (!bound) return bound.error();
  for (const auto& [name, tensor] : *bound) {
    if (!inputs->contains(name)) continue;
    return usageError("the input is given both to --input and to --bind", "--bind " + name + "=...",
                      "a bound input needs no --input");
  }
  auto shapes = readShapes(options.shapes);
  if (!shapes) return shapes.error();
  std::vector<Case> cases(1);
  const auto addShape = [](Case& one, const std::string& name, std::vector<int64_t> shape) {
    one.shapes.emplace(name, std::move(shape));
  };
  const auto addInput = [](Case& one, const std::string& name, Tensor tensor) {
    one.shapes.emplace(name, tensor.shape);
    one.given.emplace(name, std::move(tensor));
  };
  if (const auto error = addCases(cases, "--shape", *std::move(shapes), addShape)) return *error;
  if (const auto error = addCases(cases, "--input", *std::move(inputs), addInput)) return *error;
  const auto common = commonShapes(cases);
  if (!common) return common.error();
  for (Case& one : cases) {  // files say what --shape leaves open
    for (const auto& [name, tensor] : one.given) {
      std::vector<int64_t>& shape = one.shapes.at(name);
      if (std::count(shape.begin(), shape.end(), kOpenExtent) > 0) shape = tensor.shape;
    }
  }
  const Progress progress("reading " + options.path);
  const auto start = std::chrono::steady_clock::now();
  auto model = Model::load(options.path, *common, *bound);
  if (!model) return model.error();
  const double milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return LoadedModel{*std::move(model), std::move(cases), options.seed, milliseconds};
}

Expected<Session> compile(const LoadedModel& loaded, const CompileOptions& options) {
  const Progress progress("compiling");
  return Session::compile(loaded.model, options);
}

Expected<Session> sessionFor(const Session& session, const Case& one) {
  auto found = [&] {
    const Progress progress("compiling");
    return session.at(one.shapes);
  }();
  if (!found) return found;
  for (const std::string& note : found->notes()) std::cerr << "note: " << note << std::endl;
  return found;
}

int fail(const Error& error) {
  std::cerr << error.str() << std::endl;
  return kFailed;
}

std::string typeText(DataType dtype, const std::vector<int64_t>& shape) {
  std::string text = name(dtype) + "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace quartet::cli
