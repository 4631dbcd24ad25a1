#!/usr/bin/python3
"""Exports the models that models.toml names with `export`: export.py OUTPUT [--all | NAME...]

Runs with Debian's python3-torch and python3-torchvision (and python3-torchaudio for the models that
ask for it). Weights are drawn from a fixed seed. Batch normalisation gets its statistics from seeded
input, so that activations stay at a sane size and no output saturates, and scales and shifts that
differ from one and zero.
"""

import pathlib
import sys

import torch

import export_sound
import export_text
import export_vision
import manifest
from weights import SEED

EXPORTS = export_vision.EXPORTS | export_text.EXPORTS | export_sound.EXPORTS


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
