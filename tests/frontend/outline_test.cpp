// Outlines of models against what protobuf itself makes of them.
#include "frontend/onnx/outline.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <onnx/onnx_pb.h>
#include <sys/mman.h>

#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

using namespace quartet;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using onnx::TensorProto;

namespace {

constexpr int kNesting = 40;

// ---- Writing the wire format ----

std::string varint(uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  return text + static_cast<char>(value);
}
std::string tag(uint32_t number, uint32_t wire) { return varint(number << 3 | wire); }
std::string number(uint32_t field, uint64_t value) { return tag(field, 0) + varint(value); }
std::string part(uint32_t field, const std::string& value) {
  return tag(field, 2) + varint(value.size()) + value;
}
std::string group(uint32_t field, const std::string& content) {
  return tag(field, 3) + content + tag(field, 4);
}

constexpr uint32_t kGraph = 7;
constexpr uint32_t kInitializer = 5;
constexpr uint32_t kRaw = 9;
std::string modelOf(const std::string& tensor) { return part(kGraph, part(kInitializer, tensor)); }

// ---- Reading ----

bool parse(onnx::ModelProto& proto, const std::string& text) {
  google::protobuf::io::CodedInputStream coded(reinterpret_cast<const uint8_t*>(text.data()),
                                               static_cast<int>(text.size()));
  coded.SetRecursionLimit(kNesting);
  return proto.ParseFromCodedStream(&coded) && coded.ConsumedEntireMessage();
}

// Every submessage, the message itself included.
void forEach(Message& message, const std::function<void(Message&)>& visit) {
  visit(message);
  std::vector<const FieldDescriptor*> fields;
  const auto* reflection = message.GetReflection();
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      forEach(*reflection->MutableMessage(&message, field), visit);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      forEach(*reflection->MutableRepeatedMessage(&message, field, i), visit);
    }
  }
}

std::string joined(const frontend::Outline& outline) {
  std::string text;
  for (const auto part : outline.parts) {
    if (!part.empty()) text.append(reinterpret_cast<const char*>(part.data()), part.size());
  }
  CHECK(text.size() == outline.bytes);
  return text;
}

// Through the outline, with the data put back; the number of tensors that had some, or -1.
int parseOutline(onnx::ModelProto& proto, const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  const auto outline = frontend::outlineOf(bytes, kNesting);
  if (!outline || !parse(proto, joined(*outline))) return -1;
  int tensors = 0;
  forEach(proto, [&](Message& message) {
    if (message.GetDescriptor() != TensorProto::descriptor()) return;
    auto& tensor = static_cast<TensorProto&>(message);
    if (!tensor.has_raw_data()) return;
    const auto raw = frontend::rawDataOf(tensor.raw_data(), bytes);
    tensor.set_raw_data(raw.data(), raw.size());
    ++tensors;
  });
  return tensors;
}

// Both ways give the same message, or none; whether it is one.
bool agrees(const std::string& text) {
  onnx::ModelProto plain;
  onnx::ModelProto outlined;
  const bool accepted = parse(plain, text);
  REQUIRE((parseOutline(outlined, text) >= 0) == accepted);
  if (accepted) REQUIRE(outlined.SerializeAsString() == plain.SerializeAsString());
  return accepted;
}

// ---- Messages with raw_data everywhere ----

bool leadsToTensor(const Descriptor* message, std::set<const Descriptor*>& seen) {
  if (message == TensorProto::descriptor()) return true;
  if (!seen.insert(message).second) return false;
  for (int i = 0; i < message->field_count(); ++i) {
    const Descriptor* type = message->field(i)->message_type();
    if (type != nullptr && leadsToTensor(type, seen)) return true;
  }
  return false;
}

// Every tree of messages of this depth that may end in tensors; the tensors are counted.
void fill(Message& message, int depth, int& tensors) {
  const Descriptor* type = message.GetDescriptor();
  if (type == TensorProto::descriptor()) {
    static_cast<TensorProto&>(message).set_raw_data("tensor " + std::to_string(tensors++));
    return;
  }
  for (int i = 0; depth > 0 && i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    std::set<const Descriptor*> seen;
    if (field->message_type() == nullptr || !leadsToTensor(field->message_type(), seen)) continue;
    const auto* reflection = message.GetReflection();
    fill(field->is_repeated() ? *reflection->AddMessage(&message, field)
                              : *reflection->MutableMessage(&message, field),
         depth - 1, tensors);
  }
}

}  // namespace

TEST_CASE("outline: no field of onnx.proto leads to raw_data unseen") {
  onnx::ModelProto proto;
  int tensors = 0;
  fill(proto, 6, tensors);  // training_info.algorithm.node.attribute.sparse_tensor.values
  REQUIRE(tensors > 40);
  onnx::ModelProto outlined;
  CHECK(parseOutline(outlined, proto.SerializeAsString()) == tensors);
  CHECK(agrees(proto.SerializeAsString()));
}

TEST_CASE("outline: data is not in it, everything else is") {
  const std::string data(100000, 'x');
  const std::string text = number(1, 8) + modelOf(part(8, "w") + part(kRaw, data)) + part(2, "me");
  const auto outline = frontend::outlineOf(std::as_bytes(std::span(text)), kNesting);
  REQUIRE(outline);
  CHECK(outline->bytes < 60);
  CHECK(agrees(text));
  // A model without raw data is its own outline.
  const std::string plain = number(1, 8) + modelOf(part(8, "w") + part(4, "abcd"));
  const auto whole = frontend::outlineOf(std::as_bytes(std::span(plain)), kNesting);
  REQUIRE(whole);
  CHECK(whole->parts.size() == 1);
  CHECK(joined(*whole) == plain);
}

TEST_CASE("outline: several raw_data, none, empty ones; messages that occur twice") {
  CHECK(agrees(""));
  CHECK(agrees(modelOf("")));
  CHECK(agrees(modelOf(part(kRaw, ""))));
  CHECK(agrees(modelOf(part(kRaw, "first") + part(8, "w") + part(kRaw, "last"))));
  CHECK(agrees(modelOf(part(kRaw, "first") + part(kRaw, ""))));
  // graph is one message in two pieces: protobuf joins them
  CHECK(agrees(modelOf(part(kRaw, "a")) + number(1, 3) + modelOf(part(kRaw, "b"))));
  // so is the tensor of an attribute; the data of the second piece counts
  const auto attribute = [](const std::string& content) {
    return part(kGraph, part(1, part(5, content)));
  };
  const std::string tensor = part(5, part(kRaw, "one") + part(8, "name"));
  CHECK(agrees(attribute(tensor + part(5, part(kRaw, "two")))));
  CHECK(agrees(attribute(tensor + part(5, number(2, 1)))));
  // typed data, packed or not, beside raw data
  CHECK(agrees(modelOf(part(4, "12345678") + tag(4, 5) + "1234" + part(kRaw, "raw"))));
  CHECK(agrees(modelOf(part(7, varint(1) + varint(300)) + number(7, 2))));
}

TEST_CASE("outline: unknown fields, groups, other wire types, wasteful numbers") {
  const std::string unknown = number(1000, 5) + tag(1001, 1) + "12345678" + tag(1002, 5) + "1234" +
                              part(1003, "text") + group(1004, part(3, "in") + group(5, ""));
  CHECK(agrees(unknown + modelOf(unknown + part(kRaw, "data") + unknown) + unknown));
  // raw_data as a number, a graph as a number, an initializer as a group: unknown to protobuf
  CHECK(agrees(modelOf(number(kRaw, 7) + part(kRaw, "data"))));
  CHECK(agrees(number(kGraph, 7) + modelOf(part(kRaw, "data"))));
  CHECK(agrees(part(kGraph, group(kInitializer, part(kRaw, "data")))));
  const std::string two{'\x82', '\x80', '\x00'};  // 2 in three bytes
  CHECK(agrees(modelOf(tag(kRaw, 2) + two + "ab")));
  const std::string slow{'\xca', '\x80', '\x80', '\x80', '\x00'};  // the tag of raw_data
  CHECK(agrees(modelOf(slow + varint(2) + "ab")));
  CHECK_FALSE(agrees(
      modelOf(std::string{'\xca', '\x80', '\x80', '\x80', '\x80', '\x00'} + varint(2) + "ab")));
  CHECK_FALSE(agrees(modelOf(tag(kRaw, 2) + std::string("\x82\x80\x80\x80\x80\x00", 6) + "ab")));
}

TEST_CASE("outline: what protobuf refuses is refused") {
  const std::string good = modelOf(part(8, "w") + part(kRaw, "data"));
  for (size_t length = 1; length < good.size(); ++length) {
    CHECK_FALSE(agrees(good.substr(0, length)));
  }
  // A field longer than its message, which goes on.
  CHECK_FALSE(agrees(modelOf(tag(kRaw, 2) + varint(5) + "data") + part(2, "me")));
  CHECK_FALSE(agrees(part(kGraph, tag(kInitializer, 2) + varint(9) + part(kRaw, "data"))));
  CHECK_FALSE(agrees(good + tag(kGraph, 2) + varint(UINT64_MAX)));
  CHECK_FALSE(agrees(good + std::string("\0", 1)));
  CHECK_FALSE(agrees(modelOf(std::string("\0", 1))));
  CHECK_FALSE(agrees(good + tag(3, 4)));
  CHECK_FALSE(agrees(good + tag(3, 6)));
  CHECK_FALSE(agrees(good + tag(3, 3)));
  CHECK_FALSE(agrees(good + tag(3, 3) + tag(4, 4)));
  CHECK_FALSE(agrees(good + number(1000, 1).substr(0, 2) + std::string(11, '\xff')));
}

TEST_CASE("outline: as deep as protobuf goes, and no deeper") {
  for (int depth = 0; depth < kNesting + 3; ++depth) {
    CAPTURE(depth);
    // a graph in an attribute of a node of a graph ...
    std::string graph = part(kInitializer, part(kRaw, "data"));
    for (int level = 0; level < depth / 3; ++level) graph = part(1, part(5, part(6, graph)));
    const bool fits = 3 * (depth / 3) + 2 <= kNesting;
    CHECK(agrees(part(kGraph, graph)) == fits);
    std::string groups;
    for (int level = 0; level < depth; ++level) groups = group(1000, groups);
    CHECK(agrees(groups) == (depth <= kNesting));
    CHECK(agrees(modelOf(groups)) == (depth + 2 <= kNesting));
  }
}

TEST_CASE("outline: tensors and models beyond 4 GiB") {
  constexpr uint64_t kData = uint64_t{5} << 30;
  const std::string head = part(8, "w") + tag(kRaw, 2) + varint(kData);
  const uint64_t tensor = head.size() + kData;
  const std::string start = tag(kInitializer, 2) + varint(tensor) + head;
  const std::string text = tag(kGraph, 2) + varint(start.size() + kData) + start;
  const size_t bytes = text.size() + kData;
  // Pages that nobody touches take no memory.
  void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(mapped != MAP_FAILED);
  std::memcpy(mapped, text.data(), text.size());
  const std::span<const std::byte> model(static_cast<const std::byte*>(mapped), bytes);
  const auto outline = frontend::outlineOf(model, kNesting);
  REQUIRE(outline);
  onnx::ModelProto proto;
  REQUIRE(parse(proto, joined(*outline)));
  const auto raw = frontend::rawDataOf(proto.graph().initializer(0).raw_data(), model);
  CHECK(raw.size() == kData);
  CHECK(raw.data() == model.data() + text.size());
  CHECK_FALSE(frontend::outlineOf(model.first(bytes - 1), kNesting));
  ::munmap(mapped, bytes);
}

namespace {

// Fields at random, most of them known to onnx.proto; nested messages shrink.
std::string randomMessage(std::mt19937& random, int depth) {
  static constexpr uint32_t kNumbers[] = {1, 2, 4, 5, 5, 6, 7, 7, 8, 9, 9, 10, 11, 15, 20, 22, 25};
  std::string text;
  for (uint32_t fields = random() % 5; fields > 0; --fields) {
    const uint32_t field = kNumbers[random() % std::size(kNumbers)];
    switch (random() % 8) {
      case 0:
        text += number(field, random() >> (random() % 32));
        break;
      case 1:
        text += tag(field, 5) + "wxyz";
        break;
      case 2:
        text += group(field, depth > 0 ? randomMessage(random, depth - 1) : "");
        break;
      case 3:
        text += part(field, std::string(random() % 200, 'd'));
        break;
      default:
        text += part(field, depth > 0 ? randomMessage(random, depth - 1) : "");
    }
  }
  return text;
}

void mutate(std::string& text, std::mt19937& random) {
  for (uint32_t changes = random() % 3; changes > 0 && !text.empty(); --changes) {
    const size_t at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text[at] = static_cast<char>(text[at] ^ 1 << random() % 8);
        break;
      case 2:
        text.erase(at, 1);
        break;
      default:
        text.resize(at);
    }
  }
}

}  // namespace

TEST_CASE("outline: random messages, whole and damaged") {
  std::mt19937 random(7);
  int accepted = 0;
  constexpr int kRounds = 20000;
  for (int round = 0; round < kRounds; ++round) {
    CAPTURE(round);
    std::string text = part(kGraph, randomMessage(random, 6)) + randomMessage(random, 4);
    mutate(text, random);
    if (agrees(text)) ++accepted;
  }
  CHECK(accepted > kRounds / 10);
  CHECK(accepted < kRounds * 9 / 10);
}
