#include "ir/type.h"

#include "base/result.h"

namespace quartet::ir {

namespace {

std::string shapeText(const std::vector<Dim>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i].str();
  }
  return text + "]";
}

std::string lanesText(DType dtype, int lanes) {
  std::string text(name(dtype));
  if (lanes != 1) text += "x" + std::to_string(lanes);
  return text;
}

std::string matrixText(const Type& type) {
  constexpr const char* kUses[] = {"a", "b", "accumulator"};
  return "matrix<" + std::string(name(type.dtype)) + "[" + std::to_string(type.rows) + ", " +
         std::to_string(type.columns) + "], " + kUses[static_cast<size_t>(type.use)] + ">";
}

std::string bufferText(const Type& type) {
  std::string text = "buffer<";
  if (type.space == Space::Workgroup) text += "workgroup ";
  if (type.space == Space::Private) text += "private ";
  if (type.access == Type::Access::Read) text += "read ";
  if (type.access == Type::Access::Write) text += "write ";
  if (type.access == Type::Access::ReadWrite && type.space != Space::Device) text += "readwrite ";
  text += name(type.dtype);
  text += shapeText(type.shape);
  if (!type.layout.rowMajor()) text += ", " + type.layout.str();
  return text + ">";
}

}  // namespace

Layout Layout::permutation(const std::vector<int>& order) {
  Layout layout;
  for (int axis : order) layout.axes.push_back({axis, 1, 0});
  return layout;
}

std::vector<Dim> Layout::physicalShape(const std::vector<Dim>& shape) const {
  if (rowMajor()) return shape;
  std::vector<Dim> physical;
  for (const Axis& piece : axes) {
    QT_ASSERT(piece.axis >= 0 && static_cast<size_t>(piece.axis) < shape.size(),
              "layout " + str() + " names an axis beyond rank " + std::to_string(shape.size()));
    physical.push_back(piece.modulo != 0
                           ? Dim(piece.modulo)
                           : Dim::ceilDiv(shape[static_cast<size_t>(piece.axis)], piece.divide));
  }
  return physical;
}

std::string Layout::str() const {
  std::string text = "[";
  for (size_t i = 0; i < axes.size(); ++i) {
    if (i > 0) text += ", ";
    text += "a" + std::to_string(axes[i].axis);
    if (axes[i].divide != 1) text += "/" + std::to_string(axes[i].divide);
    if (axes[i].modulo != 0) text += "%" + std::to_string(axes[i].modulo);
  }
  return text + "]";
}

Type Type::tensor(DType dtype, std::vector<Dim> shape) {
  Type type;
  type.dtype = dtype;
  type.shape = std::move(shape);
  return type;
}

Type Type::buffer(DType dtype, std::vector<Dim> shape, Layout layout) {
  Type type;
  type.kind = Kind::Buffer;
  type.dtype = dtype;
  type.shape = std::move(shape);
  type.layout = std::move(layout);
  return type;
}

Type Type::kernelBuffer(DType dtype, Dim elements, Access access, Space space) {
  Type type = buffer(dtype, {std::move(elements)});
  type.access = access;
  type.space = space;
  return type;
}

Type Type::scalar(DType dtype, int lanes) {
  Type type;
  type.kind = Kind::Scalar;
  type.dtype = dtype;
  type.lanes = lanes;
  return type;
}

Type Type::matrix(DType dtype, int rows, int columns, MatrixUse use) {
  Type type;
  type.kind = Kind::Matrix;
  type.dtype = dtype;
  type.rows = rows;
  type.columns = columns;
  type.use = use;
  return type;
}

Type Type::variableOf(const Type& matrix) {
  Type type = matrix;
  type.kind = Kind::Variable;
  return type;
}

Type Type::held() const {
  return rows > 0 ? matrix(dtype, rows, columns, use) : scalar(dtype, lanes);
}

Type Type::variable(DType dtype, int lanes, std::vector<Dim> extents) {
  Type type;
  type.kind = Kind::Variable;
  type.dtype = dtype;
  type.lanes = lanes;
  type.shape = std::move(extents);
  return type;
}

std::string Type::str() const {
  switch (kind) {
    case Kind::Tensor:
      return std::string(name(dtype)) + shapeText(shape);
    case Kind::Buffer:
      return bufferText(*this);
    case Kind::Scalar:
      return lanesText(dtype, lanes);
    case Kind::Matrix:
      return matrixText(*this);
    case Kind::Variable:
      if (rows > 0) return "var<" + matrixText(*this) + ">";
      return "var<" + lanesText(dtype, lanes) + (shape.empty() ? "" : shapeText(shape)) + ">";
  }
  throwInternalError("kind", "unknown kind of type");
}

}  // namespace quartet::ir
