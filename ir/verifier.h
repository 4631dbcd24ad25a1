// Checks that a module obeys the rules of its level. Run by the pass runner after every pass.
#pragma once

#include "base/result.h"
#include "ir/module.h"

namespace quartet::ir {

/// Checked at every level: operand, result and region counts and levels of ops.def; every operand
/// is defined before its use in a dominating region; names unique; `return` last in the top region
/// and nowhere else; attributes present with the right type; constants known with matching dtype,
/// shape. Graph: result shapes and dtypes agree with operands and attributes of every primitive;
/// symbols are declared; a compute op's expression agrees with its results, loads have the
/// operand's rank and dtype; axes, states, elements in range; indices are i64. Plan: writes go to
/// non-constant buffers of the tile's shape; a buffer is written before it is read; no two nodes
/// under one `par` access overlapping parts of one buffer (nor of aliases) unless both read;
/// register edges stay inside their task set; tile ranks agree with expressions. Kernel: scalar
/// types agree; no store to a read buffer, no load from a write buffer; barriers only in control
/// flow that no load, local_id or lane decides; matrix operations in flow, and with operands, that
/// may differ between subgroups alone; `for` step literal or positive. Not checked: index
/// bounds (the kernel interpreter does, at run time). An error names the op by its text and its
/// origin.
Status verify(const Module& module);

}  // namespace quartet::ir
