#!/usr/bin/env python3
"""Measures quartet beside ONNX Runtime on the models of models.toml: compare.py [--all | NAME...]

Batch 1; one and two threads; ONNX Runtime with its default options otherwise. The two take turns,
TURNS times, with a pause between, so that both see the same machine; each turn of quartet is a new
process that compiles and warms up before it measures. Writes bench.md and bench.json into
bench/results, and the table into README.md (only when all models were measured).
"""

import statistics
import sys
import time

import common

TURNS = 10
RUNS = 3  # of each side in each turn
WARM_UP = 2
COSTLIEST = 3  # task sets that are shown for each model
PAUSE = 0.05  # seconds, for threads of the other side that still spin
THREADS = (1, 2)


def run_quartet(model: dict, threads: int, *options: str) -> dict:
    shapes = common.shape_options(model["runs"][model["bench"]])
    return common.run_quartet(common.MODELS / model["file"], threads, RUNS, *options, *shapes)


def compare(model: dict, threads: int) -> dict:
    session = common.ort_session(common.MODELS / model["file"], threads)
    inputs = common.make_inputs(model, model["runs"][model["bench"]], session)
    run = lambda: session.run(None, inputs)
    common.timed(run, WARM_UP)
    ours, theirs, reports = [], [], []
    for _ in range(TURNS):
        time.sleep(PAUSE)
        reports.append(run_quartet(model, threads))
        ours += reports[-1]["times_ms"]
        time.sleep(PAUSE)
        run()  # caches are cold after the other process
        theirs += common.timed(run, RUNS)
    quartet = common.summary(ours)
    for key in ("launches", "bytes", "peak_bytes"):
        quartet[key] = reports[0][key]
    profile = run_quartet(model, threads, "--profile", str(COSTLIEST))
    quartet["costliest"] = profile["task_sets"]
    quartet["compile_ms"] = statistics.median(report["compile_ms"] for report in reports)
    ort = common.summary(theirs)
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
        rows.append([r["model"], str(r["threads"]), f"{q['median_ms']:.2f}", common.spread(q),
                     f"{o['median_ms']:.2f}", common.spread(o), f"{r['ratio']:.2f}",
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
    where = f"## The {COSTLIEST} task sets that cost most\n\n" + costliest(results)
    common.write_results("bench", f"# Quartet and ONNX Runtime\n\n{text}\n{where}",
                         {"machine": machine, "results": results})  # fmt: skip
    update_readme(text)
    print("and the table in README.md")


if __name__ == "__main__":
    main()
