// A CUDA device without a GPU: the backend over the stand-ins for the driver and NVRTC (fake/).
#pragma once

#include <doctest/doctest.h>

#include <memory>

#include "backends/cuda/device.h"
#include "runtime/device.h"
#include "tests/cuda/fake/control.h"

namespace quartet::tests {

/// The control functions of the stand-in for the driver that the process has opened.
struct FakeDriver {
  decltype(&fakeCudaReset) reset;
  decltype(&fakeCudaFail) fail;
  decltype(&fakeCudaLive) live;
  decltype(&fakeCudaSetFree) setFree;
  decltype(&fakeCudaLaunches) launches;
  decltype(&fakeCudaGraphLaunches) graphLaunches;
};
const FakeDriver& fakeDriver();

/// Device 0 is described by the hardware database, device 1 is unknown to it.
Result<std::shared_ptr<runtime::Device>> openFake(int index = 0,
                                                  const cuda::TestOptions& options = {},
                                                  std::shared_ptr<runtime::CodeCache> cache = {});
std::shared_ptr<runtime::Device> openFakeOrFail(int index = 0,
                                                const cuda::TestOptions& options = {},
                                                std::shared_ptr<runtime::CodeCache> cache = {});

}  // namespace quartet::tests
