#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <iostream>

#include "cli/npy.h"
#include "cli/progress.h"

namespace quartet::cli {
namespace {

Error usageError(std::string message, std::string where, std::string hint) {
  return {Error::Kind::User, std::move(message), std::move(where), {}, std::move(hint)};
}

/// The files of an option that is given as name=file.npy.
Expected<NamedTensors> readTensors(const std::string& flag,
                                   const std::vector<std::string>& options) {
  NamedTensors tensors;
  for (const std::string& option : options) {
    const size_t equals = option.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == option.size()) {
      return usageError("not of the form name=file.npy", flag + " '" + option + "'",
                        "for example: " + flag + " x=image.npy");
    }
    const std::string name = option.substr(0, equals);
    Expected<Tensor> tensor = readNpy(option.substr(equals + 1));
    if (!tensor) return tensor.error();
    if (!tensors.emplace(name, std::move(*tensor)).second) {
      return usageError("the input is given twice", flag + " '" + option + "'", {});
    }
  }
  return tensors;
}

Expected<Model::Shapes> readShapes(const std::vector<std::string>& options,
                                   const NamedTensors& inputs) {
  Model::Shapes shapes;
  for (const std::string& option : options) {
    auto parsed = parseShape(option);
    if (!parsed) return parsed.error();
    if (!shapes.insert(*parsed).second) {
      return usageError("the shape is given twice", "--shape '" + option + "'", {});
    }
  }
  for (const auto& [name, tensor] : inputs) shapes.emplace(name, tensor.shape);
  return shapes;
}

}  // namespace

void ModelOptions::addModel(CLI::App& command) {
  command.add_option("model", path, "The model, an ONNX file")->required();
  command.add_option("--shape", shapes,
                     "Shape of an input, name=1,3,48,320; an unpinned first extent is 1");
  command.add_option("--bind", bound,
                     "Value of an input that is compiled in, name=x.npy: for inputs that decide on "
                     "shapes");
}

void ModelOptions::addInputs(CLI::App& command) {
  command.add_option("--input", inputs,
                     "Values of an input, name=x.npy; inputs without a file get made values");
  command.add_option("--seed", seed, "Seed of made values");
}

void ModelOptions::addCompile(CLI::App& command, bool device) {
  if (device) {
    command.add_option("--device", compile.device,
                       "Device: an id (cpu, vulkan:0, reference), a UUID or a part of its name");
  }
  command.add_option("--threads", compile.threads, "CPU threads; 0: all cores");
  command.add_flag("--strict", compile.strict, "Refuse to place anything on another device");
  command.add_flag("!--no-welder", compile.welder, "Do not join operations");
  command.add_flag("!--no-roller", compile.roller, "Do not choose tiles");
  command.add_flag("!--no-rammer", compile.rammer, "Do not share launches");
}

NamedTensors LoadedModel::takeInputs() {
  NamedTensors values = std::exchange(given, {});
  values.merge(model.makeInputs(seed));
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
  const auto bound = readTensors("--bind", options.bound);
  if (!bound) return bound.error();
  for (const auto& [name, tensor] : *bound) {
    if (!inputs->contains(name)) continue;
    return usageError("the input is given both to --input and to --bind", "--bind " + name + "=...",
                      "a bound input needs no --input");
  }
  const auto shapes = readShapes(options.shapes, *inputs);
  if (!shapes) return shapes.error();
  const Progress progress("reading " + options.path);
  const auto start = std::chrono::steady_clock::now();
  auto model = Model::load(options.path, *shapes, *bound);
  if (!model) return model.error();
  const double milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return LoadedModel{*std::move(model), *std::move(inputs), options.seed, milliseconds};
}

Expected<Session> compile(const LoadedModel& loaded, const CompileOptions& options) {
  auto session = [&] {
    const Progress progress("compiling");
    return Session::compile(loaded.model, options);
  }();
  if (!session) return session;
  for (const std::string& note : session->notes()) std::cerr << "note: " << note << std::endl;
  return session;
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
