#include "characterize/report.h"

#include <doctest/doctest.h>

#include <set>

#include "characterize/plot.h"

using namespace quartet;
using namespace quartet::characterize;

namespace {

Findings sample() {
  Findings findings;
  findings.device.name = "<GPU & \"friends\">";
  findings.device.units.value = 2;
  hwdb::MemoryLevel level;
  level.name = "memory";
  level.kind = hwdb::MemoryLevel::Kind::Device;
  findings.device.memory.push_back(level);
  findings.describe(findings.measured.peakGigaflops, {100, 99, 101, 5}, "chains");
  findings.describe(findings.level("memory").gigabytesPerSecond, {10, 9, 11, 5}, "reading");
  findings.figures.push_back({"arithmetic", "quiet", "GFLOP/s", {100, 99, 101, 5}, "chains"});
  findings.figures.push_back({"memory", "loud", "GB/s", {10, 5, 20, 5, true}, "a < b"});
  findings.plots.push_back(
      {.title = "curve",
       .xLabel = "bytes",
       .yLabel = "GB/s",
       .bytes = true,
       .series = {{"s", {{4096, {5, 4, 6, 3}}, {1 << 20, {1, 0.2, 2, 3, true}}}}}});
  findings.plots.push_back({.title = "empty", .xLabel = "x", .yLabel = "y"});
  findings.notes.emplace_back("f16: none");
  return findings;
}

/// Every element is closed, in order; text and attributes hold no bare '<' or '&'.
void checkWellFormed(const std::string& html) {
  std::vector<std::string> open;
  for (size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const size_t end = html.find('>', at);
    REQUIRE(end != std::string::npos);
    const std::string tag = html.substr(at + 1, end - at - 1);
    if (tag[0] == '!' || tag.back() == '/') continue;
    if (tag[0] == '/') {
      REQUIRE_FALSE(open.empty());
      CHECK(tag.substr(1) == open.back());
      open.pop_back();
    } else {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  CHECK(open.empty());
  for (size_t at = html.find('&'); at != std::string::npos; at = html.find('&', at + 1)) {
    const size_t end = html.find(';', at);
    CHECK((end != std::string::npos && end - at < 8));
  }
}

}  // namespace

TEST_CASE("characterize: the report is well-formed and stands alone") {
  const std::string html = report(sample());
  checkWellFormed(html);
  for (const char* outside : {"http", "src=", "href", "url(", "@import", "<script", "<link"}) {
    CHECK_MESSAGE(html.find(outside) == std::string::npos, outside);
  }
  CHECK(html.find("&lt;GPU &amp; &quot;friends&quot;&gt;") != std::string::npos);
  CHECK(html.find("<svg") != std::string::npos);
  CHECK(html.find("nan") == std::string::npos);
  CHECK(html.find("inf") == std::string::npos);
  CHECK(html.find("f16: none") != std::string::npos);
}

TEST_CASE("characterize: noisy readings are marked in the report, others are not") {
  const std::string html = report(sample());
  CHECK(html.find("<tr class=\"noisy\"><td>loud") != std::string::npos);
  CHECK(html.find("<tr><td>quiet") != std::string::npos);
  CHECK(html.find("1 of 2 figures are noisy") != std::string::npos);
}

TEST_CASE("characterize: the roofline ends at the peak") {
  const Plot roof = roofline(sample());
  REQUIRE(roof.series.size() == 1);
  double highest = 0;
  for (const Point& point : roof.series[0].points) {
    highest = std::max(highest, point.y.value);
    CHECK(point.y.value <= doctest::Approx(20 * point.x));  // two units of 10 GB/s
  }
  CHECK(highest == 100);
  CHECK(roofline({}).series.empty());
}
