// Linked into the command line program and the tests of a build with AddressSanitizer: the first
// finding ends the program, and the leaks of drivers are not ours. A Vulkan object that we forget
// to destroy is reported by the validation layer instead.

#include <dlfcn.h>

extern "C" {

const char* __asan_default_options() { return "detect_stack_use_after_return=1"; }

const char* __ubsan_default_options() { return "halt_on_error=1:print_stacktrace=1"; }

const char* __lsan_default_suppressions() {
  return "leak:libvulkan.so\n"          // the loader: its list of what drivers can do
         "leak:libvulkan_lvp.so\n"      // llvmpipe: shared state of the process
         "leak:libLLVM-15.so\n"         // llvmpipe's compiler; ours is another version
         "leak:libvulkan_radeon.so\n"   // RADV without a device
         "leak:libvk_swiftshader.so\n"  // SwiftShader: threads' own storage
         "leak:libVkLayer_khronos_validation.so\n";
}

// Drivers stay loaded: the report of a leak, and so its suppression, needs the library's name.
int dlclose(void* /*library*/) noexcept { return 0; }
}
