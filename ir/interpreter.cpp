// Interpretation of kernels: entry, groups, control flow.

#include "ir/interpreter.h"

#include <algorithm>
#include <utility>

#include "ir/text.h"

namespace quartet::ir {
namespace {

tl::unexpected<Diagnostic> internalError(std::string message, std::string where) {
  Diagnostic diagnostic;
  diagnostic.kind = Diagnostic::Kind::Internal;
  diagnostic.message = std::move(message);
  diagnostic.where = std::move(where);
  return tl::unexpected(std::move(diagnostic));
}

size_t invocations(const Module& kernel, std::string_view key, size_t otherwise) {
  return kernel.attributes.has(key) ? static_cast<size_t>(kernel.attributes.integer(key))
                                    : otherwise;
}

}  // namespace

Interpreter::Interpreter(const Module& kernel, const std::vector<uint32_t>& params)
    : kernel_(kernel),
      params_(params),
      local_(invocations(kernel, "local", 1)),
      subgroup_(invocations(kernel, "subgroup", local_)),
      values_(static_cast<size_t>(kernel.valueCount())),
      variables_(values_.size()),
      bound_(values_.size(), nullptr) {}

Status Interpreter::bind(std::vector<KernelMemory>& buffers) {
  const std::vector<ValueId>& parameters = kernel_.region(kernel_.top()).parameters;
  const std::string where = "kernel @" + kernel_.name;
  if (parameters.size() != buffers.size()) {
    return internalError("the kernel has " + std::to_string(parameters.size()) + " buffers, " +
                             std::to_string(buffers.size()) + " are given",
                         where);
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Type& type = kernel_.type(parameters[i]);
    if (buffers[i].dtype != type.dtype) {
      return internalError("buffer " + nameOf(parameters[i]) + " holds " +
                               std::string(name(buffers[i].dtype)) + ", the kernel wants " +
                               std::string(name(type.dtype)),
                           where);
    }
    KernelBuffer& buffer = device_.emplace_back(type.dtype, buffers[i].bytes);
    const std::optional<int64_t> declared = type.shape.at(0).constant();
    if (declared && buffer.size() < *declared) {
      return internalError("buffer " + nameOf(parameters[i]) + " holds " +
                               std::to_string(buffer.size()) + " elements, the kernel wants " +
                               std::to_string(*declared),
                           where);
    }
    bound_[static_cast<size_t>(parameters[i].index)] = &buffer;
  }
  return {};
}

Status Interpreter::runGroup(int64_t group) {
  group_ = group;
  ++phase_;
  workgroup_.clear();
  iterations_ = 0;
  Status done = runRegion(kernel_.top(), Mask(local_, 1));
  run_.loopIterations = std::max(run_.loopIterations, iterations_);
  return done;
}

Status Interpreter::runRegion(RegionId region, const Mask& mask) {
  for (const OpId op : kernel_.region(region).ops) QT_CHECK(runOp(op, mask));
  return {};
}

Status Interpreter::runOp(OpId id, const Mask& mask) {
  const Op& op = kernel_.op(id);
  switch (op.opcode) {
    case Opcode::Return:
      return {};
    case Opcode::For:
      return runFor(id, mask);
    case Opcode::If:
      return runIf(id, mask);
    case Opcode::Barrier:
      return runBarrier(id, mask);
    case Opcode::Report:
      runReport(op, mask);
      return {};
    case Opcode::Shared:
      return runShared(op);
    case Opcode::Load:
    case Opcode::Store:
    case Opcode::GatherLoad:
    case Opcode::ScatterStore:
      return runAccess(id, mask);
    case Opcode::AtomicAdd:
      return runAtomicAdd(id, mask);
    case Opcode::Prefetch:
      runPrefetch(op, mask);
      return {};
    case Opcode::MatrixLoad:
    case Opcode::MatrixStore:
    case Opcode::MatrixMultiplyAdd:
      return runMatrix(id, mask);
    case Opcode::Var:
    case Opcode::Get:
    case Opcode::Set:
      return runVariable(id, mask);
    default:
      return runValue(id, mask);
  }
}

Status Interpreter::runFor(OpId id, const Mask& mask) {
  const Op& op = kernel_.op(id);
  const RegionId body = op.regions[0];
  const ValueId index = kernel_.region(body).parameters[0];
  std::vector<int64_t> next(local_);
  Mask active(local_, 0);
  define(index);
  for (size_t i = 0; i < local_; ++i) {
    if (mask[i] == 0) continue;
    next[i] = at(op.operands[0], i)->i;
    if (at(op.operands[2], i)->i <= 0) {
      return fault(id, i, "loop step " + std::to_string(at(op.operands[2], i)->i));
    }
  }
  while (true) {
    bool any = false;
    for (size_t i = 0; i < local_; ++i) {
      active[i] = static_cast<char>(mask[i] != 0 && next[i] < at(op.operands[1], i)->i);
      if (active[i] == 0) continue;
      any = true;
      *at(index, i) = intScalar(next[i]);
      next[i] += at(op.operands[2], i)->i;
    }
    ++iterations_;
    if (!any) return {};
    QT_CHECK(runRegion(body, active));
  }
}

Status Interpreter::runIf(OpId id, const Mask& mask) {
  const Op& op = kernel_.op(id);
  for (const bool side : {true, false}) {
    Mask active(local_, 0);
    bool any = false;
    forActive(mask, [&](size_t i) {
      active[i] = static_cast<char>((at(op.operands[0], i)->i != 0) == side);
      any = any || active[i] != 0;
    });
    if (any) QT_CHECK(runRegion(op.regions[side ? 0 : 1], active));
  }
  return {};
}

Status Interpreter::runBarrier(OpId id, const Mask& mask) {
  const auto missing = std::find(mask.begin(), mask.end(), 0);
  if (missing != mask.end()) {
    return fault(id, static_cast<size_t>(missing - mask.begin()),
                 "divergent barrier: this invocation does not reach it, others do");
  }
  ++phase_;
  return {};
}

void Interpreter::runReport(const Op& op, const Mask& mask) {
  const auto lanes = static_cast<size_t>(lanesOf(op.operands[0]));
  forActive(mask, [&](size_t i) {
    const Scalar* condition = at(op.operands[0], i);
    const Scalar* raised =
        std::find_if(condition, condition + lanes, [](Scalar lane) { return lane.i != 0; });
    if (raised == condition + lanes || run_.statusCode != 0) return;
    if (op.operands.size() > 1) run_.statusDetail = at(op.operands[1], i)[raised - condition].i;
    run_.statusCode = static_cast<uint32_t>(op.attributes.integer("code"));
    run_.statusNode = static_cast<uint32_t>(op.attributes.integer("node"));
  });
}

tl::unexpected<Diagnostic> Interpreter::fault(OpId id, size_t invocation,
                                              std::string message) const {
  return internalError(std::move(message) + " (group " + std::to_string(group_) + ", invocation " +
                           std::to_string(invocation) + ")",
                       "kernel @" + kernel_.name + ": " + print(kernel_, id));
}

std::string Interpreter::nameOf(ValueId value) const {
  const std::string& name = kernel_.value(value).name;
  return "%" + (name.empty() ? std::to_string(value.index) : name);
}

Scalar* Interpreter::at(ValueId value, size_t invocation) {
  return values_[static_cast<size_t>(value.index)].data() +
         invocation * static_cast<size_t>(lanesOf(value));
}

const Scalar* Interpreter::at(ValueId value, size_t invocation) const {
  const std::vector<Scalar>& cells = values_[static_cast<size_t>(value.index)];
  QT_ASSERT(!cells.empty(), "a value is used before it is computed: " + nameOf(value));
  return cells.data() + invocation * static_cast<size_t>(lanesOf(value));
}

void Interpreter::define(ValueId value) {
  std::vector<Scalar>& cells = values_[static_cast<size_t>(value.index)];
  if (cells.empty()) cells.resize(local_ * static_cast<size_t>(lanesOf(value)), Scalar{.i = 0});
}

Result<KernelRun> interpret(const Module& kernel, int64_t groups,
                            std::vector<KernelMemory>& buffers,
                            const std::vector<uint32_t>& params) {
  QT_ASSERT(kernel.level == Level::Kernel, "interpret wants a kernel");
  Interpreter interpreter(kernel, params);
  QT_CHECK(interpreter.bind(buffers));
  for (int64_t group = 0; group < groups; ++group) QT_CHECK(interpreter.runGroup(group));
  return interpreter.run();
}

}  // namespace quartet::ir
