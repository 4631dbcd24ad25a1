#include "frontend/onnx/context.h"

#include <algorithm>
#include <set>

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;

std::string whereNode(const Node& node, int64_t opset) {
  const std::string domain = node.domain.empty() ? "" : node.domain + ".";
  return "node '" + node.name + "' (" + domain + node.type + ", opset " + std::to_string(opset) +
         ")";
}

Context::Context(const Node& node, int64_t opset, Emitter& emitter,
                 std::vector<const Tensor*> inputs)
    : node(node), opset(opset), e(emitter), inputs_(std::move(inputs)) {}

// ---- Inputs ----

const Tensor& Context::in(int i) const {
  QT_ASSERT(has(i), "input " + std::to_string(i) + " of " + node.type);
  return *inputs_[static_cast<size_t>(i)];
}

std::vector<Tensor> Context::allInputs() const {
  std::vector<Tensor> tensors;
  for (const Tensor* tensor : inputs_) {
    if (tensor != nullptr) tensors.push_back(*tensor);
  }
  return tensors;
}

namespace {

// Names of the graph's inputs that a value is computed from.
std::vector<std::string> originsOf(const ir::Module& graph, ir::ValueId value) {
  std::set<ir::ValueId> seen;
  std::vector<ir::ValueId> open = {value};
  while (!open.empty()) {
    const ir::ValueId at = open.back();
    open.pop_back();
    if (!at.valid() || !seen.insert(at).second) continue;
    const ir::OpId definition = graph.value(at).definition;
    if (!definition.valid()) continue;
    const auto& operands = graph.op(definition).operands;
    open.insert(open.end(), operands.begin(), operands.end());
  }
  std::vector<std::string> names;
  for (const ir::ValueId parameter : graph.region(graph.top()).parameters) {
    if (seen.contains(parameter)) names.push_back(graph.value(parameter).name);
  }
  return names;
}

}  // namespace

tl::unexpected<Diagnostic> Context::notKnown(int i, std::string_view what) const {
  const std::string& direct = node.inputs[static_cast<size_t>(i)];
  std::string sources;
  std::string hint = "export the model with a fixed value";
  for (const std::string& name : originsOf(e.module(), in(i).id)) {
    hint += (sources.empty() ? ", or give one: --bind " : " --bind ") + name + "=" + name + ".npy";
    sources += (sources.empty() ? "'" : " and '") + name + "'";
  }
  if (sources.empty()) sources = "'" + direct + "'";
  const std::string way = sources == "'" + direct + "'" ? "" : " (through '" + direct + "')";
  return failUnsupported(std::string(what) + " comes from " + sources + way +
                             ", known only at run time; it must be known at import",
                         std::move(hint));
}

Result<Dims> Context::contents(int i, std::string_view what) const {
  auto found = contentsOf(in(i), INT64_C(1) << 20);
  if (!found) return notKnown(i, what);
  return *std::move(found);
}

Result<std::vector<int64_t>> Context::integers(int i, std::string_view what) const {
  auto found = integersOf(in(i));
  if (!found) return notKnown(i, what);
  return *std::move(found);
}

Result<std::vector<double>> Context::numbers(int i, std::string_view what) const {
  auto found = numbersOf(in(i));
  if (!found) return notKnown(i, what);
  return *std::move(found);
}

// ---- Attributes ----

template <class T>
const T* Context::attribute(std::string_view name, const char* type) const {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr && status_) {
    status_ = fail("attribute '" + std::string(name) + "' must be " + type);
  }
  return value;
}

int64_t Context::integer(std::string_view name, int64_t otherwise) const {
  const auto* value = attribute<int64_t>(name, "an integer");
  return value != nullptr ? *value : otherwise;
}

double Context::number(std::string_view name, double otherwise) const {
  const auto* value = attribute<float>(name, "a float");
  return value != nullptr ? static_cast<double>(*value) : otherwise;
}

std::string Context::text(std::string_view name, std::string otherwise) const {
  const auto* value = attribute<std::string>(name, "a string");
  if (value == nullptr) return otherwise;
  return *value;
}

std::vector<int64_t> Context::integers(std::string_view name,
                                       std::vector<int64_t> otherwise) const {
  const auto* value = attribute<std::vector<int64_t>>(name, "a list of integers");
  if (value == nullptr) return otherwise;
  return *value;
}

std::vector<double> Context::numbers(std::string_view name, std::vector<double> otherwise) const {
  const auto* value = attribute<std::vector<float>>(name, "a list of floats");
  if (value == nullptr) return otherwise;
  return {value->begin(), value->end()};
}

Status Context::require(std::string_view name) const {
  if (hasAttribute(name)) return {};
  return fail("attribute '" + std::string(name) + "' is missing");
}

Result<Constant> Context::tensor(std::string_view name) const {
  QT_CHECK(require(name));
  const auto* value = attribute<TensorResult>(name, "a tensor");
  if (value == nullptr) return tl::unexpected(status_.error());
  if (!*value) {
    Diagnostic diagnostic = value->error();
    diagnostic.notes.push_back("in attribute '" + std::string(name) + "'");
    diagnostic.where = where();
    return tl::unexpected(std::move(diagnostic));
  }
  return **value;
}

// ---- Outputs ----

bool Context::wants(int i) const {
  return i < static_cast<int>(node.outputs.size()) && !node.outputs[static_cast<size_t>(i)].empty();
}

void Context::set(int i, Tensor tensor) { outputs_.insert_or_assign(i, std::move(tensor)); }

// ---- Checks ----

Result<int> Context::axis(int64_t value, int rank) const {
  const int64_t axis = value < 0 ? value + rank : value;
  if (axis < 0 || axis >= rank) {
    return fail("axis " + std::to_string(value) + " is out of range for rank " +
                std::to_string(rank));
  }
  return static_cast<int>(axis);
}

Result<std::vector<int>> Context::axes(const std::vector<int64_t>& axes, int rank) const {
  std::vector<int> result;
  for (const int64_t value : axes) {
    const int one = QT_TRY(axis(value, rank));
    if (std::find(result.begin(), result.end(), one) != result.end()) {
      return fail("axis " + std::to_string(value) + " is given twice");
    }
    result.push_back(one);
  }
  if (axes.empty()) {
    for (int i = 0; i < rank; ++i) result.push_back(i);
  }
  std::sort(result.begin(), result.end());
  return result;
}

Status Context::sameDType(const std::vector<Tensor>& tensors) const {
  for (const Tensor& tensor : tensors) {
    if (tensor.dtype != tensors[0].dtype) {
      return fail("inputs have different element types, " +
                  std::string(ir::name(tensors[0].dtype)) + " and " +
                  std::string(ir::name(tensor.dtype)));
    }
  }
  return {};
}

Status Context::bytes(const std::vector<int>& inputs) const {
  for (const int i : inputs) {
    const ir::DType dtype = in(i).dtype;
    if (dtype == ir::DType::I8 || dtype == ir::DType::U8) continue;
    return fail("input " + std::to_string(i) + " has elements of " + std::string(ir::name(dtype)) +
                ", required is i8 or u8");
  }
  return {};
}

Status Context::broadcastable(const std::vector<Tensor>& tensors) const {
  Dims shape;
  for (const Tensor& tensor : tensors) {
    const auto joined = broadcastShapes(shape, tensor.shape);
    if (!joined) {
      return fail("shapes " + str(shape) + " and " + str(tensor.shape) +
                  " do not broadcast to each other");
    }
    shape = *joined;
  }
  return {};
}

Status Context::tableFits(const std::vector<int64_t>& extents, std::string_view what) const {
  constexpr int64_t kMaxEntries = INT64_C(1) << 26;
  int64_t count = 1;
  for (const int64_t extent : extents) {
    if (__builtin_mul_overflow(count, extent, &count) || count > kMaxEntries) {
      return fail(std::string(what) + " is a table of " + str(toDims(extents)) +
                  " entries, required are at most " + std::to_string(kMaxEntries));
    }
  }
  return {};
}

Status Context::rankAtLeast(int i, int rank) const {
  if (in(i).rank() >= rank) return {};
  return fail("input " + std::to_string(i) + " has shape " + str(in(i).shape) +
              ", required is rank " + std::to_string(rank) + " or more");
}

Status Context::rankIs(int i, int rank) const {
  if (in(i).rank() == rank) return {};
  return fail("input " + std::to_string(i) + " has shape " + str(in(i).shape) +
              ", required is rank " + std::to_string(rank));
}

Status Context::agree(const Dim& a, const Dim& b, std::string_view what) const {
  if (a == b) return {};
  return fail(std::string(what) + ": found " + a.str() + " and " + b.str() +
              ", required to be equal");
}

std::string Context::where() const { return whereNode(node, opset); }

tl::unexpected<Diagnostic> Context::fail(std::string message, std::string hint) const {
  return userError(std::move(message), where(), std::move(hint));
}

tl::unexpected<Diagnostic> Context::failUnsupported(std::string message, std::string hint) const {
  return unsupported(std::move(message), where(), std::move(hint));
}

}  // namespace quartet::frontend
