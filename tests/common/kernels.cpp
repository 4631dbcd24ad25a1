#include "tests/common/kernels.h"

namespace quartet::tests {

using runtime::BufferInfo;

Kernel::Kernel(const std::string& name, int64_t local)
    : module(ir::Level::Kernel, name), build(module) {
  module.attributes.set("local", local);
}

ir::ValueId Kernel::buffer(ir::DType dtype, int64_t elements, ir::Type::Access access) {
  return module.addParameter(module.top(), ir::Type::kernelBuffer(dtype, elements, access));
}
ir::ValueId Kernel::input(ir::DType dtype, int64_t elements) {
  return buffer(dtype, elements, ir::Type::Access::Read);
}
ir::ValueId Kernel::output(ir::DType dtype, int64_t elements) {
  return buffer(dtype, elements, ir::Type::Access::Write);
}

ir::Module Kernel::finish() {
  module.addOp(module.top(), ir::Opcode::Return, {}, {});
  return module;
}

BufferInfo bufferOf(BufferInfo::Kind kind, const std::string& name, ir::DType dtype,
                    int64_t elements) {
  BufferInfo buffer;
  buffer.kind = kind;
  buffer.name = name;
  buffer.storage = dtype;
  buffer.logical = dtype;
  buffer.shape = {elements};
  buffer.bytes = elements * ir::byteSize(dtype);
  return buffer;
}

runtime::Program programOf(ir::Module kernel, int64_t groups, std::vector<uint32_t> words) {
  runtime::Program program;
  program.name = kernel.name;
  addKernel(program, std::move(kernel), groups, std::move(words), true);
  return program;
}

void addKernel(runtime::Program& program, ir::Module kernel, int64_t groups,
               std::vector<uint32_t> words, bool newWave) {
  runtime::Dispatch dispatch;
  dispatch.kernel = static_cast<int>(program.kernels.size());
  dispatch.groups = groups;
  dispatch.parameters = std::move(words);
  dispatch.name = kernel.name;
  for (const ir::ValueId id : kernel.region(kernel.top()).parameters) {
    const ir::Type& type = kernel.type(id);
    const int number = static_cast<int>(program.buffers.size());
    const bool reads = type.access == ir::Type::Access::Read;
    program.buffers.push_back(bufferOf(reads ? BufferInfo::Kind::Input : BufferInfo::Kind::Output,
                                       "buffer" + std::to_string(number), type.dtype,
                                       type.shape[0].value()));
    dispatch.bindings.push_back({number, 0, program.buffers.back().bytes});
  }
  program.kernels.push_back(std::move(kernel));
  if (newWave) program.waves.emplace_back();
  program.waves.back().dispatches.push_back(std::move(dispatch));
}

Result<std::vector<Bytes>> runProgram(runtime::Device& device, runtime::Program program,
                                      const std::vector<Bytes>& inputs) {
  const auto executable = QT_TRY(device.compile(std::move(program)));
  const auto context = QT_TRY(executable->createContext());
  std::vector<std::span<const std::byte>> given(inputs.begin(), inputs.end());
  std::vector<Bytes> results;
  for (const BufferInfo& buffer : executable->program().buffers) {
    if (buffer.kind != BufferInfo::Kind::Output) continue;
    results.emplace_back(buffer.shape[0] * ir::byteSize(buffer.logical));
  }
  const std::vector<std::span<std::byte>> wanted(results.begin(), results.end());
  QT_CHECK(context->run(given, wanted));
  return results;
}

}  // namespace quartet::tests
