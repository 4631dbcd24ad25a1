// Between vectors and their lanes.
#include "backends/common/gpu/emitter.h"

namespace quartet::gpu {

using ir::Op;
using ir::Opcode;

void Emitter::emitLanes(const Op& op) {
  const ir::Type& type = kernel_.type(op.results[0]);
  std::vector<std::string> lanes;
  for (int i = 0; i < type.lanes; ++i) {
    if (op.opcode == Opcode::Shuffle) {
      const auto from = static_cast<int>(
          op.attributes.get<std::vector<int64_t>>("lanes")[static_cast<size_t>(i)]);
      const int width = kernel_.type(op.operands[0]).lanes;
      lanes.push_back(from < width ? lane(value(op.operands[0]), from)
                                   : lane(value(op.operands[1]), from - width));
      continue;
    }
    lanes.push_back(op.opcode == Opcode::LaneId ? std::to_string(i) : scalar(op.operands[0]));
  }
  Parts parts = shape(type.dtype, type.lanes);
  for (size_t i = 0; i < parts.text.size(); ++i) {
    const auto first = lanes.begin() + static_cast<int64_t>(i) * parts.width;
    const std::vector<std::string> part(first, first + partLanes(parts, i));
    const bool splat = op.opcode == Opcode::Splat && part.size() > 1;
    parts.text[i] =
        splat ? this->type(type.dtype, static_cast<int>(part.size())) + "(" + part[0] + ")"
              : compose(type.dtype, part);
  }
  define(op.results[0], std::move(parts));
}

void Emitter::emitExtract(const Op& op) {
  Parts parts = shape(kernel_.type(op.results[0]).dtype, 1);
  parts.text[0] = lane(value(op.operands[0]), static_cast<int>(op.attributes.integer("lane")));
  values_[static_cast<size_t>(op.results[0].index)] = std::move(parts);
}

// A pairwise tree: lanes i and i + n/2 meet first.
void Emitter::emitReduceLanes(const Op& op) {
  const Parts& from = value(op.operands[0]);
  const auto fn = op.attributes.get<Opcode>("fn");
  std::vector<std::string> lanes;
  for (int i = 0; i < from.lanes; ++i) lanes.push_back(lane(from, i));
  const auto meet = [&](const std::string& a, const std::string& b) {
    std::string sum = fresh();
    const std::string precise = ir::isFloat(from.dtype) ? language_.precise : "";
    line(precise + type(from.dtype, 1) + " " + sum + " = " + apply(fn, from.dtype, 1, {a, b}, {}) +
         ";");
    return sum;
  };
  while (lanes.size() > 1 && lanes.size() % 2 == 0) {
    const size_t half = lanes.size() / 2;
    for (size_t i = 0; i < half; ++i) lanes[i] = meet(lanes[i], lanes[i + half]);
    lanes.resize(half);
  }
  for (size_t i = 1; i < lanes.size(); ++i) lanes[0] = meet(lanes[0], lanes[i]);
  Parts parts = shape(from.dtype, 1);
  parts.text[0] = lanes[0];
  values_[static_cast<size_t>(op.results[0].index)] = std::move(parts);
}

}  // namespace quartet::gpu
