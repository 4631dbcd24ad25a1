// quartet characterize: what it writes, and what it refuses to overwrite.

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/cli/command.h"

using namespace quartet;
using namespace quartet::tests;

TEST_CASE("cli characterize: writes a description and a report, and says so") {
  const Workspace work;
  const Outcome done =
      work.quartet("characterize --device cpu --quick --output out/host.toml --report r.html");
  CHECK_MESSAGE(done.status == 0, done.err);
  CHECK(done.out == "out/host.toml\nr.html\n");
  CHECK(done.err.find("measuring peak rates") != std::string::npos);
  CHECK(work.list("out") == std::vector<std::string>{"host.toml"});
  CHECK(work.read("out/host.toml").find("peakGigaflops = { value = ") != std::string::npos);
  CHECK(work.read("r.html").find("<svg") != std::string::npos);

  // The compiler uses it where it is told to.
  setenv("QUARTET_DEVICES", work.path("out").c_str(), 1);
  const Outcome used = work.quartet("devices cpu");
  unsetenv("QUARTET_DEVICES");
  CHECK_MESSAGE(used.status == 0, used.err);
  CHECK(used.out.find("description: " + work.path("out/host.toml")) != std::string::npos);
  CHECK(used.out.find("chains abreast") != std::string::npos);
  CHECK(work.quartet("devices cpu").out.find("chains abreast") == std::string::npos);
}

TEST_CASE("cli characterize: files that exist are kept unless told otherwise") {
  const Workspace work;
  work.write("old.toml", std::string("mine"));
  work.write("old.html", std::string("mine too"));
  const std::string command = "characterize --device cpu --quick ";
  checkRefused(work.quartet(command + "--output old.toml --report new.html"),
               {"the file exists", "'old.toml'", "--force"});
  checkRefused(work.quartet(command + "--output new.toml --report old.html"),
               {"the file exists", "'old.html'"});
  checkRefused(work.quartet(command + "--output old.toml"), {"the file exists"});
  checkRefused(work.quartet(command + "--output x.html"), {"are one file"});
  checkRefused(work.quartet(command + "--output ."), {"it is a folder"});
  CHECK(work.read("old.toml") == "mine");
  CHECK(work.read("old.html") == "mine too");
  const Outcome forced = work.quartet(command + "--output old.toml --force");
  CHECK_MESSAGE(forced.status == 0, forced.err);
  CHECK(work.read("old.toml") != "mine");
  CHECK(work.read("old.html") != "mine too");
}

TEST_CASE("cli characterize: devices that cannot be measured are refused") {
  const Workspace work;
  checkRefused(work.quartet("characterize --device toaster"), {"there is no such device"});
  for (const std::string device : {"null", "reference"}) {
    checkRefused(work.quartet("characterize --device " + device), {"runs no kernels", device});
  }
}
