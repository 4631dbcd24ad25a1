#!/usr/bin/env python3
"""Measures kernels beside what this CPU can do at most: limits.py [CLASS...]

`quartet characterize` measures the f32 peak and the bandwidth of memory, with 1 and with 2 threads.
No kernel can take less than its operations at that peak, nor than its bytes at that bandwidth: the
longer of the two is its limit, and shown is how much of its time that is. Products of f16, bf16 and
bytes, for whose units there is no probe, are shown as rates, in operations of f32's peak. Writes
limits.md and limits.json into bench/results (only when all classes were measured).
"""

import dataclasses
import pathlib
import statistics
import subprocess
import sys
import tempfile
import tomllib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import common  # noqa: E402
import operators  # noqa: E402
from operators import Operator  # noqa: E402

THREADS = (1, 2)
TURNS = 3
LEAST_MS = 200.0  # of all runs in a turn
BATCH = 8  # of convolutions and pooling

# in, out, size, kernel, stride: each that the model has, once.
RESNET50 = [
    (3, 64, 224, 7, 2), (64, 64, 56, 1, 1), (64, 64, 56, 3, 1), (64, 256, 56, 1, 1),
    (256, 64, 56, 1, 1), (256, 128, 56, 1, 1), (128, 128, 56, 3, 2), (256, 512, 56, 1, 2),
    (128, 512, 28, 1, 1), (512, 128, 28, 1, 1), (128, 128, 28, 3, 1), (512, 256, 28, 1, 1),
    (256, 256, 28, 3, 2), (512, 1024, 28, 1, 2), (256, 1024, 14, 1, 1), (1024, 256, 14, 1, 1),
    (256, 256, 14, 3, 1), (1024, 512, 14, 1, 1), (512, 512, 14, 3, 2), (1024, 2048, 14, 1, 2),
    (512, 2048, 7, 1, 1), (2048, 512, 7, 1, 1), (512, 512, 7, 3, 1),
]  # fmt: skip
VGG16 = [
    (3, 64, 224, 3, 1), (64, 64, 224, 3, 1), (64, 128, 112, 3, 1), (128, 128, 112, 3, 1),
    (128, 256, 56, 3, 1), (256, 256, 56, 3, 1), (256, 512, 28, 3, 1), (512, 512, 28, 3, 1),
    (512, 512, 14, 3, 1),
]  # fmt: skip
# channels, size, kernel, stride of MobileNetV2, EfficientNet and NASNet.
DEPTHWISE = [
    (32, 112, 3, 1), (96, 112, 3, 2), (144, 56, 3, 1), (144, 56, 3, 2), (192, 28, 3, 1),
    (192, 28, 3, 2), (384, 14, 3, 1), (576, 14, 3, 2), (960, 7, 3, 1), (240, 28, 5, 2),
    (672, 14, 5, 1), (336, 21, 7, 1), (84, 42, 7, 1),
]  # fmt: skip
POOL = [(64, 112, 3, 2), (64, 224, 2, 2), (256, 56, 2, 2), (512, 14, 2, 2), (480, 28, 3, 1)]


@dataclasses.dataclass(frozen=True)
class Kernel:
    group: str  # the class that it is shown in
    name: str
    model: onnx.ModelProto
    shapes: list[str]  # of inputs with open extents
    flops: float
    bytes: float | None  # from and to memory at least; None: products of narrow elements


def of_operator(group: str, operator: Operator, batch: int = BATCH) -> Kernel:
    multiplies, elements = operator.work()
    weights = operators.weights_of(operator)
    moved = 4 * (batch * elements + (0 if weights is None else weights.size))
    shape = ",".join(map(str, operator.input_shape(batch)))
    adds = operator.kind == "pool"  # no products
    return Kernel(group, operator.name, operators.model_of(operator), [f"x={shape}"],
                  (1 if adds else 2) * multiplies * batch, moved)  # fmt: skip


def matmul(extent: int, constant: bool, dtype: str = "f32") -> Kernel:
    x_type, w_type, y_type, op = {
        "f32": (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT, "MatMul"),
        "f16": (TensorProto.FLOAT16, TensorProto.FLOAT16, TensorProto.FLOAT16, "MatMul"),
        "bf16": (TensorProto.BFLOAT16, TensorProto.BFLOAT16, TensorProto.BFLOAT16, "MatMul"),
        "u8 x i8": (TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32, "MatMulInteger"),
    }[dtype]
    value = lambda name, kind: helper.make_tensor_value_info(name, kind, [extent, extent])
    inputs, constants = [value("x", x_type)], []
    if constant:
        drawn = numpy.random.default_rng(1).uniform(-1, 1, (extent, extent)).astype(numpy.float32)
        if dtype == "u8 x i8":
            constants = [numpy_helper.from_array((127 * drawn).astype(numpy.int8), "w")]
        elif dtype == "bf16":
            constants = [helper.make_tensor("w", w_type, drawn.shape, drawn.flatten())]
        else:
            kind = numpy.float16 if dtype == "f16" else numpy.float32
            constants = [numpy_helper.from_array(drawn.astype(kind), "w")]
    else:
        inputs.append(value("w", w_type))
    graph = helper.make_graph([helper.make_node(op, ["x", "w"], ["y"])], "matmul", inputs,
                              [value("y", y_type)], constants)  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", operators.OPSET)])
    model.ir_version = 8
    group = "matmul" if dtype == "f32" else "narrow matmul"
    name = f"{extent}^3 {dtype}, {'constant w' if constant else 'both inputs'}"
    return Kernel(group, name, model, [], 2.0 * extent**3, 12.0 * extent**2 if dtype == "f32" else None)


def kernels() -> list[Kernel]:
    found = [matmul(extent, constant) for extent in (512, 1024, 2048, 4096) for constant in (True, False)]
    found += [matmul(extent, True, dtype) for dtype in ("f16", "bf16", "u8 x i8") for extent in (1024, 2048)]
    for model, layers in (("resnet50", RESNET50), ("vgg16", VGG16)):
        for entered, left, size, kernel, stride in layers:
            dims = {"in": entered, "out": left, "size": size, "kernel": kernel, "stride": stride}
            name = f"{entered}x{size}x{size} to {left}, {kernel}x{kernel}/{stride}"
            found.append(of_operator(f"{model} {kernel}x{kernel}", Operator(name, "conv", dims, True)))
    for kind, layers in (("depthwise", DEPTHWISE), ("pool", POOL)):
        for channels, size, kernel, stride in layers:
            dims = {"in": channels, "size": size, "kernel": kernel, "stride": stride}
            name = f"{channels}x{size}x{size}, {kernel}x{kernel}/{stride}"
            found.append(of_operator(kind, Operator(name, kind, dims, True)))
    return found


def characterize(threads: int, folder: pathlib.Path) -> dict:
    """Peak in GFLOP/s of f32, bandwidth in GB/s."""
    output = folder / f"cpu{threads}.toml"
    command = [common.QUARTET, "characterize", "--device", "cpu", "--threads", str(threads),
               "--output", output, "--force"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    described = tomllib.loads(output.read_text())
    fields = described["fields"]
    value = lambda name: fields[name]["value"]
    return {"gigaflops": value("peakGigaflops"), "gigabytes": value("memoryGigabytesPerSecond")}


def measure(kernel: Kernel, threads: int, folder: pathlib.Path) -> dict:
    path = folder / "kernel.onnx"
    path.write_bytes(kernel.model.SerializeToString())
    options = [option for shape in kernel.shapes for option in ("--shape", shape)]
    once = common.run_quartet(path, threads, 3, "--warmup", "2", *options)["median_ms"]
    runs = max(5, min(200, int(LEAST_MS / once)))
    times = []
    for _ in range(TURNS):
        times += common.run_quartet(path, threads, runs, "--warmup", "3", *options)["times_ms"]
    return common.summary(times)


def rated(kernel: Kernel, threads: int, limits: dict, folder: pathlib.Path) -> dict:
    result = {"class": kernel.group, "kernel": kernel.name, "threads": threads,
              **measure(kernel, threads, folder)}  # fmt: skip
    result["gflops"] = 1e-6 * kernel.flops / result["median_ms"]
    compute = 1e-6 * kernel.flops / limits["gigaflops"]
    memory = 1e-6 * (kernel.bytes or 0) / limits["gigabytes"]
    result["bound"] = "memory" if memory > compute else "compute"
    result["share"] = max(compute, memory) / result["median_ms"]
    return result


def classes(results: list[dict]) -> str:
    rows = []
    for group in dict.fromkeys(result["class"] for result in results):
        cells = [group]
        for threads in THREADS:
            shares = [r["share"] for r in results if r["class"] == group and r["threads"] == threads]
            cells += [f"{statistics.median(shares):.0%}", f"{min(shares):.0%}"]
        rows.append(cells)
    head = ["class"]
    for threads in THREADS:
        head += [f"median, {threads} thread{'s' if threads > 1 else ''}", "lowest"]
    return common.table(head, rows)


def each(results: list[dict]) -> str:
    rows = [[f"{r['class']}: {r['kernel']}", str(r["threads"]), f"{r['median_ms']:.3f}", common.spread(r),
             f"{r['gflops']:.0f}", r["bound"], f"{r['share']:.0%}"]
            for r in results]  # fmt: skip
    return common.table(["kernel", "threads", "ms", "p10-p90", "Gop/s", "bound", "of the limit"], rows)


def report(results: list[dict], limits: dict, machine: dict) -> str:
    measured = "; ".join(f"{threads} thread{'s' if threads > 1 else ''}: {limit['gigaflops']:.0f} GFLOP/s, "
                         f"{limit['gigabytes']:.1f} GB/s" for threads, limit in limits.items())  # fmt: skip
    return (
        f"# Kernels beside the machine's limits\n\nShares of the limit, f32 unless a class says otherwise: "
        f"operations at the peak or bytes at the bandwidth that `quartet characterize` measured, whichever "
        f"takes longer. Above 100%: Winograd's algorithm needs fewer operations than are counted, caches "
        f"hold what is counted as read from memory, and units for narrow elements do more than f32's.\n\n"
        f"{classes(results)}\n{machine['cpu']}; {measured}; commit {machine['commit']}. Medians of {TURNS} "
        f"turns, each a new process.\n\n## Each\n\n{each(results)}"
    )  # fmt: skip


def main() -> None:
    chosen = [kernel for kernel in kernels() if not sys.argv[1:] or kernel.group in sys.argv[1:]]
    if not chosen:
        known = ", ".join(dict.fromkeys(kernel.group for kernel in kernels()))
        raise SystemExit(f"error: no such class; there are {known}")
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        limits = {threads: characterize(threads, folder) for threads in THREADS}
        for threads, limit in limits.items():
            print(f"{threads} threads: {limit}", flush=True)
        for kernel in chosen:
            for threads in THREADS:
                results.append(rated(kernel, threads, limits[threads], folder))
                last = results[-1]
                print(f"{kernel.group}: {kernel.name}, {threads} threads: {last['median_ms']:.3f} ms, "
                      f"{last['gflops']:.0f} Gop/s, {last['share']:.0%} of {last['bound']}", flush=True)  # fmt: skip
    machine = common.machine()
    text = report(results, limits, machine)
    if sys.argv[1:]:  # some only: not worth recording
        print(text)
        return
    common.write_results("limits", text, {"machine": machine, "limits": limits, "results": results})


if __name__ == "__main__":
    main()
