#include "tests/cuda/fake_device.h"

#include <dlfcn.h>

#include "backends/cuda/driver.h"
#include "backends/cuda/nvrtc.h"

namespace quartet::tests {

const FakeDriver& fakeDriver() {
  static const FakeDriver driver = [] {
    void* library = dlopen(QUARTET_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(library != nullptr, dlerror());
    const auto find = [&](auto& function, const char* name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      const bool found = function != nullptr;
      REQUIRE_MESSAGE(found, name);
    };
    FakeDriver all{};
    find(all.reset, "fakeCudaReset");
    find(all.fail, "fakeCudaFail");
    find(all.live, "fakeCudaLive");
    find(all.setFree, "fakeCudaSetFree");
    find(all.launches, "fakeCudaLaunches");
    find(all.graphLaunches, "fakeCudaGraphLaunches");
    return all;
  }();
  return driver;
}

Result<std::shared_ptr<runtime::Device>> openFake(int index, const cuda::TestOptions& options,
                                                  std::shared_ptr<runtime::CodeCache> cache) {
  auto driver = QT_TRY(cuda::Driver::open({QUARTET_FAKE_CUDA}));
  auto nvrtc = QT_TRY(cuda::Nvrtc::open({QUARTET_FAKE_NVRTC}));
  return cuda::openDevice(std::move(driver), std::move(nvrtc), index, options, std::move(cache));
}

std::shared_ptr<runtime::Device> openFakeOrFail(int index, const cuda::TestOptions& options,
                                                std::shared_ptr<runtime::CodeCache> cache) {
  auto device = openFake(index, options, std::move(cache));
  REQUIRE_MESSAGE(device.has_value(), (device ? "" : device.error().str()));
  return *device;
}

}  // namespace quartet::tests
