// A library that stands in for the CUDA driver: two devices in host memory. It runs kernels that
// the stand-in for NVRTC (nvrtc.cpp) has compiled for the host, and refuses what the driver would:
// calls without a current context, copies that leave an allocation, unknown handles. Every device
// allocation ends at an unmapped page.
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "backends/cuda/driver_api.h"
#include "tests/cuda/fake/control.h"
#include "tests/cuda/fake/host_kernel.h"

using namespace quartet::cuda;
using quartet::tests::HostKernel;

namespace {

constexpr CuResult kInvalidContext = 201;
constexpr CuResult kInvalidHandle = 400;
constexpr CuResult kNotFound = 500;
constexpr size_t kAlign = 256;
constexpr size_t kTotalBytes = size_t{40} << 30;

using Operation = std::function<CuResult()>;

struct Allocation {
  std::byte* mapping = nullptr;
  size_t mapped = 0;
  size_t bytes = 0;
};

struct State {
  std::recursive_mutex mutex;
  std::map<CuDeviceAddress, Allocation> memory;
  std::map<void*, size_t> hostMemory;
  std::set<void*> objects;  // modules, streams, events, graphs
  long retained = 0;
  size_t freeBytes = kTotalBytes;
  long launches = 0;
  long graphLaunches = 0;
  CuResult lost = kCuSuccess;
  std::string failing;
  CuResult failure = kCuSuccess;
  int skip = 0;
};

State& state() {
  static State* all = new State;  // the process may end while handles live
  return *all;
}

thread_local std::vector<CuContext> contexts;

/// What a call gives before it does anything: an injected failure, or that of a lost device.
CuResult begin(const char* function, bool needsContext = true) {
  State& s = state();
  if (s.failing == function && s.skip-- == 0) {
    s.failing.clear();
    if (s.failure >= kCuIllegalAddress && s.failure != kCuLaunchOutOfResources) s.lost = s.failure;
    return s.failure;
  }
  if (needsContext && s.lost != kCuSuccess) return s.lost;
  return needsContext && contexts.empty() ? kInvalidContext : kCuSuccess;
}

#define BEGIN(...)                           \
  const std::lock_guard lock(state().mutex); \
  if (const CuResult r = begin(__func__ __VA_OPT__(, ) __VA_ARGS__); r != kCuSuccess) return r

template <class T>
T* made(T* object) {
  state().objects.insert(object);
  return object;
}

template <class T>
CuResult destroyed(T* object) {
  if (state().objects.erase(object) == 0) return kInvalidHandle;
  delete object;
  return kCuSuccess;
}

bool inDevice(CuDeviceAddress address, size_t bytes) {
  auto found = state().memory.upper_bound(address);
  if (found == state().memory.begin()) return false;
  --found;
  return address + bytes <= found->first + found->second.bytes;
}

}  // namespace

namespace quartet::cuda {
struct CuModuleStruct {
  void* library = nullptr;
  int file = -1;  // open as long: the loader knows libraries by their paths
  CuFunctionStruct* function = nullptr;
};
struct CuFunctionStruct {
  const HostKernel* kernel = nullptr;
};
struct CuGraphStruct {
  std::vector<Operation> operations;
};
struct CuGraphExecStruct {
  std::vector<Operation> operations;
};
struct CuStreamStruct {
  std::unique_ptr<CuGraphStruct> capturing;
};
struct CuEventStruct {
  std::chrono::steady_clock::time_point when;
};
}  // namespace quartet::cuda

namespace {

/// Does it at once, or when the graph that is being captured is launched.
CuResult enqueue(CuStream stream, Operation operation) {
  if (state().objects.count(stream) == 0) return kInvalidHandle;
  if (stream->capturing == nullptr) return operation();
  stream->capturing->operations.push_back(std::move(operation));
  return kCuSuccess;
}

size_t elfBytes(const void* image) {
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine == 190) return 0;
  return header.e_shoff + size_t{header.e_shnum} * header.e_shentsize;
}

struct FakeDevice {
  const char* name;
  int major, minor;
};
constexpr FakeDevice kDevices[] = {{"NVIDIA A100-SXM4-40GB", 8, 0}, {"NVIDIA Imaginary", 9, 0}};

}  // namespace

// ---- control ----

void fakeCudaReset() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.lost = kCuSuccess;
  s.failing.clear();
  s.freeBytes = kTotalBytes;
  s.launches = s.graphLaunches = 0;
}
void fakeCudaFail(const char* function, int result, int skip) {
  const std::lock_guard lock(state().mutex);
  state().failing = function;
  state().failure = result;
  state().skip = skip;
}
long fakeCudaLive() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return static_cast<long>(s.memory.size() + s.hostMemory.size() + s.objects.size()) + s.retained;
}
void fakeCudaSetFree(size_t bytes) {
  const std::lock_guard lock(state().mutex);
  state().freeBytes = bytes;
}
long fakeCudaLaunches() { return state().launches; }
long fakeCudaGraphLaunches() { return state().graphLaunches; }

// ---- the driver API ----

extern "C" {

CuResult cuInit(unsigned) {
  BEGIN(false);
  return kCuSuccess;
}
CuResult cuDriverGetVersion(int* version) {
  *version = 12040;
  return kCuSuccess;
}
CuResult cuGetErrorName(CuResult result, const char** name) {
  *name = result == kCuOutOfMemory      ? "CUDA_ERROR_OUT_OF_MEMORY"
          : result == kCuIllegalAddress ? "CUDA_ERROR_ILLEGAL_ADDRESS"
          : result == kCuLaunchFailed   ? "CUDA_ERROR_LAUNCH_FAILED"
          : result == kInvalidContext   ? "CUDA_ERROR_INVALID_CONTEXT"
                                        : "CUDA_ERROR_UNKNOWN";
  return kCuSuccess;
}
CuResult cuGetErrorString(CuResult, const char** text) {
  *text = "so says the driver";
  return kCuSuccess;
}
CuResult cuDeviceGetCount(int* count) {
  BEGIN(false);
  *count = static_cast<int>(std::size(kDevices));
  return kCuSuccess;
}
CuResult cuDeviceGet(CuDevice* device, int ordinal) {
  *device = ordinal;
  return kCuSuccess;
}
CuResult cuDeviceGetName(char* name, int bytes, CuDevice device) {
  std::snprintf(name, static_cast<size_t>(bytes), "%s", kDevices[device].name);
  return kCuSuccess;
}
CuResult cuDeviceGetUuid_v2(CuUuid* uuid, CuDevice device) {
  for (int i = 0; i < 16; ++i) uuid->bytes[i] = static_cast<unsigned char>(16 * device + i);
  return kCuSuccess;
}
CuResult cuDeviceGetAttribute(int* value, int attribute, CuDevice device) {
  static const std::map<int, int> values = {{kCuMaxThreadsPerBlock, 1024},
                                            {kCuMaxGridX, 2147483647},
                                            {kCuMaxSharedPerBlock, 49152},
                                            {kCuWarpSize, 32},
                                            {kCuMultiprocessors, 108},
                                            {kCuL2Bytes, 40 << 20},
                                            {kCuThreadsPerMultiprocessor, 2048},
                                            {kCuAsyncEngines, 3},
                                            {kCuSharedPerMultiprocessor, 167936},
                                            {kCuRegistersPerMultiprocessor, 65536},
                                            {kCuMaxSharedPerBlockOptin, 166912}};
  if (attribute == kCuComputeCapabilityMajor) {
    *value = kDevices[device].major;
  } else if (attribute == kCuComputeCapabilityMinor) {
    *value = kDevices[device].minor;
  } else if (const auto found = values.find(attribute); found != values.end()) {
    *value = found->second;
  } else {
    return kCuInvalidValue;
  }
  return kCuSuccess;
}
CuResult cuDeviceTotalMem_v2(size_t* bytes, CuDevice) {
  *bytes = kTotalBytes;
  return kCuSuccess;
}

CuResult cuDevicePrimaryCtxRetain(CuContext* context, CuDevice device) {
  BEGIN(false);
  ++state().retained;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a device address
  *context = reinterpret_cast<CuContext>(static_cast<uintptr_t>(device) + 1);
  return kCuSuccess;
}
CuResult cuDevicePrimaryCtxRelease_v2(CuDevice) {
  const std::lock_guard lock(state().mutex);
  --state().retained;
  return kCuSuccess;
}
CuResult cuCtxPushCurrent_v2(CuContext context) {
  BEGIN(false);
  contexts.push_back(context);
  return kCuSuccess;
}
CuResult cuCtxPopCurrent_v2(CuContext* context) {
  if (contexts.empty()) return kInvalidContext;
  *context = contexts.back();
  contexts.pop_back();
  return kCuSuccess;
}

CuResult cuMemGetInfo_v2(size_t* free, size_t* total) {
  BEGIN();
  *free = state().freeBytes;
  *total = kTotalBytes;
  return kCuSuccess;
}
CuResult cuMemAlloc_v2(CuDeviceAddress* address, size_t bytes) {
  BEGIN();
  if (bytes == 0) return kCuInvalidValue;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t usable = (bytes + page - 1) / page * page;
  void* mapping = mmap(nullptr, usable + page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return kCuOutOfMemory;
  auto* start = static_cast<std::byte*>(mapping);
  mprotect(start + usable, page, PROT_NONE);
  std::byte* first = start + (usable - bytes) / kAlign * kAlign;
  std::memset(first, 0xff, bytes);  // nobody may count on zeros
  *address = reinterpret_cast<CuDeviceAddress>(first);
  state().memory[*address] = {start, usable + page, bytes};
  return kCuSuccess;
}
CuResult cuMemFree_v2(CuDeviceAddress address) {
  const std::lock_guard lock(state().mutex);
  if (contexts.empty()) return kInvalidContext;
  const auto found = state().memory.find(address);
  if (found == state().memory.end()) return kCuInvalidValue;
  munmap(found->second.mapping, found->second.mapped);
  state().memory.erase(found);
  return kCuSuccess;
}
CuResult cuMemHostAlloc(void** data, size_t bytes, unsigned) {
  BEGIN();
  *data = new std::byte[bytes];
  state().hostMemory[*data] = bytes;
  return kCuSuccess;
}
CuResult cuMemFreeHost(void* data) {
  const std::lock_guard lock(state().mutex);
  if (contexts.empty()) return kInvalidContext;
  if (state().hostMemory.erase(data) == 0) return kCuInvalidValue;
  delete[] static_cast<std::byte*>(data);
  return kCuSuccess;
}
CuResult cuMemcpyHtoDAsync_v2(CuDeviceAddress to, const void* from, size_t bytes, CuStream stream) {
  BEGIN();
  if (!inDevice(to, bytes)) return kCuInvalidValue;
  return enqueue(stream, [=] {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a device address
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
    return kCuSuccess;
  });
}
CuResult cuMemcpyDtoHAsync_v2(void* to, CuDeviceAddress from, size_t bytes, CuStream stream) {
  BEGIN();
  if (!inDevice(from, bytes)) return kCuInvalidValue;
  return enqueue(stream, [=] {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a device address
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
    return kCuSuccess;
  });
}
CuResult cuMemsetD32Async(CuDeviceAddress to, unsigned value, size_t count, CuStream stream) {
  BEGIN();
  if (!inDevice(to, 4 * count)) return kCuInvalidValue;
  return enqueue(stream, [=] {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a device address
    auto* words = reinterpret_cast<unsigned*>(to);
    for (size_t i = 0; i < count; ++i) words[i] = value;
    return kCuSuccess;
  });
}

CuResult cuModuleLoadData(CuModule* module, const void* image) {
  BEGIN();
  const size_t bytes = elfBytes(image);
  if (bytes == 0) return kCuNoBinaryForGpu;
  const int file = memfd_create("kernel", 0);
  const bool written = write(file, image, bytes) == static_cast<ssize_t>(bytes);
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  void* library = written ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library == nullptr) {
    close(file);
    return kCuNoBinaryForGpu;
  }
  auto* function = new CuFunctionStruct;
  function->kernel = static_cast<const HostKernel*>(dlsym(library, quartet::tests::kHostKernel));
  *module = made(new CuModuleStruct{library, file, function});
  return kCuSuccess;
}
CuResult cuModuleUnload(CuModule module) {
  const std::lock_guard lock(state().mutex);
  if (state().objects.count(module) == 0) return kInvalidHandle;
  delete module->function;
  dlclose(module->library);
  close(module->file);
  return destroyed(module);
}
CuResult cuModuleGetFunction(CuFunction* function, CuModule module, const char* name) {
  BEGIN();
  if (std::strcmp(name, module->function->kernel->name) != 0) return kNotFound;
  *function = module->function;
  return kCuSuccess;
}

CuResult cuStreamCreate(CuStream* stream, unsigned) {
  BEGIN();
  *stream = made(new CuStreamStruct);
  return kCuSuccess;
}
CuResult cuStreamSynchronize(CuStream stream) {
  BEGIN();
  return state().objects.count(stream) == 0 ? kInvalidHandle : kCuSuccess;
}
CuResult cuStreamDestroy_v2(CuStream stream) {
  const std::lock_guard lock(state().mutex);
  return destroyed(stream);
}
CuResult cuEventCreate(CuEvent* event, unsigned) {
  BEGIN();
  *event = made(new CuEventStruct);
  return kCuSuccess;
}
CuResult cuEventRecord(CuEvent event, CuStream stream) {
  BEGIN();
  return enqueue(stream, [=] {
    event->when = std::chrono::steady_clock::now();
    return kCuSuccess;
  });
}
CuResult cuEventElapsedTime(float* milliseconds, CuEvent from, CuEvent to) {
  BEGIN();
  *milliseconds = std::chrono::duration<float, std::milli>(to->when - from->when).count();
  return kCuSuccess;
}
CuResult cuEventDestroy_v2(CuEvent event) {
  const std::lock_guard lock(state().mutex);
  return destroyed(event);
}

CuResult cuLaunchKernel(CuFunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
                        unsigned blockX, unsigned blockY, unsigned blockZ, unsigned,
                        CuStream stream, void** arguments, void**) {
  BEGIN();
  if (gridX == 0 || gridY != 1 || gridZ != 1 || blockX == 0 || blockX > 1024 || blockY != 1 ||
      blockZ != 1) {
    return kCuInvalidValue;
  }
  const HostKernel& kernel = *function->kernel;
  if (blockX != kernel.local) return kCuLaunchOutOfResources;  // what launch bounds promise
  std::vector<std::vector<std::byte>> copies;
  for (size_t i = 0; i < kernel.count; ++i) {
    const auto* from = static_cast<const std::byte*>(arguments[i]);
    copies.emplace_back(from, from + kernel.sizes[i]);
    CuDeviceAddress address = 0;
    if (kernel.sizes[i] != sizeof address) continue;
    std::memcpy(&address, from, sizeof address);
    if (i + 1 < kernel.count && !inDevice(address, 1)) return kCuIllegalAddress;
  }
  return enqueue(stream, [=, &kernel]() mutable {
    std::vector<void*> pointers;
    for (auto& copy : copies) pointers.push_back(copy.data());
    ++state().launches;
    kernel.run(pointers.data(), gridX, blockX);
    return kCuSuccess;
  });
}

CuResult cuStreamBeginCapture_v2(CuStream stream, int) {
  BEGIN();
  stream->capturing = std::make_unique<CuGraphStruct>();
  return kCuSuccess;
}
CuResult cuStreamEndCapture(CuStream stream, CuGraph* graph) {
  BEGIN();
  *graph = made(stream->capturing.release());
  return kCuSuccess;
}
CuResult cuGraphInstantiateWithFlags(CuGraphExec* executable, CuGraph graph, uint64_t) {
  BEGIN();
  *executable = made(new CuGraphExecStruct{graph->operations});
  return kCuSuccess;
}
CuResult cuGraphLaunch(CuGraphExec graph, CuStream stream) {
  BEGIN();
  ++state().graphLaunches;
  for (Operation& operation : graph->operations) {
    if (const CuResult result = enqueue(stream, operation); result != kCuSuccess) return result;
  }
  return kCuSuccess;
}
CuResult cuGraphExecDestroy(CuGraphExec graph) {
  const std::lock_guard lock(state().mutex);
  return destroyed(graph);
}
CuResult cuGraphDestroy(CuGraph graph) {
  const std::lock_guard lock(state().mutex);
  return destroyed(graph);
}

}  // extern "C"
