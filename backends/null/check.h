// What a program must obey on every device, checked without one.
#pragma once

#include "base/result.h"
#include "hwdb/description.h"
#include "runtime/placed.h"
#include "runtime/program.h"

namespace quartet::null {

/// Checks a program whose memory is planned. An error (Internal: it is the compiler's) names the
/// wave, the dispatch and the buffer for: a kernel that does not exist; bindings that differ from
/// the kernel's parameters in number or element type; a window outside its buffer, not aligned, or
/// beyond the binding range; writes to inputs and constants; reads of bytes that nothing has
/// written; a dispatch or two of one wave that read and write one window; outputs that are never
/// written; launch parameters that a kernel reads but nobody passes; groups beyond 31 bits,
/// invocations beyond the device's; arena buffers without a place, outside the arena, or on top of
/// each other while both live; constants whose data does not fit. What a stage exchanges with other
/// devices counts as written when it arrives, and must be written when it leaves.
/// Not checked: what kernels do inside their windows (the kernel interpreter does).
Status checkProgram(const runtime::Program& program, const hwdb::Description& device);

/// Checks the programs of several devices, with `devices` their descriptions, and what connects
/// them: every stage runs once, in its program's order; every buffer that a stage exchanges is
/// moved by one copy, from a step to a later one; both ends of a copy hold the same tensor; the
/// host memory of copies that live at once does not overlap.
Status checkPlaced(const runtime::PlacedProgram& placed,
                   const std::vector<const hwdb::Description*>& devices);

}  // namespace quartet::null
