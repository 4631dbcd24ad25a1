#!/usr/bin/env python3
"""Gives a model with constant weights seeded random ones: reseed.py FOLDER [--all | NAME...]

ONNX's "light" models fill each weight with one value (ConstantOfShape), so that many wrong kernels
compute the right answer. Here every such weight becomes an initializer drawn from He's normal
distribution, which keeps activations at the size of the input through the depth of the network;
scales and variances of batch normalisation are drawn around one.
Needs the packages onnx and numpy.
"""

import pathlib
import sys

import numpy
import onnx
from onnx import numpy_helper

import manifest

SEED = 20
SCALES = {("BatchNormalization", 1), ("BatchNormalization", 4), ("Mul", 0), ("Mul", 1)}
GAIN = 1.5  # He's is 2; max pooling enlarges activations, and the softmax must not saturate


def consumer(graph: onnx.GraphProto, name: str) -> tuple[str, int]:
    """(operator, input) that a weight serves, seen through changes of its shape."""
    user = next(node for node in graph.node if name in node.input)
    if user.op_type in ("Reshape", "Unsqueeze"):
        return consumer(graph, user.output[0])
    return user.op_type, list(user.input).index(name)


def draw(rng: numpy.random.Generator, shape: tuple[int, ...], role: tuple[str, int]) -> numpy.ndarray:
    if role in SCALES:  # all of a batch normalisation's variances and scales around one
        return rng.uniform(0.5, 1.5, shape).astype(numpy.float32)
    if len(shape) == 1:  # a bias or a mean
        return (0.1 * rng.standard_normal(shape)).astype(numpy.float32)
    fan_in = numpy.prod(shape[1:])  # Conv: [out, in/group, h, w]; Gemm with transB: [out, in]
    return numpy.float32(numpy.sqrt(GAIN / fan_in)) * rng.standard_normal(shape, numpy.float32)


def weight_shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Filled tensors, and the few short ones that are stored: trained statistics fit no others.

    Without those that no node uses.
    """
    stored = {init.name: numpy_helper.to_array(init) for init in graph.initializer}
    fills = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    shapes = {node.output[0]: tuple(stored[node.input[0]].tolist()) for node in fills}
    floats = {name: a.shape for name, a in stored.items() if a.dtype == numpy.float32}
    used = {name for node in graph.node for name in node.input}
    return {name: shape for name, shape in (shapes | floats).items() if name in used}


def show_logits(graph: onnx.GraphProto) -> None:
    """What goes into a closing softmax becomes an output as well: a softmax may saturate."""
    last = graph.node[-1]
    if last.op_type == "Softmax":
        logits = onnx.ValueInfoProto()
        logits.CopyFrom(graph.output[0])
        logits.name = last.input[0]
        graph.output.append(logits)


def reseed(model: onnx.ModelProto) -> None:
    graph = model.graph
    rng = numpy.random.default_rng(SEED)
    weights = [
        numpy_helper.from_array(draw(rng, shape, consumer(graph, name)), name)
        for name, shape in weight_shapes(graph).items()
    ]
    replaced = {weight.name for weight in weights}
    kept_nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    used = {name for node in kept_nodes for name in node.input}
    kept = [i for i in graph.initializer if i.name in used - replaced]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept_nodes)
    graph.initializer.extend(weights + kept)
    show_logits(graph)
    model.ir_version = max(model.ir_version, 4)  # up to 3, initializers had to be inputs as well
    stored = {init.name for init in graph.initializer}
    for unused in [value for value in graph.input if value.name in stored or value.name not in used]:
        graph.input.remove(unused)


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    for entry in manifest.models_for("reseed", folder, sys.argv[2:]):
        light, target = folder / manifest.light_file(entry), folder / entry["file"]
        partial = target.with_name(target.name + ".partial")
        model = onnx.load(light)
        reseed(model)
        onnx.checker.check_model(model)
        onnx.save(model, partial)
        partial.rename(target)
        light.unlink()
        print(f"  {entry['file']} ({target.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
