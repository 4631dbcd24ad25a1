#!/usr/bin/env python3
"""Anchors the reference outside of Quartet: on every model it must agree with ONNX Runtime.

anchor.py [NAME...] runs each model of bench/models/models.toml at each of its shapes on
`--device reference` and in ONNX Runtime (default options, CPU), on the same seeded inputs, and
writes bench/results/anchor.md. An output passes when |got - ort| <= 1e-4 max|ort| everywhere (equal,
if it holds integers). Exits with 1 when one does not.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import onnx
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench" / "models"))
import manifest  # noqa: E402

TOLERANCE = 1e-4
SEED = 1
MODELS = ROOT / "build" / "models"
DTYPES = {
    "tensor(float)": numpy.float32,
    "tensor(double)": numpy.float64,
    "tensor(int64)": numpy.int64,
    "tensor(int32)": numpy.int32,
    "tensor(bool)": numpy.bool_,
}


def parse_shapes(run: list[str]) -> dict[str, list[int]]:
    """The values of --shape options: "x=1,3,48,320"."""
    shapes = {}
    for text in run:
        name, extents = text.rsplit("=", 1)
        shapes[name] = [int(extent) for extent in extents.split(",")]
    return shapes


def index_limits(path: pathlib.Path) -> dict[str, int]:
    """For inputs that index a weight, directly or after a cast: how many rows it has."""
    graph = onnx.load(path).graph
    weights = {tensor.name: tensor.dims for tensor in graph.initializer}
    source = {value.name: value.name for value in graph.input}
    limits = {}
    for node in graph.node:
        if node.op_type in ("Cast", "Identity") and node.input[0] in source:
            source[node.output[0]] = source[node.input[0]]
        if node.op_type == "Gather" and node.input[0] in weights and node.input[1] in source:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            limits[source[node.input[1]]] = weights[node.input[0]][axis]
    return limits


def make_inputs(session, shapes, limits) -> dict[str, numpy.ndarray]:
    """f32 uniform in [-1, 1); integers that index an axis uniform within it, others 0 or 1."""
    random = numpy.random.default_rng(SEED)
    inputs = {}
    for value in session.get_inputs():
        shape = shapes.get(value.name, value.shape)
        dtype = DTYPES[value.type]
        if numpy.issubdtype(dtype, numpy.floating):
            data = random.uniform(-1, 1, shape)
        else:
            data = random.integers(0, limits.get(value.name, 2), shape)
        inputs[value.name] = data.astype(dtype)
    return inputs


def run_reference(path, inputs) -> tuple[list[tuple[str, numpy.ndarray]], float]:
    """The outputs by file name (names with / and the like are rewritten), and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        command = [ROOT / "build" / "quartet", "run", path, "--device", "reference"]
        command += ["--outputs", folder / "out"]
        for i, (name, data) in enumerate(inputs.items()):
            numpy.save(folder / f"{i}.npy", data)
            command += ["--input", f"{name}={folder / f'{i}.npy'}"]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return {file.stem: numpy.load(file) for file in (folder / "out").glob("*.npy")}, seconds


def file_stem(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in name)


def compare(want: numpy.ndarray, got: numpy.ndarray) -> tuple[bool, float]:
    """Whether an output passes, and its largest difference relative to max|want|."""
    if want.dtype != got.dtype or want.shape != got.shape:
        return False, float("inf")
    if want.size == 0 or not numpy.issubdtype(want.dtype, numpy.floating):
        same = bool(numpy.array_equal(want, got))
        return same, 0.0 if same else float("inf")
    want, got = want.astype(numpy.float64), got.astype(numpy.float64)
    if not numpy.array_equal(numpy.isfinite(want), numpy.isfinite(got)):
        return False, float("inf")
    finite = numpy.isfinite(want)
    if not numpy.array_equal(want[~finite], got[~finite], equal_nan=True):
        return False, float("inf")
    scale = numpy.abs(want[finite]).max(initial=0)
    worst = numpy.abs(want[finite] - got[finite]).max(initial=0)
    return bool(worst <= TOLERANCE * scale), float(worst / scale) if scale else float(worst)


def anchor(model: dict, run: list[str]) -> list[str]:
    """The table's rows for one model at one shape."""
    path = MODELS / model["file"]
    shapes = parse_shapes(run)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = make_inputs(session, shapes, index_limits(path))
    names = [output.name for output in session.get_outputs()]
    expected = dict(zip(names, session.run(None, inputs)))
    label = f"| {model['name']} | {' '.join(run)} |"
    try:
        outputs, seconds = run_reference(path, inputs)
    except RuntimeError as error:
        return [f"{label} | failed: {str(error).splitlines()[0]} | | |"]
    rows = []
    for name, want in expected.items():
        stem = file_stem(name)
        if stem not in outputs:
            rows.append(f"{label} {name} | no such output | | |")
            continue
        passed, worst = compare(want, outputs[stem])
        verdict = "agrees" if passed else "**differs**"
        rows.append(f"{label} {name} | {verdict} | {worst:.1e} | {seconds:.1f} |")
    return rows


def main() -> int:
    rows = []
    for model in manifest.load(sys.argv[1:]):
        for run in model["runs"]:
            new = anchor(model, run)
            print("\n".join(new), flush=True)
            rows += new
    agree = sum("| agrees |" in row for row in rows)
    text = (
        "# The reference against ONNX Runtime\n\n"
        f"`bench/anchor.py`: ONNX Runtime {onnxruntime.__version__}, seed {SEED}; "
        "an output agrees when |got - ort| <= 1e-4 max|ort| (integers: equal).\n\n"
        "| model | shapes | output | verdict | max difference / max abs | reference, s |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        f"{agree} of {len(rows)} outputs agree.\n"
    )
    if len(sys.argv) == 1:
        results = ROOT / "bench" / "results"
        results.mkdir(exist_ok=True)
        (results / "anchor.md").write_text(text)
    print(f"{agree} of {len(rows)} outputs agree")
    return 0 if agree == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
