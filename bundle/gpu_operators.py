"""Single operators for gpu-check, out of those that bench/kernels measures on the CPU."""

import pathlib
import sys

import numpy
from onnx import numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench" / "kernels"))
import operators  # noqa: E402

# Matrix products, convolutions, depthwise ones, ReLUs, pools and reductions; those with --quick.
NAMES = ["M1", "M4", "C0", "C4", "C5", "C6", "C17", "C20", "D0", "D5", "E0", "E5", "P0", "P5", "R0", "R1"]
QUICK = {"M4", "C17", "D0", "E0", "P0", "R0"}
BATCH = 128  # of Roller's paper; matrix products and reductions give their rows
SMALL_BATCH = {"matmul": 128, "reduce": 128}  # otherwise 1
BLOCK = 65521  # weights repeat after so many, or the archive would hold megabytes of noise


def repeat_weights(model) -> int:
    """Makes the weights compressible; returns how many there are."""
    for tensor in model.graph.initializer:
        if tensor.name != "w":
            continue
        block = numpy.random.default_rng(1).uniform(-1, 1, BLOCK).astype(numpy.float32)
        weights = numpy.resize(block, tuple(tensor.dims))
        tensor.CopyFrom(numpy_helper.from_array(weights, "w"))
        return weights.size
    return 0


def size_columns(operator: operators.Operator, batch: int, weights: int) -> list[str]:
    """Shape of x, GFLOP, GB read and written at least."""
    multiply_adds, elements = operator.work()
    shape = ",".join(map(str, operator.input_shape(batch)))
    gbytes = 4e-9 * (elements * batch + weights)
    return [shape, f"{2e-9 * multiply_adds * batch:.6g}", f"{gbytes:.6g}"]


def write(folder: pathlib.Path, table: pathlib.Path) -> None:
    """The models, and the table that gpu-check reads (each_operator there says what it holds)."""
    folder.mkdir()
    lines = []
    for operator in operators.load(NAMES):
        model = operators.model_of(operator)
        weights = repeat_weights(model)
        file = f"{operator.name}.onnx"
        (folder / file).write_bytes(model.SerializeToString())
        columns = [operator.name, operator.kind, file]
        columns += size_columns(operator, operator.dims.get("rows", BATCH), weights)
        if operator.name in QUICK:
            columns += size_columns(operator, SMALL_BATCH.get(operator.kind, 1), weights)
        else:
            columns += ["-", "-", "-"]
        lines.append("|".join(columns) + "\n")
    table.write_text("".join(lines))
