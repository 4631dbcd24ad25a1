#!/usr/bin/env python3
"""Puts the bundle together: make.py BUILD NVRTC TESTDATA WHEEL_TESTDATA

BUILD holds bundle/quartet, linked statically; NVRTC is the libnvrtc.so to carry; the others are the
folders of ONNX's tests (node/, simple/, ...). Leaves BUILD/quartet-VERSION-x86_64-linux/ and, packed,
the same with .tar.xz. An archive of 60 MiB or more is an error. Needs what bench/requirements.txt
names.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import gpu_operators
import narrow_products

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench" / "models"))
import manifest  # noqa: E402

LIMIT = 60 << 20  # bytes of the archive

# The system's: whoever has glibc has them.
GLIBC = {"ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libm.so.6", "libmvec.so.1",
         "libpthread.so.0", "librt.so.1"}  # fmt: skip

SUITES = ("node", "simple", "pytorch-converted", "pytorch-operator")
MODELS = ("ppocr_cls", "basic_pitch", "swift_f0")  # below a megabyte each
QUICK_MODELS = ("ppocr_cls", "basic_pitch")

# Debian packages whose code or data are in the bundle.
PACKAGES = ("gcc-12-base", "glslang-dev", "libcli11-dev", "libexpected-dev", "libfmt-dev", "libonnx-dev",
            "libonnx-testdata", "libprotobuf-dev", "libtbb-dev", "libtomlplusplus-dev", "libvulkan1",
            "libzstd-dev", "llvm-19-dev", "nlohmann-json3-dev", "spirv-tools", "zlib1g-dev")  # fmt: skip
COMMON_LICENSES = ("Apache-2.0", "GPL-3", "LGPL-2.1")  # that theirs refer to


def output(*command: str | pathlib.Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(file: pathlib.Path) -> set[str]:
    """Shared libraries that a file names, glibc's apart."""
    return set(re.findall(r"^\s*NEEDED\s+(\S+)", output("objdump", "-p", file), re.MULTILINE)) - GLIBC


def copy_program(build: pathlib.Path, bundle: pathlib.Path) -> tuple[str, str]:
    """bin/quartet and the libraries that it needs; returns its version and commit."""
    program = bundle / "bin" / "quartet"
    program.parent.mkdir()
    shutil.copy(build / "bundle" / "quartet", program)
    subprocess.run(["strip", program], check=True)
    found = dict(re.findall(r"^\s*(\S+) => (\S+)", output("ldd", build / "bundle" / "quartet"), re.MULTILINE))
    (bundle / "lib").mkdir()
    for name in sorted(needed(program)):
        shutil.copy(found[name], bundle / "lib" / name)
        if more := needed(bundle / "lib" / name):
            # They would be looked for in the system: only what the program names is found in lib/.
            raise SystemExit(f"error: {name} needs {', '.join(sorted(more))}: link it statically")
    said = output(program, "--version")
    return re.match(r"quartet (\S+) \(commit (\S+)\)", said).groups()


def copy_nvrtc(library: pathlib.Path, bundle: pathlib.Path) -> str:
    """NVRTC, the headers that it has built in, and its licence; returns its version.

    What they need goes to lib/compat, which is looked into where the system has none of it
    (backends/cuda/nvrtc.cpp): a driver may need a newer one in the same process.
    """
    (bundle / "lib" / "compat").mkdir()
    for file in [library, *library.parent.glob("libnvrtc-builtins.so*")]:
        shutil.copy(file, bundle / "lib" / file.name)
        for name in needed(file):
            found = output("g++", f"-print-file-name={name}").strip()
            shutil.copy(found, bundle / "lib" / "compat" / name)
    wheel = library.parents[3]  # site-packages: nvidia/cu13/lib/libnvrtc.so.13
    (information,) = wheel.glob("nvidia_cuda_nvrtc*.dist-info")
    (licence,) = information.glob("**/License.txt")
    shutil.copy(licence, bundle / "licenses" / "nvidia-cuda-nvrtc")
    return information.name.split("-")[1].removesuffix(".dist")


def copy_tests(folders: dict[str, pathlib.Path], bundle: pathlib.Path) -> None:
    for release, folder in folders.items():
        for suite in SUITES:
            shutil.copytree(folder / suite, bundle / "share" / "onnx" / release / suite)
    lists = {"1.12": "expected_failures.txt", "1.22": "expected_failures_1.22.txt"}
    for release, name in lists.items():
        target = bundle / "share" / "onnx" / f"{release}.exceptions"
        shutil.copy(ROOT / "tests" / "conformance" / name, target)


def suits_made_inputs(model: dict) -> bool:
    """Whether quartet's own inputs will do: integers from 0 on, floats that are noise."""
    lowest = [limits[0] for limits in model.get("integers", {}).values()]
    return not any(lowest) and "picture" not in model


def copy_models(bundle: pathlib.Path) -> None:
    """Models, and the table that gpu-check reads (each_model there says what it holds)."""
    lines = []
    for model in manifest.load(["--all"]):
        if "bench" not in model or not suits_made_inputs(model):
            continue
        if model["name"] in MODELS:
            target = bundle / "share" / "models" / model["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "build" / "models" / model["file"], target)
        measured = " ".join(f"--shape {shape}" for shape in model["runs"][model["bench"]])
        shapes = " ".join(f"--shape {shape}" for run in model["runs"] for shape in run)
        tier = "quick" if model["name"] in QUICK_MODELS else "full"
        lines.append("|".join([model["name"], model["file"], measured, shapes, tier]) + "\n")
    lines += narrow_products.write(bundle / "share" / "models")
    (bundle / "share" / "models.txt").write_text("".join(lines))


def copy_licenses(bundle: pathlib.Path) -> None:
    folder = bundle / "licenses"
    folder.mkdir()
    for package in PACKAGES:
        shutil.copy(f"/usr/share/doc/{package}/copyright", folder / package)
    for name in COMMON_LICENSES:
        shutil.copy(f"/usr/share/common-licenses/{name}", folder / name)
    models = manifest.load(list(MODELS))
    lines = [f"{model['file']}: {model['licence']}, from PyPI's {model['package']}\n" for model in models]
    lines.append("ONNX's tests of release 1.22: Apache-2.0, from PyPI's onnx\n")
    (folder / "models").write_text("".join(lines))


def write_readme(bundle: pathlib.Path, **values: str) -> None:
    text = (ROOT / "bundle" / "README.md.in").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name.upper()}@", value)
    (bundle / "README.md").write_text(text)


def pack(bundle: pathlib.Path) -> pathlib.Path:
    """Two blocks, that two cores can compress: the large libraries, and the rest."""
    archive = bundle.with_name(bundle.name + ".tar.xz")
    members = [f"{bundle.name}/{name}" for name in ("lib", "bin", "share", "licenses", "README.md", "gpu-check")]
    large = sum(file.stat().st_size for file in (bundle / "lib").glob("*.so*")) >> 20
    with open(archive, "wb") as target:
        tar = subprocess.Popen(["tar", "-c", "--sort=name", "--owner=0", "--group=0", "--numeric-owner",
                                "-C", bundle.parent, *members], stdout=subprocess.PIPE)  # fmt: skip
        subprocess.run(["xz", "--threads=2", f"--block-size={large + 1}MiB", "--x86",
                        "--lzma2=preset=6,dict=128MiB"], stdin=tar.stdout, stdout=target, check=True)  # fmt: skip
        if tar.wait() != 0:
            raise SystemExit("error: tar failed")
    return archive


def main() -> None:
    build, nvrtc, debian, wheel = map(pathlib.Path, sys.argv[1:])
    (staged := build / "stage").mkdir(exist_ok=True)
    shutil.rmtree(staged)
    staged.mkdir()
    copy_licenses(staged)
    version, commit = copy_program(build, staged)
    number = copy_nvrtc(nvrtc, staged)
    copy_tests({"1.12": debian, "1.22": wheel}, staged)
    copy_models(staged)
    gpu_operators.write(staged / "share" / "operators", staged / "share" / "operators.txt")
    shutil.copy(ROOT / "bundle" / "gpu-check", staged / "gpu-check")
    write_readme(staged, version=version, commit=commit, nvrtc=number)
    for old in [*build.glob("quartet-*-x86_64-linux"), *build.glob("quartet-*.tar.xz")]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    bundle = staged.rename(build / f"quartet-{version}-x86_64-linux")
    archive = pack(bundle)
    size = archive.stat().st_size
    print(f"{archive}: {size / (1 << 20):.1f} MiB (below {LIMIT >> 20} are allowed)")
    if size >= LIMIT:
        archive.unlink()
        raise SystemExit("error: the archive is too large, and was removed: leave something out")


if __name__ == "__main__":
    main()
