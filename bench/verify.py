#!/usr/bin/env python3
"""Verifies the models of models.toml on every device against the reference: verify.py [--all | NAME...]

And the reference against ONNX Runtime, which shares nothing with this project: within 1e-4 of the
largest magnitude of each output. Devices follow one rule, that of `quartet verify`. Writes
bench/results/verify.md (only with --all); the exit status is 1 if one fails.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import common
import numpy

DEVICES = ("cpu", "llvmpipe", "SwiftShader")
ANCHOR_TOLERANCE = 1e-4  # reference against ONNX Runtime, of max|reference|


def save_inputs(inputs: dict, folder: pathlib.Path) -> list[str]:
    """The --input options."""
    options = []
    for number, (name, array) in enumerate(inputs.items()):
        path = folder / f"input{number}.npy"
        numpy.save(path, array)
        options += ["--input", f"{name}={path}"]
    return options


def quartet(command: str, model: dict, *options: str) -> subprocess.CompletedProcess:
    words = [common.QUARTET, command, common.MODELS / model["file"], *options]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def distance(reference: numpy.ndarray, other: numpy.ndarray) -> float:
    """max|reference - other| / max|reference|; infinite where shapes or NaNs differ.

    Infinite also where the reference holds nothing but NaN, with which everything would agree.
    """
    if reference.shape != other.shape or reference.dtype != other.dtype:
        return numpy.inf
    a, b = reference.astype(numpy.float64), other.astype(numpy.float64)
    if not numpy.array_equal(numpy.isnan(a), numpy.isnan(b)):
        return numpy.inf
    if a.size and numpy.isnan(a).all():
        return numpy.inf
    largest = numpy.nanmax(numpy.abs(a), initial=0.0)
    difference = numpy.nanmax(numpy.abs(a - b), initial=0.0)
    return difference / largest if largest else difference


def anchor(model: dict, session, inputs: dict, folder: pathlib.Path, options: list[str]) -> float:
    """The reference's distance from ONNX Runtime, over all outputs."""
    outputs = folder / "outputs"
    result = quartet("run", model, "--device", "reference", "--outputs", str(outputs), *options)
    if result.returncode:
        print(result.stderr, file=sys.stderr)
        return numpy.inf
    worst = 0.0
    for info, expected in zip(session.get_outputs(), session.run(None, inputs)):
        file = outputs / (info.name.replace("/", "_") + ".npy")
        worst = max(worst, distance(numpy.load(file), expected))
    return worst


def verify_devices(model: dict, runs: list[list[str]]) -> list[dict[str, dict]]:
    """For each run, device to {"passed", "worst"}: worst error as a part of what the rule allows.

    One compiled model per device takes the shapes of all runs in turn.
    """
    names = model.get("devices", DEVICES)
    options = [option for name in names for option in ("--device", name)]
    options += [option for run in runs for option in run]
    result = quartet("verify", model, "--strict", "--json", *options)
    try:
        reports = json.loads(result.stdout)["devices"]  # by device, then by run
    except (ValueError, KeyError):
        print(result.stderr, file=sys.stderr)
        return [{name: {"passed": False, "worst": numpy.inf} for name in names} for _ in runs]
    for report in reports:
        if not report["passed"]:
            print(json.dumps(report, indent=1), file=sys.stderr)
    cells = [
        {
            "passed": report["passed"],
            "worst": max((float(o["worst_ratio"]) for o in report["outputs"]), default=numpy.inf),
        }
        for report in reports
    ]
    return [dict(zip(names, cells[i :: len(runs)], strict=True)) for i in range(len(runs))]


def verify(model: dict) -> list[dict]:
    """One result for each run."""
    session = common.ort_session(common.MODELS / model["file"], 0)
    distances, options = [], []
    with tempfile.TemporaryDirectory() as name:
        for number, run in enumerate(model["runs"]):
            folder = pathlib.Path(name) / str(number)
            folder.mkdir()
            inputs = common.make_inputs(model, run, session)
            options.append(save_inputs(inputs, folder))
            distances.append(anchor(model, session, inputs, folder, options[-1]))
        devices = verify_devices(model, options)
    return [
        {
            "model": model["name"],
            "shapes": " ".join(run),
            "anchor": distance,
            "devices": cells,
            "passed": distance <= ANCHOR_TOLERANCE and all(c["passed"] for c in cells.values()),
        }
        for run, distance, cells in zip(model["runs"], distances, devices, strict=True)
    ]


def device_cell(result: dict, name: str) -> str:
    device = result["devices"].get(name)
    if device is None:
        return "left out"
    return f"{device['worst']:.2g}{'' if device['passed'] else ' FAILED'}"


def device_lines() -> str:
    result = subprocess.run([common.QUARTET, "devices"], capture_output=True, text=True, check=False)
    return result.stdout


def markdown(results: list[dict]) -> str:
    head = ["model", "shapes", "reference / ONNX Runtime", *DEVICES]
    rows = []
    for r in results:
        cells = [device_cell(r, name) for name in DEVICES]
        cell = f"{r['anchor']:.1e}{'' if r['anchor'] <= ANCHOR_TOLERANCE else ' FAILED'}"
        rows.append([r["model"], f"`{r['shapes']}`", cell, *cells])
    return common.table(head, rows)


def caption(results: list[dict], machine: dict) -> str:
    good = sum(result["passed"] for result in results)
    return (
        f"{good} of {len(results)} runs pass. Third column: max|reference - ONNX Runtime| / "
        f"max|reference|, {ANCHOR_TOLERANCE:g} allowed. Devices, all with `--strict`: the largest "
        "error as a part of what the rule allows, |got - ref| <= 1e-3 |ref| + 1e-4 max|ref|; up to "
        f"1 passes. All shapes of a model run through one compiled model. Commit {machine['commit']}; onnxruntime {machine['onnxruntime']}; "
        f"{machine['cpu']}.\n"
    )


def main() -> None:
    results = []
    for model in common.load_models(sys.argv[1:]):
        for result in verify(model):
            results.append(result)
            worst = ", ".join(f"{name} {device_cell(result, name)}" for name in DEVICES)
            print(f"{'ok    ' if result['passed'] else 'FAILED'} {result['model']} {result['shapes']}: "
                  f"reference / ONNX Runtime {result['anchor']:.1e}; {worst}", flush=True)  # fmt: skip
    if "--all" in sys.argv[1:]:
        text = "# Models on every device, against the reference\n\n" + markdown(results)
        text += "\n" + caption(results, common.machine())
        text += f"\n```\n{device_lines()}```\n"
        common.RESULTS.mkdir(exist_ok=True)
        (common.RESULTS / "verify.md").write_text(text)
        print("wrote bench/results/verify.md")
    sys.exit(0 if all(result["passed"] for result in results) else 1)


if __name__ == "__main__":
    main()
