// The kernel interpreter: loads and stores.

#include <algorithm>
#include <string>

#include "ir/interpreter.h"

namespace quartet::ir {
namespace {

bool isStore(Opcode op) {
  return op == Opcode::Store || op == Opcode::ScatterStore || op == Opcode::MatrixStore;
}

}  // namespace

Status Interpreter::runShared(const Op& op) {
  const Type& type = kernel_.type(op.results[0]);
  bound_[static_cast<size_t>(op.results[0].index)] =
      &workgroup_.emplace_back(type.dtype, type.shape.at(0).value());
  return {};
}

Status Interpreter::runAccess(OpId id, const Mask& mask) {
  const Op& op = kernel_.op(id);
  const bool block = op.opcode == Opcode::Load || op.opcode == Opcode::Store;
  const Type& buffer = kernel_.type(op.operands[0]);
  const bool store = isStore(op.opcode);
  if (buffer.access == (store ? Type::Access::Read : Type::Access::Write)) {
    return fault(id, 0, "the access mode of the buffer forbids this");
  }
  if (!store) define(op.results[0]);
  for (size_t i = 0; i < local_; ++i) {
    if (mask[i] != 0) QT_CHECK(block ? accessBlock(id, i) : accessLanes(id, i));
  }
  return {};
}

// load, store: consecutive elements, or every stride-th, the first `count` of them.
Status Interpreter::accessBlock(OpId id, size_t invocation) {
  const Op& op = kernel_.op(id);
  const bool store = isStore(op.opcode);
  const ValueId value = store ? op.operands[2] : op.results[0];
  const size_t countOperand = store ? 3 : 2;
  const int64_t lanes = lanesOf(value);
  int64_t count = lanes;
  if (op.operands.size() > countOperand) {
    count = std::clamp<int64_t>(at(op.operands[countOperand], invocation)->i, 0, lanes);
  }
  const int64_t index = at(op.operands[1], invocation)->i;
  const Attribute* align = op.attributes.find("align");
  if (align != nullptr && count > 0 && index % std::get<int64_t>(*align) != 0) {
    return fault(id, invocation,
                 "index " + std::to_string(index) + " is no multiple of the stated alignment");
  }
  const int64_t stride = op.attributes.has("stride") ? op.attributes.integer("stride") : 1;
  Scalar* cells = at(value, invocation);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    if (lane < count) {
      QT_CHECK(accessElement(id, index + lane * stride, invocation, cells[lane]));
    } else if (!store) {
      cells[lane] = Scalar{.i = 0};
    }
  }
  return {};
}

// gather_load, scatter_store: an index per lane, where the mask is true.
Status Interpreter::accessLanes(OpId id, size_t invocation) {
  const Op& op = kernel_.op(id);
  const bool store = isStore(op.opcode);
  const ValueId value = store ? op.operands[2] : op.results[0];
  const size_t maskOperand = store ? 3 : 2;
  const Scalar* mask =
      op.operands.size() > maskOperand ? at(op.operands[maskOperand], invocation) : nullptr;
  const Scalar* indices = at(op.operands[1], invocation);
  Scalar* cells = at(value, invocation);
  for (int lane = 0; lane < lanesOf(value); ++lane) {
    if (mask == nullptr || mask[lane].i != 0) {
      QT_CHECK(accessElement(id, indices[lane].i, invocation, cells[lane]));
    } else if (!store) {
      cells[lane] = Scalar{.i = 0};
    }
  }
  return {};
}

Status Interpreter::accessElement(OpId id, int64_t index, size_t invocation, Scalar& value) {
  const Op& op = kernel_.op(id);
  const bool store = isStore(op.opcode);
  KernelBuffer* buffer = bound_[static_cast<size_t>(op.operands[0].index)];
  QT_ASSERT(buffer != nullptr, "an unbound buffer: " + nameOf(op.operands[0]));
  const Accessor by{group_, phase_, static_cast<int32_t>(invocation)};
  const KernelBuffer::Fault what =
      store ? buffer->write(index, by, value) : buffer->read(index, by, value);
  if (what == KernelBuffer::Fault::None) countAccess(*buffer, store);
  return accessFault(id, index, invocation, what);
}

void Interpreter::runPrefetch(const Op& op, const Mask& mask) {
  forActive(mask,
            [&](size_t i) { prefetched_.emplace_back(op.operands[0], at(op.operands[1], i)->i); });
}

// atomic_add: the invocations of a group one after another.
Status Interpreter::runAtomicAdd(OpId id, const Mask& mask) {
  const Op& op = kernel_.op(id);
  KernelBuffer* buffer = bound_[static_cast<size_t>(op.operands[0].index)];
  QT_ASSERT(buffer != nullptr, "an unbound buffer: " + nameOf(op.operands[0]));
  define(op.results[0]);
  for (size_t i = 0; i < local_; ++i) {
    if (mask[i] == 0) continue;
    const int64_t index = at(op.operands[1], i)->i;
    const Accessor by{group_, phase_, static_cast<int32_t>(i)};
    const KernelBuffer::Fault what =
        buffer->atomicAdd(index, by, *at(op.operands[2], i), *at(op.results[0], i));
    QT_CHECK(accessFault(id, index, i, what));
    countAccess(*buffer, false);
    countAccess(*buffer, true);
  }
  return {};
}

void Interpreter::countAccess(const KernelBuffer& buffer, bool store) {
  if (!buffer.isDevice()) return;
  KernelTraffic& traffic = run_.traffic;
  (store ? traffic.stores : traffic.loads) += 1;
  (store ? traffic.storedBytes : traffic.loadedBytes) += byteSize(buffer.dtype());
}

Status Interpreter::accessFault(OpId id, int64_t index, size_t invocation,
                                KernelBuffer::Fault what) const {
  const std::string element = "element " + std::to_string(index) + " of the buffer";
  switch (what) {
    case KernelBuffer::Fault::None:
      return {};
    case KernelBuffer::Fault::OutOfBounds: {
      const KernelBuffer& buffer = *bound_[static_cast<size_t>(kernel_.op(id).operands[0].index)];
      return fault(id, invocation,
                   element + " is out of bounds: it has " + std::to_string(buffer.size()));
    }
    case KernelBuffer::Fault::Undefined:
      return fault(id, invocation, element + " is read before it is written");
    case KernelBuffer::Fault::RaceInGroup:
      return fault(id, invocation,
                   "race: another invocation accesses " + element + " with no barrier between");
    default:
      return fault(id, invocation, "race: another group accesses " + element);
  }
}

}  // namespace quartet::ir
