#include "api/host_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <string>

namespace quartet::api {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

int64_t meminfoAvailable() {
  std::ifstream in("/proc/meminfo");
  std::string key;
  int64_t kilobytes = 0;
  std::string unit;
  while (in >> key >> kilobytes) {
    std::getline(in, unit);
    if (key == "MemAvailable:") return kilobytes * 1024;
  }
  return kUnlimited;
}

int64_t readNumber(const char* path) {
  std::ifstream in(path);
  int64_t number = 0;
  return in >> number ? number : kUnlimited;  // "max" is no number
}

int64_t groupAvailable() {
  const int64_t limit = readNumber("/sys/fs/cgroup/memory.max");
  const int64_t current = readNumber("/sys/fs/cgroup/memory.current");
  if (limit == kUnlimited || current == kUnlimited) return kUnlimited;
  return std::max<int64_t>(0, limit - current);
}

int64_t addSaturating(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? kUnlimited : sum;
}

int64_t valueBytes(const ir::Module& graph, ir::ValueId value, const ir::SymbolValues& symbols) {
  const ir::Type& type = graph.type(value);
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : type.shape) {
    const auto extent = dim.evaluate(symbols);
    if (!extent) return 0;
    shape.push_back(*extent);
  }
  return tensorBytes(type.dtype, shape);
}

}  // namespace

int64_t availableHostMemory() { return std::min(meminfoAvailable(), groupAvailable()); }

int64_t tensorBytes(ir::DType dtype, const std::vector<int64_t>& shape) {
  int64_t bytes = ir::byteSize(dtype);
  for (int64_t extent : shape) {
    if (extent == 0) return 0;
  }
  for (int64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return kUnlimited;
  }
  return bytes;
}

int64_t evaluationBytes(const ir::Module& graph, const ir::SymbolValues& symbols) {
  const std::vector<ir::OpId>& ops = graph.region(graph.top()).ops;
  std::vector<size_t> lastUse(static_cast<size_t>(graph.valueCount()), 0);
  for (size_t i = 0; i < ops.size(); ++i) {
    for (ir::ValueId operand : graph.op(ops[i]).operands) {
      lastUse[static_cast<size_t>(operand.index)] = i;
    }
  }
  int64_t live = 0;
  for (ir::ValueId parameter : graph.region(graph.top()).parameters) {
    live = addSaturating(live, valueBytes(graph, parameter, symbols));
  }
  int64_t peak = live;
  for (size_t i = 0; i < ops.size(); ++i) {
    const ir::Op& op = graph.op(ops[i]);
    if (op.opcode == ir::Opcode::Constant) continue;
    for (ir::ValueId result : op.results)
      live = addSaturating(live, valueBytes(graph, result, symbols));
    peak = std::max(peak, live);
    if (live == kUnlimited) return live;
    std::vector<ir::ValueId> dying = op.operands;
    std::sort(dying.begin(), dying.end());
    dying.erase(std::unique(dying.begin(), dying.end()), dying.end());
    for (ir::ValueId operand : dying) {
      const bool computed = graph.value(operand).definition.valid() && !graph.constantOf(operand);
      if (computed && lastUse[static_cast<size_t>(operand.index)] == i) {
        live -= valueBytes(graph, operand, symbols);
      }
    }
  }
  return peak;
}

Status checkHostMemory(int64_t bytes, const std::string& what) {
  const int64_t available = availableHostMemory();
  if (bytes <= available) return {};
  return resourceError(
      what + " needs " + bytesText(bytes) + ", the host has " + bytesText(available) + " free", {},
      "use smaller shapes (--shape), or a machine with more memory");
}

std::string bytesText(int64_t bytes) {
  if (bytes == kUnlimited) return "more than 8 EiB";
  static constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.4g} {}", value, kUnits[unit]);
}

}  // namespace quartet::api
