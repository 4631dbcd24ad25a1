// The content hash of constants: of their bytes, dtype and shape.
#include "base/content_hash.h"

#include "ir/module.h"

namespace quartet::ir {

std::string contentHash(const ConstantData& data) {
  ContentHasher hasher;
  hasher.addBytes(data.bytes);
  hasher.addWords(0, static_cast<uint64_t>(data.dtype), data.bytes.size());
  for (const int64_t extent : data.shape) {
    hasher.addWords(1, static_cast<uint64_t>(extent), data.shape.size());
  }
  return hasher.finish().hex();
}

}  // namespace quartet::ir
