#include "examples/filetype/config.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace filetype {
namespace {

nlohmann::json readJson(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + " is missing");
  return nlohmann::json::parse(in);
}

Config parseConfig(const nlohmann::json& json, const nlohmann::json& types) {
  Config config;
  config.beginSize = json.at("beg_size");
  config.endSize = json.at("end_size");
  config.blockSize = json.at("block_size");
  config.minimumSize = json.at("min_file_size_for_dl");
  config.padding = json.at("padding_token");
  config.threshold = json.at("medium_confidence_threshold");
  config.thresholds = json.at("thresholds").get<std::map<std::string, float>>();
  config.labels = json.at("target_labels_space").get<std::vector<std::string>>();
  config.overwrite = json.at("overwrite_map").get<std::map<std::string, std::string>>();
  for (const auto& [label, type] : types.items()) {
    if (type.at("is_text").get<bool>()) config.textLabels.insert(label);
  }
  const bool known = json.at("mid_size") == 0 && json.at("use_inputs_at_offsets") == false;
  if (!known || config.minimumSize == 0 || config.minimumSize > config.beginSize ||
      config.beginSize >= config.blockSize || config.endSize >= config.blockSize) {
    throw std::runtime_error("config.min.json describes features that this program does not make");
  }
  return config;
}

}  // namespace

std::optional<Config> readConfig(const std::string& folder, std::string& problem) {
  try {
    return parseConfig(readJson(folder + "/config.min.json"),
                       readJson(folder + "/content_types_kb.min.json"));
  } catch (const std::exception& error) {
    problem = error.what();
    return std::nullopt;
  }
}

}  // namespace filetype
