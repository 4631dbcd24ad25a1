"""Networks that listen: torchaudio's Conformer."""

import pathlib

import torch

from weights import OPSET, draw_weights


class Conformer(torch.nn.Module):
    """torchaudio's layers under a padding mask made from the lengths, for any number of frames.

    (torchaudio's own forward reads the longest length as a number, which an export fixes.)
    """

    def __init__(self, width=144, heads=4, layers=3):
        super().__init__()
        import torchaudio  # only here: the other models do without the package

        self.layers = torchaudio.models.Conformer(
            input_dim=width,
            num_heads=heads,
            ffn_dim=4 * width,
            num_layers=layers,
            depthwise_conv_kernel_size=31,
        ).conformer_layers

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(frames.shape[1]).unsqueeze(0)
        padding = positions >= lengths.unsqueeze(1)
        x = frames.transpose(0, 1)
        for layer in self.layers:
            x = layer(x, padding)
        return x.transpose(0, 1)


def train_batch_norms(network: torch.nn.Module, width: int) -> None:
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        norm.momentum = None  # the average over all batches
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, 0.0, 0.2)
    network.train()
    with torch.no_grad():
        network(2 * torch.rand(4, 50, width) - 1, torch.tensor([50, 41, 30, 50]))
    network.eval()


def conformer(target: pathlib.Path) -> None:
    width = 144
    network = Conformer(width)
    draw_weights(network)
    train_batch_norms(network, width)
    axes = {0: "batch", 1: "frames"}
    torch.onnx.export(
        network,
        (torch.zeros(2, 24, width), torch.tensor([24, 17])),
        str(target),
        opset_version=OPSET,
        input_names=["frames", "lengths"],
        output_names=["encoded"],
        dynamic_axes={"frames": axes, "lengths": {0: "batch"}, "encoded": axes},
    )


EXPORTS = {"conformer": conformer}
