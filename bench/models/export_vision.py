"""Networks that look at pictures: torchvision's, and a UNet."""

import pathlib

import torch
import torchvision

from weights import OPSET, draw_weights, train_batch_norms


def export_classifier(network: torch.nn.Module, target: pathlib.Path, keep_batch_norm: bool) -> None:
    """image [batch, 3, 224, 224] to logits [batch, 1000]."""
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


def export_convolutional(name: str, target: pathlib.Path, keep_batch_norm: bool = False) -> None:
    network = torchvision.models.get_model(name, weights=None)
    train_batch_norms(network, (4, 3, 224, 224))
    export_classifier(network, target, keep_batch_norm)


def mobilenet_v2(target: pathlib.Path) -> None:
    export_convolutional("mobilenet_v2", target)


def resnet18(target: pathlib.Path) -> None:
    export_convolutional("resnet18", target, keep_batch_norm=True)


def resnet50(target: pathlib.Path) -> None:
    export_convolutional("resnet50", target)


def efficientnet_b0(target: pathlib.Path) -> None:
    export_convolutional("efficientnet_b0", target)


def densenet121(target: pathlib.Path) -> None:
    export_convolutional("densenet121", target, keep_batch_norm=True)


def export_transformer(name: str, target: pathlib.Path) -> None:
    network = torchvision.models.get_model(name, weights=None).eval()
    draw_weights(network)
    export_classifier(network, target, keep_batch_norm=False)


def vit_b_16(target: pathlib.Path) -> None:
    export_transformer("vit_b_16", target)


def swin_t(target: pathlib.Path) -> None:
    export_transformer("swin_t", target)


def convnext_tiny(target: pathlib.Path) -> None:
    export_transformer("convnext_tiny", target)


def double_convolution(inputs: int, outputs: int) -> torch.nn.Sequential:
    layers = []
    for channels in (inputs, outputs):
        layers += [
            torch.nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            torch.nn.BatchNorm2d(outputs),
            torch.nn.ReLU(),
        ]
    return torch.nn.Sequential(*layers)


class UNet(torch.nn.Module):
    """Halves and doubles the picture `depth` times; a mask of `classes` for each pixel."""

    def __init__(self, width=32, depth=4, classes=4):
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.down = torch.nn.ModuleList(
            double_convolution(inputs, outputs) for inputs, outputs in zip([3, *widths], widths)
        )
        self.grow = torch.nn.ModuleList(
            torch.nn.ConvTranspose2d(2 * outputs, outputs, 2, stride=2) for outputs in widths[-2::-1]
        )
        self.up = torch.nn.ModuleList(
            double_convolution(2 * outputs, outputs) for outputs in widths[-2::-1]
        )
        self.head = torch.nn.Conv2d(width, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for level, block in enumerate(self.down):
            x = block(torch.nn.functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for grow, block, skip in zip(self.grow, self.up, skips[-2::-1]):
            x = block(torch.cat([skip, grow(x)], dim=1))
        return self.head(x)


def unet(target: pathlib.Path) -> None:
    network = UNet()
    train_batch_norms(network, (2, 3, 64, 64))
    axes = {0: "batch", 2: "height", 3: "width"}
    torch.onnx.export(
        network,
        torch.zeros(1, 3, 64, 64),
        str(target),
        opset_version=OPSET,
        input_names=["image"],
        output_names=["mask"],
        dynamic_axes={"image": axes, "mask": axes},
    )


EXPORTS = {
    "mobilenet_v2": mobilenet_v2,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "efficientnet_b0": efficientnet_b0,
    "densenet121": densenet121,
    "vit_b_16": vit_b_16,
    "swin_t": swin_t,
    "convnext_tiny": convnext_tiny,
    "unet": unet,
}
