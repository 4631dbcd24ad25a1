#include "backends/cuda/emit_cuda.h"

#include "backends/common/gpu/print_kernel.h"
#include "backends/cuda/kernel_header.h"
#include "backends/cuda/matrix_header.h"

namespace quartet::cuda {

using Access = ir::Type::Access;

namespace {

constexpr const char* kReport = R"(void report(Status* status, uint code, uint node, uvec2 detail) {
  if (atomicCAS(&status->code, 0u, code) != 0u) return;
  status->node = node;
  status->detail = detail;
}
)";

gpu::Language cudaLanguage() {
  return {.precise = "",  // the compiler is told to contract nothing (nvrtc.cpp)
          .floatSuffix = "f",
          .doubleSuffix = "",
          .loopLine = "#pragma unroll 1",
          .loopAttribute = "",
          .localId = "int(threadIdx.x)",
          .subgroupId = "(int(threadIdx.x) / warpSize)",
          .matrix = matrixName,
          .memoryBarrier = "",  // the barrier does it
          .barrier = "__syncthreads();",
          .shared = "__shared__ __align__(32) ",
          .report = kReport,
          .reportTo = "status, ",
          .overflowIsUndefined = true,
          .spelling = {{"precise ", ""}, {".0lf", ".0"}, {".5lf", ".5"}}};
}

std::string indented(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at) + 1;
    out += "  " + text.substr(at, end - at);
    at = end;
  }
  return out;
}

/// The parameter of a buffer: its narrowest view, by which the wider ones go too.
std::string parameter(const gpu::PrintedBuffer& buffer) {
  const std::string constant = buffer.access == Access::Read ? "const " : "";
  const gpu::PrintedBuffer::View& view = buffer.views[0];
  return constant + view.type + "* __restrict__ " + view.name;
}

std::string widerViews(const gpu::PrintedBuffer& buffer) {
  const std::string constant = buffer.access == Access::Read ? "const " : "";
  std::string text;
  for (size_t i = 1; i < buffer.views.size(); ++i) {
    const gpu::PrintedBuffer::View& view = buffer.views[i];
    const std::string pointer = constant + view.type + "*";
    text += "  " + pointer + " " + view.name + " = reinterpret_cast<" + pointer + ">(" +
            buffer.views[0].name + ");\n";
  }
  return text;
}

struct Function {
  std::vector<std::string> parameters;
  std::string body;
  std::string groups;  // of the last kernel
};

void addKernel(Function& function, const gpu::PrintedKernel& kernel,
               const gpu::KernelPlace& place) {
  for (const gpu::PrintedBuffer& buffer : kernel.buffers) {
    function.parameters.push_back(parameter(buffer));
  }
  const std::string groups = "int(words.word[" + std::to_string(place.firstWord - 1) + "])";
  const bool first = place.number == 0;
  function.body += first ? "  if (group" : "  } else if ((group -= " + function.groups + ")";
  function.body += " < " + groups + ") {\n";
  function.groups = groups;
  for (const gpu::PrintedBuffer& buffer : kernel.buffers) {
    function.body += indented(widerViews(buffer));
  }
  if (!kernel.shared.empty()) function.body += indented(indented(kernel.shared));
  function.body += indented(kernel.statements);
}

std::string text(const Function& function, const gpu::Interface& interface) {
  std::string out = "struct Words {\n  uint word[" + std::to_string(interface.words) + "];\n};\n";
  out += "extern \"C\" __global__ void __launch_bounds__(" + std::to_string(interface.local) +
         ") " + kEntry + "(\n";
  std::vector<std::string> parameters = function.parameters;
  if (interface.status) parameters.emplace_back("Status* __restrict__ status");
  parameters.emplace_back(interface.wordsInBuffer ? "const Words* __restrict__ wordsBuffer"
                                                  : "const Words words");
  for (size_t i = 0; i < parameters.size(); ++i) {
    out += "    " + parameters[i] + (i + 1 < parameters.size() ? ",\n" : ") {\n");
  }
  if (interface.wordsInBuffer) out += "  const Words& words = *wordsBuffer;\n";
  return out + "  int group = int(blockIdx.x);\n" + function.body + "  }\n}\n";
}

}  // namespace

std::string emitCuda(std::span<const ir::Module* const> kernels, const gpu::Target& target) {
  const gpu::Interface interface = gpu::interfaceOf(kernels, target);
  const gpu::Language language = cudaLanguage();
  gpu::Prelude prelude(language, target.int64);
  Function function;
  bool matrices = false;
  gpu::KernelPlace place{.firstWord = 1};
  for (const ir::Module* kernel : kernels) {
    QT_ASSERT(kernel->attributes.integer("local") == interface.local,
              "kernels of one launch have groups of one size");
    matrices |= !gpu::matrixTypes(*kernel).empty();
    addKernel(function, gpu::printKernel(*kernel, language, target, prelude, place), place);
    place.firstBinding += static_cast<int64_t>(kernel->region(kernel->top()).parameters.size());
    place.firstWord += 1 + interface.parameters[static_cast<size_t>(place.number)];
    ++place.number;
  }
  const auto include = [](const char* name) { return "#include \"" + std::string(name) + "\"\n"; };
  return include(kKernelHeaderName) + (matrices ? include(kMatrixHeaderName) : "") +
         prelude.text() + text(function, interface);
}

}  // namespace quartet::cuda
