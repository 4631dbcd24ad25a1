#include "api/convert.h"

#include <algorithm>

namespace quartet {

std::string Error::str() const {
  const auto as = static_cast<Diagnostic::Kind>(kind);
  return Diagnostic{as, message, where, notes, hint}.str();
}

std::string name(DataType type) { return std::string(ir::name(api::toIr(type))); }
int64_t byteSize(DataType type) { return ir::byteSize(api::toIr(type)); }

namespace api {

static_assert(static_cast<int>(Error::Kind::Internal) ==
              static_cast<int>(Diagnostic::Kind::Internal));

Error toError(Diagnostic diagnostic) {
  return {static_cast<Error::Kind>(diagnostic.kind), std::move(diagnostic.message),
          std::move(diagnostic.where), std::move(diagnostic.notes), std::move(diagnostic.hint)};
}

std::shared_ptr<const ir::ConstantData> toConstant(const Tensor& tensor) {
  return ir::makeConstant(toIr(tensor.dtype), tensor.shape,
                          std::vector<std::byte>(tensor.bytes.begin(), tensor.bytes.end()));
}

Tensor toTensor(const ir::ConstantData& data) {
  return {fromIr(data.dtype), data.shape, {data.bytes.begin(), data.bytes.end()}};
}

std::vector<int64_t> openShape(const ir::Dims& dims) {
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : dims) shape.push_back(dim.constant().value_or(kOpenExtent));
  return shape;
}

Result<std::vector<int64_t>> evaluateShape(const ir::Dims& dims, const ir::SymbolValues& symbols) {
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : dims) shape.push_back(QT_TRY(dim.evaluate(symbols)));
  return shape;
}

std::string shapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + (shape[i] == kOpenExtent ? "?" : std::to_string(shape[i]));
  }
  return text + "]";
}

Diagnostic currentException() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {Diagnostic::Kind::Resource,
            "the host ran out of memory",
            {},
            {},
            "use smaller shapes, or a machine with more memory"};
  } catch (const std::exception& error) {
    return {Diagnostic::Kind::Internal,
            error.what(),
            {},
            {},
            "please report it together with the model and the command"};
  } catch (...) {
    return {Diagnostic::Kind::Internal,
            "an unknown exception",
            {},
            {},
            "please report it together with the model and the command"};
  }
}

}  // namespace api
}  // namespace quartet
