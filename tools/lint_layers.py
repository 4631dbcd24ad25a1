#!/usr/bin/env python3
"""Checks what the compiler cannot: who includes whom, and which names stand where.

lint_layers.py [ROOT]: findings go to stdout as FILE:LINE: TEXT, and make the exit status 1. Sizes
of files and functions give warnings, which do not. The rules:

  layers       a quoted include goes to a folder that the table in docs/architecture.md allows
  stages       roller, welder, rammer and grinder do not include each other, nor one backend another
  libraries    heavy headers stay in the folder that wraps them
  operators    no ONNX operator name in sched/, backends/common and the compiled backends
  devices      no name of a vendor, GPU or CPU in sched/
  machines     no path of somebody's machine in any file
  errors       QT_TRY is no argument beside others: when it returns, g++ leaks what stands there
  tests        every *_test.cpp is among the sources of its folder's meson.build
  documents    paths in docs/ and README.md exist (the design, architecture.md, may look ahead)
"""

import pathlib
import re
import subprocess
import sys
from typing import Iterator, NamedTuple

FILE_LINES = 500
FUNCTION_LINES = 60

STAGES = ("roller", "welder", "rammer", "grinder")

# Header prefix -> the only folders that include it.
LIBRARIES = {
    "llvm/": ("backends/cpu",),
    "onnx/": ("frontend", "tests", "bundle/external"),
    "google/protobuf/": ("frontend", "tests", "bundle/external"),
    "vulkan/": ("backends/vulkan", "tests/vulkan"),
    "glslang/": ("backends/vulkan",),
    "spirv-tools/": ("backends/vulkan",),
    "CLI/": ("cli", "bundle"),
}

# Whole words; the short ones in capitals only, so that prose stays free.
DEVICE_NAMES = re.compile(
    r"\b(?:(?i:nvidia|geforce|radeon|intel|qualcomm|adreno|imagination|powervr|llvmpipe|swiftshader"
    r"|radv|lavapipe|cuda|vulkan|skylake|epyc|ryzen|xeon|x86|x86_64|aarch64|avx2?|avx512\w*|neon)"
    r"|AMD|ARM|Arm|Mali|Apple|SSE\d?|Zen ?\d|[VAHTP]\d{2,3}|RTX|GTX|RDNA\d?|CDNA\d?)\b"
)
KIND_NAMES = re.compile(r"\b(?i:gpus?|cpus?)\b")  # in code; comments may compare kinds

MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:home|root|work|Users|mnt)/\w")

OPERATOR_FOLDERS = ("sched/", "backends/")
OPERATOR_EXCEPTIONS = ("backends/cpu/reference/",)  # op by op on the graph, on purpose


class Finding(NamedTuple):
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


# ---- the table of layers ----


def read_table(document: str) -> dict[str, set[str]]:
    """Folder -> folders that it may include, from the block under "Who may include whom"."""
    match = re.search(r"Who may include whom.*?```\n(.*?)```", document, re.DOTALL)
    if not match:
        raise SystemExit("docs/architecture.md: no fenced block under 'Who may include whom'")
    table: dict[str, set[str]] = {"base": set()}
    for line in match.group(1).splitlines():
        left, arrow, right = line.partition("->")
        if not arrow:
            continue
        right = re.split(r"\s{2,}", right.strip())[0]  # what follows is a remark
        if right == "all of the above":
            allowed = set(table)
        elif right == "all":
            allowed = {"*"}
        else:
            allowed = {name.strip() for name in right.split(",")}
        for name in left.split(","):
            table[name.strip()] = set(allowed)
    # The public API: includes nothing of ours; whoever implements it includes it.
    table["include/quartet"] = set()
    table.setdefault("api", set()).add("include/quartet")
    return table


def layer_of(path: str) -> str:
    """The name that the table has for a path: "ir/text.h" -> "ir", "quartet/x.h" -> the API."""
    top = path.split("/", 1)[0]
    if top == "quartet" or path.startswith("include/quartet/"):
        return "include/quartet"
    return "backends/*" if top == "backends" else top


# ---- rules; each takes a file's path and text ----


class Rules:
    def __init__(self, root: pathlib.Path):
        self.root = root
        self.table = read_table((root / "docs" / "architecture.md").read_text())
        self.operators, self.everyday = self.read_operators()

    def read_operators(self) -> tuple[re.Pattern, set[str]]:
        names, everyday = [], set()
        for line in (pathlib.Path(__file__).parent / "onnx_operators.txt").read_text().splitlines():
            name, star = (line + " ").split(" ", 1)
            if line.startswith("#"):
                continue
            if star.strip():
                everyday.add(name)
            else:
                names.append(name)
        return re.compile(r"\b(?:" + "|".join(names) + r")\b"), everyday

    def check_includes(self, path: str, text: str) -> Iterator[Finding]:
        layer = layer_of(path)
        allowed = self.table.get(layer)
        for number, line in enumerate(text.splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
            if not match:
                continue
            target = match.group(2)
            for prefix, folders in LIBRARIES.items():
                if target.startswith(prefix) and not path.startswith(folders):
                    yield Finding(path, number, f"<{target}> belongs into {' or '.join(folders)}")
            if match.group(1) == "<":
                continue
            to = layer_of(target)
            if allowed is None:
                yield Finding(path, number, f"'{layer}' is not in the table of docs/architecture.md")
            elif to != layer and to not in allowed and "*" not in allowed:
                can = ", ".join(sorted(allowed)) or "nothing"
                yield Finding(path, number, f"{layer} includes {target}; it may include: {can}")
            elif layer != "tests":
                yield from self.check_siblings(path, target, number)

    def check_siblings(self, path: str, target: str, number: int) -> Iterator[Finding]:
        mine, theirs = part_of(path), part_of(target)
        if mine == theirs or not mine or not theirs:
            return
        if theirs == "backends/common" and mine != "backends/cpu/reference":
            return
        if not path.startswith(target.split("/", 1)[0]):  # api and the like see all of them
            return
        yield Finding(path, number, f"{mine} includes {theirs}: they know nothing of each other")

    def check_operators(self, path: str, text: str) -> Iterator[Finding]:
        if not path.startswith(OPERATOR_FOLDERS) or path.startswith(OPERATOR_EXCEPTIONS):
            return
        for number, line in enumerate(text.splitlines(), 1):
            for match in self.operators.finditer(line):
                yield Finding(path, number, f"names the ONNX operator {match.group(0)}")
            for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', line):
                if literal in self.everyday:
                    yield Finding(path, number, f'names the ONNX operator "{literal}"')

    def check_devices(self, path: str, text: str) -> Iterator[Finding]:
        if not path.startswith("sched/"):
            return
        for number, line in enumerate(text.splitlines(), 1):
            code = line.split("//", 1)[0]
            for match in [*DEVICE_NAMES.finditer(line), *KIND_NAMES.finditer(code)]:
                found = match.group(0)
                yield Finding(path, number, f"names '{found}': a stage knows a description only")

    def check_machines(self, path: str, text: str) -> Iterator[Finding]:
        for number, line in enumerate(text.splitlines(), 1):
            for match in MACHINE_PATHS.finditer(line):
                yield Finding(path, number, f"path of a machine: {match.group(0)}...")

    def check_errors(self, path: str, text: str) -> Iterator[Finding]:
        for match in re.finditer(r"(,\s*)?\bQT_TRY\(", text):
            number = text.count("\n", 0, match.end()) + 1
            follows = text[closing(text, match.end()) :].lstrip().startswith(",")
            if (match.group(1) or follows) and "//" not in text.splitlines()[number - 1]:
                yield Finding(path, number, "QT_TRY beside other arguments: give it a line of its own")

    def check_documents(self, path: str, text: str) -> Iterator[Finding]:
        if not path.endswith(".md") or path == "docs/architecture.md":
            return
        for number, line in enumerate(text.splitlines(), 1):
            for name in re.findall(r"`([\w.-]+/[\w./-]*)`", line):
                top = name.split("/", 1)[0]
                known = (self.root / top).is_dir() and not top.startswith("build")
                if known and not (self.root / name).exists():
                    yield Finding(path, number, f"there is no {name}")

    def check_tests(self, path: str) -> Iterator[Finding]:
        if not path.endswith("_test.cpp"):
            return
        file = pathlib.PurePath(path)
        build = self.root / file.parent / "meson.build"
        if not build.exists() or f"'{file.name}'" not in build.read_text():
            yield Finding(path, 1, f"{file.parent}/meson.build does not build it: it never runs")

    def check(self, path: str, text: str) -> Iterator[Finding]:
        yield from self.check_machines(path, text)
        yield from self.check_tests(path)
        yield from self.check_documents(path, text)
        if path.endswith((".h", ".cpp", ".def")):
            yield from self.check_includes(path, text)
            yield from self.check_operators(path, text)
            yield from self.check_devices(path, text)
            yield from self.check_errors(path, text)


def closing(text: str, start: int) -> int:
    """The position behind the parenthesis that closes the one before `start`."""
    depth = 1
    while depth and start < len(text):
        depth += {"(": 1, ")": -1}.get(text[start], 0)
        start += 1
    return start


def part_of(path: str) -> str:
    """The stage or backend that a file belongs to; empty for shared files."""
    if path.startswith("backends/cpu/reference/"):
        return "backends/cpu/reference"
    top, _, rest = path.partition("/")
    if top == "backends" or (top == "sched" and rest.split("/", 1)[0] in STAGES):
        return f"{top}/{rest.split('/', 1)[0]}"
    return ""


# ---- sizes ----


def long_functions(text: str) -> Iterator[tuple[int, int]]:
    """(line, length) of functions over the limit; relies on clang-format's layout."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        indent = len(line) - len(line.lstrip())
        if start is None:
            opens = line.endswith("{") and ")" in line and indent <= 4
            if opens and not re.match(r"\s*(namespace|class|struct|enum|union|TEST_)", line):
                start = (number, indent)
        elif indent <= start[1] and line.lstrip().startswith("}"):
            if number - start[0] + 1 > FUNCTION_LINES:
                yield start[0], number - start[0] + 1
            start = None


def warnings(path: str, text: str) -> Iterator[Finding]:
    if not path.endswith((".h", ".cpp", ".py")) or path.startswith("tests/"):
        return
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield Finding(path, 1, f"warning: {lines} lines, above {FILE_LINES}: does it do one thing?")
    if not path.endswith(".py"):
        for number, length in long_functions(text):
            yield Finding(path, number, f"warning: function of {length} lines, above {FUNCTION_LINES}")


# ---- the program ----


def tracked_files(root: pathlib.Path) -> list[str]:
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in names if (root / name).is_file()]


def main() -> None:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    rules = Rules(root)
    findings, remarks = [], []
    for path in tracked_files(root):
        try:
            text = (root / path).read_text()
        except UnicodeDecodeError:
            continue  # not a text
        findings += rules.check(path, text)
        remarks += warnings(path, text)
    print(*remarks, *findings, sep="\n")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
