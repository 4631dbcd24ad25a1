#include "examples/filetype/tokens.h"

#include <algorithm>
#include <fstream>

namespace filetype {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\r\v\f";

std::string readAt(std::ifstream& in, size_t offset, size_t count) {
  std::string bytes(count, '\0');
  in.seekg(static_cast<std::streamoff>(offset));
  in.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<size_t>(in.gcount()));
  in.clear();
  return bytes;
}

std::string_view stripLeft(std::string_view text) {
  const size_t first = text.find_first_not_of(kWhiteSpace);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

std::string_view stripRight(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kWhiteSpace) + 1);
}

int32_t token(char byte) { return static_cast<unsigned char>(byte); }

/// Length of the UTF-8 sequence at the start of `text`, 0 when there is none: overlong forms,
/// surrogates and code points beyond U+10FFFF are none.
size_t sequenceLength(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  }
  if (length == 0 || text.size() < length || at(1) < low || at(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  }
  return length;
}

bool isUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = sequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string labelOfFewBytes(std::string_view bytes) { return isUtf8(bytes) ? "txt" : "unknown"; }

}  // namespace

std::optional<Features> extractFeatures(const std::string& path, const Config& config) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return std::nullopt;
  const auto size = static_cast<size_t>(in.tellg());
  if (size == 0) return Features{{}, "empty"};
  const size_t block = std::min(size, config.blockSize);
  const std::string first = readAt(in, 0, block);
  const std::string last = readAt(in, size - block, block);
  if (first.size() != block || last.size() != block) return std::nullopt;

  const std::string_view begin = stripLeft(first).substr(0, config.beginSize);
  if (begin.size() < config.minimumSize) return Features{{}, labelOfFewBytes(first)};
  std::string_view end = stripRight(last);
  if (end.size() > config.endSize) end.remove_prefix(end.size() - config.endSize);

  Features features;
  features.tokens.assign(config.beginSize + config.endSize, config.padding);
  std::transform(begin.begin(), begin.end(), features.tokens.begin(), token);
  std::transform(end.rbegin(), end.rend(), features.tokens.rbegin(), token);
  return features;
}

Verdict judge(const float* scores, const Config& config) {
  const auto best =
      static_cast<size_t>(std::max_element(scores, scores + config.labels.size()) - scores);
  const std::string& label = config.labels[best];
  const auto own = config.thresholds.find(label);
  const float threshold = own != config.thresholds.end() ? own->second : config.threshold;
  const auto overwritten = config.overwrite.find(label);
  std::string shown = overwritten != config.overwrite.end() ? overwritten->second : label;
  if (scores[best] < threshold) shown = config.textLabels.contains(shown) ? "txt" : "unknown";
  return {shown, scores[best]};
}

}  // namespace filetype
