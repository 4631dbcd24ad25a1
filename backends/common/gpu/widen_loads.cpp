#include "backends/common/gpu/widen_loads.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>

namespace quartet::gpu {

using ir::Op;
using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

constexpr int64_t kWidth = 4;

/// An index as a value (none: 0) plus a constant.
struct Place {
  ValueId base;
  int64_t offset = 0;
};

std::optional<int64_t> literalOf(const ir::Module& kernel, ValueId value) {
  const OpId definition = kernel.value(value).definition;
  if (!definition.valid() || kernel.op(definition).opcode != Opcode::Literal) return std::nullopt;
  const auto* integer = std::get_if<int64_t>(kernel.op(definition).attributes.find("value"));
  return integer == nullptr ? std::nullopt : std::optional(*integer);
}

Place placeOf(const ir::Module& kernel, ValueId index) {
  if (const auto literal = literalOf(kernel, index)) return {{}, *literal};
  const OpId definition = kernel.value(index).definition;
  if (!definition.valid() || kernel.op(definition).opcode != Opcode::Add) return {index, 0};
  const Op& sum = kernel.op(definition);
  for (const size_t i : {0, 1}) {
    if (const auto literal = literalOf(kernel, sum.operands[1 - i])) {
      return {sum.operands[i], *literal};
    }
  }
  return {index, 0};
}

/// Whether nothing is stored to workgroup memory in a region, nor waited for: what is loaded
/// anywhere in it is the same.
bool onlyReads(const ir::Module& kernel, ir::RegionId region) {
  const auto& ops = kernel.region(region).ops;
  return std::all_of(ops.begin(), ops.end(), [&](OpId id) {
    const Op& op = kernel.op(id);
    if (!op.regions.empty() || op.opcode == Opcode::Barrier) return false;
    const bool stores = op.opcode == Opcode::Store || op.opcode == Opcode::ScatterStore;
    return !stores || kernel.type(op.operands[0]).space != ir::Space::Workgroup;
  });
}

bool isCandidate(const ir::Module& kernel, const Op& op, bool onlyReads) {
  if (op.opcode != Opcode::Load || op.operands.size() > 2 || op.attributes.has("stride")) {
    return false;
  }
  const ir::Type& buffer = kernel.type(op.operands[0]);
  const bool wide = buffer.dtype == ir::DType::F32 || buffer.dtype == ir::DType::I32 ||
                    buffer.dtype == ir::DType::U32;
  const bool constant =
      buffer.space == ir::Space::Device && buffer.access == ir::Type::Access::Read;
  const bool still = buffer.space == ir::Space::Workgroup && onlyReads;
  return wide && (constant || still) && kernel.type(op.results[0]).lanes == 1;
}

/// Puts a load of a vector in front of `first`, and makes the four its lanes.
void widen(ir::Module& kernel, ir::RegionId region, OpId first, const std::array<OpId, 4>& four) {
  const Op load = kernel.op(first);
  ir::Attributes attributes;
  attributes.set("align", kWidth);
  const ir::Type vector = ir::Type::scalar(kernel.type(load.results[0]).dtype, kWidth);
  const OpId made = kernel.addOp(region, Opcode::Load, load.operands, {vector},
                                 std::move(attributes), {}, load.origin);
  std::vector<OpId>& ops = kernel.region(region).ops;
  ops.pop_back();
  ops.insert(std::find(ops.begin(), ops.end(), first), made);
  for (size_t lane = 0; lane < four.size(); ++lane) {
    Op& op = kernel.op(four[lane]);
    op.opcode = Opcode::Extract;
    op.operands = {kernel.result(made)};
    op.attributes = {};
    op.attributes.set("lane", static_cast<int64_t>(lane));
  }
}

void widenRegion(ir::Module& kernel, ir::RegionId region) {
  std::map<std::tuple<ValueId, ValueId, int64_t>, OpId> loads;  // by buffer and place
  std::vector<OpId> aligned;
  const std::vector<OpId> ops = kernel.region(region).ops;
  const bool still = onlyReads(kernel, region);
  for (const OpId id : ops) {
    const Op& op = kernel.op(id);
    for (const ir::RegionId inner : std::vector(op.regions)) widenRegion(kernel, inner);
    if (!isCandidate(kernel, kernel.op(id), still)) continue;
    const Op& load = kernel.op(id);
    const Place place = placeOf(kernel, load.operands[1]);
    loads.emplace(std::tuple(load.operands[0], place.base, place.offset), id);
    if (load.attributes.has("align") && load.attributes.integer("align") % kWidth == 0) {
      aligned.push_back(id);
    }
  }
  for (const OpId first : aligned) {
    const ValueId buffer = kernel.op(first).operands[0];
    const Place place = placeOf(kernel, kernel.op(first).operands[1]);
    std::array<OpId, 4> four;
    bool complete = true;
    for (int64_t lane = 0; lane < kWidth && complete; ++lane) {
      const auto found = loads.find({buffer, place.base, place.offset + lane});
      // The first one's index is there when the others load.
      complete = found != loads.end() && found->second.index >= first.index;
      if (complete) four[static_cast<size_t>(lane)] = found->second;
    }
    if (complete && four[0] == first) widen(kernel, region, first, four);
  }
}

}  // namespace

void widenLoads(ir::Module& kernel) { widenRegion(kernel, kernel.top()); }

}  // namespace quartet::gpu
