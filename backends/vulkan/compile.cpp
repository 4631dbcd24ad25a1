#include "backends/vulkan/compile.h"

#include <glslang/Public/ResourceLimits.h>
#include <glslang/Public/ShaderLang.h>
#include <glslang/SPIRV/GlslangToSpv.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <spirv-tools/libspirv.hpp>
#include <spirv-tools/optimizer.hpp>

namespace quartet::vulkan {

namespace {

/// glslang's global tables, made once and kept until the process ends.
void initialise() {
  static std::once_flag once;
  std::call_once(once, [] { glslang::InitializeProcess(); });
}

tl::unexpected<Diagnostic> shaderError(const std::string& tool, const std::string& message,
                                       const std::string& source, const std::string& name) {
  return tl::unexpected(Diagnostic{Diagnostic::Kind::Internal,
                                   tool + " rejects a generated shader: " + message,
                                   "kernel '" + name + "'",
                                   {source},
                                   ""});
}

Result<SpirV> toSpirv(const std::string& source, const std::string& name) {
  initialise();
  glslang::TShader shader(EShLangCompute);
  const char* text = source.c_str();
  shader.setStrings(&text, 1);
  shader.setEnvInput(glslang::EShSourceGlsl, EShLangCompute, glslang::EShClientVulkan, 450);
  shader.setEnvClient(glslang::EShClientVulkan, glslang::EShTargetVulkan_1_1);
  shader.setEnvTarget(glslang::EShTargetSpv, glslang::EShTargetSpv_1_3);
  const auto messages = static_cast<EShMessages>(EShMsgSpvRules | EShMsgVulkanRules);
  if (!shader.parse(GetDefaultResources(), 450, false, messages)) {
    return shaderError("glslang", shader.getInfoLog(), source, name);
  }
  glslang::TProgram program;
  program.addShader(&shader);
  if (!program.link(messages)) return shaderError("glslang", program.getInfoLog(), source, name);
  SpirV code;
  glslang::SpvOptions options;
  options.disableOptimizer = true;  // the passes below do it
  glslang::GlslangToSpv(*program.getIntermediate(EShLangCompute), code, &options);
  return code;
}

}  // namespace

std::string complaints(const SpirV& code) {
  std::string log;
  spvtools::SpirvTools tools(SPV_ENV_VULKAN_1_1);
  tools.SetMessageConsumer([&log](spv_message_level_t, const char*, const spv_position_t&,
                                  const char* message) { log += std::string(message) + "\n"; });
  const bool valid = tools.Validate(code);
  return valid ? "" : log.empty() ? "invalid" : log;
}

Result<SpirV> compileGlsl(const std::string& source, const std::string& name,
                          CooperativeMatrix matrices) {
  SpirV code = QT_TRY(toSpirv(source, name));
  std::string log;
  const auto collect = [&log](spv_message_level_t level, const char*, const spv_position_t&,
                              const char* message) {
    if (level <= SPV_MSG_ERROR) log += std::string(message) + "\n";
  };
  spvtools::Optimizer optimizer(SPV_ENV_VULKAN_1_1);
  optimizer.SetMessageConsumer(collect);
  optimizer.RegisterPerformancePasses();
  spvtools::OptimizerOptions options;
  options.set_run_validator(false);  // done on the result
  SpirV optimised;
  if (!optimizer.Run(code.data(), code.size(), &optimised, options)) {
    return shaderError("spirv-opt", log, source, name);
  }
  if (const std::string wrong = complaints(optimised); !wrong.empty()) {
    return shaderError("spirv-val", wrong, source, name);
  }
  if (matrices == CooperativeMatrix::Khr) return toKhr(optimised);
  return optimised;
}

namespace {

/// What SPIR-V depends on beside this program's own code: the tools and the shader, and how
/// matrices are multiplied.
std::string spirvKey(const std::string& source, CooperativeMatrix matrices) {
  const glslang::Version glslang = glslang::GetVersion();
  return "glslang " + std::to_string(glslang.major) + "." + std::to_string(glslang.minor) + "." +
         std::to_string(glslang.patch) + glslang.flavor + "\n" + spvSoftwareVersionDetailsString() +
         (matrices == CooperativeMatrix::Khr ? "\nKHR matrices" : "") + "\n" + source;
}

}  // namespace

Result<Shader> compileGlsl(const std::string& source, const std::string& name,
                           CooperativeMatrix matrices, runtime::CodeCache* cache) {
  constexpr const char* kKind = "SPIR-V";
  const std::string key = cache == nullptr ? "" : spirvKey(source, matrices);
  Shader shader;
  if (const auto bytes = cache == nullptr ? std::nullopt : cache->get(kKind, key)) {
    shader.code.resize(bytes->size() / sizeof(uint32_t));
    std::memcpy(shader.code.data(), bytes->data(), shader.code.size() * sizeof(uint32_t));
    shader.cached = true;
    return shader;
  }
  shader.code = QT_TRY(compileGlsl(source, name, matrices));
  if (cache != nullptr) cache->put(kKind, key, std::as_bytes(std::span(shader.code)));
  return shader;
}

}  // namespace quartet::vulkan
