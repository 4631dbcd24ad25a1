#include "base/regular_file.h"
#include "tests/temporary_folder.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace quartet;

namespace {

std::string messageOf(const std::string& path) {
  const auto file = RegularFile::open(path);
  REQUIRE_FALSE(file.has_value());
  CHECK(file.error().kind == Diagnostic::Kind::User);
  CHECK(file.error().where == "file '" + path + "'");
  return file.error().message;
}

}  // namespace

TEST_CASE("regular file: anything else is named and never read") {
  const tests::TemporaryFolder folder;
  CHECK(messageOf(folder.path()) == "found a folder, required a regular file");
  CHECK(messageOf("/dev/zero") == "found a device, required a regular file");
  const std::string pipe = folder.path("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(messageOf(pipe) == "found a pipe, required a regular file");
  CHECK(messageOf(folder.path("none")) == "cannot open: No such file or directory");
  const std::string plain = folder.write("plain", "12345");
  auto file = RegularFile::open(plain);
  REQUIRE(file.has_value());
  CHECK(file->size() == 5);
  const RegularFile moved = *std::move(file);
  char first = 0;
  CHECK(read(moved.descriptor(), &first, 1) == 1);
  CHECK(first == '1');
}
