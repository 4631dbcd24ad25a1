"""Seeded weights that keep activations at a sane size and outputs unsaturated; the opset."""

import math

import torch

SEED = 7
OPSET = 17


def train_batch_norms(network: torch.nn.Module, shape: tuple[int, ...]) -> None:
    """Statistics of seeded input in place of zeros and ones, scales and shifts likewise."""
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


def draw_small_parameters(network: torch.nn.Module) -> None:
    """Parameters that torchvision starts at zero or nearly so, by which they would do nothing."""
    for name, parameter in network.named_parameters():
        kind = name.rpartition(".")[2]
        if kind == "class_token" or kind == "relative_position_bias_table":
            torch.nn.init.normal_(parameter, 0.0, 0.5)
        elif kind == "layer_scale":
            torch.nn.init.uniform_(parameter, 0.3, 0.7)
        elif kind == "in_proj_bias":
            torch.nn.init.normal_(parameter, 0.0, 0.1)


def draw_weights(network: torch.nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, 0.0, 1.0 / math.sqrt(module.in_features))
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, 0.0, 0.1)
        elif isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d)):
            fan_in = module.weight[0].numel()
            torch.nn.init.normal_(module.weight, 0.0, 1.0 / math.sqrt(fan_in))
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, 0.0, 0.1)
        elif isinstance(module, torch.nn.LayerNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)
    draw_small_parameters(network)
