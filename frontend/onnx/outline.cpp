#include "frontend/onnx/outline.h"

#include <cstring>

#include "base/result.h"

namespace quartet::frontend {

namespace {

// ---- Which messages lead to raw_data, by onnx.proto ----

enum class Field : uint8_t {
  Other,  // nothing of interest
  RawData,
  // Messages that hold tensors, at whatever depth:
  Model,
  Graph,
  Node,
  Attribute,
  Tensor,
  SparseTensor,
  Training,
  Function,
};

struct Entry {
  Field message;
  uint32_t number;
  Field field;
};

constexpr Entry kEntries[] = {
    {Field::Model, 7, Field::Graph},
    {Field::Model, 20, Field::Training},
    {Field::Model, 25, Field::Function},
    {Field::Graph, 1, Field::Node},
    {Field::Graph, 5, Field::Tensor},  // initializer
    {Field::Graph, 15, Field::SparseTensor},
    {Field::Node, 5, Field::Attribute},
    {Field::Attribute, 5, Field::Tensor},
    {Field::Attribute, 6, Field::Graph},
    {Field::Attribute, 10, Field::Tensor},
    {Field::Attribute, 11, Field::Graph},
    {Field::Attribute, 22, Field::SparseTensor},
    {Field::Attribute, 23, Field::SparseTensor},
    {Field::Tensor, 9, Field::RawData},
    {Field::SparseTensor, 1, Field::Tensor},
    {Field::SparseTensor, 2, Field::Tensor},
    {Field::Training, 1, Field::Graph},
    {Field::Training, 2, Field::Graph},
    {Field::Function, 7, Field::Node},
};

Field fieldOf(Field message, uint32_t number) {
  for (const Entry& entry : kEntries) {
    if (entry.message == message && entry.number == number) return entry.field;
  }
  return Field::Other;
}

// ---- The wire format ----

enum Wire : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kDelimited = 2,  // a length, then as many bytes
  kGroup = 3,
  kGroupEnd = 4,
  kFixed32 = 5,
};

// Where a raw_data field lies; what replaces its value.
struct Reference {
  uint64_t offset;
  uint64_t bytes;
};

// Walks over a message, checks its structure as protobuf does, and notes the parts of the outline.
// Functions return false where the bytes are no message.
class Outliner {
 public:
  Outliner(std::span<const std::byte> model, int maxNesting)
      : model_(model), nestingLeft_(maxNesting) {}

  std::optional<Outline> run() {
    if (!walk(Field::Model, model_.size())) return std::nullopt;
    keepUntil(model_.size());
    return std::move(outline_);
  }

 private:
  // The fields of a message from here to `end`.
  bool walk(Field message, size_t end) {
    while (at_ < end) {
      uint32_t number = 0;
      uint32_t wire = 0;
      if (!readTag(end, number, wire)) return false;
      if (wire == kDelimited) {
        if (!walkDelimited(fieldOf(message, number), end)) return false;
      } else if (!skip(number, wire, end)) {
        return false;
      }
    }
    return true;
  }

  bool walkDelimited(Field field, size_t end) {
    const size_t lengthAt = at_;
    uint64_t length = 0;
    if (!readLength(end, length)) return false;
    const size_t fieldEnd = at_ + length;
    if (field == Field::RawData) {
      keepUntil(lengthAt);
      replace({at_, length});
      dropUntil(fieldEnd);
    } else if (field != Field::Other) {
      return walkMessage(field, lengthAt, fieldEnd);
    }
    at_ = fieldEnd;
    return true;
  }

  // A nested message gets another length when something in it is replaced; else it is kept whole.
  bool walkMessage(Field message, size_t lengthAt, size_t end) {
    if (--nestingLeft_ < 0) return false;
    const size_t parts = outline_.parts.size();
    const size_t written = outline_.written.size();
    const uint64_t bytes = outline_.bytes;
    const size_t kept = kept_;
    const int64_t replaced = replaced_;
    keepUntil(lengthAt);
    dropUntil(at_);
    const size_t lengthPart = outline_.parts.size();
    outline_.parts.emplace_back();
    auto& length = outline_.written.emplace_back();
    const uint64_t before = outline_.bytes;
    if (!walk(message, end)) return false;
    if (replaced == replaced_) {
      outline_.parts.resize(parts);
      outline_.written.resize(written);
      outline_.bytes = bytes;
      kept_ = kept;
    } else {
      keepUntil(end);
      const size_t size = writeVarint(outline_.bytes - before, length.data());
      outline_.parts[lengthPart] = {length.data(), size};
      outline_.bytes += size;
    }
    ++nestingLeft_;
    return true;
  }

  // A field that has no length.
  bool skip(uint32_t number, uint32_t wire, size_t end) {
    uint64_t ignored = 0;
    switch (wire) {
      case kVarint:
        return readVarint(end, kMaxVarint, ignored);
      case kFixed64:
        return advance(8, end);
      case kFixed32:
        return advance(4, end);
      case kGroup:
        return skipGroup(number, end);
      default:
        return false;
    }
  }

  // Fields up to the end of a group (a form that protobuf has given up but still reads).
  bool skipGroup(uint32_t group, size_t end) {
    if (--nestingLeft_ < 0) return false;
    for (;;) {
      uint32_t number = 0;
      uint32_t wire = 0;
      if (!readTag(end, number, wire)) return false;
      if (wire == kGroupEnd) {
        ++nestingLeft_;
        return number == group;
      }
      const bool whole =
          wire == kDelimited ? walkDelimited(Field::Other, end) : skip(number, wire, end);
      if (!whole) return false;
    }
  }

  // ---- Reading ----

  static constexpr size_t kMaxVarint = 10;
  static constexpr size_t kMaxShortVarint =
      5;  // of 32 bits: tags, and lengths as protobuf has them

  bool readVarint(size_t end, size_t maxBytes, uint64_t& value) {
    value = 0;
    for (size_t i = 0; i < maxBytes && at_ < end; ++i) {
      const auto byte = static_cast<uint64_t>(model_[at_++]);
      value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool readTag(size_t end, uint32_t& number, uint32_t& wire) {
    uint64_t tag = 0;
    if (!readVarint(end, kMaxShortVarint, tag)) return false;
    number = static_cast<uint32_t>(tag) >> 3;  // protobuf ignores the bits above 32 as well
    wire = static_cast<uint32_t>(tag) & 7;
    return number != 0;
  }

  // Lengths may exceed protobuf's 2 GiB; only those may take more bytes than protobuf's.
  bool readLength(size_t end, uint64_t& length) {
    const size_t from = at_;
    if (!readVarint(end, kMaxVarint, length)) return false;
    if (at_ - from > kMaxShortVarint && length >> (7 * kMaxShortVarint) == 0) return false;
    return length <= end - at_;
  }

  bool advance(size_t bytes, size_t end) {
    if (bytes > end - at_) return false;
    at_ += bytes;
    return true;
  }

  // ---- Writing ----

  static size_t writeVarint(uint64_t value, std::byte* to) {
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) to[size++] = static_cast<std::byte>(value | 0x80);
    to[size++] = static_cast<std::byte>(value);
    return size;
  }

  void keepUntil(size_t end) {
    if (kept_ < end) add(model_.subspan(kept_, end - kept_));
    kept_ = end;
  }
  void dropUntil(size_t end) { kept_ = end; }

  void add(std::span<const std::byte> part) {
    outline_.parts.push_back(part);
    outline_.bytes += part.size();
  }

  void replace(const Reference& reference) {
    auto& written = outline_.written.emplace_back();
    const size_t size = writeVarint(sizeof(reference), written.data());
    std::memcpy(written.data() + size, &reference, sizeof(reference));
    add({written.data(), size + sizeof(reference)});
    ++replaced_;
  }

  std::span<const std::byte> model_;
  int nestingLeft_;
  size_t at_ = 0;    // what is read next
  size_t kept_ = 0;  // what lies before is in the outline, or dropped
  int64_t replaced_ = 0;
  Outline outline_;
};

}  // namespace

std::optional<Outline> outlineOf(std::span<const std::byte> model, int maxNesting) {
  return Outliner(model, maxNesting).run();
}

std::span<const std::byte> rawDataOf(const std::string& field, std::span<const std::byte> model) {
  Reference reference{};
  QT_ASSERT(field.size() == sizeof(reference), "raw_data that is no reference");
  std::memcpy(&reference, field.data(), sizeof(reference));
  QT_ASSERT(reference.offset <= model.size() && reference.bytes <= model.size() - reference.offset,
            "raw_data refers behind the model's end");
  return model.subspan(reference.offset, reference.bytes);
}

}  // namespace quartet::frontend
