// The rules of every level.
#include "ir/verifier.h"

#include <algorithm>
#include <set>

#include "ir/text.h"
#include "ir/verify_context.h"

namespace quartet::ir {

tl::unexpected<Diagnostic> VerifyContext::fail(OpId id, std::string message) const {
  return userError(std::move(message), print(module, id));
}

tl::unexpected<Diagnostic> VerifyContext::fail(std::string message) const {
  return userError(std::move(message), "@" + module.name);
}

bool differ(const Dim& a, const Dim& b) {
  const auto difference = (a - b).constant();
  return difference.has_value() && *difference != 0;
}

bool sameShape(const std::vector<Dim>& a, const std::vector<Dim>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Dim& x, const Dim& y) { return !differ(x, y); });
}

std::string shapeText(const std::vector<Dim>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + shape[i].str();
  return text + "]";
}

namespace {

/// Counts as a requirement: "2", "2 to 4", "at least 1".
std::string countText(int least, int most) {
  if (most < 0) return "at least " + std::to_string(least);
  if (least == most) return std::to_string(least);
  return std::to_string(least) + " to " + std::to_string(most);
}

class ModuleVerifier {
 public:
  explicit ModuleVerifier(const Module& module)
      : context_(module), module_(module), known_(static_cast<size_t>(module.valueCount())) {}

  Status run() {
    QT_CHECK(names());
    QT_CHECK(region(module_.top(), true));
    QT_CHECK(interface());
    if (module_.level == Level::Plan) QT_CHECK(verifyPlan(context_));
    if (module_.level == Level::Kernel) QT_CHECK(verifyKernel(context_));
    return {};
  }

 private:
  Status names() const {
    std::set<std::string_view> names;
    for (int i = 0; i < module_.valueCount(); ++i) {
      const std::string& name = module_.value({i}).name;
      if (!name.empty() && !names.insert(name).second) {
        return context_.fail("two values have the name %" + name);
      }
    }
    return {};
  }

  Status interface() const {
    const Region& top = module_.region(module_.top());
    const Op& last = module_.op(top.ops.back());
    if (module_.level == Level::Graph) {
      if (last.operands.size() == module_.outputs.size()) return {};
      return context_.fail(top.ops.back(),
                           "the graph names " + std::to_string(module_.outputs.size()) +
                               " outputs and returns " + std::to_string(last.operands.size()));
    }
    if (!last.operands.empty()) {
      return context_.fail(top.ops.back(), "only a graph returns values");
    }
    const size_t most = module_.level == Level::Plan ? top.parameters.size() : 0;
    if (module_.outputs.size() <= most) return {};
    return context_.fail("the module names " + std::to_string(module_.outputs.size()) +
                         " outputs and has " + std::to_string(most) + " buffers for them");
  }

  Status region(RegionId id, bool isTop) {
    if (!regions_.insert(id).second) return context_.fail("a region belongs to two ops");
    const Region& region = module_.region(id);
    for (const ValueId parameter : region.parameters) {
      QT_CHECK(typeFits(parameter, "a parameter"));
      known_[static_cast<size_t>(parameter.index)] = true;
    }
    const bool returns =
        !region.ops.empty() && module_.op(region.ops.back()).opcode == Opcode::Return;
    if (isTop && !returns) return context_.fail("the module does not end with return");
    for (const OpId opId : region.ops) {
      const bool allowed = isTop && opId == region.ops.back();
      if (module_.op(opId).opcode == Opcode::Return && !allowed) {
        return context_.fail(opId, "return stands at the end of the module and nowhere else");
      }
      QT_CHECK(op(opId));
    }
    if (!isTop) leave(region);
    return {};
  }

  /// What a region defines is not visible outside.
  void leave(const Region& region) {
    for (const ValueId parameter : region.parameters) {
      known_[static_cast<size_t>(parameter.index)] = false;
    }
    for (const OpId opId : region.ops) {
      for (const ValueId result : module_.op(opId).results) {
        known_[static_cast<size_t>(result.index)] = false;
      }
    }
  }

  Status count(OpId id, const char* what, size_t found, int least, int most) const {
    const auto number = static_cast<int>(found);
    if (number >= least && (most < 0 || number <= most)) return {};
    return context_.fail(id, std::string(name(module_.op(id).opcode)) + " has " +
                                 std::to_string(found) + " " + what +
                                 ", required: " + countText(least, most));
  }

  Status op(OpId id) {
    const Op& op = module_.op(id);
    const OpInfo& facts = info(op.opcode);
    if ((facts.levels & static_cast<uint8_t>(module_.level)) == 0) {
      return context_.fail(id, std::string(facts.text) + " does not belong to this level");
    }
    QT_CHECK(count(id, "operands", op.operands.size(), facts.minOperands, facts.maxOperands));
    QT_CHECK(count(id, "results", op.results.size(), std::max(facts.results, 0), facts.results));
    QT_CHECK(count(id, "regions", op.regions.size(), facts.regions, facts.regions));
    for (const ValueId operand : op.operands) {
      if (!operand.valid() || operand.index >= module_.valueCount() ||
          !known_[static_cast<size_t>(operand.index)]) {
        return context_.fail(id, "an operand is not defined before its use");
      }
    }
    for (const ValueId result : op.results) QT_CHECK(typeFits(result, "a result", id));
    QT_CHECK(verifyAttributes(context_, id));
    if (op.opcode == Opcode::Constant) QT_CHECK(constant(id));
    if (module_.level == Level::Graph) QT_CHECK(verifyGraphOp(context_, id));
    if (module_.level == Level::Kernel) QT_CHECK(verifyKernelOp(context_, id));
    for (const RegionId inner : op.regions) QT_CHECK(region(inner, false));
    for (const ValueId result : op.results) {
      if (!(module_.value(result).definition == id)) {
        return context_.fail(id, "a result does not name its op as its definition");
      }
      known_[static_cast<size_t>(result.index)] = true;
    }
    return {};
  }

  bool kindFits(const Type& type) const {
    switch (module_.level) {
      case Level::Graph:
        return type.kind == Type::Kind::Tensor;
      case Level::Plan:
        return type.kind == Type::Kind::Tensor || type.kind == Type::Kind::Buffer;
      case Level::Kernel:
        return type.kind != Type::Kind::Tensor;
    }
    return false;
  }

  Status typeFits(ValueId id, const std::string& what, OpId definition = {}) const {
    const Type& type = module_.type(id);
    const auto fail = [&](const std::string& message) {
      return definition.valid() ? context_.fail(definition, message) : context_.fail(message);
    };
    if (!kindFits(type)) {
      return fail(what + " of type " + type.str() + " does not belong to this level");
    }
    if (type.lanes < 1) return fail(what + " has " + std::to_string(type.lanes) + " lanes");
    for (const Dim& extent : type.shape) {
      if (extent.isConstant() && extent.value() < 0) {
        return fail(what + " of type " + type.str() + " has a negative extent");
      }
      if (module_.level == Level::Kernel) continue;
      for (const std::string& symbol : extent.symbols()) {
        if (module_.symbols.count(symbol) == 0) {
          return fail("the symbol " + symbol + " of type " + type.str() + " is not declared");
        }
      }
    }
    for (const Layout::Axis& piece : type.layout.axes) {
      if (piece.axis < 0 || static_cast<size_t>(piece.axis) >= type.shape.size() ||
          piece.divide < 1 || piece.modulo < 0) {
        return fail("the layout of type " + type.str() + " does not fit its shape");
      }
    }
    return {};
  }

  Status constant(OpId id) const {
    const auto data = module_.constantOf(module_.op(id).results[0]);
    const std::string& hash = module_.op(id).attributes.get<std::string>("hash");
    if (data == nullptr) return context_.fail(id, "the constant \"" + hash + "\" is not known");
    const Type& type = context_.resultType(id);
    const std::vector<Dim> shape(data->shape.begin(), data->shape.end());
    if (type.dtype != data->dtype || !sameShape(type.shape, shape)) {
      return context_.fail(id, "the constant is " + Type::tensor(data->dtype, shape).str() +
                                   ", its type " + type.str());
    }
    const auto bytes = static_cast<int64_t>(data->bytes.size());
    if (bytes == data->elementCount() * byteSize(data->dtype)) return {};
    return context_.fail(id, "the constant has " + std::to_string(bytes) + " bytes");
  }

  VerifyContext context_;
  const Module& module_;
  std::vector<bool> known_;  // values that are visible here
  std::set<RegionId> regions_;
};

}  // namespace

Status verify(const Module& module) { return ModuleVerifier(module).run(); }

}  // namespace quartet::ir
