"""Models on IREE's Vulkan target."""

import pathlib
import subprocess
import sys

import iree.runtime
import numpy

# Other levels of optimisation, and targets that name a GPU, are no faster on llvmpipe.
OPTIONS = ("--iree-hal-target-device=vulkan",)


def tool(name: str, *arguments) -> None:
    """Runs one of IREE's programs, which lie beside this Python."""
    program = pathlib.Path(sys.executable).with_name(name)
    result = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"error: {name} failed\n{result.stderr}")


def compile_model(model: pathlib.Path) -> pathlib.Path:
    imported = model.with_suffix(".mlir")
    module = model.with_suffix(".vmfb")
    tool("iree-import-onnx", model, "-o", imported)
    tool("iree-compile", imported, "-o", module, *OPTIONS)
    return module


def to_host(array: iree.runtime.DeviceArray) -> numpy.ndarray:
    """What its own to_host() does by importing host memory, which it does not align for Vulkan."""
    runtime = iree.runtime
    source = array._buffer_view.get_buffer()  # noqa: SLF001
    device = array._device  # noqa: SLF001
    staging = device.allocator.allocate_buffer(
        memory_type=int(runtime.MemoryType.HOST_LOCAL | runtime.MemoryType.DEVICE_VISIBLE),
        allowed_usage=int(runtime.BufferUsage.TRANSFER_TARGET | runtime.BufferUsage.MAPPING_SCOPED),
        allocation_size=source.byte_length(),
    )
    semaphore = device.create_semaphore(0)
    done = runtime.HalFence.create_at(semaphore, 1)
    device.queue_copy(source, staging, signal_semaphores=done,
                      wait_semaphores=runtime.HalFence.create_at(semaphore, 0))  # fmt: skip
    done.wait()
    return staging.map().asarray(array.shape, array.dtype)


class Device:
    def __init__(self):
        driver = iree.runtime.get_driver("vulkan")
        self.name = driver.query_available_devices()[0]["name"]
        self.config = iree.runtime.Config(device=driver.create_default_device())

    def runner(self, module: pathlib.Path, function: str):
        """run(x): the result of a compiled model on the host."""
        context = iree.runtime.SystemContext(config=self.config)
        instance = self.config.vm_instance
        context.add_vm_module(iree.runtime.VmModule.mmap(instance, str(module)))
        call = context.modules.module[function]

        def run(x: numpy.ndarray) -> numpy.ndarray:
            return to_host(call(x))

        return run
