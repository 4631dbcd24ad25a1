// The database: entries in TOML, embedded in the binary, and how they complete what a backend has
// queried of a live device.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "hwdb/embedded.h"

namespace quartet::hwdb {

/// An entry: costs (and datasheet limits) of one device or driver, or of a family of devices.
/// Fields that the entry does not give have an empty source.
struct Entry {
  std::string file;    // "hwdb/data/llvmpipe.toml"
  std::string match;   // part of the device's or driver's name, in any case; empty: a family entry
  std::string family;  // "cpu", "vulkan software", "vulkan gpu"; empty: a device entry
  // Instead of both: name and driver of the one device that the entry was measured on, in full.
  std::string device, driver;
  Description description;
};

/// Parses one entry. Errors name the file, the line and the field: unknown fields, wrong types,
/// values out of range, a missing provenance or source, a limit that is merely derived.
///
///     name = "llvmpipe"
///     match = "llvmpipe"            # or: family = "vulkan software"; or: device = "...", in full,
///                                   # with driver = "..."
///     kind = "gpu"
///     [fields]
///     peakGigaflops = { value = 84.0, provenance = "measured", source = "FMA loop, 2 cores" }
///     [[memory]]                    # outermost level first
///     name = "memory"
///     kind = "device"               # device | cache | explicit
///     sharers = 1
///     latencyNanoseconds = { value = 90.0, provenance = "derived", source = "..." }
Result<Entry> parseEntry(std::string_view text, const std::string& file);
Result<std::vector<Entry>> parseEntries(std::span<const EmbeddedFile> files);

/// Completes `queried`, what a backend knows of a live device: name, driver, kind, and every field
/// that has a source; its `entry` names the family to use when no entry matches the device's or
/// driver's name. Fields that the device gave win over the entry's. Memory levels are those of the
/// entry, matched by name; a cache whose size neither side gives is dropped, a level that only the
/// device gives is placed before the next level that both know. The result's `entry` is the entry's
/// name, or "family NAME". Errors: no such family; a field that neither side gives.
Result<Description> describe(Description queried, std::span<const Entry> entries);

/// Lays an entry that was measured on the device over its description: every cost that the entry
/// gives wins, whatever the description has; limits stay. The result's `entry` is the entry's file.
/// An error names a memory level of the entry that the device does not have.
Result<Description> overlay(Description description, const Entry& measured);

/// The same with the entries in the binary, then the one that was measured on this very device and
/// driver, if the folder QUARTET_DEVICES has one. Errors: also those of the folder's files; two of
/// them for the device.
Result<Description> describe(Description queried);

/// Every *.toml file of a folder as an entry, in the order of their names.
Result<std::vector<Entry>> readEntries(const std::string& folder);

/// An entry in the form that parseEntry reads: fields that have a source. Queried fields are left
/// out: the device itself gives them.
std::string write(const Entry& entry);

/// The description as `explain` and `devices` print it: one field per line with its provenance and
/// source, ending with how many of the costs are measured, from a datasheet and derived.
std::string print(const Description& description);

}  // namespace quartet::hwdb
