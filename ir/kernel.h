// Kernel-level modules: what emitters read.
//
// A kernel is run by `groups` groups of `local` invocations each (module attribute {local: int}; 1
// on a CPU), in subgroups of {subgroup: int} where it is given: kernels with matrices need it.
// Parameters of the top region are its buffers: kernelBuffer types, 1-D, in storage
// dtypes, with an access mode. u32 launch parameters are read by `param`. The status word is
// implicit: `report`. Values are scalars or vectors (Type::scalar). Compute dtypes: bool, i32, u32,
// i64, u64, f32, f64; the narrow storage dtypes i8, u8, i16, u16, f16, bf16 appear only as the
// dtype of a load result, a stored value and as source or target of `cast`; `bool` as storage is
// one byte (0 or 1) on devices with 8-bit storage, otherwise buffers hold u32 and the lowering
// compares. Two loads and stores of one buffer by different invocations without a barrier between
// them (or by different groups at all) must not touch one element unless both read. Atomic
// operations may meet each other on an element, loads and stores likewise only behind a barrier.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/module.h"

namespace quartet::ir {

/// Lanes that lie further apart are loaded one by one.
inline constexpr int64_t kMostStride = 4;

/// Builds kernel ops at an insertion point. Folds literals and integer identities as it goes, so
/// that index arithmetic of constant shapes vanishes, and gives a pure op that a surrounding region
/// has already computed the value that it has. A loop of one literal iteration is its body with the
/// literal index, one of none is nothing (`body` is not called); a branch on a literal is the side
/// that it takes.
class KernelBuilder {
 public:
  explicit KernelBuilder(Module& kernel) : module_(kernel), region_(kernel.top()), known_(1) {}

  Module& module() { return module_; }
  RegionId region() const { return region_; }
  void setOrigin(Origin origin) { origin_ = std::move(origin); }

  /// A whole number in any dtype, floats included.
  ValueId literal(int64_t value, DType dtype = DType::I32, int lanes = 1);
  ValueId literal(int value, DType dtype = DType::I32, int lanes = 1) {
    return literal(int64_t{value}, dtype, lanes);
  }
  ValueId literal(double value, DType dtype, int lanes = 1);
  /// Any scalar op of scalar.def; operands have one type. Not for Cast.
  ValueId apply(Opcode op, std::vector<ValueId> operands);
  ValueId cast(ValueId x, DType to);
  /// The same bits as another dtype of the same width.
  ValueId bitcast(ValueId x, DType to);
  ValueId splat(ValueId x, int lanes);
  ValueId extract(ValueId x, int lane);
  /// Lanes of `a`, and behind them those of `b`, picked by their numbers.
  ValueId shuffle(ValueId a, ValueId b, std::vector<int64_t> lanes);
  ValueId reduceLanes(Opcode fn, ValueId x);
  ValueId laneId(int lanes);
  ValueId param(int index);
  ValueId groupId();
  ValueId localId();
  ValueId subgroupId();

  ValueId var(DType dtype, int lanes = 1, std::vector<Dim> extents = {});
  ValueId get(ValueId variable, ValueId index = {});
  void set(ValueId variable, ValueId value, ValueId index = {});
  ValueId shared(DType dtype, int64_t elements);

  ValueId load(ValueId buffer, ValueId index, int lanes = 1, ValueId count = {}, int64_t align = 1);
  /// Elements index, index + stride, ...; stride >= 1.
  ValueId stridedLoad(ValueId buffer, ValueId index, int lanes, int64_t stride, ValueId count = {});
  /// `streams`: what is stored should go past the caches, which cannot keep it.
  void store(ValueId buffer, ValueId index, ValueId value, ValueId count = {}, int64_t align = 1,
             bool streams = false);
  /// Asks for the line of an element, which need not be one of the buffer's.
  void prefetch(ValueId buffer, ValueId index);
  ValueId gatherLoad(ValueId buffer, ValueId indices, ValueId mask = {});
  void scatterStore(ValueId buffer, ValueId indices, ValueId value, ValueId mask = {});
  /// What the element held before.
  ValueId atomicAdd(ValueId buffer, ValueId index, ValueId value);
  void barrier();

  /// A matrix of equal elements.
  ValueId matrixSplat(ValueId x, const Type& matrix);
  ValueId matrixVar(const Type& matrix);
  ValueId matrixLoad(const Type& matrix, ValueId buffer, ValueId index, ValueId stride,
                     bool columnMajor = false);
  void matrixStore(ValueId buffer, ValueId index, ValueId stride, ValueId matrix,
                   bool columnMajor = false);
  ValueId matrixMultiplyAdd(ValueId a, ValueId b, ValueId accumulator);
  /// `detail`: an i64 of as many lanes as the condition, when given.
  void report(ValueId condition, int64_t code, int64_t node, ValueId detail = {});

  /// for (i = lo; i < hi; i += step) body(i)
  void loop(ValueId lo, ValueId hi, ValueId step, const std::function<void(ValueId)>& body);
  /// `likely`: almost all of the time is spent in `then`; compilers should keep registers for it.
  void branch(ValueId condition, const std::function<void()>& then,
              const std::function<void()>& otherwise = {}, bool likely = false);

  /// Value of an integer literal op, if it is one.
  std::optional<int64_t> intLiteral(ValueId value) const;

 private:
  using Known = std::unordered_map<std::string, ValueId>;  // pure ops of one region, by their text

  ValueId countedLoad(ValueId buffer, ValueId index, int lanes, ValueId count,
                      Attributes attributes);
  ValueId emit(Opcode op, std::vector<ValueId> operands, Type type, Attributes attributes = {});
  ValueId emitPure(Opcode op, std::vector<ValueId> operands, Type type, Attributes attributes = {});
  void emitEffect(Opcode op, std::vector<ValueId> operands, Attributes attributes = {},
                  std::vector<RegionId> regions = {});
  /// Runs `build` with the insertion point in `region`.
  void inside(RegionId region, const std::function<void()>& build);
  ValueId literalOf(int64_t bits, Type type);
  std::optional<ValueId> foldLiterals(Opcode op, const std::vector<ValueId>& operands,
                                      const Type& type);
  std::optional<ValueId> foldInteger(Opcode op, const std::vector<ValueId>& operands,
                                     const Type& type);
  std::optional<ValueId> foldSame(Opcode op, const Type& operand, const Type& type, ValueId x);
  std::optional<ValueId> foldRight(Opcode op, ValueId x, int64_t c, const Type& type);

  Module& module_;
  RegionId region_;
  Origin origin_;
  std::vector<Known> known_;  // of the regions around the insertion point, innermost last
};

/// Codes of the status, which is {code, node, detail} as two u32 and an i64, all zero when nothing
/// happened. The detail of IndexOutOfRange is the index.
enum class StatusCode : uint32_t { Ok = 0, IndexOutOfRange = 1, DivisionByZero = 2 };

/// A buffer's contents for the interpreter: elements in host representation.
struct KernelMemory {
  DType dtype;
  std::vector<std::byte> bytes;
};

/// What a run touched. Loads and stores are those of device memory.
struct KernelTraffic {
  int64_t loads = 0, stores = 0;  // elements
  int64_t loadedBytes = 0, storedBytes = 0;
  int64_t operations = 0;  // scalar operations, lanes counted
};

struct KernelRun {
  uint32_t statusCode = 0, statusNode = 0;
  int64_t statusDetail = 0;
  KernelTraffic traffic;
  int64_t loopIterations = 0;  // that a group went through in lockstep, at most (loop_count.h)
};

/// Runs a kernel with no device: invocations of a group in lockstep under masks. An integer
/// division by zero gives 0; the status word is written by `report` alone. An error (kind Internal)
/// names the op for: an access out of bounds, an undefined variable read, two invocations that race
/// (conflicting accesses to one element of device or workgroup memory without a barrier between
/// them; any conflict between groups), a barrier that not all invocations reach.
Result<KernelRun> interpret(const Module& kernel, int64_t groups,
                            std::vector<KernelMemory>& buffers,
                            const std::vector<uint32_t>& params);

}  // namespace quartet::ir
