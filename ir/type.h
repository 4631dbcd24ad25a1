// Types of values, at every level.
#pragma once

#include <string>
#include <vector>

#include "ir/dim.h"
#include "ir/dtype.h"

namespace quartet::ir {

/// Where a buffer lives.
enum class Space : uint8_t { Device, Workgroup, Private };

/// How a buffer orders the elements of a logical tensor: a list of physical axes, outermost first.
/// A physical axis holds (index[axis] / divide) % modulo; modulo 0 means "no modulo" (the outermost
/// piece of its axis). Empty: row-major. Text: "[a0/32, a2, a3, a1, a0%32]".
/// An axis whose extent is not a multiple of its pieces is padded at the end; padding is zero.
struct Layout {
  struct Axis {
    int axis = 0;
    int64_t divide = 1;
    int64_t modulo = 0;
    bool operator==(const Axis&) const = default;
  };
  std::vector<Axis> axes;

  bool rowMajor() const { return axes.empty(); }
  static Layout permutation(const std::vector<int>& order);
  /// Physical extents, outermost first, for a logical shape.
  std::vector<Dim> physicalShape(const std::vector<Dim>& shape) const;
  bool operator==(const Layout&) const = default;
  std::string str() const;
};

/// What a multiply-add of a matrix unit, a * b + accumulator, takes a matrix as.
enum class MatrixUse : uint8_t { A, B, Accumulator };

/// The type of a value.
///  Tensor: graph values and tile results: dtype, shape.          "f32[1, 3, N]"
///  Buffer: plan and kernel level: space, storage dtype, shape, layout.
///          "buffer<f32[1, 3, N], [a0, a2, a1]>"; kernel buffers are 1-D, with an access mode:
///          "buffer<read f32[4096]>", "buffer<workgroup readwrite f32[64]>"
///  Scalar: kernel level, lanes 1 or more.                          "f32", "f32x16"
///  Matrix: kernel level: rows x columns elements that the invocations of a subgroup hold together,
///          nobody knows which of them what.                 "matrix<f16[16, 8], a>"
///  Variable: kernel level, from `var`: lanes and array extent.    "var<f32x16>", "var<f32[8]>";
///          or one matrix: "var<matrix<f32[16, 8], accumulator>>"
struct Type {
  enum class Kind : uint8_t { Tensor, Buffer, Scalar, Matrix, Variable };
  enum class Access : uint8_t { ReadWrite, Read, Write };

  Kind kind = Kind::Tensor;
  DType dtype = DType::F32;
  std::vector<Dim> shape;  // Tensor, Buffer; Variable: empty or {array extent}
  int lanes = 1;           // Scalar, Variable
  int rows = 0;            // Matrix, Variable of one; 0: no matrix
  int columns = 0;
  MatrixUse use = MatrixUse::A;
  Space space = Space::Device;
  Access access = Access::ReadWrite;
  Layout layout;

  static Type tensor(DType dtype, std::vector<Dim> shape);
  static Type buffer(DType dtype, std::vector<Dim> shape, Layout layout = {});
  static Type kernelBuffer(DType dtype, Dim elements, Access access, Space space = Space::Device);
  static Type scalar(DType dtype, int lanes = 1);
  static Type matrix(DType dtype, int rows, int columns, MatrixUse use);
  static Type variable(DType dtype, int lanes = 1, std::vector<Dim> extents = {});
  static Type variableOf(const Type& matrix);

  /// Of a variable: the type of what it, or an element of it, holds.
  Type held() const;

  bool operator==(const Type&) const = default;
  std::string str() const;
};

}  // namespace quartet::ir
