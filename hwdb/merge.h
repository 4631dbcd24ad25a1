// Descriptions completed by other descriptions, field by field.
#pragma once

#include "hwdb/description.h"

namespace quartet::hwdb {

/// Every field of `device` that nothing gives becomes that of `entry`. Memory levels are those of
/// the entry, matched by name; a level that only the device gives is placed before the next level
/// that both know. Matrix units of a device that has any are its own: only their rates come from
/// the entry.
void complete(Description& device, const Description& entry);

/// The same for an entry that builds on `parent`: a matrix unit is added where the entry has none
/// for its element types, and a level has its parent's sharers where it gives none (0).
void inherit(Description& entry, const Description& parent);

/// Costs become Derived, with "WHOSE: " before their sources: what is said of a family is an
/// assumption about each of its devices. `all` false: only what was measured, on some other device.
/// Limits stay: nothing may say a limit that does not hold for all who inherit it.
void assume(Description& description, const std::string& whose, bool all);

}  // namespace quartet::hwdb
