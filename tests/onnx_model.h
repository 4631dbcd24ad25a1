// Small ONNX models for tests, written field by field: also such that no exporter would write.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace quartet::tests {

/// Element types by ONNX's numbers.
enum OnnxType : int { kFloat = 1, kInt32 = 6, kInt64 = 7, kBool = 9 };

using OnnxAttribute = std::variant<int64_t, float, std::string, std::vector<int64_t>>;

class OnnxModel {
 public:
  explicit OnnxModel(int64_t opset = 17);
  ~OnnxModel();
  OnnxModel(const OnnxModel&) = delete;
  OnnxModel& operator=(const OnnxModel&) = delete;

  /// An extent is a number ("3", "-1") or a symbol ("N").
  OnnxModel& input(const std::string& name, int type, const std::vector<std::string>& dims);
  OnnxModel& output(const std::string& name, int type, const std::vector<std::string>& dims);
  OnnxModel& node(const std::string& op, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs,
                  const std::map<std::string, OnnxAttribute>& attributes = {},
                  const std::string& name = {});
  OnnxModel& floats(const std::string& name, const std::vector<int64_t>& dims,
                    const std::vector<float>& values);
  OnnxModel& ints(const std::string& name, const std::vector<int64_t>& dims,
                  const std::vector<int64_t>& values);
  /// A float initializer whose values lie in another file.
  OnnxModel& external(const std::string& name, const std::vector<int64_t>& dims,
                      const std::string& location);

  std::string bytes() const;

 private:
  struct Proto;
  std::unique_ptr<Proto> proto_;
};

}  // namespace quartet::tests
