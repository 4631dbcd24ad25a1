// The functions of the CUDA driver API that are used, as its documentation declares them: building
// needs no CUDA headers, and the library is opened at run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quartet::cuda {

using CuResult = int;
using CuDevice = int;
using CuDeviceAddress = uint64_t;
struct CuContextStruct;
struct CuModuleStruct;
struct CuFunctionStruct;
struct CuStreamStruct;
struct CuEventStruct;
struct CuGraphStruct;
struct CuGraphExecStruct;
using CuContext = CuContextStruct*;
using CuModule = CuModuleStruct*;
using CuFunction = CuFunctionStruct*;
using CuStream = CuStreamStruct*;
using CuEvent = CuEventStruct*;
using CuGraph = CuGraphStruct*;
using CuGraphExec = CuGraphExecStruct*;
struct CuUuid {
  unsigned char bytes[16];
};

// Results that are told apart.
inline constexpr CuResult kCuSuccess = 0;
inline constexpr CuResult kCuInvalidValue = 1;
inline constexpr CuResult kCuOutOfMemory = 2;
inline constexpr CuResult kCuNoDevice = 100;
inline constexpr CuResult kCuNoBinaryForGpu = 209;
inline constexpr CuResult kCuInvalidPtx = 218;
inline constexpr CuResult kCuUnsupportedPtxVersion = 222;
inline constexpr CuResult kCuIllegalAddress = 700;
inline constexpr CuResult kCuLaunchOutOfResources = 701;
inline constexpr CuResult kCuLaunchTimeout = 702;
inline constexpr CuResult kCuLaunchFailed = 719;

// CUdevice_attribute
enum CuDeviceAttribute : int {
  kCuMaxThreadsPerBlock = 1,
  kCuMaxGridX = 5,
  kCuMaxSharedPerBlock = 8,
  kCuWarpSize = 10,
  kCuMaxRegistersPerBlock = 12,
  kCuClockKilohertz = 13,
  kCuMultiprocessors = 16,
  kCuIntegrated = 18,
  kCuMemoryClockKilohertz = 36,
  kCuMemoryBusBits = 37,
  kCuL2Bytes = 38,
  kCuThreadsPerMultiprocessor = 39,
  kCuAsyncEngines = 40,
  kCuComputeCapabilityMajor = 75,
  kCuComputeCapabilityMinor = 76,
  kCuSharedPerMultiprocessor = 81,
  kCuRegistersPerMultiprocessor = 82,
  kCuMaxSharedPerBlockOptin = 97,
  kCuBlocksPerMultiprocessor = 106,
};

// Flags.
inline constexpr unsigned kCuStreamNonBlocking = 1;
inline constexpr unsigned kCuEventDefault = 0;
inline constexpr int kCuCaptureThreadLocal = 1;

struct DriverApi {
#define QT_CUDA_FUNCTIONS(X)                                                                       \
  X(cuInit, "cuInit", (unsigned flags))                                                            \
  X(cuDriverGetVersion, "cuDriverGetVersion", (int*))                                              \
  X(cuGetErrorName, "cuGetErrorName", (CuResult, const char**))                                    \
  X(cuGetErrorString, "cuGetErrorString", (CuResult, const char**))                                \
  X(cuDeviceGetCount, "cuDeviceGetCount", (int*))                                                  \
  X(cuDeviceGet, "cuDeviceGet", (CuDevice*, int ordinal))                                          \
  X(cuDeviceGetName, "cuDeviceGetName", (char*, int bytes, CuDevice))                              \
  X(cuDeviceGetUuid, "cuDeviceGetUuid_v2", (CuUuid*, CuDevice))                                    \
  X(cuDeviceGetAttribute, "cuDeviceGetAttribute", (int*, int attribute, CuDevice))                 \
  X(cuDeviceTotalMem, "cuDeviceTotalMem_v2", (size_t*, CuDevice))                                  \
  X(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (CuContext*, CuDevice))                  \
  X(cuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", (CuDevice))                         \
  X(cuCtxPushCurrent, "cuCtxPushCurrent_v2", (CuContext))                                          \
  X(cuCtxPopCurrent, "cuCtxPopCurrent_v2", (CuContext*))                                           \
  X(cuMemGetInfo, "cuMemGetInfo_v2", (size_t * free, size_t * total))                              \
  X(cuMemAlloc, "cuMemAlloc_v2", (CuDeviceAddress*, size_t))                                       \
  X(cuMemFree, "cuMemFree_v2", (CuDeviceAddress))                                                  \
  X(cuMemHostAlloc, "cuMemHostAlloc", (void**, size_t, unsigned flags))                            \
  X(cuMemFreeHost, "cuMemFreeHost", (void*))                                                       \
  X(cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (CuDeviceAddress, const void*, size_t, CuStream))   \
  X(cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void*, CuDeviceAddress, size_t, CuStream))         \
  X(cuMemsetD32Async, "cuMemsetD32Async", (CuDeviceAddress, unsigned, size_t count, CuStream))     \
  X(cuModuleLoadData, "cuModuleLoadData", (CuModule*, const void*))                                \
  X(cuModuleUnload, "cuModuleUnload", (CuModule))                                                  \
  X(cuModuleGetFunction, "cuModuleGetFunction", (CuFunction*, CuModule, const char*))              \
  X(cuStreamCreate, "cuStreamCreate", (CuStream*, unsigned flags))                                 \
  X(cuStreamSynchronize, "cuStreamSynchronize", (CuStream))                                        \
  X(cuStreamDestroy, "cuStreamDestroy_v2", (CuStream))                                             \
  X(cuEventCreate, "cuEventCreate", (CuEvent*, unsigned flags))                                    \
  X(cuEventRecord, "cuEventRecord", (CuEvent, CuStream))                                           \
  X(cuEventElapsedTime, "cuEventElapsedTime", (float* milliseconds, CuEvent, CuEvent))             \
  X(cuEventDestroy, "cuEventDestroy_v2", (CuEvent))                                                \
  X(cuLaunchKernel, "cuLaunchKernel",                                                              \
    (CuFunction, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, \
     unsigned blockZ, unsigned sharedBytes, CuStream, void** arguments, void** extra))             \
  X(cuStreamBeginCapture, "cuStreamBeginCapture_v2", (CuStream, int mode))                         \
  X(cuStreamEndCapture, "cuStreamEndCapture", (CuStream, CuGraph*))                                \
  X(cuGraphInstantiate, "cuGraphInstantiateWithFlags", (CuGraphExec*, CuGraph, uint64_t flags))    \
  X(cuGraphLaunch, "cuGraphLaunch", (CuGraphExec, CuStream))                                       \
  X(cuGraphExecDestroy, "cuGraphExecDestroy", (CuGraphExec))                                       \
  X(cuGraphDestroy, "cuGraphDestroy", (CuGraph))
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declarator
#define QT_CUDA_MEMBER(member, name, parameters) CuResult(*member) parameters = nullptr;
  QT_CUDA_FUNCTIONS(QT_CUDA_MEMBER)
#undef QT_CUDA_MEMBER
};

}  // namespace quartet::cuda
