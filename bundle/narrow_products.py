"""Models of products of narrow elements for gpu-check: what a GPU's matrix units multiply."""

import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
STEPS = 250  # of a sum; no extent here is a multiple of a matrix unit's
COLUMNS = 200
CHANNELS = 36


def drawn(shape: tuple[int, ...], dtype: type) -> numpy.ndarray:
    values = numpy.random.default_rng(1).uniform(-1, 1, shape)
    return (100 * values if dtype == numpy.int8 else values / shape[-1]).astype(dtype)


def model_of(nodes: list, x: tuple, y: tuple, constants: dict[str, numpy.ndarray]) -> onnx.ModelProto:
    """x and y: element type and shape."""
    graph = helper.make_graph(nodes, "product", [helper.make_tensor_value_info("x", *x)],
                              [helper.make_tensor_value_info("y", *y)],
                              [numpy_helper.from_array(value, name) for name, value in constants.items()])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    return model


def matmul_f16() -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["s"]),
             helper.make_node("Relu", ["s"], ["y"])]  # fmt: skip
    half = TensorProto.FLOAT16
    constants = {"w": drawn((STEPS, COLUMNS), numpy.float16), "b": drawn((COLUMNS,), numpy.float16)}
    return model_of(nodes, (half, ["N", STEPS]), (half, ["N", COLUMNS]), constants)


def matmul_i8() -> onnx.ModelProto:
    nodes = [helper.make_node("MatMulInteger", ["x", "w"], ["y"])]
    constants = {"w": drawn((STEPS, COLUMNS), numpy.int8)}
    return model_of(nodes, (TensorProto.INT8, ["N", STEPS]), (TensorProto.INT32, ["N", COLUMNS]), constants)


def conv_f16() -> onnx.ModelProto:
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c"], ["y"])]
    half = TensorProto.FLOAT16
    shape = ["N", CHANNELS, 29, 31]
    return model_of(nodes, (half, shape), (half, shape), {"w": drawn((CHANNELS, CHANNELS, 3, 3), numpy.float16)})


# Name, model, shapes of x.
MODELS = (
    ("matmul_f16", matmul_f16, (f"777,{STEPS}", f"3,{STEPS}")),
    ("matmul_i8", matmul_i8, (f"777,{STEPS}", f"3,{STEPS}")),
    ("conv_f16", conv_f16, (f"5,{CHANNELS},29,31",)),
)


def write(folder: pathlib.Path) -> list[str]:
    """The models; the lines of share/models.txt that name them (make.copy_models)."""
    lines = []
    for name, make, shapes in MODELS:
        (folder / f"{name}.onnx").write_bytes(make().SerializeToString())
        options = [f"--shape x={shape}" for shape in shapes]
        lines.append(f"{name}|{name}.onnx|{options[0]}|{' '.join(options)}|quick\n")
    return lines
