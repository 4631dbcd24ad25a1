#include "characterize/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "characterize/plot.h"

namespace quartet::characterize {

namespace {

constexpr const char* kStyle =
    "body{font:15px/1.5 sans-serif;max-width:860px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;width:100%;margin-bottom:2em}"
    "td,th{padding:.25em .6em;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}"
    "td.number{text-align:right;white-space:nowrap}"
    "tr.noisy td{background:#fff3dc}"
    "figure{margin:2em 0}figcaption{font-weight:bold}svg{width:100%;height:auto}"
    "svg text{font:12px sans-serif;fill:#333}.legend{margin:.2em 0}";

std::string row(const Figure& figure) {
  const Reading& reading = figure.reading;
  return fmt::format(
      "<tr{}><td>{}</td><td class=\"number\">{:.4g} {}</td><td class=\"number\">{:.4g} - "
      "{:.4g}</td>"
      "<td class=\"number\">{}</td><td>{}{}</td></tr>\n",
      reading.noisy ? " class=\"noisy\"" : "", escaped(figure.name), reading.value,
      escaped(figure.unit), reading.p10, reading.p90, reading.runs, escaped(figure.method),
      reading.noisy ? " <strong>(noisy)</strong>" : "");
}

std::string table(const Findings& findings, std::string_view group, std::string_view title) {
  std::string rows;
  for (const Figure& figure : findings.figures) {
    if (figure.group == group) rows += row(figure);
  }
  if (rows.empty()) return {};
  return fmt::format(
      "<h2>{}</h2>\n<table>\n<tr><th>what</th><th>value</th><th>p10 - p90</th><th>runs</th>"
      "<th>how</th></tr>\n{}</table>\n",
      escaped(title), rows);
}

std::string head(const Findings& findings) {
  const auto noisy = std::count_if(findings.figures.begin(), findings.figures.end(),
                                   [](const Figure& figure) { return figure.reading.noisy; });
  std::string out = fmt::format("<h1>{}</h1>\n", escaped(findings.device.name));
  out += fmt::format("<p>{}, {}. Measured {} in {:.0f} s{}; launches are timed by {}.</p>\n",
                     escaped(findings.id), escaped(findings.device.driver), escaped(findings.date),
                     findings.seconds, findings.quick ? " (quick: less exact)" : "",
                     escaped(findings.clock));
  if (noisy > 0) {
    out += fmt::format(
        "<p>{} of {} figures are noisy: the middle four fifths of their runs lie more than {:.0f} "
        "% "
        "of the median apart. Measure again when the machine is idle.</p>\n",
        noisy, findings.figures.size(), 100 * kNoisySpread);
  }
  return out;
}

std::string notes(const Findings& findings) {
  if (findings.notes.empty()) return {};
  std::string out = "<h2>Not measured</h2>\n<ul>\n";
  for (const std::string& note : findings.notes) out += "<li>" + escaped(note) + "</li>\n";
  return out + "</ul>\n";
}

}  // namespace

Plot roofline(const Findings& findings) {
  Plot plot{.title = "Roofline, f32, all units",
            .xLabel = "operations per byte",
            .yLabel = "GFLOP/s",
            .note =
                "A kernel whose data comes from a level cannot be faster than that level's "
                "line."};
  const double peak = findings.measured.peakGigaflops.value;
  if (peak <= 0) return plot;
  const auto units = static_cast<double>(findings.device.units.value);
  const auto add = [&](const std::string& name, double gigabytes) {
    Series series{name, {}};
    for (double x = 1.0 / 16; x <= 1024; x *= std::sqrt(2.0)) {
      const double y = std::min(peak, gigabytes * x);
      series.points.push_back({x, {y, y, y, 1}});
    }
    plot.series.push_back(std::move(series));
  };
  for (const hwdb::MemoryLevel& level : findings.measured.memory) {
    const bool device = level.kind == hwdb::MemoryLevel::Kind::Device;
    const double all = findings.measured.memoryGigabytesPerSecond.value;
    const double each = level.gigabytesPerSecond.value;
    if (each > 0) add(level.name, device && all > 0 ? all : each * units);
  }
  return plot;
}

std::string report(const Findings& findings) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>" +
      escaped(findings.device.name) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n";
  out += head(findings);
  const Plot roof = roofline(findings);
  if (!roof.series.empty()) out += svg(roof);
  for (const Plot& plot : findings.plots) out += svg(plot);
  out += table(findings, "arithmetic", "Arithmetic");
  out += table(findings, "memory", "Memory");
  out += table(findings, "launches", "Starting work");
  out += table(findings, "progress", "Progress of groups");
  out += notes(findings);
  return out + "</body>\n</html>\n";
}

}  // namespace quartet::characterize
