// Which attributes each opcode needs.
#include "ir/verify_context.h"

namespace quartet::ir {

namespace {

enum class Wanted { Int, Ints, Number, String, Dims, Opcode, Expr, Tile };

struct Rule {
  Opcode op;
  std::string_view key;
  Wanted wanted;
  bool optional = false;
};

constexpr Rule kRules[] = {
    {Opcode::Constant, "hash", Wanted::String},
    {Opcode::Contract, "lhs", Wanted::Ints},
    {Opcode::Contract, "rhs", Wanted::Ints},
    {Opcode::Contract, "out", Wanted::Ints},
    {Opcode::Conv, "strides", Wanted::Ints},
    {Opcode::Conv, "dilations", Wanted::Ints},
    {Opcode::Conv, "pads", Wanted::Ints},
    {Opcode::Conv, "group", Wanted::Int},
    {Opcode::ConvTranspose, "strides", Wanted::Ints},
    {Opcode::ConvTranspose, "dilations", Wanted::Ints},
    {Opcode::ConvTranspose, "pads", Wanted::Ints},
    {Opcode::ConvTranspose, "group", Wanted::Int},
    {Opcode::Window, "fn", Wanted::Opcode},
    {Opcode::Window, "window", Wanted::Ints},
    {Opcode::Window, "strides", Wanted::Ints},
    {Opcode::Window, "dilations", Wanted::Ints},
    {Opcode::Window, "pads", Wanted::Ints},
    {Opcode::Reduce, "fn", Wanted::Opcode},
    {Opcode::Reduce, "axes", Wanted::Ints},
    {Opcode::ArgReduce, "fn", Wanted::Opcode},
    {Opcode::ArgReduce, "axis", Wanted::Int},
    {Opcode::ArgReduce, "last", Wanted::Int},
    {Opcode::Transpose, "perm", Wanted::Ints},
    {Opcode::Slice, "starts", Wanted::Ints},
    {Opcode::Slice, "steps", Wanted::Ints},
    {Opcode::Concat, "axis", Wanted::Int},
    {Opcode::Pad, "mode", Wanted::String},
    {Opcode::Pad, "pads", Wanted::Ints},
    {Opcode::Gather, "axis", Wanted::Int},
    {Opcode::GatherElements, "axis", Wanted::Int},
    {Opcode::GatherNd, "batch_dims", Wanted::Int},
    {Opcode::Scan, "fn", Wanted::Opcode},
    {Opcode::Scan, "axis", Wanted::Int},
    {Opcode::Scan, "exclusive", Wanted::Int},
    {Opcode::Scan, "reverse", Wanted::Int},
    {Opcode::ScatterElements, "axis", Wanted::Int},
    {Opcode::ScatterElements, "fn", Wanted::Opcode, true},
    {Opcode::ScatterNd, "fn", Wanted::Opcode, true},
    {Opcode::Argsort, "descending", Wanted::Int},
    {Opcode::Iota, "axis", Wanted::Int},
    {Opcode::Compute, "expr", Wanted::Expr},
    {Opcode::Compute, "device", Wanted::String, true},
    {Opcode::Compute, "lacking", Wanted::String, true},
    {Opcode::Compute, "operation", Wanted::String, true},
    {Opcode::Tasks, "name", Wanted::String},
    {Opcode::Tasks, "grid", Wanted::Dims, true},
    {Opcode::Tasks, "device", Wanted::String, true},
    {Opcode::Copy, "device", Wanted::String, true},
    {Opcode::Copy, "from", Wanted::String, true},
    {Opcode::Tile, "expr", Wanted::Expr},
    {Opcode::Tile, "tile", Wanted::Tile},
    {Opcode::Tile, "operation", Wanted::String, true},
    {Opcode::Write, "offset", Wanted::Dims, true},
    {Opcode::Write, "strides", Wanted::Ints, true},
    {Opcode::Write, "streams", Wanted::Int, true},
    {Opcode::Param, "index", Wanted::Int},
    {Opcode::Literal, "value", Wanted::Number},
    {Opcode::Extract, "lane", Wanted::Int},
    {Opcode::Shuffle, "lanes", Wanted::Ints},
    {Opcode::ReduceLanes, "fn", Wanted::Opcode},
    {Opcode::Load, "align", Wanted::Int, true},
    {Opcode::Load, "stride", Wanted::Int, true},
    {Opcode::Store, "align", Wanted::Int, true},
    {Opcode::Store, "streams", Wanted::Int, true},
    {Opcode::MatrixLoad, "column_major", Wanted::Int, true},
    {Opcode::MatrixStore, "column_major", Wanted::Int, true},
    {Opcode::If, "likely", Wanted::Int, true},
    {Opcode::Report, "code", Wanted::Int},
    {Opcode::Report, "node", Wanted::Int},
};

bool matches(const Attribute& attribute, Wanted wanted) {
  switch (wanted) {
    case Wanted::Int:
      return std::holds_alternative<int64_t>(attribute);
    case Wanted::Ints:
      return std::holds_alternative<Ints>(attribute);
    case Wanted::Number:
      return std::holds_alternative<int64_t>(attribute) ||
             std::holds_alternative<double>(attribute);
    case Wanted::String:
      return std::holds_alternative<std::string>(attribute);
    case Wanted::Dims:
      return std::holds_alternative<Dims>(attribute);
    case Wanted::Opcode:
      return std::holds_alternative<Opcode>(attribute);
    case Wanted::Expr: {
      const auto* expr = std::get_if<std::shared_ptr<const TensorExpr>>(&attribute);
      return expr != nullptr && *expr != nullptr;
    }
    case Wanted::Tile:
      return std::holds_alternative<Tile>(attribute);
  }
  return false;
}

std::string_view text(Wanted wanted) {
  constexpr std::string_view kTexts[] = {
      "an integer",   "a list of integers",    "a number", "a string", "<dims: ...>",
      "an operation", "{a tensor expression}", "tile(...)"};
  return kTexts[static_cast<size_t>(wanted)];
}

}  // namespace

Status verifyAttributes(const VerifyContext& context, OpId id) {
  const Op& op = context.op(id);
  for (const Rule& rule : kRules) {
    if (rule.op != op.opcode) continue;
    const Attribute* found = op.attributes.find(rule.key);
    if (found == nullptr && rule.optional) continue;
    if (found == nullptr) {
      return context.fail(id, "the attribute '" + std::string(rule.key) + "' is missing");
    }
    if (!matches(*found, rule.wanted)) {
      return context.fail(id, "the attribute '" + std::string(rule.key) + "' must be " +
                                  std::string(text(rule.wanted)));
    }
  }
  return {};
}

}  // namespace quartet::ir
