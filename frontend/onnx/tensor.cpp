#include <algorithm>
#include <charconv>
#include <cstring>

#include "frontend/onnx/outline.h"
#include "frontend/onnx/proto.h"

namespace quartet::frontend {

using ir::DType;
using onnx::TensorProto;

namespace {

constexpr int64_t kMaxBytes = INT64_C(1) << 40;

struct Header {
  DType dtype;
  ir::Ints shape;
  int64_t elements;
  int64_t bytes;
};

std::string nameOf(const TensorProto& tensor) { return "tensor '" + tensor.name() + "'"; }

Result<Header> readHeader(const TensorProto& tensor) {
  const auto dtype = elementType(tensor.data_type());
  if (!dtype) {
    return unsupported("element type " + elementTypeName(tensor.data_type()) + " is not supported",
                       nameOf(tensor));
  }
  Header header{*dtype, {tensor.dims().begin(), tensor.dims().end()}, 1, 0};
  for (const int64_t extent : header.shape) {
    if (extent < 0) {
      return userError("dimension " + std::to_string(extent) + " is negative", nameOf(tensor));
    }
  }
  const bool empty = std::find(header.shape.begin(), header.shape.end(), 0) != header.shape.end();
  if (empty) header.elements = 0;
  for (const int64_t extent : header.shape) {
    if (empty) break;
    if (__builtin_mul_overflow(header.elements, extent, &header.elements) ||
        header.elements > kMaxBytes) {
      return userError("the product of the dimensions overflows", nameOf(tensor));
    }
  }
  header.bytes = header.elements * ir::byteSize(header.dtype);
  return header;
}

tl::unexpected<Diagnostic> countError(const TensorProto& tensor, const Header& header,
                                      const std::string& field, int64_t found, int64_t required) {
  std::string shape;
  for (const int64_t extent : header.shape)
    shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
  return userError(field + " holds " + std::to_string(found) + ", shape [" + shape + "] of " +
                       std::string(ir::name(header.dtype)) + " requires " +
                       std::to_string(required),
                   nameOf(tensor), "the file is damaged or was written wrongly; export it again");
}

// Bytes in their file, unless they are bools that are not all 0 or 1; or else a copy.
Constant adopt(const Header& header, std::span<const std::byte> bytes,
               const std::shared_ptr<const MappedFile>& file) {
  const bool canonical =
      header.dtype != DType::Bool ||
      std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; });
  if (file && canonical) {
    return std::make_shared<ir::ConstantData>(
        ir::ConstantData{header.dtype, header.shape, bytes, nullptr, file});
  }
  std::vector<std::byte> copy(bytes.begin(), bytes.end());
  if (!canonical) {
    for (auto& b : copy) b = b == std::byte{0} ? std::byte{0} : std::byte{1};
  }
  return ir::makeConstant(header.dtype, header.shape, std::move(copy));
}

Result<int64_t> parseNumber(const std::string& text, const std::string& key,
                            const TensorProto& tensor) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    return userError(
        "external data " + key + " '" + text + "', required is a whole number, 0 or more",
        nameOf(tensor));
  }
  return value;
}

TensorResult readExternal(const TensorProto& tensor, const Header& header, ExternalData& external) {
  std::string location;
  int64_t offset = 0;
  int64_t length = -1;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = QT_TRY(parseNumber(entry.value(), "offset", tensor));
    if (entry.key() == "length") length = QT_TRY(parseNumber(entry.value(), "length", tensor));
  }
  auto file = external.open(location);
  if (!file) {
    file.error().where = nameOf(tensor);
    return tl::unexpected(std::move(file).error());
  }
  if (length >= 0 && length != header.bytes) {
    return countError(tensor, header, "external data", length, header.bytes);
  }
  const std::span<const std::byte> bytes = (*file)->bytes();
  const auto size = static_cast<int64_t>(bytes.size());
  if (offset > size || header.bytes > size - offset) {
    return userError("external data file '" + location + "' has " + std::to_string(size) +
                         " bytes, the tensor needs " + std::to_string(header.bytes) +
                         " from offset " + std::to_string(offset),
                     nameOf(tensor), "the file is truncated; copy or export it again");
  }
  return adopt(
      header, bytes.subspan(static_cast<size_t>(offset), static_cast<size_t>(header.bytes)), *file);
}

// A typed field whose element is the tensor's own type: in place.
template <class Field>
TensorResult inPlace(const TensorProto& tensor, const Header& header, const char* name,
                     const Field& field, const std::shared_ptr<const void>& owner) {
  if (field.size() != header.elements) {
    return countError(tensor, header, name, field.size(), header.elements);
  }
  const auto* first = reinterpret_cast<const std::byte*>(field.data());
  return std::make_shared<ir::ConstantData>(ir::ConstantData{
      header.dtype, header.shape, {first, static_cast<size_t>(header.bytes)}, owner, nullptr});
}

// A typed field of wider elements, each cut to the tensor's size (little endian hosts).
template <class Field>
TensorResult narrowed(const TensorProto& tensor, const Header& header, const char* name,
                      const Field& field) {
  if (field.size() != header.elements) {
    return countError(tensor, header, name, field.size(), header.elements);
  }
  std::vector<std::byte> bytes(static_cast<size_t>(header.bytes));
  const auto size = static_cast<size_t>(ir::byteSize(header.dtype));
  size_t at = 0;
  for (auto value : field) {
    if (header.dtype == DType::Bool) value = value != 0 ? 1 : 0;
    std::memcpy(bytes.data() + at, &value, size);
    at += size;
  }
  return ir::makeConstant(header.dtype, header.shape, std::move(bytes));
}

}  // namespace

TensorResult readTensor(const TensorProto& tensor, const Source& source, ExternalData& external) {
  const auto header = QT_TRY(readHeader(tensor));
  if (tensor.has_segment()) return unsupported("tensor segments are not supported", nameOf(tensor));
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    return readExternal(tensor, header, external);
  }
  if (tensor.has_raw_data()) {
    const std::span<const std::byte> raw = rawDataOf(tensor.raw_data(), source.bytes);
    if (static_cast<int64_t>(raw.size()) != header.bytes) {
      return countError(tensor, header, "raw_data (bytes)", static_cast<int64_t>(raw.size()),
                        header.bytes);
    }
    return adopt(header, raw, source.file);
  }
  const std::shared_ptr<const onnx::ModelProto>& owner = source.proto;
  switch (header.dtype) {
    case DType::F32:
      return inPlace(tensor, header, "float_data", tensor.float_data(), owner);
    case DType::F64:
      return inPlace(tensor, header, "double_data", tensor.double_data(), owner);
    case DType::I64:
      return inPlace(tensor, header, "int64_data", tensor.int64_data(), owner);
    case DType::I32:
      return inPlace(tensor, header, "int32_data", tensor.int32_data(), owner);
    case DType::U64:
      return inPlace(tensor, header, "uint64_data", tensor.uint64_data(), owner);
    case DType::U32:
      return narrowed(tensor, header, "uint64_data", tensor.uint64_data());
    default:
      return narrowed(tensor, header, "int32_data", tensor.int32_data());
  }
}

}  // namespace quartet::frontend
