// Memory of the host: what is free, and aligned blocks of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace quartet::cpu {

/// Bytes that this process can still allocate: what the kernel reports as available, less where a
/// control group allows less. All memory when neither is known.
int64_t availableMemory();
/// Bytes of physical memory, or of the control group's limit.
int64_t totalMemory();

/// Fails (kind Resource) when `bytes` more than are available are needed for `purpose`.
Status checkMemory(int64_t bytes, const std::string& purpose);

/// Where a block lies. The placements but Heap are for tests: the block has its pages to itself,
/// and they hold 0xff (a NaN, no valid index) instead of zeros, so that reading what nobody wrote
/// shows.
enum class Placement : uint8_t {
  Heap,
  EndsAtUnmapped,       // an access beyond its end traps
  StartsAfterUnmapped,  // an access before its start traps
};

/// Memory on a cache line's boundary (a page's when large), zeroed, every page touched.
class Block {
 public:
  Block() = default;
  static Result<Block> allocate(int64_t bytes, const std::string& purpose,
                                Placement placement = Placement::Heap);
  std::byte* data() const { return data_.get(); }
  int64_t size() const { return size_; }

 private:
  struct Release {
    Release() : Release(nullptr, 0) {}
    Release(void* pages, size_t length) : pages(pages), length(length) {}
    void operator()(std::byte* data) const;
    void* pages;  // of a placement but Heap
    size_t length;
  };
  static Result<Block> allocateApart(size_t bytes, const std::string& purpose, Placement placement);

  std::unique_ptr<std::byte, Release> data_;
  int64_t size_ = 0;
};

}  // namespace quartet::cpu
