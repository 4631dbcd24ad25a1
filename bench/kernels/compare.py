#!/usr/bin/env python3
"""Measures single operators beside ONNX Runtime and OpenVINO: compare.py [NAME...]

The 119 operators of operators.txt, f32, two threads; the batch of each is scaled so that ONNX
Runtime takes about TARGET milliseconds. The three take turns, TURNS times, with pauses between; each turn of quartet is
a new process that compiles and warms up before it measures. Writes kernels.md and kernels.json into
bench/results (only when all were measured).
"""

import json
import pathlib
import statistics
import sys
import tempfile
import time

import numpy
import onnxruntime
import openvino

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import common  # noqa: E402
import operators  # noqa: E402

THREADS = 2
TARGET = 40.0  # milliseconds of one run
LARGEST = 1 << 28  # elements of x and y together
TURNS = 5
RUNS = 3  # of each side in each turn
WARM_UP = 2
PAUSE = 0.05  # seconds, for threads of another side that still spin
LEVELS = (0.97, 0.90)  # speeds, of the better of the two others, that are counted


def batch_for(operator: operators.Operator, run) -> int:
    """The batch with which run(x) takes about TARGET milliseconds, found by doubling."""
    _, elements = operator.work()
    most = max(1, LARGEST // elements)
    batch = 1
    while True:
        x = draw(operator, batch)
        run(x)
        elapsed = min(common.timed(lambda: run(x), RUNS))
        if elapsed >= TARGET / 4 or batch >= most:
            break
        batch = min(most, batch * 2 if elapsed > 1.0 else batch * 8)
    return max(1, min(most, round(batch * TARGET / elapsed)))


def draw(operator: operators.Operator, batch: int) -> numpy.ndarray:
    rng = numpy.random.default_rng(2)
    return rng.random(operator.input_shape(batch), dtype=numpy.float32) * 2 - 1


def openvino_session(path: pathlib.Path, shape: list[int]):
    """Its latency mode on THREADS threads, f32 as in the model (its default may round to bf16)."""
    model = openvino.Core().read_model(path)
    model.reshape({"x": shape})
    options = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY",
               "INFERENCE_PRECISION_HINT": "f32"}  # fmt: skip
    request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()

    def run(x):
        request.set_input_tensor(openvino.Tensor(x, shared_memory=True))
        request.infer(share_outputs=True)  # the default copies them

    return run


def compare(operator: operators.Operator, folder: pathlib.Path) -> dict:
    path = folder / f"{operator.name}.onnx"
    path.write_bytes(operators.model_of(operator).SerializeToString())
    session = common.ort_session(path, THREADS)
    ort = lambda x: session.run(None, {"x": x})
    batch = batch_for(operator, ort)
    shape = operator.input_shape(batch)
    x = draw(operator, batch)
    peers = {"onnxruntime": lambda: ort(x)}
    vino = openvino_session(path, shape)
    peers["openvino"] = lambda: vino(x)
    times = {"quartet": [], **{name: [] for name in peers}}
    compile_ms, schedule_ms = [], []
    for _ in range(TURNS):
        time.sleep(PAUSE)
        option = "x=" + ",".join(map(str, shape))
        report = common.run_quartet(path, THREADS, RUNS, "--warmup", str(WARM_UP), "--shape", option)
        times["quartet"] += report["times_ms"]
        compile_ms.append(report["compile_ms"])
        schedule_ms.append(report["schedule_ms"])
        for name, run in peers.items():
            time.sleep(PAUSE)
            common.timed(run, WARM_UP)  # caches are cold after the others
            times[name] += common.timed(run, RUNS)
    result = {"operator": operator.name, "kind": operator.kind, "shape": shape,
              "compile_ms": statistics.median(compile_ms),
              "schedule_ms": statistics.median(schedule_ms),
              **{name: common.summary(values) for name, values in times.items()}}  # fmt: skip
    best = min(result[name]["median_ms"] for name in peers)
    result["speed"] = best / result["quartet"]["median_ms"]
    result["gflops"] = 2e-6 * operator.work()[0] * batch / result["quartet"]["median_ms"]
    return result


def classes(results: list[dict]) -> str:
    rows = []
    for kind in [*dict.fromkeys(result["kind"] for result in results), "all"]:
        speeds = [r["speed"] for r in results if kind in ("all", r["kind"])]
        share = [f"{sum(speed >= level for speed in speeds) / len(speeds):.0%}" for level in LEVELS]
        rows.append([kind, str(len(speeds)), f"{statistics.geometric_mean(speeds):.2f}",
                     f"{min(speeds):.2f}", *share])  # fmt: skip
    head = ["class", "operators", "geomean speed", "lowest", *(f"at least {x}" for x in LEVELS)]
    return common.table(head, rows)


def each(results: list[dict]) -> str:
    rows = []
    for r in sorted(results, key=lambda result: result["speed"]):
        cells = [f"{r[side]['median_ms']:.1f} ({common.spread(r[side])})"
                 for side in ("quartet", "onnxruntime", "openvino")]  # fmt: skip
        rows.append([f"{r['operator']} {r['kind']}", "x".join(map(str, r["shape"])), *cells,
                     f"{r['speed']:.2f}", f"{r['gflops']:.0f}", f"{r['compile_ms']:.0f}",
                     f"{r['schedule_ms']:.1f}"])  # fmt: skip
    head = ["operator", "x", "Quartet", "ONNX Runtime", "OpenVINO", "speed", "GFLOP/s", "compile",
            "of it schedule"]  # fmt: skip
    return common.table(head, rows)


def report(results: list[dict], machine: dict) -> str:
    caption = (
        f"{machine['cpu']}, {THREADS} threads; commit {machine['commit']}; onnxruntime "
        f"{machine['onnxruntime']}, openvino {machine['openvino']}. Milliseconds, medians (10th to "
        f"90th percentile) of {TURNS * RUNS} runs in {TURNS} turns; speed above 1: Quartet is faster "
        "than the better of the two. Compiled in "
        f"{statistics.median(r['compile_ms'] for r in results):.0f} ms (median; at most "
        f"{max(r['compile_ms'] for r in results):.0f}), of which choosing tiles and all else up to the "
        f"plan takes {statistics.median(r['schedule_ms'] for r in results):.1f} (at most "
        f"{max(r['schedule_ms'] for r in results):.1f}).\n"
    )
    return (f"# Single operators\n\n{classes(results)}\n{caption}\n## Each, slowest first\n\n"
            f"{each(results)}")  # fmt: skip


def main() -> None:
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for operator in operators.load(sys.argv[1:]):
            results.append(compare(operator, pathlib.Path(folder)))
            last = results[-1]
            print(f"{operator.name} {operator.kind} {last['shape']}: quartet "
                  f"{last['quartet']['median_ms']:.1f} ms, onnxruntime "
                  f"{last['onnxruntime']['median_ms']:.1f}, openvino "
                  f"{last['openvino']['median_ms']:.1f}, speed {last['speed']:.2f}, "
                  f"{last['gflops']:.0f} GFLOP/s", flush=True)  # fmt: skip
    machine = {**common.machine(), "openvino": openvino.__version__.partition("-")[0]}
    text = report(results, machine)
    if sys.argv[1:]:  # some only: not worth recording
        print(text)
        return
    common.write_results("kernels", text, {"machine": machine, "results": results})


if __name__ == "__main__":
    main()
