// The database: entries in TOML, embedded in the binary, and how they complete what a backend has
// queried of a live device. docs/hardware.md says how to write one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "hwdb/embedded.h"

namespace quartet::hwdb {

/// What is said of one device (or of it under one driver), of a family that stands in for devices
/// without an entry, or of an architecture, which only others build on. Fields that the entry does
/// not give have an empty source.
struct Entry {
  std::string where;                 // file and line: "hwdb/data/nvidia/ampere.toml:12"
  std::vector<std::string> matches;  // a device's: words of its or its driver's name, in any case
  std::vector<std::string> excepts;  // words that the names of other devices have
  std::string driver;                // words of the driver's name; empty: any driver
  /// Instead: name of the one device that the entry was measured on, in full; so is then `driver`.
  std::string device;
  std::string family;  // "cpu", "vulkan software", "vulkan gpu", "cuda gpu"
  bool architecture = false;
  std::string extends;  // name of the entry that this one builds on
  Description description;

  bool isDevice() const { return !matches.empty(); }
};

/// Parses the entries of a file as they are written. Errors name the file, the line and the field:
/// unknown fields, wrong types, values out of range, a missing provenance or source, a limit that
/// is derived, or measured where its rule does not allow it.
///
///     name = "llvmpipe"
///     match = "llvmpipe"            # or: family = "vulkan software", or: architecture = true, or:
///                                   # device = "..." and driver = "...", in full
///     kind = "gpu"
///     [fields]
///     peakGigaflops = { value = 84.0, provenance = "measured", source = "FMA loop, 2 cores" }
///     [[memory]]                    # outermost level first
///     name = "memory"
///     kind = "device"               # device | cache | explicit
///     sharers = 1
///     latencyNanoseconds = { value = 90.0, provenance = "derived", source = "..." }
///     [[matrix]]
///     scope = "subgroup"            # invocation | subgroup | group
///     a = "f16"
///     b = "f16"
///     accumulator = "f32"
///     m = { ... }                   # and n, k; in an entry of one `device` instead:
///                                   # shape = [16, 16, 16], which of the device's units it is
///     gigaflops = { ... }
///
/// A file with several entries has them as [[entry]]. A table with a provenance and a source of its
/// own may give its fields as bare values; `fields` may be an array of such tables.
Result<std::vector<Entry>> parseEntries(std::string_view text, const std::string& file);

/// The entries of all files, with what they inherit. Errors besides those of parsing: two entries
/// of one name, two that match the same devices equally, an entry that builds on none or on itself.
Result<std::vector<Entry>> loadEntries(std::span<const EmbeddedFile> files);
/// Those of this binary, loaded once.
Result<std::span<const Entry>> embeddedEntries();

/// The entry for a device of this name, driver and kind: of those that match, one for the driver
/// before one for any driver, then the one whose matching words are longest. None: null. An error
/// when two match equally.
Result<const Entry*> matchEntry(const Description& device, std::span<const Entry> entries);

/// How entries spell it.
std::string_view name(MatrixUnit::Scope scope);

/// A name as part of an id: "NVIDIA H200" is "nvidia-h200".
std::string slug(std::string_view name);

/// The entry of that name, in any case, with '-' or ' ' between its words. An error lists those of
/// devices.
Result<const Entry*> findEntry(std::string_view name, std::span<const Entry> entries);

/// Completes `queried`, what a backend knows of a live device: name, driver, kind, and every field
/// that has a source; its `entry` names the family to use when no entry matches the device's or
/// driver's name. Fields that the device gave win over the entry's. Memory levels are those of the
/// entry, matched by name; a cache whose size neither side gives is dropped, a level that only the
/// device gives is placed before the next level that both know. The result's `entry` is the entry's
/// name, or "family NAME". Errors: no such family; a required field that neither side gives.
Result<Description> describe(Description queried, std::span<const Entry> entries);

/// Lays an entry that was measured on the device over its description: every cost that the entry
/// gives wins, whatever the description has; limits that the description has stay. The result's
/// `entry` is the entry's file. An error names a memory level or a matrix unit of the entry that
/// the device does not have.
Result<Description> overlay(Description description, const Entry& measured);

/// The same with the entries in the binary, then the one that was measured on this very device and
/// driver, if the folder QUARTET_DEVICES has one. Errors: also those of the folder's files; two of
/// them for the device.
Result<Description> describe(Description queried);

/// The entries of every *.toml file of a folder, in the order of the files' names.
Result<std::vector<Entry>> readEntries(const std::string& folder);

/// An entry that was measured on a device, in the form that parseEntries reads: fields that have a
/// source. Queried fields are left out: the device itself gives them.
std::string write(const Entry& entry);

/// The description of a device that need not be there, by its entry alone.
Result<Description> describeEntry(const Entry& entry);

/// The description as `explain` and `devices` print it: one field per line with its provenance and
/// source, ending with how many of the costs are measured, from a datasheet and derived. Fields
/// that nothing gives are left out.
std::string print(const Description& description);

}  // namespace quartet::hwdb
