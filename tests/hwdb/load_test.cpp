#include "hwdb/load.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "hwdb/fields.h"

using namespace quartet;
using namespace quartet::hwdb;

namespace {

const std::string kHead = "name = \"x\"\nmatch = \"x\"\nkind = \"gpu\"\n";

/// An entry whose [fields] are these; they start in line 5.
std::string entryText(const std::string& fields) { return kHead + "[fields]\n" + fields; }

std::string field(const std::string& name, const std::string& value,
                  const std::string& provenance = "measured") {
  return name + " = { value = " + value + ", provenance = \"" + provenance +
         "\", source = \"s\" }\n";
}

struct Bad {
  std::string text, message, where;
};

void checkErrors(const std::vector<Bad>& cases) {
  for (const Bad& bad : cases) {
    CAPTURE(bad.text);
    const auto entries = parseEntries(bad.text, "x.toml");
    REQUIRE_FALSE(entries.has_value());
    CHECK(entries.error().kind == Diagnostic::Kind::User);
    CHECK(entries.error().message == bad.message);
    CHECK(entries.error().where == bad.where);
  }
}

Entry single(const std::string& text) {
  auto entries = parseEntries(text, "x.toml");
  REQUIRE_MESSAGE(entries.has_value(), entries.error().str());
  REQUIRE(entries->size() == 1);
  return std::move(entries->front());
}

/// The error of loading these files, named a, b, ...
Diagnostic loadError(const std::vector<std::string>& texts) {
  static constexpr std::string_view kNames[] = {"a", "b", "c"};
  std::vector<EmbeddedFile> files;
  for (const std::string& text : texts) files.push_back({kNames[files.size()], text});
  const auto entries = loadEntries(files);
  REQUIRE_FALSE(entries.has_value());
  return entries.error();
}

std::string device(const std::string& name, const std::string& rest) {
  return "name = \"" + name + "\"\nkind = \"gpu\"\n" + rest;
}

}  // namespace

TEST_CASE("hwdb: a field keeps value, provenance and source") {
  const Entry entry = single(entryText(
      field("peakGigaflops", "84.0") + field("stagingPays", "true", "derived") +
      "[[memory]]\nname = \"L2\"\nkind = \"cache\"\nsharers = 4\n" +
      field("bytes", "4096", "datasheet") + field("saturation", "[[64, 2.0], [128, 3.5]]")));
  CHECK(entry.description.peakGigaflops.value == 84.0);
  CHECK(entry.description.peakGigaflops.provenance == Provenance::Measured);
  CHECK(entry.description.peakGigaflops.source == "s");
  CHECK(entry.description.stagingPays.value);
  CHECK_FALSE(given(entry.description.units));
  REQUIRE(entry.description.memory.size() == 1);
  const MemoryLevel& level = entry.description.memory[0];
  CHECK(level.sharers == 4);
  CHECK(level.bytes.value == 4096);
  REQUIRE(level.saturation.value.size() == 2);
  CHECK(level.saturation.value[1].invocations == 128);
  CHECK(level.saturation.value[1].gigabytesPerSecond == 3.5);
  CHECK(print(entry.description).find("64: 2, 128: 3.5") != std::string::npos);
}

TEST_CASE("hwdb: bare values take provenance and source from their table") {
  const Entry entry = single(
      kHead +
      "[[fields]]\nprovenance = \"datasheet\"\nsource = \"sheet\"\nunits = 80\nfloat64 = true\n" +
      field("launchMicroseconds", "3.0") +
      "[[fields]]\nprovenance = \"derived\"\nsource = \"guess\"\ngigahertz = 1.5\n"
      "[[matrix]]\nscope = \"subgroup\"\na = \"f16\"\nb = \"f16\"\naccumulator = \"f32\"\n"
      "provenance = \"datasheet\"\nsource = \"guide\"\nm = 16\nn = 8\nk = 4\n");
  const Description& d = entry.description;
  CHECK(d.units.value == 80);
  CHECK(d.units.provenance == Provenance::Datasheet);
  CHECK(d.float64.source == "sheet");
  CHECK(d.launchMicroseconds.provenance == Provenance::Measured);
  CHECK(d.gigahertz.source == "guess");
  REQUIRE(d.matrixUnits.size() == 1);
  CHECK(d.matrixUnits[0].k.value == 4);
  CHECK(d.matrixUnits[0].k.source == "guide");
  CHECK_FALSE(given(d.matrixUnits[0].gigaflops));
  CHECK(print(d).find("matrix unit f16 x f16 + f32 (one subgroup)") != std::string::npos);
}

TEST_CASE("hwdb: errors of fields name file, line and field") {
  const std::string units = "x.toml:5, field 'units'";
  const std::string peak = "x.toml:5, field 'peakGigaflops'";
  const std::string subgroup = "x.toml:5, field 'subgroup'";
  checkErrors({
      {kHead + "[fields]\nunits = ",
       "not valid TOML: Error while parsing key-value pair: encountered end-of-file", "x.toml:5"},
      {entryText("speed = 3\n"), "unknown field", "x.toml:5, field 'speed'"},
      {entryText("\nunits = 3\n"), "must be a table", "x.toml:6, field 'units'"},
      {entryText("units = { value = 3, source = \"s\" }\n"), "'provenance' is missing or no string",
       units},
      {entryText("units = { value = 3, provenance = \"measured\" }\n"),
       "'source' is missing or empty", units},
      {entryText("units = { value = 3, provenance = \"measured\", source = \"\" }\n"),
       "'source' is missing or empty", units},
      {entryText("units = { value = 3, provenance = 1, source = \"s\" }\n"),
       "'provenance' is missing or no string", units},
      {entryText("units = { value = 3, provenance = \"measured\", source = \"s\", unit = 1 }\n"),
       "unknown field", units},
      {entryText("units = { provenance = \"measured\", source = \"s\" }\n"),
       "'value' must be an integer", units},
      {entryText(field("units", "3", "guessed")), "unknown provenance 'guessed'", units},
      {entryText(field("units", "0")), "'value' is 0, must be at least 1", units},
      {entryText(field("units", "-7")), "'value' is -7, must be at least 1", units},
      {entryText(field("units", "2.5")), "'value' must be an integer", units},
      {entryText(field("units", "[3]")), "'value' must be an integer", units},
      {entryText(field("peakGigaflops", "\"fast\"")), "'value' must be a number", peak},
      {entryText(field("peakGigaflops", "84")), "'value' must be a number with a decimal point",
       peak},
      {entryText(field("peakGigaflops", "nan")), "'value' is nan, must be at least 0", peak},
      {entryText(field("peakGigaflops", "-1.0")), "'value' is -1.000000, must be at least 0", peak},
      {entryText(field("peakGigaflops", "inf")), "'value' is inf, must be finite", peak},
      {entryText(field("stagingPays", "1")), "'value' must be true or false",
       "x.toml:5, field 'stagingPays'"},
      {entryText(field("subgroup", "8", "derived")), "a limit cannot be derived", subgroup},
      {entryText(field("subgroup", "8", "measured")), "a limit cannot be measured", subgroup},
      {entryText(field("subgroup", "8", "queried")), "unknown provenance 'queried'", subgroup},
      {kHead + "[[fields]]\n" + field("units", "3") + "[[fields]]\n" + field("units", "4"),
       "the field is given twice", "x.toml:7, field 'units'"},
      {kHead + "[[fields]]\nprovenance = \"derived\"\nunits = 3\n", "the field is missing",
       "x.toml:4, field 'source'"},
      {kHead + "[[fields]]\nsource = \"s\"\nunits = 3\n", "the field is missing",
       "x.toml:4, field 'provenance'"},
      {kHead + "[[fields]]\nprovenance = \"derived\"\nsource = \"s\"\n\nsubgroup = 3\n",
       "a limit cannot be derived", "x.toml:8, field 'subgroup'"},
      {kHead + "fields = 3\n", "must be a table or an array of tables", "x.toml:4, field 'fields'"},
      {kHead + "fields = [3]\n", "must hold tables only", "x.toml:4, field 'fields'"},
  });
}

TEST_CASE("hwdb: a limit that can be seen may be measured, not derived") {
  const auto seen = parseEntries(entryText(field("forwardProgress", "true", "measured")), "x.toml");
  REQUIRE_MESSAGE(seen, seen.error().str());
  CHECK(seen->front().description.forwardProgress.value);
  CHECK(seen->front().description.forwardProgress.provenance == Provenance::Measured);
  const auto derived =
      parseEntries(entryText(field("forwardProgress", "true", "derived")), "x.toml");
  REQUIRE_FALSE(derived);
  CHECK(derived.error().message == "a limit cannot be derived");
}

TEST_CASE("hwdb: errors of lists name file, line and field") {
  const std::string level = "[[memory]]\nname = \"L1\"\nkind = \"cache\"\n";
  const std::string unit = "[[matrix]]\nscope = \"subgroup\"\na = \"f16\"\nb = \"f16\"\n";
  const auto saturation = [&](const std::string& value) {
    return kHead + level + field("saturation", value);
  };
  const std::string at = "x.toml:7, field 'saturation'";
  checkErrors({
      {kHead + "[[memory]]\nname = \"L9\"\nkind = \"shelf\"\n", "unknown kind 'shelf'",
       "x.toml:6, field 'kind'"},
      {kHead + "[[memory]]\nkind = \"cache\"\n", "the field is missing", "x.toml:4, field 'name'"},
      {kHead + level + "sharers = 0\n", "must be an integer of at least 1",
       "x.toml:7, field 'sharers'"},
      {kHead + level + "speed = 1\n", "unknown field", "x.toml:7, field 'speed'"},
      {kHead + level + level, "the memory level is given twice",
       "x.toml:8, field 'name', level 'L1'"},
      {saturation("[]"), "'value' must be [[invocations, GB/s], ...]", at},
      {saturation("[[1, 2.0, 3.0]]"), "'value' must be [[invocations, GB/s], ...]", at},
      {saturation("[[1, 2]]"), "'value' must be [[invocations, GB/s], ...]", at},
      {saturation("[[0, 2.0]]"), "'value' is 0, must be at least 1", at},
      {saturation("[[2, 2.0], [2, 3.0]]"), "'value' must rise from point to point", at},
      {saturation("[[2, 2.0], [4, 1.0]]"), "'value' must rise from point to point", at},
      {kHead + unit, "the field is missing", "x.toml:4, field 'accumulator'"},
      {kHead + unit + "accumulator = \"f33\"\n", "unknown accumulator 'f33'",
       "x.toml:8, field 'accumulator'"},
      {kHead + unit + "accumulator = \"f32\"\nm = 16\n", "must be a table", "x.toml:9, field 'm'"},
      {kHead + "[[matrix]]\nscope = \"planet\"\n", "unknown scope 'planet'",
       "x.toml:5, field 'scope'"},
      {kHead + unit + "accumulator = \"f32\"\nshape = [16, 0, 16]\n",
       "must be 3 integers of at least 1", "x.toml:9, field 'shape'"},
      {kHead + unit + "accumulator = \"f32\"\nshape = [16, 16]\n",
       "must be 3 integers of at least 1", "x.toml:9, field 'shape'"},
      {kHead + unit + "accumulator = \"f32\"\nshape = [16, 16, 16]\n" +
           field("n", "16", "datasheet"),
       "the shape is given twice", "x.toml:9, field 'shape'"},
      {kHead + unit + "accumulator = \"f32\"\nshape = [16, 16, 16]\n",
       "'shape' is for entries with 'device'", "x.toml:4, field 'matrix'"},
  });
}

TEST_CASE("hwdb: errors of entries name file and line") {
  checkErrors({
      {"name = \"x\"\nkind = \"gpu\"\n[fields]\n",
       "an entry needs exactly one of 'match', 'family', 'architecture' and 'device'", "x.toml:1"},
      {kHead + "family = \"f\"\n",
       "an entry needs exactly one of 'match', 'family', 'architecture' and 'device'", "x.toml:1"},
      {kHead + "architecture = \"x\"\n", "must be true or false", "x.toml:4, field 'architecture'"},
      {"name = \"x\"\nkind = \"gpu\"\nfamily = \"f\"\ndriver = \"d\"\n",
       "is for entries with 'match'", "x.toml:4, field 'driver'"},
      {"match = \"x\"\nkind = \"gpu\"\n", "the field is missing", "x.toml:1, field 'name'"},
      {"name = \"x\"\nmatch = \"x\"\nkind = \"tpu\"\n", "unknown kind 'tpu'",
       "x.toml:3, field 'kind'"},
      {"name = \"x\"\nmatch = []\nkind = \"gpu\"\n",
       "must be a non-empty string, or an array of them", "x.toml:2, field 'match'"},
      {"name = \"x\"\nmatch = [\"x\", 1]\nkind = \"gpu\"\n",
       "must be a non-empty string, or an array of them", "x.toml:2, field 'match'"},
      {"[[entry]]\n" + kHead + "[[entry]]\nname = 3\n",
       "an entry needs exactly one of 'match', 'family', 'architecture' and 'device'", "x.toml:5"},
      {"kind = \"gpu\"\n[[entry]]\n" + kHead, "unknown field", "x.toml:1, field 'kind'"},
  });
}

TEST_CASE("hwdb: entries that contradict each other") {
  const std::string x = device("X", "match = \"X100\"\n");
  Diagnostic error = loadError({x, device("x", "match = \"Y\"\n")});
  CHECK(error.message == "there is another entry of this name, at hwdb/data/a.toml:1");
  CHECK(error.where == "hwdb/data/b.toml:1, field 'name'");
  error = loadError({x, device("Y", "match = [\"Y100\", \"x100\"]\n")});
  CHECK(error.message == "'x100' is matched by another entry too, at hwdb/data/a.toml:1");
  CHECK(error.where == "hwdb/data/b.toml:1, field 'match'");
  error = loadError({device("X", "match = \"X\"\nextends = \"Z\"\n")});
  CHECK(error.message == "no entry 'Z'");
  CHECK(error.where == "hwdb/data/a.toml:1, field 'extends'");
  error = loadError({device("X", "match = \"X\"\nextends = \"Y\"\n"),
                     device("Y", "architecture = true\nextends = \"X\"\n")});
  CHECK(error.message == "the entry builds on itself");
  error = loadError({device("X", "match = \"X\"\nextends = \"Y\"\n"),
                     "name = \"Y\"\nkind = \"cpu\"\narchitecture = true\n"});
  CHECK(error.message == "'Y' is of another kind");
}

TEST_CASE("hwdb: what an entry builds on, and what becomes of its provenance") {
  const std::string texts[] = {
      device("F", "family = \"f\"\n[fields]\n" + field("taskMicroseconds", "1.0") +
                      field("subgroup", "32", "datasheet")),
      device("A", "architecture = true\nextends = \"F\"\n[fields]\n" +
                      field("fmaLatencyCycles", "4.0", "datasheet") +
                      field("launchMicroseconds", "5.0") +
                      "[[memory]]\nname = \"L1\"\nkind = \"cache\"\nsharers = 2\n" +
                      field("latencyNanoseconds", "20.0")),
      device("D", "match = \"D\"\nextends = \"A\"\n[fields]\n" + field("units", "4", "datasheet") +
                      "[[memory]]\nname = \"memory\"\nkind = \"device\"\n"
                      "[[memory]]\nname = \"L1\"\nkind = \"cache\"\n" +
                      field("bytes", "4096", "datasheet"))};
  const std::vector<EmbeddedFile> files{{"f", texts[0]}, {"a", texts[1]}, {"d", texts[2]}};
  const auto entries = loadEntries(files);
  REQUIRE_MESSAGE(entries.has_value(), entries.error().str());
  const Description& d = (*entries)[2].description;
  CHECK(d.units.source == "s");
  CHECK(d.subgroup.value == 32);  // a limit stays one
  CHECK(d.subgroup.provenance == Provenance::Datasheet);
  CHECK(d.taskMicroseconds.provenance == Provenance::Derived);
  CHECK(d.taskMicroseconds.source == "family f: s");
  CHECK(d.fmaLatencyCycles.provenance == Provenance::Datasheet);  // the architecture's
  CHECK(d.launchMicroseconds.provenance == Provenance::Derived);  // measured on another device
  CHECK(d.launchMicroseconds.source == "A: s");
  REQUIRE(d.memory.size() == 2);
  CHECK(d.memory[0].name == "memory");
  CHECK(d.memory[1].sharers == 2);
  CHECK(d.memory[1].latencyNanoseconds.value == 20.0);
  CHECK(d.memory[1].bytes.value == 4096);
}

TEST_CASE("hwdb: what is written of an entry reads as it was") {
  const auto entries = embeddedEntries();
  REQUIRE(entries);
  for (const Entry& entry : *entries) {
    if (!entry.isDevice()) continue;
    Entry measured;
    measured.device = entry.description.name;
    measured.driver = "driver";
    measured.description = entry.description;
    const std::string text = write(measured);
    const auto again = parseEntries(text, "measured.toml");
    REQUIRE_MESSAGE(again, again.error().str());
    REQUIRE(again->size() == 1);
    CHECK(again->front().device == entry.description.name);
    CHECK(write(again->front()) == text);
    CHECK(again->front().description.memory.size() == measured.description.memory.size());
    const auto rated = [](const MatrixUnit& unit) { return given(unit.gigaflops); };
    const auto& units = measured.description.matrixUnits;
    CHECK(again->front().description.matrixUnits.size() ==
          static_cast<size_t>(std::count_if(units.begin(), units.end(), rated)));
  }
}
