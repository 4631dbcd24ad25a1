// What a characterisation finds: numbers, curves, and the description made of them.
#pragma once

#include <string>
#include <vector>

#include "characterize/statistics.h"
#include "hwdb/description.h"

namespace quartet::characterize {

/// One number.
struct Figure {
  std::string group;  // "arithmetic", "memory", "launches", "progress"
  std::string name;   // "f32 peak, all units"
  std::string unit;   // "GFLOP/s"
  Reading reading;
  std::string method;  // how it was measured, one sentence without an end
};

struct Point {
  double x = 0;
  Reading y;
};

struct Series {
  std::string name;
  std::vector<Point> points;  // by ascending x
};

/// Curves over one quantity.
struct Plot {
  std::string title;
  std::string xLabel, yLabel;  // with units
  bool bytes = false;          // x counts bytes: labelled KiB, MiB
  bool logY = true;            // x is always logarithmic
  std::vector<Series> series = {};
  std::string note = {};  // what to see in it
};

struct Findings {
  hwdb::Description device;  // as it was known before
  std::string id;            // "cpu", "vulkan:0"
  std::string clock;
  std::string date;  // "2026-01-31"
  double seconds = 0;
  bool quick = false;
  std::vector<Figure> figures;
  std::vector<Plot> plots;
  std::vector<std::string> notes;  // what was left out, and why
  /// What was measured: all other fields have no source.
  hwdb::Description measured;

  const Figure* figure(std::string_view name) const;
  /// Sets a field of `measured` to a reading, with its source.
  void describe(hwdb::Number& field, const Reading& reading, const std::string& method) const;
  void describe(hwdb::Flag& field, bool value, const std::string& method) const;
  void describe(hwdb::Curve& field, std::vector<hwdb::SaturationPoint> points,
                const std::string& method) const;
  /// The memory level of `measured` of this name: made at its first use from the device's.
  hwdb::MemoryLevel& level(const std::string& name);
};

}  // namespace quartet::characterize
