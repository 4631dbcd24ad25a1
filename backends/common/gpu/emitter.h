// Inside of print_kernel: one kernel being printed. Included by emit_*.cpp only.
//
// A kernel value becomes one or more values of the language, its parts: a scalar one scalar; a
// vector its lanes in vectors of up to 4, or, for 64-bit integers made of two words, one uvec2 per
// lane. Narrow dtypes are held wide: i8 and i16 as int, u8 and u16 as uint, f16 and bf16 as float,
// with values that the narrow dtype represents.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backends/common/gpu/print_kernel.h"
#include "ir/module.h"

namespace quartet::gpu {

/// Views of one kernel buffer: the widths, in elements, that it is accessed by.
using Widths = std::set<int>;

/// Parts of a kernel value, each an expression without side effects, cheap to repeat.
struct Parts {
  ir::DType dtype = ir::DType::F32;
  int lanes = 1;
  int width = 4;  // lanes of a full part
  std::vector<std::string> text;
  bool notNan = false;  // known: a literal
};

class Emitter {
 public:
  Emitter(const ir::Module& kernel, const Language& language, const Target& target,
          Prelude& prelude, const KernelPlace& place);
  PrintedKernel run();

 private:
  // emit_kernel.cpp
  void emitRegion(ir::RegionId region);
  void emitOp(const ir::Op& op);
  void emitFor(const ir::Op& op);
  void emitIf(const ir::Op& op);
  void emitLiteral(const ir::Op& op);
  void emitLanes(const ir::Op& op);
  void emitExtract(const ir::Op& op);
  void emitVar(const ir::Op& op);
  void emitGet(const ir::Op& op);
  void emitSet(const ir::Op& op);
  void emitReport(const ir::Op& op);
  std::string reportDetail(const ir::Op& op);
  void emitBarrier();
  void emitReduceLanes(const ir::Op& op);

  // emit_memory.cpp
  void declareBuffers();
  void declareShared(const ir::Op& op);
  void scanAccesses(ir::RegionId region);
  int accessWidth(const ir::Op& op) const;
  void emitLoad(const ir::Op& op);
  void emitStore(const ir::Op& op);
  void emitGather(const ir::Op& op);
  void emitScatter(const ir::Op& op);
  void emitAtomicAdd(const ir::Op& op);
  std::string element(ir::ValueId buffer, int width, const std::string& index) const;
  std::string fromStorage(ir::DType dtype, int lanes, const std::string& stored) const;
  std::string toStorage(ir::DType dtype, int lanes, const std::string& value) const;
  std::string storageType(ir::DType dtype, int width) const;
  bool viewable(ir::DType dtype) const;
  /// Whether elements of the buffer are of their storage type, and not of that of values.
  bool stored(const ir::Type& buffer) const;

  // emit_matrix.cpp
  bool emitMatrix(const ir::Op& op);
  void emitMatrixLoad(const ir::Op& op);
  void emitMatrixStore(const ir::Op& op);
  void emitMatrixVariable(const ir::Op& op);
  void defineMatrix(ir::ValueId result, const std::string& value);
  std::string place(const ir::Op& op) const;

  // emit_scalar.cpp
  void emitScalar(const ir::Op& op);
  /// What is known of an operation beside its operands.
  struct Known {
    bool withLiteral = false;  // the second operand of a minimum or a factor of an fma is no NaN
    bool position = false;     // an integer that does not overflow
  };
  std::string apply(ir::Opcode op, ir::DType dtype, int lanes, const std::vector<std::string>& args,
                    const Known& known);
  std::string wrapping(ir::Opcode op, ir::DType dtype, int lanes,
                       const std::vector<std::string>& args);
  std::string onFloat(ir::Opcode op, ir::DType dtype, int lanes,
                      const std::vector<std::string>& args, bool withLiteral);
  std::string onInteger(ir::Opcode op, ir::DType dtype, int lanes,
                        const std::vector<std::string>& args);
  std::string onPair(ir::Opcode op, ir::DType dtype, const std::vector<std::string>& args);
  std::string onBool(ir::Opcode op, int lanes, const std::vector<std::string>& args);
  std::string compare(ir::Opcode op, int lanes, const std::vector<std::string>& args);
  std::string select(ir::DType dtype, int lanes, const std::vector<std::string>& args);
  void emitCast(const ir::Op& op);
  std::string cast(ir::DType from, ir::DType to, int lanes, const std::string& x);
  void emitBitcast(const ir::Op& op);

  // shared
  bool pair(ir::DType dtype) const;  // a 64-bit integer made of two words
  int width(ir::DType dtype) const { return pair(dtype) ? 1 : 4; }
  /// Type of `lanes` (1..4) of a value.
  std::string type(ir::DType dtype, int lanes) const;
  std::string zero(ir::DType dtype, int lanes) const;
  std::string call(const std::string& function, const std::vector<std::string>& args);
  Parts shape(ir::DType dtype, int lanes) const;  // no text yet, one entry per part
  int partLanes(const Parts& parts, size_t i) const;
  std::string lane(const Parts& parts, int lane) const;
  std::string compose(ir::DType dtype, const std::vector<std::string>& lanes) const;
  const Parts& value(ir::ValueId id) const { return values_[static_cast<size_t>(id.index)]; }
  std::string scalar(ir::ValueId id) const { return value(id).text[0]; }
  /// Declares a constant for each part of the op's result.
  void define(ir::ValueId result, Parts parts, bool precise = false);
  std::string name(ir::ValueId id, size_t part, const Parts& parts) const;
  void line(const std::string& text);
  std::string fresh() { return "t" + std::to_string(temporaries_++); }

  const ir::Module& kernel_;
  const Language& language_;
  const Target& target_;
  Prelude& prelude_;
  KernelPlace place_;
  std::vector<Parts> values_;    // by value id
  std::vector<Widths> widths_;   // by value id, of buffers
  std::vector<bool> positions_;  // by value id, where overflow is undefined
  PrintedKernel printed_;
  int indent_ = 1;
  int temporaries_ = 0;
  bool coherent_ = false;  // barriers order accesses to device buffers too
};

}  // namespace quartet::gpu
