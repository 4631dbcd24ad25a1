// A serialised model without the bulk of its data, for protobuf to parse.
//
// Protobuf copies every byte of a message and stops at 2 GiB. What makes models large is the
// raw_data of their tensors; each is replaced by where it lies, which takes 16 bytes, so that
// protobuf sees the graph alone and the data stays in the file. As only values change, and no field
// comes or goes, all that protobuf defines holds as before: the last of several raw_data fields
// counts, messages that occur twice are merged, unknown fields are kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace quartet::frontend {

struct Outline {
  /// The message in parts, one after another: of the model, or of `written`.
  std::vector<std::span<const std::byte>> parts;
  std::deque<std::array<std::byte, 32>> written;
  uint64_t bytes = 0;  // of all parts
};

/// The outline of a serialised ModelProto: every TensorProto.raw_data in it, however deep, is
/// replaced. Nothing when the bytes are no message of protobuf's wire format (cut off, nested
/// deeper than `maxNesting`, ...). The outline refers to `model`. What protobuf refuses in the
/// model it refuses in the outline.
std::optional<Outline> outlineOf(std::span<const std::byte> model, int maxNesting);

/// What a raw_data field of an outline stands for: a part of `model`.
std::span<const std::byte> rawDataOf(const std::string& field, std::span<const std::byte> model);

}  // namespace quartet::frontend
