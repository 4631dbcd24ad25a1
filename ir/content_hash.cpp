// The content hash of constants: of their bytes, dtype and shape.
#include "base/content_hash.h"

#include "base/mapped_file.h"
#include "ir/module.h"

namespace quartet::ir {

namespace {

constexpr size_t kWindow = MappedFile::kWindow;
static_assert(kWindow % ContentHasher::kStripe == 0, "windows are hashed one after another");

}  // namespace

std::string contentHash(const ConstantData& data) {
  ContentHasher hasher;
  std::span<const std::byte> rest = data.bytes;
  for (; rest.size() > kWindow; rest = rest.subspan(kWindow)) {
    hasher.addBytes(rest.first(kWindow));
    data.release(rest.first(kWindow));
  }
  hasher.addBytes(rest);
  hasher.addWords(0, static_cast<uint64_t>(data.dtype), data.bytes.size());
  for (const int64_t extent : data.shape) {
    hasher.addWords(1, static_cast<uint64_t>(extent), data.shape.size());
  }
  return hasher.finish().hex();
}

}  // namespace quartet::ir
