#include "tests/golden.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

namespace quartet::tests {
namespace {

constexpr size_t kContext = 2;      // unchanged lines shown around a change
constexpr size_t kMaxLines = 3000;  // above, the quadratic diff gives way to the first difference

struct Line {
  char mark;  // ' ', '-' or '+'
  std::string_view text;
};

std::vector<std::string_view> splitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// The edit script along a longest common subsequence.
std::vector<Line> editScript(const std::vector<std::string_view>& a,
                             const std::vector<std::string_view>& b) {
  const size_t columns = b.size() + 1;
  std::vector<int> common((a.size() + 1) * columns);  // length for the suffixes a[i..], b[j..]
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i * columns + j] =
          a[i] == b[j] ? common[(i + 1) * columns + j + 1] + 1
                       : std::max(common[(i + 1) * columns + j], common[i * columns + j + 1]);
    }
  }
  std::vector<Line> script;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      script.push_back({' ', a[i]});
      ++i, ++j;
    } else if (j == b.size() ||
               (i < a.size() && common[(i + 1) * columns + j] >= common[i * columns + j + 1])) {
      script.push_back({'-', a[i++]});
    } else {
      script.push_back({'+', b[j++]});
    }
  }
  return script;
}

std::string firstDifference(const std::vector<std::string_view>& a,
                            const std::vector<std::string_view>& b) {
  const size_t both = std::min(a.size(), b.size());
  size_t at = 0;
  while (at < both && a[at] == b[at]) ++at;
  std::ostringstream out;
  out << "first difference in line " << at + 1 << "\n";
  if (at < a.size()) out << "- " << a[at] << "\n";
  if (at < b.size()) out << "+ " << b[at] << "\n";
  return out.str();
}

std::optional<std::string> read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

bool accepting() {
  const char* accept = std::getenv("QUARTET_ACCEPT");
  return accept != nullptr && std::string_view(accept) == "1";
}

}  // namespace

std::filesystem::path testFile(std::string_view path) {
  return std::filesystem::path(QUARTET_SOURCE_ROOT) / "tests" / path;
}

std::string readTestFile(std::string_view path) {
  std::optional<std::string> text = read(testFile(path));
  INFO("cannot read tests/", std::string(path));
  CHECK(text.has_value());
  return text.value_or("");
}

std::string diffLines(std::string_view golden, std::string_view text) {
  if (golden == text) return "";
  const std::vector<std::string_view> a = splitLines(golden);
  const std::vector<std::string_view> b = splitLines(text);
  if (a == b) return "the texts differ in their last newline only\n";
  if (a.size() > kMaxLines || b.size() > kMaxLines) return firstDifference(a, b);
  const std::vector<Line> script = editScript(a, b);
  std::vector<bool> shown(script.size());
  for (size_t i = 0; i < script.size(); ++i) {
    if (script[i].mark == ' ') continue;
    const size_t from = i < kContext ? 0 : i - kContext;
    const size_t to = std::min(script.size(), i + kContext + 1);
    std::fill(shown.begin() + from, shown.begin() + to, true);
  }
  std::ostringstream out;
  for (size_t i = 0; i < script.size(); ++i) {
    if (shown[i]) {
      out << script[i].mark << ' ' << script[i].text << '\n';
    } else if (i > 0 && shown[i - 1]) {
      out << "  ...\n";
    }
  }
  return out.str();
}

void checkGolden(std::string_view path, std::string_view text) {
  const std::filesystem::path file = testFile(path);
  const std::optional<std::string> golden = read(file);
  if (golden == text) {
    CHECK(true);
    return;
  }
  if (accepting()) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    REQUIRE_MESSAGE(out.good(), "cannot write tests/", std::string(path));
    MESSAGE("accepted tests/", std::string(path));
    return;
  }
  const std::string what = golden ? "differs from the golden file" : "has no golden file yet";
  FAIL_CHECK("tests/", std::string(path), " ", what, "\n", diffLines(golden.value_or(""), text),
             "if the new text is right: ./dev test --accept");
}

}  // namespace quartet::tests
