#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace quartet::tests {

/// tests/<path> in the source tree: testFile("ir/golden/conv.ir").
std::filesystem::path testFile(std::string_view path);

/// The text of tests/<path>; a failed check and an empty text when it cannot be read.
std::string readTestFile(std::string_view path);

/// Checks that `text` equals the golden file tests/<path>, and reports a diff when it does not.
/// With QUARTET_ACCEPT=1 in the environment (`./dev test --accept`) the file is written instead.
void checkGolden(std::string_view path, std::string_view text);

/// A line diff, golden text against new text: "- old", "+ new", with two lines around each change.
/// Empty when both are equal.
std::string diffLines(std::string_view golden, std::string_view text);

}  // namespace quartet::tests
