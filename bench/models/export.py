#!/usr/bin/python3
"""Exports the models that models.toml names with `export`: export.py OUTPUT [NAME...]

Runs with Debian's python3-torch and python3-torchvision. Weights are drawn from a fixed seed. Batch
normalisation gets its statistics from seeded input, so that activations stay at a sane size and no
output saturates, and scales and shifts that differ from one and zero.
"""

import math
import pathlib
import sys

import torch
import torchvision

import manifest

SEED = 7
OPSET = 17


def train_batch_norms(network: torch.nn.Module, shape: tuple[int, ...]) -> None:
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the average over all batches
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, 0.0, 0.2)
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(2 * torch.rand(shape) - 1)
    network.eval()


def export_vision(network: torch.nn.Module, target: pathlib.Path, keep_batch_norm: bool) -> None:
    train_batch_norms(network, (4, 3, 224, 224))
    mode = torch.onnx.TrainingMode
    torch.onnx.export(
        network,
        torch.zeros(1, 3, 224, 224),
        str(target),
        opset_version=OPSET,
        # EVAL folds batch normalisation into the convolutions; PRESERVE keeps it as an operator.
        training=mode.PRESERVE if keep_batch_norm else mode.EVAL,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )


def mobilenet_v2(target: pathlib.Path) -> None:
    export_vision(torchvision.models.mobilenet_v2(weights=None), target, keep_batch_norm=False)


def resnet18(target: pathlib.Path) -> None:
    export_vision(torchvision.models.resnet18(weights=None), target, keep_batch_norm=True)


class Attention(torch.nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(width, width)
        self.value = torch.nn.Linear(width, width)
        self.output = torch.nn.Linear(width, width)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        batch, length = x.shape[0], x.shape[1]
        return x.reshape(batch, length, self.heads, self.head_width).transpose(1, 2)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        query, key, value = (self.split(f(x)) for f in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) / math.sqrt(self.head_width) + mask
        context = torch.softmax(scores, dim=-1) @ value
        return self.output(context.transpose(1, 2).flatten(2))


class Layer(torch.nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = Attention(width, heads)
        self.attention_norm = torch.nn.LayerNorm(width)
        self.grow = torch.nn.Linear(width, 4 * width)
        self.shrink = torch.nn.Linear(4 * width, width)
        self.output_norm = torch.nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.attention_norm(x + self.attention(x, mask))
        grown = torch.nn.functional.gelu(self.grow(x))
        return self.output_norm(x + self.shrink(grown))


class Bert(torch.nn.Module):
    """The encoder of BERT: three embeddings, layers with post-normalisation, a pooled output."""

    def __init__(self, layers=4, width=256, heads=4, vocabulary=8192, longest=512):
        super().__init__()
        self.words = torch.nn.Embedding(vocabulary, width)
        self.positions = torch.nn.Embedding(longest, width)
        self.kinds = torch.nn.Embedding(2, width)
        self.norm = torch.nn.LayerNorm(width)
        self.layers = torch.nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.pooler = torch.nn.Linear(width, width)

    def forward(self, input_ids, attention_mask, token_type_ids):
        positions = torch.arange(input_ids.shape[1]).unsqueeze(0)
        x = self.words(input_ids) + self.positions(positions) + self.kinds(token_type_ids)
        x = self.norm(x)
        mask = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer(x, mask)
        return x, torch.tanh(self.pooler(x[:, 0]))


def draw_weights(network: torch.nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, 0.0, 1.0 / math.sqrt(module.in_features))
            torch.nn.init.normal_(module.bias, 0.0, 0.1)
        elif isinstance(module, torch.nn.LayerNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)


def bert(target: pathlib.Path) -> None:
    network = Bert().eval()
    draw_weights(network)
    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    outputs = ["last_hidden_state", "pooled"]
    axes = {name: {0: "batch", 1: "length"} for name in inputs + outputs[:1]}
    axes["pooled"] = {0: "batch"}
    ids = torch.ones(1, 24, dtype=torch.int64)
    torch.onnx.export(
        network,
        (ids, ids, ids),
        str(target),
        opset_version=OPSET,
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=axes,
    )


EXPORTS = {"mobilenet_v2": mobilenet_v2, "resnet18": resnet18, "bert": bert}


def main() -> None:
    output = pathlib.Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    for model in manifest.models_for("export", output, sys.argv[2:]):
        torch.manual_seed(SEED)
        target = output / model["file"]
        partial = target.with_name(target.name + ".partial")
        EXPORTS[model["export"]](partial)
        partial.rename(target)
        print(f"  {model['file']} ({target.stat().st_size:,} bytes)", flush=True)


if __name__ == "__main__":
    main()
