#!/usr/bin/env python3
"""Gives a model with constant weights seeded random ones: reseed.py FOLDER [NAME...]

ONNX's "light" models fill each weight with one value (ConstantOfShape), so that many wrong kernels
compute the right answer. Here every such weight becomes an initializer drawn from He's normal
distribution, which keeps activations at the size of the input through the depth of the network.
Needs the packages onnx and numpy.
"""

import pathlib
import sys

import numpy
import onnx
from onnx import numpy_helper

import manifest

SEED = 20
GAIN = 1.5  # He's is 2; max pooling enlarges activations, and the softmax must not saturate


def draw(rng: numpy.random.Generator, shape: list[int]) -> numpy.ndarray:
    if len(shape) == 1:  # a bias
        return (0.1 * rng.standard_normal(shape)).astype(numpy.float32)
    fan_in = numpy.prod(shape[1:])  # Conv: [out, in/group, h, w]; Gemm with transB: [out, in]
    return numpy.float32(numpy.sqrt(GAIN / fan_in)) * rng.standard_normal(shape, numpy.float32)


def reseed(model: onnx.ModelProto) -> None:
    graph = model.graph
    shapes = {init.name: numpy_helper.to_array(init).tolist() for init in graph.initializer}
    rng = numpy.random.default_rng(SEED)
    fills = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    for node in fills:
        array = draw(rng, shapes[node.input[0]])
        graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for unused in [init for init in graph.initializer if init.name not in used]:
        graph.initializer.remove(unused)
    model.ir_version = max(model.ir_version, 4)  # up to 3, initializers had to be inputs as well
    for unused in [value for value in graph.input if value.name not in used]:
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
