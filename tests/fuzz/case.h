// A graph with inputs: what the tests of this folder make, check and shrink.
#pragma once

#include <string>

#include "ir/module.h"
#include "tests/fuzz/facts.h"

namespace quartet::fuzz {

struct Case {
  ir::Module graph;
  Tensors inputs;
  ir::SymbolValues symbols;
  bool planted = false;  // a run must report a bad index or a zero divisor
};

/// The graph as .ir text that stands alone, its inputs' data in comments above it.
std::string print(const Case& c);

}  // namespace quartet::fuzz
