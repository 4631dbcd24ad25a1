// Graphs without symbols, of graphs with them.
#pragma once

#include "ir/module.h"

namespace quartet::ir {

/// The graph for these values of its symbols, all of which must have one: no symbol is left, and
/// it verifies. Errors: an extent that cannot be computed, is negative, or does not fit the
/// operation it belongs to. A graph over symbols is made for the extents that models usually have;
/// this tells whether these are among them.
Result<Module> close(Module graph, const SymbolValues& values);

}  // namespace quartet::ir
