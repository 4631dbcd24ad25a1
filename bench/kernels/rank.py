#!/usr/bin/env python3
"""Compares what Roller predicts with what tiles take: rank.py [NAME...]

For each of the 119 operators of operators.txt (f32, two threads, the batch scaled so that the
tile that is predicted to be fastest takes about TARGET milliseconds): DRAWN legal tiles, drawn with
a fixed seed, and the TOP ones by prediction, each run on the CPU, PASSES times over: the shortest
time counts, and how far the passes agree says what a prediction can reach. Writes rank.md and
rank.json into bench/results (only when all were measured).
"""

import os
import pathlib
import statistics
import sys
import tempfile

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import common  # noqa: E402
import operators  # noqa: E402

THREADS = 2
TARGET = 10.0  # milliseconds of one run
LARGEST = 1 << 26  # elements of x and y together
DRAWN = 60
TOP = 10
SEED = 1
PASSES = 2
FLAT = 1.3  # p90 / p10 of the measured times, below which an order says nothing


def run(path: pathlib.Path, shape: list[int], *options: str) -> dict:
    text = "x=" + ",".join(map(str, shape))
    return common.run_quartet(path, THREADS, 3, "--warmup", "1", "--shape", text, *options)


def batch_for(operator: operators.Operator, path: pathlib.Path) -> int:
    _, elements = operator.work()
    most = max(1, LARGEST // elements)
    batch = 1
    while True:
        elapsed = run(path, operator.input_shape(batch))["median_ms"]
        if elapsed >= TARGET / 4 or batch >= most:
            return max(1, min(most, round(batch * TARGET / elapsed)))
        batch = min(most, batch * 8)


def ranks(values: list[float]) -> numpy.ndarray:
    """From 0; equal values share the mean of their ranks."""
    _, inverse, counts = numpy.unique(values, return_inverse=True, return_counts=True)
    first = numpy.cumsum(counts) - counts
    return (first + (counts - 1) / 2)[inverse]


def spearman(a: list[float], b: list[float]) -> float:
    if len(set(a)) < 2 or len(set(b)) < 2:
        return 0.0
    return float(numpy.corrcoef(ranks(a), ranks(b))[0, 1])


def measured(path: pathlib.Path, shape: list[int], *options: str) -> list[list[dict]]:
    """Trials of every pass, in one order; without those that could not be run."""
    passes = [run(path, shape, *options)["trials"] for _ in range(PASSES)]
    sound = [i for i in range(len(passes[0])) if all(p[i]["us"] is not None for p in passes)]
    return [[trials[i] for i in sound] for trials in passes]


def shortest(passes: list[list[dict]]) -> list[float]:
    return [min(trial["us"] for trial in trials) for trials in zip(*passes)]


def compare(operator: operators.Operator, folder: pathlib.Path) -> dict:
    path = folder / f"{operator.name}.onnx"
    path.write_bytes(operators.model_of(operator).SerializeToString())
    shape = operator.input_shape(batch_for(operator, path))
    drawn = measured(path, shape, "--measure", str(DRAWN), "--draw-tiles", str(SEED))
    top = measured(path, shape, "--measure", str(TOP))
    seconds = run(path, shape, "--measure", str(TOP))["compile_ms"] / 1e3
    # Without trials there is one tile only.
    times = shortest(drawn) or [1.0]
    best = shortest(top) or [1.0]
    predicted = [trial["predicted_us"] for trial in drawn[0]]
    ratios = [t / p for t, p in zip(times, predicted)] or [1.0]
    agree = spearman(*[[trial["us"] for trial in trials] for trials in (drawn[0], drawn[-1])])
    return {"operator": operator.name, "kind": operator.kind, "shape": shape,
            "tiles": len(predicted), "agree": agree,
            "spread": float(numpy.percentile(times, 90) / numpy.percentile(times, 10)),
            "spearman": spearman(predicted, times) if predicted else 0.0,
            "top1": best[0] / min(best), "top1_of_all": best[0] / min(best + times),
            "error": statistics.median(ratios), "seconds": seconds}  # fmt: skip


def classes(results: list[dict]) -> str:
    rows = []
    for kind in [*dict.fromkeys(result["kind"] for result in results), "all"]:
        own = [r for r in results if kind in ("all", r["kind"])]
        steep = [r["spearman"] for r in own if r["spread"] >= FLAT]
        agree = [r["agree"] for r in own if r["spread"] >= FLAT]
        flat = [r["top1_of_all"] for r in own if r["spread"] < FLAT]
        rows.append([kind, str(len(own)), f"{min(r['tiles'] for r in own)} to "
                     f"{max(r['tiles'] for r in own)}", str(len(steep)),
                     f"{statistics.median(steep):.2f}" if steep else "",
                     f"{statistics.median(agree):.2f}" if agree else "",
                     f"{max(flat):.2f}" if flat else "",
                     f"{statistics.geometric_mean(r['top1'] for r in own):.3f}",
                     f"{max(r['top1'] for r in own):.2f}",
                     f"{statistics.mean(r['seconds'] for r in own):.2f}"])  # fmt: skip
    head = ["class", "operators", "tiles drawn", f"p90/p10 >= {FLAT}", "median Spearman",
            "of two passes", "flat: worst top 1 / best", f"top 1 / best of {TOP}", "worst", "seconds for these"]
    return common.table(head, rows)


def each(results: list[dict]) -> str:
    rows = [[f"{r['operator']} {r['kind']}", "x".join(map(str, r["shape"])), str(r["tiles"]),
             f"{r['spread']:.2f}", f"{r['spearman']:.2f}", f"{r['agree']:.2f}", f"{r['top1']:.2f}",
             f"{r['top1_of_all']:.2f}", f"{r['error']:.2f}"]
            for r in sorted(results, key=lambda r: r["spearman"])]  # fmt: skip
    head = ["operator", "x", "tiles", "p90/p10", "Spearman", "of two passes", f"top 1 / best of {TOP}",
            "top 1 / best of all", "measured / predicted"]  # fmt: skip
    return common.table(head, rows)


def report(results: list[dict], machine: dict) -> str:
    return (
        f"# What Roller predicts, and what tiles take\n\n{classes(results)}\n{machine['cpu']}, "
        f"{THREADS} threads; commit {machine['commit']}. Tiles drawn from all legal ones (as many "
        f"as there are, {DRAWN} at most); each runs at least three times in each of {PASSES} passes, the "
        f"shortest time counts. Top 1: predicted to be the fastest. Of two passes: Spearman between "
        f"what they measured.\n\n## Each, lowest Spearman first\n\n{each(results)}"
    )


def main() -> None:
    os.environ["QUARTET_TUNING"] = "off"  # nothing that was measured before
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for operator in operators.load(sys.argv[1:]):
            results.append(compare(operator, pathlib.Path(folder)))
            last = results[-1]
            print(f"{operator.name} {operator.kind} {last['shape']}: {last['tiles']} tiles, p90/p10 "
                  f"{last['spread']:.2f}, Spearman {last['spearman']:.2f} (of passes {last['agree']:.2f}), top 1 {last['top1']:.2f} "
                  f"of the best of {TOP}, {last['top1_of_all']:.2f} of all; {last['seconds']:.1f} s",
                  flush=True)  # fmt: skip
    machine = common.machine()
    text = report(results, machine)
    if sys.argv[1:]:  # some only: not worth recording
        print(text)
        return
    common.write_results("rank", text, {"machine": machine, "results": results})


if __name__ == "__main__":
    main()
