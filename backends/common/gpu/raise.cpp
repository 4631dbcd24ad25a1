#include "backends/common/gpu/raise.h"

#include <algorithm>

#include "backends/common/gpu/widen_loads.h"
#include "backends/common/math.h"
#include "ir/staging.h"

namespace quartet::gpu {

using ir::DType;
using ir::Op;
using ir::Opcode;

namespace {

bool wideInteger(DType dtype) { return dtype == DType::I64 || dtype == DType::U64; }

/// Functions that a language may have for f32 at best, and that are not expanded for f64.
bool isFunction(Opcode op) { return op == Opcode::Pow || (op >= Opcode::Exp && op <= Opcode::Erf); }

/// What a device lacks for an operation that gives a `dtype` from a `from`; empty: nothing.
std::string lackingFor(Opcode op, DType dtype, DType from, const Limits& limits) {
  if (dtype != DType::F64 && from != DType::F64) return {};
  if (!limits.target.float64) return "64-bit floats";
  const std::string name(ir::name(op));
  if (limits.target.float64Functions) return {};
  if (isFunction(op)) return "function '" + name + "' on 64-bit floats";
  const bool converts = op == Opcode::Cast || op == Opcode::Bitcast;
  if (!converts || (!wideInteger(dtype) && !wideInteger(from))) return {};
  if (op == Opcode::Bitcast) return "bitcast of 64-bit floats";
  return limits.target.int64 ? "" : "conversion between 64-bit integers and floats";
}

class Checker {
 public:
  Checker(const ir::Module& kernel, const Limits& limits)
      : kernel_(kernel), limits_(limits), where_("kernel '" + kernel.name + "'") {}

  Status run() {
    const int64_t local = kernel_.attributes.integer("local");
    if (local > limits_.invocations) {
      return lacks("groups of " + std::to_string(local) + " invocations, its limit is " +
                   std::to_string(limits_.invocations));
    }
    const auto& buffers = kernel_.region(kernel_.top()).parameters;
    const auto bindings = static_cast<int64_t>(buffers.size());
    if (bindings > limits_.bindings) {
      return lacks(std::to_string(bindings) + " buffers in a kernel, its limit is " +
                   std::to_string(limits_.bindings));
    }
    for (const ir::ValueId buffer : buffers) QT_CHECK(checkStorage(kernel_.type(buffer).dtype));
    for (const ir::Type& type : matrixTypes(kernel_)) QT_CHECK(checkMatrix(type));
    if (sharedBytes(kernel_) > limits_.sharedBytes) {
      return lacks(std::to_string(sharedBytes(kernel_)) +
                   " bytes of workgroup memory, its limit is " +
                   std::to_string(limits_.sharedBytes));
    }
    return checkRegion(kernel_.top());
  }

 private:
  tl::unexpected<Diagnostic> lacks(const std::string& what) const {
    return unsupported("the device has no " + what, limits_.device + ", " + where_);
  }

  Status checkStorage(DType dtype) const {
    const int64_t bytes = ir::byteSize(dtype);
    if (bytes == 1 && !limits_.storage8) return lacks("8-bit storage");
    if (bytes == 2 && !limits_.storage16) return lacks("16-bit storage");
    return {};
  }

  Status checkMatrix(const ir::Type& type) const {
    if (limits_.matrices.empty()) return lacks("matrix units");
    const auto& held = limits_.matrices;
    const bool known = type.use == ir::MatrixUse::Accumulator ||
                       std::find(held.begin(), held.end(), type.dtype) != held.end();
    return known ? Status{} : lacks("matrix units for " + std::string(ir::name(type.dtype)));
  }

  Status checkRegion(ir::RegionId region) const {
    for (const ir::OpId id : kernel_.region(region).ops) {
      const Op& op = kernel_.op(id);
      QT_CHECK(checkOp(op));
      for (const ir::RegionId inner : op.regions) QT_CHECK(checkRegion(inner));
    }
    return {};
  }

  Status checkOp(const Op& op) const {
    if (op.results.empty()) return {};
    const DType dtype = kernel_.type(op.results[0]).dtype;
    const DType from = op.operands.empty() ? dtype : kernel_.type(op.operands[0]).dtype;
    const std::string lacking = lackingFor(op.opcode, dtype, from, limits_);
    if (!lacking.empty()) return lacks(lacking);
    return {};
  }

  const ir::Module& kernel_;
  const Limits& limits_;
  std::string where_;
};

}  // namespace

Status supports(const ir::TensorExpr& expr, const Limits& limits) {
  std::string lacking;
  const auto check = [&](const ir::Expr& node) {
    if (!lacking.empty()) return;
    const bool applies = node.kind() == ir::Expr::Kind::Apply;
    const DType from = applies && !node.args().empty() ? node.args()[0].dtype() : node.dtype();
    lacking = lackingFor(applies ? node.op() : Opcode::Load, node.dtype(), from, limits);
  };
  expr.visitParts([&](const ir::Expr& part) { part.visit(check); });
  if (lacking.empty()) return {};
  return unsupported("the device has no " + lacking, limits.device);
}

int64_t sharedBytes(const ir::Module& kernel) {
  int64_t bytes = 0;
  for (int i = 0; i < kernel.valueCount(); ++i) {
    const ir::Type& type = kernel.type(ir::ValueId{i});
    if (type.kind != ir::Type::Kind::Buffer || type.space != ir::Space::Workgroup) continue;
    // A bool is held in 32 bits.
    const int64_t size = type.dtype == DType::Bool ? 4 : ir::byteSize(type.dtype);
    bytes += ir::workgroupArrayBytes(type.shape[0].value() * size);
  }
  return bytes;
}

Result<ir::Module> raise(const ir::Module& kernel, const Limits& limits) {
  ir::Module raised = common::expandMath(kernel);
  widenLoads(raised);
  QT_CHECK(Checker(raised, limits).run());
  return raised;
}

}  // namespace quartet::gpu
