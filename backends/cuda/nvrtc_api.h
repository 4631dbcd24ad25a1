// The functions of NVRTC that are used, as its documentation declares them: building needs no CUDA
// headers.
#pragma once

#include <cstddef>

namespace quartet::cuda {

struct NvrtcProgramStruct;
using NvrtcProgram = NvrtcProgramStruct*;
using NvrtcResult = int;  // 0: success
inline constexpr NvrtcResult kNvrtcSuccess = 0;
inline constexpr NvrtcResult kNvrtcCompilation = 6;  // the program's text is wrong

struct NvrtcApi {
  // QT_NVRTC(result, name, parameters): members are null until the library is open.
#define QT_NVRTC_FUNCTIONS(X)                                                                   \
  X(const char*, nvrtcGetErrorString, (NvrtcResult))                                            \
  X(NvrtcResult, nvrtcVersion, (int* major, int* minor))                                        \
  X(NvrtcResult, nvrtcGetNumSupportedArchs, (int* count))                                       \
  X(NvrtcResult, nvrtcGetSupportedArchs, (int* architectures))                                  \
  X(NvrtcResult, nvrtcCreateProgram,                                                            \
    (NvrtcProgram*, const char* source, const char* name, int headers, const char* const* text, \
     const char* const* names))                                                                 \
  X(NvrtcResult, nvrtcDestroyProgram, (NvrtcProgram*))                                          \
  X(NvrtcResult, nvrtcCompileProgram, (NvrtcProgram, int count, const char* const* options))    \
  X(NvrtcResult, nvrtcGetProgramLogSize, (NvrtcProgram, size_t*))                               \
  X(NvrtcResult, nvrtcGetProgramLog, (NvrtcProgram, char*))                                     \
  X(NvrtcResult, nvrtcGetCUBINSize, (NvrtcProgram, size_t*))                                    \
  X(NvrtcResult, nvrtcGetCUBIN, (NvrtcProgram, char*))                                          \
  X(NvrtcResult, nvrtcGetPTXSize, (NvrtcProgram, size_t*))                                      \
  X(NvrtcResult, nvrtcGetPTX, (NvrtcProgram, char*))
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declarator
#define QT_NVRTC_MEMBER(result, name, parameters) result(*name) parameters = nullptr;
  QT_NVRTC_FUNCTIONS(QT_NVRTC_MEMBER)
#undef QT_NVRTC_MEMBER
};

}  // namespace quartet::cuda
