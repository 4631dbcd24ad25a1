// SPV_NV_cooperative_matrix -> SPV_KHR_cooperative_matrix, instruction by instruction.
#include <map>
#include <optional>
#include <set>
#include <string>

#include "backends/vulkan/cooperative_matrix.h"

#define SPV_ENABLE_UTILITY_CODE
#include <glslang/SPIRV/spirv.hpp>

namespace quartet::vulkan {

namespace {

using Words = std::vector<uint32_t>;

// Of SPV_KHR_cooperative_matrix, which glslang's header does not know.
constexpr uint32_t kCapability = 6022;
constexpr uint32_t kType = 4456;
constexpr uint32_t kLoad = 4457;
constexpr uint32_t kStore = 4458;
constexpr uint32_t kMultiplyAdd = 4459;
constexpr const char* kNvExtension = "SPV_NV_cooperative_matrix";
constexpr const char* kKhrExtension = "SPV_KHR_cooperative_matrix";
constexpr uint32_t kSigned[] = {1, 2, 4, 8};  // components of a, b, accumulator, result
constexpr uint32_t kRowMajor = 0;
constexpr uint32_t kColumnMajor = 1;

constexpr size_t kHeaderWords = 5;
constexpr size_t kBound = 3;  // the header's word of the lowest number that is no id

/// An instruction: its operands are words from 1 on.
class Instruction {
 public:
  explicit Instruction(const uint32_t* words) : words_(words) {}
  spv::Op op() const { return static_cast<spv::Op>(words_[0] & 0xffff); }
  size_t size() const { return words_[0] >> 16; }
  uint32_t operator[](size_t i) const { return words_[i]; }
  Words operandsFrom(size_t first) const { return {words_ + first, words_ + size()}; }
  std::string textAt(size_t i) const { return reinterpret_cast<const char*>(words_ + i); }

 private:
  const uint32_t* words_;
};

class Rewriter {
 public:
  explicit Rewriter(const Words& code) : code_(code) {}

  Result<Words> run() {
    forEach([&](const Instruction& each) { learn(each); });
    if (matrices_.empty()) return code_;
    QT_ASSERT(word_ != 0, "a module with matrices has a type of 32-bit integers");
    khr_.assign(code_.begin(), code_.begin() + kHeaderWords);
    firstConstant_ = khr_[kBound];
    khr_[kBound] += kConstants;
    std::optional<std::string> unknown;
    forEach([&](const Instruction& each) {
      if (!rewrite(each)) unknown = std::to_string(each.op());
    });
    if (!unknown) return std::move(khr_);
    return tl::unexpected(Diagnostic{Diagnostic::Kind::Internal,
                                     "no KHR form of SPIR-V instruction " + *unknown,
                                     "a shader with cooperative matrices",
                                     {},
                                     ""});
  }

 private:
  static constexpr uint32_t kConstants = 3;  // 0, 1, 2: uses, and layouts

  template <class F>
  void forEach(const F& f) const {
    for (size_t at = kHeaderWords; at < code_.size();) {
      const Instruction each(code_.data() + at);
      QT_ASSERT(each.size() > 0 && at + each.size() <= code_.size(), "SPIR-V that ends early");
      f(each);
      at += each.size();
    }
  }

  void learn(const Instruction& each) {
    bool hasResult = false;
    bool hasType = false;
    spv::HasResultAndType(each.op(), &hasResult, &hasType);
    if (hasResult && hasType) types_[each[2]] = each[1];
    switch (each.op()) {
      case spv::OpDecorate:
        if (each[2] == spv::DecorationSpecId) tags_[each[1]] = each[3];
        break;
      case spv::OpTypeInt:
        if (each[3] == 1) signed_.insert(each[1]);
        if (each[2] == 32 && word_ == 0) word_ = each[1];
        break;
      case spv::OpTypeCooperativeMatrixNV:
        matrices_[each[1]] = each[2];
        rows_.insert(each[4]);
        break;
      case spv::OpConstantTrue:
        columnMajor_.insert(each[2]);
        break;
      default:
        break;
    }
  }

  void emit(uint32_t op, const Words& operands) {
    khr_.push_back(static_cast<uint32_t>(operands.size() + 1) << 16 | op);
    khr_.insert(khr_.end(), operands.begin(), operands.end());
  }

  void copy(const Instruction& each) { emit(each.op(), each.operandsFrom(1)); }

  uint32_t constant(uint32_t value) const { return firstConstant_ + value; }

  uint32_t layout(uint32_t isColumnMajor) const {
    return constant(columnMajor_.contains(isColumnMajor) ? kColumnMajor : kRowMajor);
  }

  /// False: the instruction is of the NV extension, and not among those that kernels use.
  bool rewrite(const Instruction& each) {
    switch (each.op()) {
      case spv::OpCapability:
        emit(each.op(), {each[1] == spv::CapabilityCooperativeMatrixNV ? kCapability : each[1]});
        return true;
      case spv::OpExtension:
        extension(each);
        return true;
      case spv::OpDecorate:  // what tells the use is no constant to be specialised
        if (each[2] != spv::DecorationSpecId || !rows_.contains(each[1])) copy(each);
        return true;
      case spv::OpSpecConstant:
        emit(rows_.contains(each[2]) ? spv::OpConstant : each.op(), each.operandsFrom(1));
        return true;
      case spv::OpTypeInt:
        copy(each);
        if (each[1] != word_) return true;
        for (uint32_t i = 0; i < kConstants; ++i) emit(spv::OpConstant, {word_, constant(i), i});
        return true;
      case spv::OpTypeCooperativeMatrixNV:
        type(each);
        return true;
      case spv::OpCooperativeMatrixLoadNV:
        access(kLoad, {each[1], each[2], each[3]}, each[5], each[4], each.operandsFrom(6));
        return true;
      case spv::OpCooperativeMatrixStoreNV:
        access(kStore, {each[1], each[2]}, each[4], each[3], each.operandsFrom(5));
        return true;
      case spv::OpCooperativeMatrixMulAddNV:
        multiplyAdd(each);
        return true;
      case spv::OpCooperativeMatrixLengthNV:
        return false;
      default:
        copy(each);
        return true;
    }
  }

  void extension(const Instruction& each) {
    if (each.textAt(1) != kNvExtension) return copy(each);
    const std::string name = kKhrExtension;
    Words text(name.size() / sizeof(uint32_t) + 1);
    for (size_t i = 0; i < name.size(); ++i) {
      text[i / 4] |= static_cast<uint32_t>(static_cast<unsigned char>(name[i])) << (8 * (i % 4));
    }
    emit(spv::OpExtension, text);
  }

  void type(const Instruction& each) {
    const auto tag = tags_.find(each[4]);
    QT_ASSERT(tag != tags_.end(), "the rows of a matrix tell its use");
    Words operands = each.operandsFrom(1);
    operands.push_back(constant(static_cast<uint32_t>(useOfTag(tag->second))));
    emit(kType, operands);
  }

  void access(uint32_t op, Words operands, uint32_t isColumnMajor, uint32_t stride,
              const Words& memory) {
    operands.push_back(layout(isColumnMajor));
    operands.push_back(stride);
    operands.insert(operands.end(), memory.begin(), memory.end());
    emit(op, operands);
  }

  void multiplyAdd(const Instruction& each) {
    const uint32_t matrices[] = {types_.at(each[3]), types_.at(each[4]), types_.at(each[5]),
                                 each[1]};
    uint32_t mask = 0;
    for (size_t i = 0; i < std::size(matrices); ++i) {
      if (signed_.contains(matrices_.at(matrices[i]))) mask |= kSigned[i];
    }
    Words operands = each.operandsFrom(1);
    if (mask != 0) operands.push_back(mask);
    emit(kMultiplyAdd, operands);
  }

  const Words& code_;
  Words khr_;
  std::map<uint32_t, uint32_t> types_;     // of results
  std::map<uint32_t, uint32_t> tags_;      // SpecId of constants
  std::map<uint32_t, uint32_t> matrices_;  // types of matrices: of their components
  std::set<uint32_t> rows_;                // constants that are rows of matrices
  std::set<uint32_t> signed_;              // integer types
  std::set<uint32_t> columnMajor_;         // constants that are true
  uint32_t word_ = 0;                      // a type of 32-bit integers
  uint32_t firstConstant_ = 0;
};

}  // namespace

Result<std::vector<uint32_t>> toKhr(const std::vector<uint32_t>& code) {
  return Rewriter(code).run();
}

}  // namespace quartet::vulkan
