"""The 119 operators of operators.txt as ONNX models."""

import dataclasses
import pathlib

import numpy
import onnx
from onnx import helper, numpy_helper

OPSET = 17
TABLE = pathlib.Path(__file__).with_name("operators.txt")


@dataclasses.dataclass(frozen=True)
class Operator:
    name: str  # "C17"
    kind: str  # matmul, conv, depthwise, relu, pool or reduce
    dims: dict[str, int]
    same: bool = False  # padded such that out = ceil(in / stride)

    def input_shape(self, batch: int) -> list[int]:
        """Of x; the batch counts rows for matmul and reduce."""
        if self.kind == "matmul":
            return [batch, self.dims["depth"]]
        if self.kind == "reduce":
            return [batch, self.dims["columns"]]
        return [batch, self.dims["in"], self.dims["size"], self.dims["size"]]

    def output_size(self) -> int:
        size, kernel, stride = (self.dims.get(key, 1) for key in ("size", "kernel", "stride"))
        return -(-size // stride) if self.same else (size - kernel) // stride + 1

    def work(self) -> tuple[int, int]:
        """Multiply-adds, and elements of x and of the result, for each of the batch."""
        d = self.dims
        if self.kind == "matmul":
            return d["columns"] * d["depth"], d["columns"] + d["depth"]
        if self.kind == "reduce":
            return d["columns"], d["columns"] + 1
        entered, left = d["in"] * d["size"] ** 2, self.output_size() ** 2
        if self.kind == "conv":
            return left * d["out"] * d["in"] * d["kernel"] ** 2, entered + left * d["out"]
        taps = d.get("kernel", 1) ** 2 if self.kind in ("depthwise", "pool") else 0
        return left * d["in"] * taps, entered + left * d["in"]


def load(names: list[str]) -> list[Operator]:
    """Those with these names, all when there are none."""
    operators = []
    for line in TABLE.read_text().splitlines():
        if line.startswith("#"):
            continue
        name, kind, *pairs = line.split()
        dims = dict(pair.split("=") for pair in pairs)
        same = dims.pop("padding", "") == "same"
        sizes = {key: int(value) for key, value in dims.items()}
        operators.append(Operator(name, kind, sizes, same))
    known = {operator.name for operator in operators}
    if unknown := set(names) - known:
        raise SystemExit(f"error: no operator '{unknown.pop()}' in {TABLE.name}; there are M0 to M6, "
                         "C0 to C43, D0 to D22, E0 to E27, P0 to P12, R0 to R3")  # fmt: skip
    return [operator for operator in operators if not names or operator.name in names]


def weights_of(operator: Operator) -> numpy.ndarray | None:
    d = operator.dims
    shape = {
        "matmul": lambda: [d["depth"], d["columns"]],
        "conv": lambda: [d["out"], d["in"], d["kernel"], d["kernel"]],
        "depthwise": lambda: [d["in"], 1, d["kernel"], d["kernel"]],
    }.get(operator.kind)
    if shape is None:
        return None
    return numpy.random.default_rng(1).uniform(-1, 1, shape()).astype(numpy.float32)


def node_of(operator: Operator) -> onnx.NodeProto:
    d = operator.dims
    if operator.kind == "matmul":
        return helper.make_node("MatMul", ["x", "w"], ["y"])
    if operator.kind == "relu":
        return helper.make_node("Relu", ["x"], ["y"])
    if operator.kind == "reduce":
        return helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
    window = {
        "kernel_shape": [d["kernel"]] * 2,
        "strides": [d["stride"]] * 2,
        "auto_pad": "SAME_UPPER" if operator.same else "VALID",
    }
    if operator.kind == "pool":
        return helper.make_node("AveragePool", ["x"], ["y"], **window)
    group = d["in"] if operator.kind == "depthwise" else 1
    return helper.make_node("Conv", ["x", "w"], ["y"], group=group, **window)


def model_of(operator: Operator) -> onnx.ModelProto:
    """One node; the extent of x's batch axis is open, weights are constants."""
    shape = operator.input_shape(1)
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", *shape[1:]])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    constants = []
    if (weights := weights_of(operator)) is not None:
        constants.append(numpy_helper.from_array(weights, "w"))
    if operator.kind == "reduce":
        constants.append(numpy_helper.from_array(numpy.array([1]), "axes"))
    graph = helper.make_graph([node_of(operator)], operator.name, [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    return model
