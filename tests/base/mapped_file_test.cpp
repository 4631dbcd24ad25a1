#include "base/mapped_file.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

using namespace quartet;

namespace {

namespace fs = std::filesystem;

std::shared_ptr<const MappedFile> mapped(const std::string& path) {
  auto file = MappedFile::open(path);
  REQUIRE(file.has_value());
  return *std::move(file);
}

std::string textOf(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// How much of this program is in memory, of files alone.
int64_t residentFileBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == "RssFile:" && status >> kilobytes) return kilobytes * 1024;
  }
  return -1;
}

}  // namespace

TEST_CASE("mapped file: what it holds, an empty one too; errors are those of regular files") {
  const tests::TemporaryFolder folder;
  CHECK(textOf(*mapped(folder.write("some", "abc"))) == "abc");
  CHECK(mapped(folder.write("none", ""))->bytes().empty());
  const auto missing = MappedFile::open("/nowhere/model");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().message == "cannot open: No such file or directory");
}

TEST_CASE("mapped file: released pages leave memory and come back") {
  const tests::TemporaryFolder folder;
  constexpr size_t kBytes = size_t{8} << 20;
  std::string text(kBytes, '\0');
  for (size_t i = 0; i < kBytes; ++i) text[i] = static_cast<char>(i * 7 >> 8);
  const auto file = mapped(folder.write("large", text));
  CHECK(textOf(*file) == text);
  const int64_t before = residentFileBytes();
  file->release(file->bytes().subspan(1, kBytes - 2));
  CHECK(before - residentFileBytes() > static_cast<int64_t>(kBytes * 3 / 4));
  CHECK(textOf(*file) == text);
  // Any part, an empty one too.
  for (size_t from = 0; from < kBytes; from += 123456) {
    file->release(file->bytes().subspan(from, std::min(from, kBytes - from)));
  }
  CHECK(textOf(*file) == text);
}

TEST_CASE("mapped file: writing into it is noticed, replacing it does no harm") {
  const tests::TemporaryFolder folder;
  const std::string path = folder.write("model", "before");
  const auto file = mapped(path);
  CHECK(file->checkUnchanged().has_value());
  fs::rename(folder.write("next", "after!"), path);
  CHECK(file->checkUnchanged().has_value());
  CHECK(textOf(*file) == "before");

  const auto next = mapped(path);
  folder.write("model", "after, and longer");
  const Status changed = next->checkUnchanged();
  REQUIRE_FALSE(changed.has_value());
  CHECK(changed.error().kind == Diagnostic::Kind::User);
  CHECK(changed.error().where == "file '" + path + "'");
  CHECK(changed.error().hint.find("load the model again") == 0);
}
