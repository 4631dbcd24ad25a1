// A compiled program, independent of the backend: what `backends/common` makes of a plan and what a
// backend's device turns into an executable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ir/module.h"

namespace quartet::runtime {

/// A buffer of the program: 1-D storage elements, row-major of its physical shape.
struct BufferInfo {
  enum class Kind : uint8_t { Input, Output, Constant, Arena };
  Kind kind = Kind::Arena;
  std::string name;   // inputs and outputs: the model's name; else for messages
  ir::DType storage;  // element type in the buffer
  ir::DType logical;  // element type of the tensor; wider storage is converted at the border
  std::vector<int64_t> shape;                    // logical
  ir::Layout layout;                             // inputs and outputs are row-major
  int64_t bytes = 0;                             // of the physical, padded extents in storage type
  int64_t arenaOffset = -1;                      // Arena: set by the memory planner
  std::shared_ptr<const ir::ConstantData> data;  // Constant: logical, row-major; see packConstant
  std::string hash;                              // Constant: of the data's content
};

/// What a constant looks like in its buffer, as text: equal for buffers that hold the same bytes.
std::string packedKey(const BufferInfo& constant);

/// A window of a buffer that one kernel parameter sees: `offset` in bytes from its start.
struct Binding {
  int buffer = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
};

/// One task set: `groups` groups of kernel `kernel`.
struct Dispatch {
  int kernel = 0;
  int64_t groups = 0;
  std::vector<Binding> bindings;  // one per kernel parameter, in order
  std::vector<uint32_t> parameters;
  ir::Origin origin;
  std::string name;  // of the task set
  double flops = 0;  // predicted work, for reports
  double bytes = 0;
  double cycles = 0;        // of one unit, for all of it; 0: not known
  double gigaflops = 0;     // of the matrix unit that does the flops; 0: none does
  double microseconds = 0;  // predicted
};

/// Independent task sets: one launch. Waves run one after another, each sees all writes of the
/// former.
struct Wave {
  std::vector<Dispatch> dispatches;
};

/// Waves between two moments at which a program exchanges buffers with other devices: one
/// submission.
struct Stage {
  size_t waveEnd = 0;          // its waves stand before this one, after those of the former stage
  std::vector<int> uploads;    // arena buffers that other devices computed; before its first wave
  std::vector<int> downloads;  // buffers that other devices read; after its last wave
};

/// A place in a kernel that may report: what its number stands for.
struct StatusSite {
  ir::Origin origin;
  std::string operation;  // "gather"; empty: not known
  int64_t extent = 0;     // of the axis, where an index may be out of range
};

struct Program {
  std::string name;
  std::vector<BufferInfo> buffers;
  std::vector<ir::Module> kernels;  // deduplicated by text
  std::vector<Wave> waves;
  std::vector<Stage> stages;            // empty: all waves are one, which exchanges nothing
  int64_t arenaBytes = 0;               // set by the memory planner
  int64_t arenaBound = 0;               // largest live set in bytes: what no plan can go below
  int64_t arenaSum = 0;                 // without any reuse
  std::vector<StatusSite> statusSites;  // by the node number of a status report
};

/// The stages of a program, one at least.
std::vector<Stage> stagesOf(const Program& program);

/// Bytes of a buffer's tensor on the host: logical dtype, without padding.
int64_t hostBytes(const BufferInfo& buffer);

/// Writes a constant in its buffer's storage type and layout, padding zero, over all of `to`, which
/// has the buffer's size.
void packConstant(const BufferInfo& buffer, std::span<std::byte> to);
/// The same in memory of its own, which a large constant takes a second time while it is moved on.
std::vector<std::byte> packConstant(const BufferInfo& buffer);
/// Conversions between a host tensor (logical dtype, row-major) and a buffer's storage (row-major).
void storeTensor(const BufferInfo& buffer, std::span<const std::byte> host,
                 std::span<std::byte> to);
void loadTensor(const BufferInfo& buffer, std::span<const std::byte> from,
                std::span<std::byte> host);

}  // namespace quartet::runtime
