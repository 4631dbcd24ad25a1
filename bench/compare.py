#!/usr/bin/env python3
"""Measures quartet beside ONNX Runtime on the models of models.toml: compare.py [--all | NAME...]

Batch 1; one and two threads; ONNX Runtime with its default options otherwise. The two take turns,
TURNS times, with a pause between, so that both see the same machine; each turn of quartet is a new
process that compiles and warms up before it measures. Writes bench.md and bench.json into
bench/results, and the table into README.md (only when all models were measured).
"""

import json
import statistics
import subprocess
import sys
import time

import common

TURNS = 10
RUNS = 3  # of each side in each turn
WARM_UP = 2
COSTLIEST = 3  # task sets that are shown for each model
PAUSE = 0.05  # seconds, for threads of the other side that still spin
THREADS = (1, 2)


def quantile(values: list[float], fraction: float) -> float:
    values = sorted(values)
    return values[round(fraction * (len(values) - 1))]


def summary(values: list[float]) -> dict:
    return {
        "median_ms": statistics.median(values),
        "p10_ms": quantile(values, 0.1),
        "p90_ms": quantile(values, 0.9),
        "runs": len(values),
    }


def run_quartet(model: dict, threads: int, *options: str) -> dict:
    command = [common.QUARTET, "bench", common.MODELS / model["file"], "--device", "cpu", "--json",
               "--no-cache", "--threads", str(threads), "--runs", str(RUNS), *options,
               *common.shape_options(model["runs"][model["bench"]])]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{model['name']}: quartet bench failed\n{result.stderr}")
    return json.loads(result.stdout)


def run_ort(session, inputs: dict) -> list[float]:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        session.run(None, inputs)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def compare(model: dict, threads: int) -> dict:
    session = common.ort_session(model, threads)
    inputs = common.make_inputs(model, model["runs"][model["bench"]], session)
    for _ in range(WARM_UP):
        session.run(None, inputs)
    ours, theirs, reports = [], [], []
    for _ in range(TURNS):
        time.sleep(PAUSE)
        reports.append(run_quartet(model, threads))
        ours += reports[-1]["times_ms"]
        time.sleep(PAUSE)
        session.run(None, inputs)  # caches are cold after the other process
        theirs += run_ort(session, inputs)
    quartet = summary(ours)
    for key in ("launches", "bytes", "peak_bytes"):
        quartet[key] = reports[0][key]
    profile = run_quartet(model, threads, "--profile", str(COSTLIEST))
    quartet["costliest"] = profile["task_sets"]
    quartet["compile_ms"] = statistics.median(report["compile_ms"] for report in reports)
    ort = summary(theirs)
    return {
        "model": model["name"],
        "shapes": model["runs"][model["bench"]],
        "threads": threads,
        "quartet": quartet,
        "onnxruntime": ort,
        "ratio": quartet["median_ms"] / ort["median_ms"],
    }


def markdown(results: list[dict]) -> str:
    head = ["model", "threads", "Quartet", "p10-p90", "ONNX Runtime", "p10-p90", "ratio",
            "compile", "launches"]  # fmt: skip
    rows = []
    for r in results:
        q, o = r["quartet"], r["onnxruntime"]
        spread = lambda s: f"{s['p10_ms']:.2f}-{s['p90_ms']:.2f}"
        rows.append([r["model"], str(r["threads"]), f"{q['median_ms']:.2f}", spread(q),
                     f"{o['median_ms']:.2f}", spread(o), f"{r['ratio']:.2f}",
                     f"{q['compile_ms']:.0f}", str(q["launches"])])  # fmt: skip
    return common.table(head, rows)


def costliest(results: list[dict]) -> str:
    """Where the time goes: the task sets of each model that cost most, timed one by one."""
    rows = []
    for r in results:
        for task_set in r["quartet"]["costliest"]:
            share = task_set["us"] / 1e3 / r["quartet"]["median_ms"]
            rows.append([r["model"], str(r["threads"]), f"{task_set['us'] / 1e3:.3f}",
                         f"{share:.0%}", f"{task_set['predicted_us'] / 1e3:.3f}",
                         nodes(task_set["nodes"])])  # fmt: skip
    head = ["model", "threads", "ms", "of the run", "predicted", "nodes"]
    return common.table(head, rows)


def nodes(text: str) -> str:
    """At most 80 characters of the nodes that a task set computes."""
    return f"`{text if len(text) <= 80 else text[:77] + '...'}`"


def caption(machine: dict) -> str:
    return (
        f"{machine['cpu']}, {machine['cores']} cores; commit {machine['commit']}; onnxruntime "
        f"{machine['onnxruntime']}; milliseconds, medians of {TURNS * RUNS} runs in {TURNS} turns; "
        "ratio above 1: Quartet is slower.\n"
    )


def update_readme(text: str) -> None:
    path = common.ROOT / "README.md"
    begin, end = "<!-- bench -->\n", "<!-- /bench -->"
    head, _, rest = path.read_text().partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(head + begin + text + end + tail)


def main() -> None:
    results = []
    for model in common.load_models(sys.argv[1:]):
        if "bench" not in model:
            continue
        for threads in THREADS:
            result = compare(model, threads)
            results.append(result)
            print(f"{model['name']}, {threads} threads: quartet {result['quartet']['median_ms']:.2f} ms, "
                  f"onnxruntime {result['onnxruntime']['median_ms']:.2f} ms, "
                  f"ratio {result['ratio']:.2f}", flush=True)  # fmt: skip
    results.sort(key=lambda result: -result["ratio"])
    machine = common.machine()
    text = markdown(results) + "\n" + caption(machine)
    if sys.argv[1:] not in ([], ["--all"]):  # some models only: not worth recording
        print(text)
        return
    common.RESULTS.mkdir(exist_ok=True)
    where = f"## The {COSTLIEST} task sets that cost most\n\n" + costliest(results)
    (common.RESULTS / "bench.md").write_text(f"# Quartet and ONNX Runtime\n\n{text}\n{where}")
    report = {"machine": machine, "results": results}
    (common.RESULTS / "bench.json").write_text(json.dumps(report, indent=1) + "\n")
    update_readme(text)
    print("wrote bench/results/bench.md, bench/results/bench.json and the table in README.md")


if __name__ == "__main__":
    main()
