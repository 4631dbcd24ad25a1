#include "cli/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/files.h"

namespace quartet::cli {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

constexpr std::array<std::pair<DataType, std::string_view>, 13> kTypes{{
    {DataType::Bool, "|b1"},
    {DataType::I8, "|i1"},
    {DataType::U8, "|u1"},
    {DataType::I16, "<i2"},
    {DataType::U16, "<u2"},
    {DataType::I32, "<i4"},
    {DataType::U32, "<u4"},
    {DataType::I64, "<i8"},
    {DataType::U64, "<u8"},
    {DataType::F16, "<f2"},
    {DataType::BF16, "|V2"},
    {DataType::F32, "<f4"},
    {DataType::F64, "<f8"},
}};

/// What is wrong, and perhaps what to do; the caller adds where.
Error failure(std::string message, std::string hint = {}) {
  return {Error::Kind::User, std::move(message), {}, {}, std::move(hint)};
}

/// Walks over the header: a Python dictionary literal.
class Header {
 public:
  explicit Header(std::string_view text) : rest_(text) {}

  bool take(char expected) {
    skipSpace();
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<std::string_view> quoted() {
    skipSpace();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return std::nullopt;
    const size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::optional<bool> boolean() {
    skipSpace();
    for (const auto& [text, value] : {std::pair<std::string_view, bool>{"True", true},
                                      std::pair<std::string_view, bool>{"False", false}}) {
      if (!rest_.starts_with(text)) continue;
      rest_.remove_prefix(text.size());
      return value;
    }
    return std::nullopt;
  }
  std::optional<int64_t> integer() {
    skipSpace();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }
  std::optional<std::vector<int64_t>> tuple() {
    std::vector<int64_t> values;
    if (!take('(')) return std::nullopt;
    while (!take(')')) {
      const std::optional<int64_t> value = integer();
      if (!value) return std::nullopt;
      values.push_back(*value);
      if (take(',')) continue;
      if (!take(')')) return std::nullopt;
      break;
    }
    return values;
  }

 private:
  void skipSpace() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) {
      rest_.remove_prefix(1);
    }
  }
  std::string_view rest_;
};

struct Fields {
  std::optional<std::string> descr;
  std::optional<bool> fortran;
  std::optional<std::vector<int64_t>> shape;
};

std::optional<Fields> parseFields(std::string_view text) {
  Header header(text);
  Fields fields;
  if (!header.take('{')) return std::nullopt;
  while (!header.take('}')) {
    const auto key = header.quoted();
    if (!key || !header.take(':')) return std::nullopt;
    if (*key == "descr") {
      const auto value = header.quoted();
      if (!value) return std::nullopt;
      fields.descr = std::string(*value);
    } else if (*key == "fortran_order") {
      fields.fortran = header.boolean();
      if (!fields.fortran) return std::nullopt;
    } else if (*key == "shape") {
      fields.shape = header.tuple();
      if (!fields.shape) return std::nullopt;
    } else {
      return std::nullopt;
    }
    if (header.take(',')) continue;
    if (!header.take('}')) return std::nullopt;
    break;
  }
  if (!fields.descr || !fields.fortran || !fields.shape) return std::nullopt;
  return fields;
}

/// Start and length of the header text, or what is wrong with the file's beginning.
Expected<std::pair<size_t, size_t>> findHeader(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return failure("not a .npy file: its magic number is missing");
  if (bytes.size() < 10) return failure("truncated: the file ends inside its header");
  const auto byteAt = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned major = byteAt(6);
  if (major < 1 || major > 3) {
    return failure("unknown format version " + std::to_string(major) + ", known are 1 to 3");
  }
  const size_t lengthBytes = major == 1 ? 2 : 4;
  const size_t start = 8 + lengthBytes;
  if (bytes.size() < start) return failure("truncated: the file ends inside its header");
  size_t length = 0;
  for (size_t i = 0; i < lengthBytes; ++i) length |= size_t{byteAt(8 + i)} << (8 * i);
  if (bytes.size() - start < length) {
    return failure("truncated: the file ends inside its header");
  }
  return std::pair(start, length);
}

std::optional<DataType> findType(std::string_view descr) {
  for (const auto& [type, text] : kTypes) {
    // One-byte types have no byte order; NumPy accepts any mark.
    if (descr == text ||
        (byteSize(type) == 1 && descr.size() == 3 && descr.substr(1) == text.substr(1))) {
      return type;
    }
  }
  return std::nullopt;
}

std::optional<int64_t> byteCount(DataType type, const std::vector<int64_t>& shape) {
  int64_t bytes = byteSize(type);
  for (int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  }
  return bytes;
}

Expected<Tensor> parse(std::string_view bytes) {
  const auto header = findHeader(bytes);
  if (!header) return header.error();
  const auto [start, length] = *header;
  const std::optional<Fields> fields = parseFields(bytes.substr(start, length));
  if (!fields) return failure("its header is not a dictionary of descr, fortran_order, shape");
  const std::optional<DataType> type = findType(*fields->descr);
  if (!type) {
    return failure("elements of type '" + *fields->descr + "' are not supported",
                   "save little-endian bool, integers or floats");
  }
  if (*fields->fortran && fields->shape->size() > 1) {
    return failure("the tensor is stored in Fortran order", "save numpy.ascontiguousarray(x)");
  }
  const std::optional<int64_t> needed = byteCount(*type, *fields->shape);
  if (!needed) return failure("its shape has a negative or overflowing extent");
  const std::string_view data = bytes.substr(start + length);
  if (static_cast<int64_t>(data.size()) != *needed) {
    return failure("found " + std::to_string(data.size()) + " bytes of data, its shape requires " +
                       std::to_string(*needed),
                   "the file is truncated or has something appended");
  }
  Tensor tensor{*type, *fields->shape, Bytes(data.size())};
  if (!data.empty()) std::memcpy(tensor.bytes.data(), data.data(), data.size());
  if (*type == DataType::Bool) {  // any other byte would mean different things to different kernels
    for (std::byte& value : tensor.bytes) value = std::byte{value != std::byte{0}};
  }
  return tensor;
}

}  // namespace

Expected<Tensor> parseNpy(const std::string& bytes, const std::string& where) {
  Expected<Tensor> tensor = parse(bytes);
  if (tensor) return tensor;
  Error error = tensor.error();
  error.where = where;
  return error;
}

Expected<Tensor> readNpy(const std::string& path) {
  const Expected<std::string> bytes = readFile(path);
  if (!bytes) return bytes.error();
  return parseNpy(*bytes, "file '" + path + "'");
}

std::string npyHeader(const Tensor& tensor) {
  std::string header = "{'descr': '";
  for (const auto& [type, text] : kTypes) {
    if (type == tensor.dtype) header += text;
  }
  header += "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    header += (i > 0 ? " " : "") + std::to_string(tensor.shape[i]) + ",";
  }
  header += "), }";
  // Data starts at a multiple of 64; the header ends with a newline.
  const size_t before = kMagic.size() + 4;
  header.append(63 - (before + header.size()) % 64, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += '\x01';
  bytes += '\x00';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header;
}

}  // namespace quartet::cli
