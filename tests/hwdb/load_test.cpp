#include "hwdb/load.h"

#include <doctest/doctest.h>

#include <string>

using namespace quartet;
using namespace quartet::hwdb;

namespace {

std::string entryText(const std::string& fields) {
  return "name = \"x\"\nmatch = \"x\"\nkind = \"gpu\"\n[fields]\n" + fields;
}

void checkError(const std::string& text, const std::string& message, const std::string& where) {
  const Result<Entry> entry = parseEntry(text, "x.toml");
  REQUIRE_FALSE(entry.has_value());
  CHECK(entry.error().message == message);
  CHECK(entry.error().where == where);
}

}  // namespace

TEST_CASE("hwdb: every embedded entry loads") {
  const Result<std::vector<Entry>> entries = parseEntries(embeddedFiles());
  REQUIRE_MESSAGE(entries.has_value(), entries.error().str());
  CHECK(entries->size() == 5);
  int families = 0;
  for (const Entry& entry : *entries) families += entry.family.empty() ? 0 : 1;
  CHECK(families == 3);
}

TEST_CASE("hwdb: a field keeps value, provenance and source") {
  const auto entry = parseEntry(
      entryText("peakGigaflops = { value = 84.0, provenance = \"measured\", source = \"loop\" }\n"
                "stagingPays = { value = true, provenance = \"derived\", source = \"guess\" }\n"
                "[[memory]]\nname = \"L2\"\nkind = \"cache\"\nsharers = 4\n"
                "bytes = { value = 4096, provenance = \"datasheet\", source = \"sheet\" }\n"),
      "x.toml");
  REQUIRE_MESSAGE(entry.has_value(), entry.error().str());
  CHECK(entry->description.peakGigaflops.value == 84.0);
  CHECK(entry->description.peakGigaflops.provenance == Provenance::Measured);
  CHECK(entry->description.peakGigaflops.source == "loop");
  CHECK(entry->description.stagingPays.value);
  CHECK(entry->description.units.source.empty());
  REQUIRE(entry->description.memory.size() == 1);
  CHECK(entry->description.memory[0].sharers == 4);
  CHECK(entry->description.memory[0].bytes.value == 4096);
}

TEST_CASE("hwdb: errors name file, line and field") {
  checkError("name = \"x\"\nmatch = ",
             "not valid TOML: Error while parsing key-value pair: encountered end-of-file",
             "x.toml:2");
  checkError(entryText("speed = 3\n"), "unknown field", "x.toml:5, field 'speed'");
  checkError(entryText("\nunits = 3\n"), "must be a table", "x.toml:6, field 'units'");
  checkError(entryText("units = { value = 3, source = \"s\" }\n"),
             "'provenance' is missing or no string", "x.toml:5, field 'units'");
  checkError(entryText("units = { value = 3, provenance = \"measured\" }\n"),
             "'source' is missing or empty", "x.toml:5, field 'units'");
  checkError(entryText("units = { value = 3, provenance = \"guessed\", source = \"s\" }\n"),
             "unknown provenance 'guessed'", "x.toml:5, field 'units'");
  checkError(entryText("units = { value = 0, provenance = \"measured\", source = \"s\" }\n"),
             "'value' is 0, must be at least 1", "x.toml:5, field 'units'");
  checkError(entryText("units = { value = 2.5, provenance = \"measured\", source = \"s\" }\n"),
             "'value' must be an integer", "x.toml:5, field 'units'");
  checkError(
      entryText(
          "peakGigaflops = { value = \"fast\", provenance = \"measured\", source = \"s\" }\n"),
      "'value' must be a number", "x.toml:5, field 'peakGigaflops'");
  checkError(
      entryText("peakGigaflops = { value = nan, provenance = \"measured\", source = \"s\" }\n"),
      "'value' is nan, must be at least 0", "x.toml:5, field 'peakGigaflops'");
  checkError(entryText("subgroup = { value = 8, provenance = \"derived\", source = \"s\" }\n"),
             "a limit cannot be derived", "x.toml:5, field 'subgroup'");
  checkError(entryText("subgroup = { value = 8, provenance = \"queried\", source = \"s\" }\n"),
             "unknown provenance 'queried'", "x.toml:5, field 'subgroup'");
  checkError(entryText("[[memory]]\nname = \"L9\"\nkind = \"shelf\"\n"), "unknown kind 'shelf'",
             "x.toml:7, field 'kind'");
  checkError("name = \"x\"\nkind = \"gpu\"\n[fields]\n",
             "an entry needs one of 'match', 'family' and 'device'", "x.toml");
}

TEST_CASE("hwdb: every embedded entry reads as it is written") {
  const auto entries = parseEntries(embeddedFiles());
  REQUIRE(entries);
  for (const Entry& entry : *entries) {
    const std::string text = write(entry);
    const auto again = parseEntry(text, entry.file);
    REQUIRE_MESSAGE(again, again.error().str());
    CHECK(write(*again) == text);
    CHECK(print(again->description) == print(entry.description));
  }
}
