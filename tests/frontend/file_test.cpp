// Models in files: their data stays there.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/frontend/support.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;
using onnx::TensorProto;

namespace {

namespace fs = std::filesystem;

// A model, written to a file that goes at the end.
class ModelFile {
 public:
  explicit ModelFile(const OnnxModel& model) : path_(folder_.write("model.onnx", model.bytes())) {}
  const fs::path& path() const { return path_; }

 private:
  TemporaryFolder folder_;
  fs::path path_;
};

frontend::Imported importFile(const OnnxModel& model) {
  const ModelFile file(model);
  auto imported = frontend::importModel(file.path(), {}, referenceEvaluator());
  if (!imported) {
    FAIL(imported.error().str());
    return {};
  }
  return *std::move(imported);
}

frontend::Constant output(const frontend::Imported& model) {
  const auto& top = model.graph.region(model.graph.top());
  return model.graph.constantOf(model.graph.op(top.ops.back()).operands[0]);
}

TensorProto rawTensor(int type, int64_t count, const std::string& raw) {
  TensorProto tensor;
  tensor.set_name("w");
  tensor.set_data_type(type);
  tensor.add_dims(count);
  tensor.set_raw_data(raw);
  return tensor;
}

std::vector<std::byte> bytesOf(const frontend::Constant& constant) {
  REQUIRE(constant);
  return {constant->bytes.begin(), constant->bytes.end()};
}

}  // namespace

TEST_CASE("files: the data of a model stays in its file, whatever the alignment") {
  for (const auto& [type, size] : std::vector<std::pair<int, int64_t>>{{TensorProto::FLOAT, 4},
                                                                       {TensorProto::DOUBLE, 8},
                                                                       {TensorProto::FLOAT16, 2},
                                                                       {TensorProto::BFLOAT16, 2},
                                                                       {TensorProto::INT64, 8},
                                                                       {TensorProto::UINT64, 8},
                                                                       {TensorProto::INT32, 4},
                                                                       {TensorProto::UINT32, 4},
                                                                       {TensorProto::INT16, 2},
                                                                       {TensorProto::UINT16, 2}}) {
    for (size_t shift = 0; shift < 8; ++shift) {
      CAPTURE(type);
      CAPTURE(shift);
      std::string raw(24, '\0');
      for (size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<char>(i % 5);
      const auto tensor = rawTensor(type, 24 / size, raw);
      OnnxModel plain;
      plain.proto().set_producer_name(std::string(shift, 'p'));
      plain.initializer(tensor).output("w");
      const auto constant = output(importFile(plain));
      CHECK(constant->file != nullptr);
      CHECK(bytesOf(constant) == bytesOf(output(import(plain))));
      CHECK(std::memcmp(constant->bytes.data(), raw.data(), raw.size()) == 0);

      // Read on the way: converted, negated, gathered by itself when it is integers.
      OnnxModel folded;
      folded.proto().set_producer_name(std::string(shift, 'p'));
      folded.initializer(tensor).node("Cast", {"w"}, {"f"}, {{"to", int64_t{kDouble}}});
      folded.node("Neg", {"f"}, {"y"}).output("y");
      CHECK(bytesOf(output(importFile(folded))) == bytesOf(output(import(folded))));
    }
  }
}

TEST_CASE("files: data that is not as it should be is copied") {
  OnnxModel model;
  model.initializer(rawTensor(TensorProto::BOOL, 3, std::string("\x00\x01\xff", 3))).output("w");
  const auto constant = output(importFile(model));
  CHECK(constant->file == nullptr);
  CHECK(bytesOf(constant) == std::vector{std::byte{0}, std::byte{1}, std::byte{1}});
}

TEST_CASE("files: bytes that a caller gave are not needed afterwards") {
  OnnxModel model;
  model.initializer(rawTensor(TensorProto::FLOAT, 2, "12345678")).output("w");
  std::vector<std::byte> bytes = quartet::tests::bytesOf(model);
  const auto imported = frontend::importModel(bytes, {}, referenceEvaluator());
  REQUIRE(imported);
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
  CHECK(std::memcmp(output(*imported)->bytes.data(), "12345678", 8) == 0);
}

TEST_CASE("files: raw data of another size, and errors that name the file") {
  OnnxModel model;
  model.initializer(rawTensor(TensorProto::FLOAT, 3, "12345678")).output("w");
  const ModelFile file(model);
  auto imported = frontend::importModel(file.path(), {}, referenceEvaluator());
  REQUIRE_FALSE(imported);
  CHECK(imported.error().message == "raw_data (bytes) holds 8, shape [3] of f32 requires 12");
  fs::resize_file(file.path(), fs::file_size(file.path()) - 1);
  imported = frontend::importModel(file.path(), {}, referenceEvaluator());
  REQUIRE_FALSE(imported);
  CHECK(imported.error().where == "file '" + file.path().string() + "'");
  CHECK(imported.error().message.find("truncated or damaged") != std::string::npos);
}
