#include "backends/cuda/nvrtc.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>

#include "backends/cuda/kernel_header.h"
#include "backends/cuda/matrix_header.h"
#include "backends/cuda/shared_library.h"
#include "base/env.h"

namespace quartet::cuda {

namespace {

constexpr const char* kHint =
    "install NVRTC (a CUDA toolkit, or PyPI's nvidia-cuda-nvrtc) or set QUARTET_NVRTC to the path "
    "of its libnvrtc.so";

/// Newest first: what one of them compiles runs on any driver that is not older.
constexpr const char* kNames[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2",
                                  "libnvrtc.so"};

/// Functions without `__device__` are device functions; a product and a sum stay two roundings,
/// since kernels say where they want an fma.
const std::vector<std::string>& fixedOptions() {
  static const std::vector<std::string> options = {"--std=c++17", "--fmad=false",
                                                   "--device-as-default-execution-space"};
  return options;
}

/// A program of NVRTC while it is compiled.
class Program {
 public:
  explicit Program(const NvrtcApi& api) : api_(api) {}
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (program_ != nullptr) api_.nvrtcDestroyProgram(&program_);
  }

  NvrtcResult create(const std::string& source) {
    const char* headers[] = {kernelHeader(), matrixHeader()};
    const char* names[] = {kKernelHeaderName, kMatrixHeaderName};
    return api_.nvrtcCreateProgram(&program_, source.c_str(), "quartet.cu", std::size(headers),
                                   headers, names);
  }
  NvrtcResult compile(const std::vector<std::string>& options) {
    std::vector<const char*> pointers;
    for (const std::string& option : options) pointers.push_back(option.c_str());
    return api_.nvrtcCompileProgram(program_, static_cast<int>(pointers.size()), pointers.data());
  }
  std::string log() const {
    size_t bytes = 0;
    if (api_.nvrtcGetProgramLogSize(program_, &bytes) != kNvrtcSuccess) return {};
    std::string text(bytes, '\0');
    if (api_.nvrtcGetProgramLog(program_, text.data()) != kNvrtcSuccess) return {};
    text.resize(std::strlen(text.c_str()));
    return text;
  }
  NvrtcResult take(bool ptx, std::vector<std::byte>& code) const {
    size_t bytes = 0;
    const auto size = ptx ? api_.nvrtcGetPTXSize : api_.nvrtcGetCUBINSize;
    const auto get = ptx ? api_.nvrtcGetPTX : api_.nvrtcGetCUBIN;
    if (const NvrtcResult result = size(program_, &bytes); result != kNvrtcSuccess) return result;
    code.resize(bytes);
    return get(program_, reinterpret_cast<char*>(code.data()));
  }

 private:
  const NvrtcApi& api_;
  NvrtcProgram program_ = nullptr;
};

/// NVRTC's library of built-in headers names the compiler's libraries and uses nothing of them. On
/// a system that has none, they may lie in the folder "compat" beside NVRTC. The system's come
/// first: drivers in this process may need what is new in them.
void openCompilerLibraries(const NvrtcApi& api) {
  Dl_info nvrtc;
  if (dladdr(reinterpret_cast<const void*>(api.nvrtcVersion), &nvrtc) == 0) return;
  const auto folder = std::filesystem::path(nvrtc.dli_fname).parent_path() / "compat";
  for (const char* name : {"libgcc_s.so.1", "libstdc++.so.6"}) {
    // Where neither is there, compiling fails, and NVRTC says why.
    (void)SharedLibrary::open(name, {name, folder / name}, {});
  }
}

}  // namespace

std::string Architecture::option() const {
  return (virtualCode ? "compute_" : "sm_") + std::to_string(number) + suffix;
}

std::vector<std::string> nvrtcFiles() {
  if (const auto file = envPath(EnvSwitch::Nvrtc); file && *file) return {**file};
  std::vector<std::string> files(std::begin(kNames), std::end(kNames));
  std::vector<std::string> toolkits;
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"}) {
    const char* folder = std::getenv(variable);
    if (folder != nullptr && *folder != '\0') toolkits.emplace_back(folder);
  }
  toolkits.emplace_back("/usr/local/cuda");
  for (const std::string& toolkit : toolkits) files.push_back(toolkit + "/lib64/libnvrtc.so");
  return files;
}

Result<std::shared_ptr<const Nvrtc>> Nvrtc::get() {
  static std::mutex mutex;
  static std::shared_ptr<const Nvrtc> opened;
  const std::lock_guard lock(mutex);
  if (opened == nullptr) opened = QT_TRY(open(nvrtcFiles()));
  return opened;
}

Result<std::shared_ptr<const Nvrtc>> Nvrtc::open(const std::vector<std::string>& files) {
  auto nvrtc = std::make_shared<Nvrtc>();
  QT_CHECK(nvrtc->load(files));
  return nvrtc;
}

Status Nvrtc::load(const std::vector<std::string>& files) {
  const SharedLibrary library = QT_TRY(SharedLibrary::open("NVRTC", files, kHint));
  file_ = library.file();
#define QT_NVRTC_FIND(result, name, parameters)                                                   \
  if (!library.find(#name, api_.name)) {                                                          \
    return unsupported("NVRTC has no function " #name ": version 11.2 or later is needed", file_, \
                       kHint);                                                                    \
  }
  QT_NVRTC_FUNCTIONS(QT_NVRTC_FIND)
#undef QT_NVRTC_FIND
  openCompilerLibraries(api_);
  int major = 0;
  int minor = 0;
  int count = 0;
  NvrtcResult result = api_.nvrtcVersion(&major, &minor);
  if (result == kNvrtcSuccess) result = api_.nvrtcGetNumSupportedArchs(&count);
  architectures_.resize(static_cast<size_t>(std::max(count, 0)));
  if (result == kNvrtcSuccess) result = api_.nvrtcGetSupportedArchs(architectures_.data());
  if (result != kNvrtcSuccess) {
    return unsupported("NVRTC does not say what it compiles for: " + failure(result), file_, kHint);
  }
  version_ = std::to_string(major) + "." + std::to_string(minor);
  std::sort(architectures_.begin(), architectures_.end());
  return {};
}

std::string Nvrtc::failure(NvrtcResult result) const { return api_.nvrtcGetErrorString(result); }

Result<Architecture> Nvrtc::architectureFor(int computeCapability) const {
  const auto above =
      std::upper_bound(architectures_.begin(), architectures_.end(), computeCapability);
  if (above == architectures_.begin()) {
    const int least = architectures_.empty() ? 0 : architectures_.front();
    return unsupported("NVRTC " + version_ + " compiles for compute capability " +
                           std::to_string(least / 10) + "." + std::to_string(least % 10) +
                           " and later, the device has " + std::to_string(computeCapability / 10) +
                           "." + std::to_string(computeCapability % 10),
                       file_, "set QUARTET_NVRTC to an older NVRTC");
  }
  const int best = *std::prev(above);
  return Architecture{best, best / 10 != computeCapability / 10, ""};
}

Result<Code> Nvrtc::compile(const std::string& source, const Architecture& architecture,
                            const std::string& name) const {
  const auto error = [&](NvrtcResult result, const std::string& message) {
    const bool ours = result == kNvrtcCompilation;
    return tl::unexpected(Diagnostic{ours ? Diagnostic::Kind::Internal : Diagnostic::Kind::Resource,
                                     ours ? "NVRTC rejects generated code: " + message
                                          : "NVRTC " + version_ + " fails: " + failure(result),
                                     "program '" + name + "', " + architecture.option(),
                                     {ours ? source : message},
                                     ours ? "" : "check the installation of " + file_});
  };
  std::vector<std::string> options = fixedOptions();
  options.push_back("--gpu-architecture=" + architecture.option());
  Program program(api_);
  if (const NvrtcResult result = program.create(source); result != kNvrtcSuccess) {
    return error(result, "");
  }
  if (const NvrtcResult result = program.compile(options); result != kNvrtcSuccess) {
    return error(result, program.log());
  }
  Code code;
  const NvrtcResult result = program.take(architecture.virtualCode, code.bytes);
  if (result != kNvrtcSuccess) return error(result, program.log());
  return code;
}

Result<Code> Nvrtc::compile(const std::string& source, const Architecture& architecture,
                            const std::string& name, runtime::CodeCache* cache) const {
  if (cache == nullptr) return compile(source, architecture, name);
  constexpr const char* kKind = "CUDA";
  std::string key = "NVRTC " + version_ + " " + architecture.option();
  for (const std::string& option : fixedOptions()) key += " " + option;
  key += "\n" + std::string(kernelHeader()) + source;
  if (auto bytes = cache->get(kKind, key)) return Code{std::move(*bytes), true};
  Code code = QT_TRY(compile(source, architecture, name));
  cache->put(kKind, key, code.bytes);
  return code;
}

}  // namespace quartet::cuda
