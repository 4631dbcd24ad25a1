// Types of the kernel level.
#include <algorithm>

#include "ir/scalar_type.h"
#include "ir/verify_context.h"

namespace quartet::ir {

namespace {

bool isNarrow(DType dtype) {
  return dtype == DType::I8 || dtype == DType::U8 || dtype == DType::I16 || dtype == DType::U16 ||
         dtype == DType::F16 || dtype == DType::BF16;
}

bool isScalarType(const Type& type) { return type.kind == Type::Kind::Scalar; }

bool isIndex(const Type& type) { return type == Type::scalar(DType::I32); }

bool isMatrix(const Type& type) { return type.kind == Type::Kind::Matrix; }

/// Values or variables of matrices take part in it.
bool onMatrices(const VerifyContext& context, const Op& op) {
  const auto isOne = [&](ValueId id) { return context.type(id).rows > 0; };
  return std::any_of(op.operands.begin(), op.operands.end(), isOne) ||
         std::any_of(op.results.begin(), op.results.end(), isOne);
}

class KernelOpVerifier {
 public:
  KernelOpVerifier(const VerifyContext& context, OpId id)
      : context_(context), id_(id), op_(context.op(id)) {}

  Status run() const {
    if (isScalar(op_.opcode)) return apply();
    switch (op_.opcode) {
      case Opcode::Param:
      case Opcode::GroupId:
      case Opcode::LocalId:
      case Opcode::SubgroupId:
        return require(isIndex(result()), "the result is i32");
      case Opcode::Literal:
        return literal();
      case Opcode::Splat:
        return require(isScalarType(operand(0)) && operand(0).lanes == 1 &&
                           (result() == Type::scalar(operand(0).dtype, result().lanes) ||
                            (isMatrix(result()) && result().dtype == operand(0).dtype)),
                       "splat makes a vector or a matrix of a scalar");
      case Opcode::LaneId:
        return require(result() == Type::scalar(DType::I32, result().lanes),
                       "the result is a vector of i32");
      case Opcode::Bitcast:
        return require(isScalarType(operand(0)) && isScalarType(result()) &&
                           operand(0).lanes == result().lanes &&
                           byteSize(operand(0).dtype) == byteSize(result().dtype),
                       "bitcast keeps width and lanes");
      case Opcode::Extract:
        return extract();
      case Opcode::Shuffle:
        return shuffle();
      case Opcode::ReduceLanes:
        return reduceLanes();
      case Opcode::For:
        return loop();
      case Opcode::If:
        return branch();
      case Opcode::Var:
        return require(result().kind == Type::Kind::Variable, "the result is a variable");
      case Opcode::MatrixLoad:
      case Opcode::MatrixStore:
        return matrixAccess();
      case Opcode::MatrixMultiplyAdd:
        return multiplyAdd();
      case Opcode::Get:
        return get();
      case Opcode::Set:
        return set();
      case Opcode::AtomicAdd:
        return atomicAdd();
      case Opcode::Prefetch:
        return prefetch();
      case Opcode::Shared:
        return require(result().kind == Type::Kind::Buffer && result().shape.size() == 1 &&
                           result().space == Space::Workgroup,
                       "the result is a 1-D workgroup buffer");
      case Opcode::Report:
        return report();
      default:
        return access();
    }
  }

 private:
  Status report() const {
    QT_CHECK(require(isScalarType(operand(0)) && operand(0).dtype == DType::Bool,
                     "the condition is bool"));
    if (op_.operands.size() < 2) return {};
    return require(isScalarType(operand(1)) && operand(1).dtype == DType::I64 &&
                       operand(1).lanes == operand(0).lanes,
                   "the detail is an i64 of as many lanes as the condition");
  }

  Status require(bool holds, const char* message) const {
    if (holds) return {};
    return context_.fail(id_, message);
  }

  const Type& operand(size_t i) const { return context_.operandType(id_, i); }
  const Type& result() const { return context_.resultType(id_); }

  Status apply() const {
    std::vector<DType> dtypes;
    for (size_t i = 0; i < op_.operands.size(); ++i) {
      QT_CHECK(require(isScalarType(operand(i)) && operand(i).lanes == result().lanes,
                       "operands and result are scalars or vectors of one width"));
      dtypes.push_back(operand(i).dtype);
    }
    QT_CHECK(require(isScalarType(result()), "the result is a scalar or a vector"));
    if (op_.opcode == Opcode::Cast) return {};
    for (const DType dtype : dtypes) {
      QT_CHECK(require(!isNarrow(dtype), "arithmetic is on bool and 32 or 64 bits"));
    }
    const auto dtype = scalarResult(op_.opcode, dtypes);
    if (!dtype) return context_.fail(id_, dtype.error().message);
    return require(*dtype == result().dtype, "the result has another dtype than its operation");
  }

  Status literal() const {
    QT_CHECK(require(isScalarType(result()), "the result is a scalar or a vector"));
    const bool real = std::holds_alternative<double>(*op_.attributes.find("value"));
    return require(!real || isFloat(result().dtype), "an integer literal has an integer value");
  }

  Status extract() const {
    const int64_t lane = op_.attributes.integer("lane");
    QT_CHECK(require(isScalarType(operand(0)) && result() == Type::scalar(operand(0).dtype),
                     "extract gives a scalar of the vector's dtype"));
    return require(lane >= 0 && lane < operand(0).lanes, "'lane' is beyond the vector");
  }

  Status shuffle() const {
    const auto& lanes = op_.attributes.get<std::vector<int64_t>>("lanes");
    QT_CHECK(require(isScalarType(operand(0)) && operand(0) == operand(1) && operand(0).lanes > 1 &&
                         lanes.size() > 1 &&
                         result() == Type::scalar(operand(0).dtype, static_cast<int>(lanes.size())),
                     "shuffle takes two vectors of one type and gives one of their dtype"));
    const bool known = std::all_of(lanes.begin(), lanes.end(), [&](int64_t lane) {
      return lane >= 0 && lane < 2 * int64_t{operand(0).lanes};
    });
    return require(known, "'lanes' are beyond the vectors");
  }

  Status reduceLanes() const {
    constexpr Opcode kFunctions[] = {Opcode::Add, Opcode::Mul, Opcode::Max,
                                     Opcode::Min, Opcode::And, Opcode::Or};
    const Opcode fn = op_.attributes.get<Opcode>("fn");
    const bool known =
        std::find(std::begin(kFunctions), std::end(kFunctions), fn) != std::end(kFunctions);
    QT_CHECK(require(known, "'fn' is not one that lanes are reduced by"));
    return require(isScalarType(operand(0)) && result() == Type::scalar(operand(0).dtype),
                   "reduce_lanes gives a scalar of the vector's dtype");
  }

  Status loop() const {
    for (size_t i = 0; i < 3; ++i) {
      QT_CHECK(require(isIndex(operand(i)), "bounds and step of a loop are i32"));
    }
    const Region& body = context_.module.region(op_.regions[0]);
    QT_CHECK(require(body.parameters.size() == 1 && isIndex(context_.type(body.parameters[0])),
                     "the body of a loop has one i32 parameter"));
    const OpId step = context_.module.value(op_.operands[2]).definition;
    if (!step.valid() || context_.op(step).opcode != Opcode::Literal) return {};
    const auto* value = std::get_if<int64_t>(context_.op(step).attributes.find("value"));
    return require(value != nullptr && *value > 0, "the step of a loop is positive");
  }

  Status branch() const {
    QT_CHECK(require(operand(0) == Type::scalar(DType::Bool), "the condition is a scalar bool"));
    for (const RegionId region : op_.regions) {
      QT_CHECK(require(context_.module.region(region).parameters.empty(),
                       "the sides of a branch have no parameters"));
    }
    return {};
  }

  /// Operand 0 is a variable; the index, operand `at`, is there when it is an array.
  Status variable(size_t at) const {
    const Type& type = operand(0);
    QT_CHECK(require(type.kind == Type::Kind::Variable, "operand 0 is a variable"));
    const bool indexed = op_.operands.size() > at;
    QT_CHECK(require(indexed == !type.shape.empty(), "an array has an index, no other variable"));
    return require(!indexed || isIndex(operand(at)), "an index is i32");
  }

  Status get() const {
    QT_CHECK(variable(1));
    return require(result() == operand(0).held(), "the result has the variable's type");
  }

  Status set() const {
    QT_CHECK(variable(2));
    return require(operand(1) == operand(0).held(), "the value has the variable's type");
  }

  /// Operand 0 is a buffer that may be loaded from, or stored to.
  Status buffer(bool loads) const {
    const Type& buffer = operand(0);
    QT_CHECK(require(buffer.kind == Type::Kind::Buffer, "operand 0 is a buffer"));
    QT_CHECK(require(!loads || buffer.access != Type::Access::Write,
                     "a load from a buffer that is only written"));
    return require(loads || buffer.access != Type::Access::Read,
                   "a store to a buffer that is only read");
  }

  Status matrixAccess() const {
    const bool loads = op_.opcode == Opcode::MatrixLoad;
    QT_CHECK(buffer(loads));
    const Type& matrix = loads ? result() : operand(3);
    QT_CHECK(require(isMatrix(matrix) && matrix.dtype == operand(0).dtype,
                     "the matrix has the buffer's dtype"));
    QT_CHECK(
        require(loads || matrix.use == MatrixUse::Accumulator, "accumulators alone are stored"));
    return require(isIndex(operand(1)) && isIndex(operand(2)), "index and stride are i32");
  }

  Status multiplyAdd() const {
    const Type& a = operand(0);
    const Type& b = operand(1);
    const Type& sum = operand(2);
    QT_CHECK(require(isMatrix(a) && isMatrix(b) && isMatrix(sum) && a.use == MatrixUse::A &&
                         b.use == MatrixUse::B && sum.use == MatrixUse::Accumulator &&
                         result() == sum,
                     "matrix_multiply_add takes matrices a, b and accumulator, and gives one like "
                     "the last"));
    QT_CHECK(require(a.rows == sum.rows && a.columns == b.rows && b.columns == sum.columns,
                     "the shapes of a product are [m, k], [k, n] and [m, n]"));
    const bool floats = isFloat(a.dtype) && isFloat(b.dtype) && isFloat(sum.dtype);
    const bool integers = isInteger(a.dtype) && isInteger(b.dtype) && isInteger(sum.dtype);
    return require(floats || integers, "a product is of floats alone, or of integers");
  }

  Status atomicAdd() const {
    QT_CHECK(buffer(true));
    QT_CHECK(buffer(false));
    const Type& to = operand(0);
    QT_CHECK(
        require(to.space == Space::Device && (to.dtype == DType::I32 || to.dtype == DType::U32),
                "atomics are on i32 and u32 in device memory"));
    QT_CHECK(require(isIndex(operand(1)), "the index is i32"));
    return require(operand(2) == Type::scalar(to.dtype) && result() == operand(2),
                   "value and result are scalars of the buffer's dtype");
  }

  Status prefetch() const {
    QT_CHECK(buffer(true));
    QT_CHECK(require(operand(0).space == Space::Device, "prefetched is from device memory"));
    return require(isIndex(operand(1)), "the index is i32");
  }

  Status access() const {
    const bool loads = op_.opcode == Opcode::Load || op_.opcode == Opcode::GatherLoad;
    const bool stores = op_.opcode == Opcode::Store || op_.opcode == Opcode::ScatterStore;
    if (!loads && !stores) return {};
    QT_CHECK(buffer(loads));
    const Type& buffer = operand(0);
    const Type& value = loads ? result() : operand(2);
    QT_CHECK(require(isScalarType(value) && value.dtype == buffer.dtype,
                     "the value has the buffer's dtype"));
    const size_t last = loads ? 2 : 3;  // the optional count or mask
    const bool limited = op_.operands.size() > last;
    if (op_.opcode == Opcode::Load || op_.opcode == Opcode::Store) {
      if (op_.attributes.has("stride")) {
        QT_CHECK(require(op_.attributes.integer("stride") >= 2, "the stride is 2 or more"));
        QT_CHECK(require(!op_.attributes.has("align"), "a load with a stride has no alignment"));
      }
      QT_CHECK(require(isIndex(operand(1)), "the index is i32"));
      return require(!limited || isIndex(operand(last)), "the count is i32");
    }
    QT_CHECK(require(operand(1) == Type::scalar(DType::I32, value.lanes),
                     "the indices are i32, one per lane"));
    return require(!limited || operand(last) == Type::scalar(DType::Bool, value.lanes),
                   "the mask is bool, one per lane");
  }

  const VerifyContext& context_;
  OpId id_;
  const Op& op_;
};

/// Which values may differ between the invocations of a group, or of a subgroup, and which control
/// flow they decide.
class Divergence {
 public:
  explicit Divergence(const VerifyContext& context)
      : context_(context), same_(static_cast<size_t>(context.module.valueCount()), Same::InGroup) {}

  Status run() {
    do {
      changed_ = false;
      region(context_.module.top(), Same::InGroup);
    } while (changed_);
    return found_;
  }

 private:
  /// Among which invocations a value, or what flow they take, is the same: ever fewer.
  enum class Same : uint8_t { InGroup, InSubgroup, Nowhere };

  void mark(ValueId id, Same same) {
    Same& known = same_[static_cast<size_t>(id.index)];
    if (same <= known) return;
    known = same;
    changed_ = true;
  }

  Same least(const std::vector<ValueId>& ids) const {
    Same same = Same::InGroup;
    for (const ValueId id : ids) same = std::max(same, same_[static_cast<size_t>(id.index)]);
    return same;
  }

  static Same sourceOf(Opcode op) {
    switch (op) {
      case Opcode::LocalId:
      case Opcode::LaneId:
      case Opcode::Load:
      case Opcode::GatherLoad:
      case Opcode::AtomicAdd:
        return Same::Nowhere;
      case Opcode::SubgroupId:
      case Opcode::MatrixLoad:
        return Same::InSubgroup;
      default:
        return Same::InGroup;
    }
  }

  void region(RegionId id, Same flow) {
    for (const OpId opId : context_.module.region(id).ops) op(opId, flow);
  }

  void op(OpId id, Same flow) {
    const Op& op = context_.op(id);
    const Same inputs = least(op.operands);
    for (const ValueId result : op.results) mark(result, std::max(inputs, sourceOf(op.opcode)));
    if (op.opcode == Opcode::Set) mark(op.operands[0], std::max(inputs, flow));
    if (op.opcode == Opcode::Barrier && flow > Same::InGroup && found_) {
      found_ = context_.fail(id, "a barrier in control flow that may differ within a group");
    }
    if (onMatrices(context_, op) && std::max(inputs, flow) > Same::InSubgroup && found_) {
      found_ = context_.fail(
          id, "a matrix operation with operands or control flow that may differ within a subgroup");
    }
    for (const RegionId inner : op.regions) {
      for (const ValueId parameter : context_.module.region(inner).parameters) {
        mark(parameter, inputs);
      }
      region(inner, std::max(flow, inputs));
    }
  }

  const VerifyContext& context_;
  std::vector<Same> same_;
  bool changed_ = false;
  Status found_;
};

/// Kernels that hold matrices, or ask for the subgroup, say how large those are.
Status subgroups(const VerifyContext& context) {
  const auto count = [&](std::string_view key) -> int64_t {
    const Attribute* found = context.module.attributes.find(key);
    const auto* number = found == nullptr ? nullptr : std::get_if<int64_t>(found);
    return number == nullptr ? 0 : *number;
  };
  if (const int64_t subgroup = count("subgroup"); subgroup > 0) {
    const int64_t local = count("local");
    if (local > 0 && local % subgroup == 0) return {};
    return context.fail("groups of " + std::to_string(local) + " invocations are no whole " +
                        "subgroups of " + std::to_string(subgroup));
  }
  for (int i = 0; i < context.module.valueCount(); ++i) {
    const Value& value = context.module.value({i});
    const bool asks =
        value.definition.valid() && context.op(value.definition).opcode == Opcode::SubgroupId;
    if (asks || value.type.rows > 0) {
      return context.fail(value.definition, "the kernel has no attribute 'subgroup'");
    }
  }
  return {};
}

}  // namespace

Status verifyKernelOp(const VerifyContext& context, OpId id) {
  return KernelOpVerifier(context, id).run();
}

Status verifyKernel(const VerifyContext& context) {
  for (const ValueId parameter : context.module.region(context.module.top()).parameters) {
    const Type& type = context.type(parameter);
    if (type.kind != Type::Kind::Buffer || type.shape.size() != 1) {
      return context.fail("a kernel's parameters are 1-D buffers, found " + type.str());
    }
  }
  QT_CHECK(subgroups(context));
  return Divergence(context).run();
}

}  // namespace quartet::ir
