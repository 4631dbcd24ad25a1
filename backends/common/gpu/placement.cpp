#include "backends/common/gpu/placement.h"

namespace quartet::gpu {

Placement place(std::span<const int64_t> bytes, int64_t align, int64_t maxBytes) {
  Placement placement;
  for (const int64_t size : bytes) {
    int64_t offset = 0;
    if (!placement.blockBytes.empty()) {
      offset = (placement.blockBytes.back() + align - 1) / align * align;
    }
    if (placement.blockBytes.empty() || offset + size > maxBytes) {
      placement.blockBytes.push_back(0);
      offset = 0;
    }
    placement.places.push_back({static_cast<int>(placement.blockBytes.size()) - 1, offset});
    placement.blockBytes.back() = offset + size;
  }
  return placement;
}

}  // namespace quartet::gpu
