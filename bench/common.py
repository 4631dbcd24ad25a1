"""What verify.py and compare.py share: the models, inputs for them, the machine, tables."""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ROOT / "build" / "models"
QUARTET = ROOT / "build" / "quartet"
RESULTS = ROOT / "bench" / "results"

sys.path.insert(0, str(ROOT / "bench" / "models"))
import manifest  # noqa: E402

DTYPES = {
    "tensor(float)": numpy.float32,
    "tensor(int32)": numpy.int32,
    "tensor(int64)": numpy.int64,
}


def load_models(names: list[str]) -> list[dict]:
    return manifest.load(names)


def shape_options(run: list[str]) -> list[str]:
    return [option for shape in run for option in ("--shape", shape)]


def ort_session(model: pathlib.Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def timed(run, times: int) -> list[float]:
    """Milliseconds that each of so many calls took."""
    elapsed = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        elapsed.append(1e3 * (time.perf_counter() - start))
    return elapsed


def run_quartet(model: pathlib.Path, threads: int, runs: int, *options: str,
                device: str = "cpu") -> dict:  # fmt: skip
    """The report of `quartet bench`: a new process that compiles, without a cache."""
    command = [QUARTET, "bench", model, "--device", device, "--json", "--no-cache",
               "--threads", str(threads), "--runs", str(runs), *options]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{model}: quartet bench failed\n{result.stderr}")
    return json.loads(result.stdout)


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


def spread(summarised: dict) -> str:
    return f"{summarised['p10_ms']:.2f}-{summarised['p90_ms']:.2f}"


def write_results(name: str, text: str, data: dict) -> None:
    """bench/results/NAME.md and NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text)
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
    print(f"wrote bench/results/{name}.md and {name}.json")


def draw_text(rng: numpy.random.Generator, shape: list[int]) -> numpy.ndarray:
    """[..., height, width] in [-1, 1): rows of dark upright and level strokes on bright ground."""
    picture = rng.uniform(0.8, 1.0, shape)
    for top in range(16, shape[-2] - 24, 40):
        for left in range(16, shape[-1] - 24, 14):
            if rng.random() < 0.2:  # a space
                continue
            row = top + rng.integers(0, 18)
            picture[..., top : top + 20, left : left + 3] = -0.9
            picture[..., row : row + 3, left : left + 10] = -0.9
    return picture


def make_inputs(model: dict, run: list[str], session: onnxruntime.InferenceSession) -> dict:
    """Floats uniform in [-1, 1) or a picture of text, integers in [0, 2) or their range.

    The same for the same run.
    """
    rng = numpy.random.default_rng(1)
    dtypes = {value.name: DTYPES[value.type] for value in session.get_inputs()}
    inputs = {}
    for entry in run:
        name, _, extents = entry.rpartition("=")
        shape = [int(extent) for extent in extents.split(",")]
        if dtypes[name] == numpy.float32:
            text = model.get("picture") == "text"
            values = draw_text(rng, shape) if text else rng.uniform(-1, 1, shape)
            inputs[name] = values.astype(numpy.float32)
        else:
            lowest, limit = model.get("integers", {}).get(name, (0, 2))
            inputs[name] = rng.integers(lowest, limit, shape).astype(dtypes[name])
    return inputs


def git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def commit() -> str:
    """The commit that was measured, with a plus when files differ from it."""
    changed = git("status", "--porcelain", "--", ".", ":!bench/results", ":!README.md")
    return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")


def cpu_name() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def machine() -> dict:
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "commit": commit(),
        "onnxruntime": onnxruntime.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown; columns after the first are right-aligned."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
