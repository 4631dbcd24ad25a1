#include "characterize/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace quartet::characterize {

namespace {

constexpr double kWidth = 720, kHeight = 340;
constexpr double kLeft = 70, kRight = 20, kTop = 16, kBottom = 52;
constexpr std::array kColours{"#1f6fb4", "#d1602a", "#2f8f4e", "#8a4fb0", "#a03050", "#607080"};

std::string byteText(double bytes) {
  if (bytes >= double{1 << 30}) return fmt::format("{:.3g} GiB", bytes / (1 << 30));
  if (bytes >= double{1 << 20}) return fmt::format("{:.3g} MiB", bytes / (1 << 20));
  if (bytes >= double{1 << 10}) return fmt::format("{:.3g} KiB", bytes / (1 << 10));
  return fmt::format("{:.3g} B", bytes);
}

/// One axis: from values to positions.
class Axis {
 public:
  Axis(double low, double high, bool log, double from, double to)
      : log_(log), from_(from), to_(to), low_(low), high_(high) {
    if (log_) {
      low_ = std::max(low_, 1e-9);
      high_ = std::max(high_, low_);
    }
    if (low_ == high_) high_ = low_ == 0 ? 1 : low_ * 2;
  }
  double at(double value) const {
    const double part = log_
                            ? std::log(std::max(value, low_ * 1e-3) / low_) / std::log(high_ / low_)
                            : (value - low_) / (high_ - low_);
    return from_ + std::clamp(part, 0.0, 1.0) * (to_ - from_);
  }
  /// Round values on it. `base`: that ticks of a logarithmic axis are powers of.
  std::vector<double> ticks(double base) const {
    std::vector<double> values;
    if (!log_) {
      const double step = roundStep((high_ - low_) / 5);
      for (double v = std::ceil(low_ / step) * step; v <= high_ * 1.0001; v += step) {
        values.push_back(v);
      }
      return values;
    }
    const double decades = std::log(high_ / low_) / std::log(base);
    const double every = std::max(1.0, std::ceil(decades / 9));
    double exponent = std::ceil(std::log(low_) / std::log(base) - 1e-9);
    for (; std::pow(base, exponent) <= high_ * 1.0001; exponent += every) {
      values.push_back(std::pow(base, exponent));
    }
    if (values.size() < 2) return {low_, high_};
    return values;
  }

 private:
  static double roundStep(double raw) {
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    const double digit = raw / power;
    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
  }

  bool log_;
  double from_, to_, low_, high_;
};

struct Axes {
  Axis x, y;
};

Axes axesOf(const Plot& plot) {
  double lowX = 1e300, highX = 0, lowY = 1e300, highY = 0;
  for (const Series& series : plot.series) {
    for (const Point& point : series.points) {
      lowX = std::min(lowX, point.x);
      highX = std::max(highX, point.x);
      lowY = std::min(lowY, point.y.p10);
      highY = std::max(highY, point.y.p90);
    }
  }
  if (highX == 0) lowX = 1, highX = 2;
  if (!plot.logY || lowY > highY) lowY = 0;
  if (plot.logY) lowY = std::max(lowY * 0.8, highY * 1e-6);
  return {Axis(lowX, highX, true, kLeft, kWidth - kRight),
          Axis(lowY, highY * 1.15, plot.logY, kHeight - kBottom, kTop)};
}

std::string text(double x, double y, const char* anchor, std::string_view content) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escaped(content));
}

std::string line(double x1, double y1, double x2, double y2, const char* colour) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1, y1, x2,
      y2, colour);
}

std::string frame(const Plot& plot, const Axes& axes) {
  std::string out;
  for (const double tick : axes.x.ticks(plot.bytes ? 2 : 10)) {
    const double x = axes.x.at(tick);
    out += line(x, kTop, x, kHeight - kBottom, "#e4e4e4");
    out += text(x, kHeight - kBottom + 16, "middle",
                plot.bytes ? byteText(tick) : fmt::format("{:.3g}", tick));
  }
  for (const double tick : axes.y.ticks(10)) {
    const double y = axes.y.at(tick);
    out += line(kLeft, y, kWidth - kRight, y, "#e4e4e4");
    out += text(kLeft - 6, y + 4, "end", fmt::format("{:.3g}", tick));
  }
  out += line(kLeft, kTop, kLeft, kHeight - kBottom, "#555");
  out += line(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "#555");
  out += text((kLeft + kWidth - kRight) / 2, kHeight - 14, "middle", plot.xLabel);
  out += fmt::format(
      "<text x=\"16\" y=\"{0:.1f}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {0:.1f})\">{1}"
      "</text>\n",
      (kTop + kHeight - kBottom) / 2, escaped(plot.yLabel));
  return out;
}

std::string curve(const Series& series, const Axes& axes, const char* colour) {
  std::string path;
  std::string marks;
  for (const Point& point : series.points) {
    const double x = axes.x.at(point.x);
    const double y = axes.y.at(point.y.value);
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "" : " ", x, y);
    marks += line(x, axes.y.at(point.y.p10), x, axes.y.at(point.y.p90), colour);
    marks +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.6\" fill=\"{}\" stroke=\"{}\"/>\n",
                    x, y, point.y.noisy ? "#fff" : colour, colour);
  }
  return fmt::format(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"/>\n{}", path,
      colour, marks);
}

std::string legend(const Plot& plot) {
  std::string out;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    out += fmt::format("<span style=\"color:{}\">&#9632;</span> {} &#160; ",
                       kColours[i % kColours.size()], escaped(plot.series[i].name));
  }
  return out;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string svg(const Plot& plot) {
  const Axes axes = axesOf(plot);
  std::string out = fmt::format("<figure>\n<figcaption>{}</figcaption>\n", escaped(plot.title));
  out += fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kWidth,
                     kHeight, escaped(plot.title));
  out += frame(plot, axes);
  for (size_t i = 0; i < plot.series.size(); ++i) {
    out += curve(plot.series[i], axes, kColours[i % kColours.size()]);
  }
  out += "</svg>\n<p class=\"legend\">" + legend(plot) + "</p>\n";
  if (!plot.note.empty()) out += "<p>" + escaped(plot.note) + "</p>\n";
  return out + "</figure>\n";
}

}  // namespace quartet::characterize
