"""Single operators on ncnn's Vulkan device, in f32."""

import pathlib
import struct

import ncnn
import numpy
import operators

REDUCED = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage")
SAME_UPPER = -233
FLOAT32 = 0  # tag in front of weights


def layer_of(operator: operators.Operator, weights: numpy.ndarray) -> tuple[str, bytes]:
    """The operator as a line of ncnn's text format, and its weights."""
    d = operator.dims
    if operator.kind == "matmul":  # constant second operand, turned; no third one
        parameters = f"2=0 3=1 4=0 5=1 6=1 7=0 8={d['columns']} 9={d['depth']} 10=-1"
        data = numpy.ascontiguousarray(weights.T)
        return f"Gemm y 1 1 x y {parameters}", struct.pack("<I", FLOAT32) + data.tobytes()
    padding = SAME_UPPER if operator.same else 0
    parameters = (f"0={d['out']} 1={d['kernel']} 3={d['stride']} 4={padding} 5=0 "
                  f"6={weights.size}")  # fmt: skip
    return f"Convolution y 1 1 x y {parameters}", struct.pack("<I", FLOAT32) + weights.tobytes()


def device_name() -> str:
    return ncnn.get_gpu_info(0).device_name()


def runner(operator: operators.Operator, folder: pathlib.Path):
    """run(x): the operator's result on the host; a batch of more than one is not for convolutions."""
    layer, weights = layer_of(operator, operators.weights_of(operator))
    text = folder / f"{operator.name}.param"
    text.write_text(f"7767517\n2 2\nInput x 0 1 x\n{layer}\n")
    data = folder / f"{operator.name}.bin"
    data.write_bytes(weights)
    net = ncnn.Net()
    net.opt.use_vulkan_compute = True
    for option in REDUCED:
        setattr(net.opt, option, False)
    if net.load_param(str(text)) or net.load_model(str(data)):
        raise SystemExit(f"error: ncnn does not load {operator.name}")
    convolves = operator.kind == "conv"

    def run(x: numpy.ndarray) -> numpy.ndarray:
        # A copy of its own: it takes channels to be aligned, which those of numpy are not.
        extractor = net.create_extractor()
        extractor.input("x", ncnn.Mat(x[0] if convolves else x).clone())
        result = numpy.array(extractor.extract("y")[1])
        return result[None] if convolves else result

    return run
