// Small ONNX models for tests, made in memory: also such that no exporter would write.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace onnx {
class ModelProto;
class TensorProto;
}  // namespace onnx

namespace quartet::tests {

/// Element types by ONNX's numbers.
enum OnnxType : int {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kBfloat16 = 16
};

/// A number or a symbol.
using Extent = std::variant<int64_t, std::string>;

/// A tensor as an attribute holds it; protobuf's headers stay out of most tests.
struct WrittenTensor {
  WrittenTensor(const onnx::TensorProto& tensor);  // NOLINT(google-explicit-constructor)
  std::string bytes;
};

using AttributeValue = std::variant<int64_t, float, std::string, std::vector<int64_t>,
                                    std::vector<float>, WrittenTensor>;

struct NodeAttribute {
  std::string name;
  AttributeValue value;
};

class OnnxModel {
 public:
  explicit OnnxModel(int64_t opset = 17);
  ~OnnxModel();
  OnnxModel(const OnnxModel& other);
  OnnxModel& operator=(const OnnxModel&) = delete;

  OnnxModel& input(const std::string& name, const std::vector<Extent>& dims, int type = kFloat);
  /// Shape and, by default, type are left for the importer to find.
  OnnxModel& output(const std::string& name, int type = kUndefined);
  OnnxModel& output(const std::string& name, int type, const std::vector<Extent>& dims);
  OnnxModel& floats(const std::string& name, const std::vector<int64_t>& dims,
                    const std::vector<float>& values);
  /// Values first, first + 1/16, first + 2/16, ...
  OnnxModel& weights(const std::string& name, const std::vector<int64_t>& dims, float first = 0);
  OnnxModel& ints(const std::string& name, const std::vector<int64_t>& dims,
                  const std::vector<int64_t>& values);
  /// A float initializer whose values lie in another file.
  OnnxModel& external(const std::string& name, const std::vector<int64_t>& dims,
                      const std::string& location);
  OnnxModel& initializer(const onnx::TensorProto& tensor);
  /// Without a name of its own the node is named make_ and its first output.
  OnnxModel& node(const std::string& type, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs,
                  const std::vector<NodeAttribute>& attributes = {}, const std::string& name = {});

  onnx::ModelProto& proto() { return *proto_; }
  std::string bytes() const;

 private:
  std::unique_ptr<onnx::ModelProto> proto_;
};

onnx::TensorProto floatTensor(const std::vector<int64_t>& dims, const std::vector<float>& values);
onnx::TensorProto intTensor(const std::vector<int64_t>& dims, const std::vector<int64_t>& values);

}  // namespace quartet::tests
