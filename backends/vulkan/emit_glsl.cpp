#include "backends/vulkan/emit_glsl.h"

#include <algorithm>

#include "backends/common/gpu/print_kernel.h"
#include "backends/vulkan/cooperative_matrix.h"

namespace quartet::vulkan {

using ir::DType;
using Access = ir::Type::Access;

namespace {

constexpr const char* kReport = R"(void report(uint code, uint node, uvec2 detail) {
  if (atomicCompSwap(status.code, 0u, code) != 0u) return;
  status.node = node;
  status.detail = detail;
}
)";

/// The constant that stands for the rows of matrices of a type; see matrixTag.
std::string rowsName(const ir::Type& matrix) {
  constexpr const char* kUses[] = {"a", "b", "accumulator"};
  return std::string("rows_") + kUses[static_cast<size_t>(matrix.use)] + "_" +
         std::to_string(matrix.rows);
}

std::string matrixText(const ir::Type& matrix) {
  const char* kind = ir::isFloat(matrix.dtype) ? "f" : ir::isSigned(matrix.dtype) ? "i" : "u";
  return std::string(kind) + "coopmatNV<" + std::to_string(8 * ir::byteSize(matrix.dtype)) +
         ", gl_ScopeSubgroup, " + rowsName(matrix) + ", " + std::to_string(matrix.columns) + ">";
}

gpu::Language glsl() {
  return {.precise = "precise ",
          .floatSuffix = "",
          .doubleSuffix = "lf",
          .loopLine = "",
          .loopAttribute = "[[dont_unroll]] ",
          .localId = "int(gl_LocalInvocationIndex)",
          .subgroupId = "int(gl_SubgroupID)",
          .matrix = matrixText,
          .memoryBarrier = "memoryBarrierBuffer();",
          .barrier = "barrier();",
          .shared = "shared ",
          .report = kReport,
          .reportTo = "",
          .overflowIsUndefined = false,
          .spelling = {}};
}

std::string qualifiers(const gpu::PrintedBuffer& buffer) {
  std::string text;
  if (buffer.access == Access::Read) text += "readonly ";
  if (buffer.access == Access::Write) text += "writeonly ";
  if (buffer.access == Access::ReadWrite && buffer.coherent) text += "coherent ";
  // Two views of a written buffer do alias each other.
  if (buffer.access == Access::Read || buffer.views.size() < 2) text += "restrict ";
  return text;
}

/// A buffer is declared once for each view; all share a binding.
std::string declaration(const gpu::PrintedBuffer& buffer) {
  std::string text;
  for (const gpu::PrintedBuffer::View& view : buffer.views) {
    text += "layout(std430, binding = " + std::to_string(buffer.binding) + ") " +
            qualifiers(buffer) + "buffer B" + view.name.substr(1) + " { " + view.type + " " +
            view.name + "[]; };\n";
  }
  return text;
}

std::string function(const gpu::PrintedKernel& kernel, int number) {
  std::string text;
  for (const gpu::PrintedBuffer& buffer : kernel.buffers) text += declaration(buffer);
  return text + kernel.shared + "void kernel" + std::to_string(number) + "(int group) {\n" +
         kernel.statements + "}\n";
}

/// What is declared where kernels multiply matrices.
std::string matrixHeader(std::span<const ir::Module* const> kernels) {
  std::string extensions;
  std::string constants;
  std::vector<ir::Type> declared;  // of which the rows are
  bool half = false;
  bool integers = false;
  for (const ir::Module* kernel : kernels) {
    for (const ir::Type& type : gpu::matrixTypes(*kernel)) {
      half |= type.dtype == DType::F16;
      integers |= ir::isInteger(type.dtype);
      const bool known = std::any_of(declared.begin(), declared.end(), [&](const ir::Type& other) {
        return other.use == type.use && other.rows == type.rows;
      });
      if (known) continue;
      declared.push_back(type);
      constants += "layout(constant_id = " + std::to_string(matrixTag(type)) + ") const uint " +
                   rowsName(type) + " = " + std::to_string(type.rows) + "u;\n";
    }
  }
  if (declared.empty()) return "";
  std::vector<const char*> names{"GL_KHR_memory_scope_semantics", "GL_KHR_shader_subgroup_basic",
                                 "GL_NV_cooperative_matrix"};
  if (half) names.push_back("GL_EXT_shader_explicit_arithmetic_types_float16");
  if (integers) {
    names.push_back("GL_EXT_shader_explicit_arithmetic_types_int8");
    names.push_back("GL_NV_integer_cooperative_matrix");
  }
  for (const char* name : names) {
    extensions += std::string("#extension ") + name + " : require\n";
  }
  return extensions + constants;
}

std::string header(const gpu::Target& target, std::span<const ir::Module* const> kernels,
                   const gpu::Interface& interface) {
  bool eight = false;
  bool sixteen = false;
  bool sixtyFour = false;
  for (const ir::Module* kernel : kernels) {
    for (const ir::ValueId buffer : kernel->region(kernel->top()).parameters) {
      const DType dtype = kernel->type(buffer).dtype;
      eight |= ir::byteSize(dtype) == 1;
      sixteen |= ir::byteSize(dtype) == 2;
    }
    for (int i = 0; i < kernel->valueCount(); ++i) {
      const DType dtype = kernel->type(ir::ValueId{i}).dtype;
      sixtyFour |= dtype == DType::I64 || dtype == DType::U64;
    }
  }
  std::string text = "#version 450\n#extension GL_EXT_control_flow_attributes : require\n";
  if (eight) text += "#extension GL_EXT_shader_8bit_storage : require\n";
  if (sixteen) text += "#extension GL_EXT_shader_16bit_storage : require\n";
  if (sixtyFour && target.int64) {
    text += "#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require\n";
  }
  text += matrixHeader(kernels);
  text += "layout(local_size_x = " + std::to_string(interface.local) + ") in;\n";
  int64_t binding = interface.buffers;
  if (interface.status) {
    text += "layout(std430, binding = " + std::to_string(binding++) +
            ") buffer Status { uint code; uint node; uvec2 detail; } status;\n";
  }
  const std::string words =
      "Words { uint word[" + std::to_string(interface.words) + "]; } words;\n";
  if (interface.wordsInBuffer) {
    text += "layout(std430, binding = " + std::to_string(binding) + ") readonly buffer " + words;
  } else {
    text += "layout(push_constant, std430) uniform " + words;
  }
  return text;
}

std::string mainFunction(const gpu::Interface& interface) {
  std::string text =
      "void main() {\n"
      "  uint group = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;\n";
  int64_t word = 0;
  for (size_t i = 0; i < interface.parameters.size(); ++i) {
    const std::string groups = "words.word[" + std::to_string(word) + "]";
    text += "  if (group < " + groups + ") kernel" + std::to_string(i) + "(int(group));\n";
    if (i + 1 < interface.parameters.size()) text += "  else {\n  group -= " + groups + ";\n";
    word += 1 + interface.parameters[i];
  }
  for (size_t i = 1; i < interface.parameters.size(); ++i) text += "  }\n";
  return text + "}\n";
}

}  // namespace

std::string emitGlsl(std::span<const ir::Module* const> kernels, const gpu::Target& target) {
  const gpu::Interface interface = gpu::interfaceOf(kernels, target);
  const gpu::Language language = glsl();
  gpu::Prelude prelude(language, target.int64);
  std::string functions;
  gpu::KernelPlace place{.firstWord = 1};
  for (const ir::Module* kernel : kernels) {
    QT_ASSERT(kernel->attributes.integer("local") == interface.local,
              "kernels of one shader have groups of one size");
    const auto number = static_cast<size_t>(place.number);
    functions +=
        function(gpu::printKernel(*kernel, language, target, prelude, place), place.number);
    place.firstBinding += static_cast<int64_t>(kernel->region(kernel->top()).parameters.size());
    place.firstWord += 1 + interface.parameters[number];
    ++place.number;
  }
  return header(target, kernels, interface) + prelude.text() + functions + mainFunction(interface);
}

}  // namespace quartet::vulkan
