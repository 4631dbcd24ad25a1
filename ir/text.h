// The text form of the IR: what every dump prints and every `.ir` file holds. print and parse are
// inverse: parse(print(m)) prints the same text.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::ir {

/// graph @name(%x: f32[N, 3, 8, 8], %y: f32[4]) -> ("out") symbols {N: 1..8 multiple 1} {
///   %w = constant {hash = "0123..."} : f32[4, 3, 1, 1]
///   %c = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [1, 1]} :
///   f32[N, 4, 8, 8] from "conv1" %r = reduce %c {axes = [2, 3], fn = add} : f32[N, 4] return %r
/// }
/// Regions follow the attributes: `for %lo, %hi, %step (%i: i32) { ... }`, `if %c { ... } { ... }`.
/// Constants: data of at most `inlineConstants` elements is printed after the module as
/// `constant "0123..." f32[2] = [1.0, 2.0]` (floats as shortest exact decimals, nan, inf, -inf), so
/// that small modules stand alone; larger data as `constant "0123..." f32[512, 512] = elided`:
/// parse gives such a constant seeded pseudo-random data when `ParseOptions::fillElided` (the hash
/// is then not checked), else an error.
struct PrintOptions {
  int64_t inlineConstants = 16;
  bool origins = true;
};
std::string print(const Module& module, const PrintOptions& options = {});
/// One op, as a line of the above.
std::string print(const Module& module, OpId op);

struct ParseOptions {
  std::string file = "<text>";  // for diagnostics: "file:line:column"
  bool fillElided = false;
};
/// A file may hold several modules (a plan's kernels, say).
Result<std::vector<Module>> parseModules(std::string_view text, const ParseOptions& options = {});
/// Exactly one module.
Result<Module> parse(std::string_view text, const ParseOptions& options = {});

}  // namespace quartet::ir
