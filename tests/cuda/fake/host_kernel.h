// How a kernel that was compiled for the host is called: what the stand-in for NVRTC makes and the
// stand-in for the driver runs.
#pragma once

#include <cstddef>

namespace quartet::tests {

struct HostKernel {
  const char* name;  // of the entry function
  unsigned local;    // threads of a block that it was compiled for
  size_t count;      // of arguments
  const size_t* sizes;
  void (*run)(void** arguments, unsigned groups, unsigned local);
};

/// The symbol of a library's one kernel.
inline constexpr const char* kHostKernel = "quartet_host_kernel";

}  // namespace quartet::tests
