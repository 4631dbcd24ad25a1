#include "backends/vulkan/pipeline.h"

namespace quartet::vulkan {

namespace {

Status buildLayouts(const Gpu& gpu, Pipeline& pipeline) {
  std::vector<VkDescriptorSetLayoutBinding> bindings;
  for (int64_t i = 0; i < pipeline.interface.bindings(); ++i) {
    bindings.push_back({.binding = static_cast<uint32_t>(i),
                        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                        .descriptorCount = 1,
                        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT});
  }
  const VkDescriptorSetLayoutCreateInfo setInfo{
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = static_cast<uint32_t>(bindings.size()),
      .pBindings = bindings.data()};
  QT_VK(vkCreateDescriptorSetLayout(gpu.handle(), &setInfo, nullptr, &pipeline.setLayout),
        gpu.name());
  const VkPushConstantRange words{.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                                  .size = static_cast<uint32_t>(pipeline.interface.words * 4)};
  const VkPipelineLayoutCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .setLayoutCount = 1,
      .pSetLayouts = &pipeline.setLayout,
      .pushConstantRangeCount = pipeline.interface.wordsInBuffer ? 0U : 1U,
      .pPushConstantRanges = &words};
  QT_VK(vkCreatePipelineLayout(gpu.handle(), &info, nullptr, &pipeline.layout), gpu.name());
  return {};
}

/// A pipeline of `code` under the layout of `described`, which the caller destroys.
Result<VkPipeline> createPipeline(const Gpu& gpu, const Pipeline& described, const SpirV& code,
                                  VkPipelineCreateFlags flags, VkPipelineCache driverCache) {
  const VkShaderModuleCreateInfo shaderInfo{.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                            .codeSize = code.size() * sizeof(uint32_t),
                                            .pCode = code.data()};
  VkShaderModule shader = VK_NULL_HANDLE;
  QT_VK(vkCreateShaderModule(gpu.handle(), &shaderInfo, nullptr, &shader), gpu.name());
  const VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroups{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
      .requiredSubgroupSize = static_cast<uint32_t>(described.interface.subgroup)};
  const bool whole = described.interface.subgroup > 0;
  const VkPipelineShaderStageCreateFlags stageFlags =
      whole ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0;
  const VkComputePipelineCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .flags = flags,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .pNext = whole ? &subgroups : nullptr,
                .flags = stageFlags,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = shader,
                .pName = "main"},
      .layout = described.layout};
  VkPipeline pipeline = VK_NULL_HANDLE;
  const VkResult result =
      vkCreateComputePipelines(gpu.handle(), driverCache, 1, &info, nullptr, &pipeline);
  vkDestroyShaderModule(gpu.handle(), shader, nullptr);
  if (result != VK_SUCCESS) return vulkanError("vkCreateComputePipelines", result, gpu.name());
  return pipeline;
}

double valueOf(const VkPipelineExecutableStatisticKHR& statistic) {
  switch (statistic.format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
      return statistic.value.b32 == VK_TRUE ? 1 : 0;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
      return static_cast<double>(statistic.value.i64);
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
      return static_cast<double>(statistic.value.u64);
    default:
      return statistic.value.f64;
  }
}

/// The statistics of a pipeline that was made to capture them, without the hashes by which a driver
/// names it.
Result<runtime::CompilerReport> statisticsOf(const Gpu& gpu, VkPipeline pipeline) {
  const auto statistics = reinterpret_cast<PFN_vkGetPipelineExecutableStatisticsKHR>(
      vkGetDeviceProcAddr(gpu.handle(), "vkGetPipelineExecutableStatisticsKHR"));
  if (statistics == nullptr) {
    return unsupported(
        "the driver lists VK_KHR_pipeline_executable_properties without its functions", gpu.name());
  }
  const VkPipelineExecutableInfoKHR info{.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                         .pipeline = pipeline};
  uint32_t count = 0;
  QT_VK(statistics(gpu.handle(), &info, &count, nullptr), gpu.name());
  std::vector<VkPipelineExecutableStatisticKHR> found(
      count, {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR});
  QT_VK(statistics(gpu.handle(), &info, &count, found.data()), gpu.name());
  runtime::CompilerReport report;
  for (const VkPipelineExecutableStatisticKHR& each : found) {
    const std::string name = static_cast<const char*>(each.name);
    const bool identity = name.find("hash") != std::string::npos || name == "Hash";
    if (!identity) report.figures.emplace_back(name, valueOf(each));
  }
  return report;
}

}  // namespace

Pipelines::~Pipelines() {
  if (gpu->abandoned()) return;
  for (const Pipeline& pipeline : all) {
    vkDestroyPipeline(gpu->handle(), pipeline.handle, nullptr);
    vkDestroyPipelineLayout(gpu->handle(), pipeline.layout, nullptr);
    vkDestroyDescriptorSetLayout(gpu->handle(), pipeline.setLayout, nullptr);
  }
}

Status buildPipeline(const Gpu& gpu, Pipeline& pipeline, VkPipelineCache driverCache,
                     const SpirV& code) {
  QT_CHECK(buildLayouts(gpu, pipeline));
  pipeline.handle = QT_TRY(createPipeline(gpu, pipeline, code, 0, driverCache));
  return {};
}

Result<runtime::CompilerReport> compilerReport(const Gpu& gpu, const Pipeline& pipeline,
                                               const SpirV& code) {
  if (!gpu.physical().pipelineStatistics) return runtime::CompilerReport{};
  const VkPipeline captured = QT_TRY(createPipeline(
      gpu, pipeline, code, VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR, VK_NULL_HANDLE));
  auto report = statisticsOf(gpu, captured);
  vkDestroyPipeline(gpu.handle(), captured, nullptr);
  return report;
}

}  // namespace quartet::vulkan
