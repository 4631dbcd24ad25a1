#!/usr/bin/env python3
"""Measures matmuls and convolutions on llvmpipe beside ncnn and IREE: compare.py [NAME...]

Those of ../kernels/operators.txt, f32, at sizes for a driver in software: matmuls of so many rows,
and convolutions, of a batch of one, of such smaller images that they do about TARGET multiply-adds;
without those whose images would be smaller than LEAST. All three go through the same Vulkan driver,
which must be the only one, and take and give host memory. They take turns,
TURNS times; each turn of quartet is a new process that compiles and warms up before it measures.
The results of all are checked against ONNX Runtime. Writes llvmpipe.md and llvmpipe.json into
bench/results (only when all were measured).
"""

import dataclasses
import importlib.metadata
import pathlib
import statistics
import sys
import tempfile
import time

import numpy
import onnx

BENCH = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(BENCH), str(BENCH / "kernels")]
import common  # noqa: E402
import iree_peer  # noqa: E402
import ncnn_peer  # noqa: E402
import operators  # noqa: E402

DRIVER = "llvmpipe"
DEVICE = "vulkan:0"
TARGET = 10_000_000  # multiply-adds
LEAST = 7  # rows and columns of an image
TURNS = 3
RUNS = 3  # of each side in each turn
WARM_UP = 1
PAUSE = 0.05  # seconds
SIDES = ("quartet", "ncnn", "iree")


def selected(names: list[str]) -> list[tuple[operators.Operator, int]]:
    """The operators with their batches."""
    chosen = []
    for operator in operators.load(names):
        work, _ = operator.work()
        if operator.kind == "matmul":
            chosen.append((operator, max(1, TARGET // work)))
        elif operator.kind == "conv":
            size = int(operator.dims["size"] * min(1, TARGET / work) ** 0.5)
            if size >= LEAST:
                smaller = dataclasses.replace(operator, dims={**operator.dims, "size": size})
                chosen.append((smaller, 1))
    return chosen


def closed_model(operator: operators.Operator, batch: int) -> onnx.ModelProto:
    """The operator's model with every extent written down."""
    model = operators.model_of(operator)
    x, y = model.graph.input[0], model.graph.output[0]
    x.type.tensor_type.shape.dim[0].dim_value = batch
    if operator.kind == "matmul":
        shape = [batch, operator.dims["columns"]]
    else:
        shape = [batch, operator.dims["out"], *[operator.output_size()] * 2]
    y.CopyFrom(onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape))
    return model


def check(name: str, got: numpy.ndarray, want: numpy.ndarray) -> None:
    """The rule of ./dev verify."""
    room = 1e-3 * abs(want) + 1e-4 * abs(want).max()
    if got.shape != want.shape or (abs(got - want) > room).any():
        raise SystemExit(f"error: {name} gives a wrong result")


def compare(operator: operators.Operator, batch: int, device: iree_peer.Device,
            folder: pathlib.Path) -> dict:  # fmt: skip
    path = folder / f"{operator.name}.onnx"
    onnx.save(closed_model(operator, batch), path)
    x = numpy.random.default_rng(2).random(operator.input_shape(batch), dtype=numpy.float32) * 2 - 1
    want = common.ort_session(path, 0).run(None, {"x": x})[0]
    peers = {
        "ncnn": ncnn_peer.runner(operator, folder),
        "iree": device.runner(iree_peer.compile_model(path), operator.name),
    }
    for name, run in peers.items():
        check(f"{name}, {operator.name}", run(x), want)
    times = {side: [] for side in SIDES}
    for _ in range(TURNS):
        time.sleep(PAUSE)
        report = common.run_quartet(path, 0, RUNS, "--warmup", str(WARM_UP), "--strict",
                                    device=DEVICE)  # fmt: skip
        times["quartet"] += report["times_ms"]
        for name, run in peers.items():
            time.sleep(PAUSE)
            common.timed(lambda: run(x), WARM_UP)  # caches are cold after the others
            times[name] += common.timed(lambda: run(x), RUNS)
    result = {"operator": operator.name, "kind": operator.kind, "shape": list(x.shape),
              **{side: common.summary(values) for side, values in times.items()}}  # fmt: skip
    for name in peers:
        result[f"speed_{name}"] = result[name]["median_ms"] / result["quartet"]["median_ms"]
    result["gflops"] = 2e-6 * operator.work()[0] * batch / result["quartet"]["median_ms"]
    return result


def classes(results: list[dict]) -> str:
    rows = []
    for kind in [*dict.fromkeys(result["kind"] for result in results), "all"]:
        own = [r for r in results if kind in ("all", r["kind"])]
        cells = []
        for name in SIDES[1:]:
            speeds = [r[f"speed_{name}"] for r in own]
            cells += [f"{statistics.geometric_mean(speeds):.2f}", f"{min(speeds):.2f}"]
        rows.append([kind, str(len(own)), *cells])
    head = ["class", "operators", "geomean speed beside ncnn", "lowest",
            "geomean speed beside IREE", "lowest"]  # fmt: skip
    return common.table(head, rows)


def each(results: list[dict]) -> str:
    rows = []
    for r in sorted(results, key=lambda r: min(r["speed_ncnn"], r["speed_iree"])):
        cells = [f"{r[side]['median_ms']:.1f} ({common.spread(r[side])})" for side in SIDES]
        rows.append([f"{r['operator']} {r['kind']}", "x".join(map(str, r["shape"])), *cells,
                     f"{r['speed_ncnn']:.2f}", f"{r['speed_iree']:.2f}",
                     f"{r['gflops']:.1f}"])  # fmt: skip
    head = ["operator", "x", "Quartet", "ncnn", "IREE", "beside ncnn", "beside IREE", "GFLOP/s"]
    return common.table(head, rows)


def report(results: list[dict], machine: dict) -> str:
    caption = (
        f"{machine['driver']} on {machine['cpu']}, {machine['cores']} cores; commit "
        f"{machine['commit']}; ncnn {machine['ncnn']}, IREE {machine['iree']} "
        f"({' '.join(iree_peer.OPTIONS)}). f32, from host memory to host memory. Milliseconds, "
        f"medians (10th to 90th percentile) of {TURNS * RUNS} runs in {TURNS} turns; speed above "
        "1: Quartet is faster.\n"
    )
    return (f"# Single operators on {DRIVER}\n\n{classes(results)}\n{caption}\n## Each, slowest "
            f"first\n\n{each(results)}")  # fmt: skip


def machine_of(device: iree_peer.Device) -> dict:
    for name in (device.name, ncnn_peer.device_name()):
        if DRIVER not in name:
            raise SystemExit(f"error: Vulkan's first device is {name}, not {DRIVER}")
    versions = {"ncnn": importlib.metadata.version("ncnn"),
                "iree": importlib.metadata.version("iree-base-compiler")}  # fmt: skip
    return {**common.machine(), **versions, "driver": device.name}


def main() -> None:
    device = iree_peer.Device()
    machine = machine_of(device)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for operator, batch in selected(sys.argv[1:]):
            results.append(compare(operator, batch, device, pathlib.Path(folder)))
            last = results[-1]
            print(f"{operator.name} {operator.kind} {last['shape']}: quartet "
                  f"{last['quartet']['median_ms']:.1f} ms, ncnn {last['ncnn']['median_ms']:.1f}, "
                  f"iree {last['iree']['median_ms']:.1f}, {last['gflops']:.1f} GFLOP/s",
                  flush=True)  # fmt: skip
    text = report(results, machine)
    if sys.argv[1:]:  # some only: not worth recording
        print(text)
        return
    common.write_results("llvmpipe", text, {"machine": machine, "results": results})


if __name__ == "__main__":
    main()
