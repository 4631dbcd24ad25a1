#!/usr/bin/env python3
"""clang-tidy on the files that changed since they were last clean: tidy.py BUILD [--all]

A clean file leaves a stamp, named by the hash of what was checked: the source, the header of the
same name, and the configuration. Stamps lie in the user's cache, so that all clones share them.
Headers are checked through the sources that include them. --all ignores the stamps. Prints findings;
the exit status is 1 if there are any.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

TIDY = "clang-tidy-16"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
STAMPS = CACHE / "quartet-tidy"
ROOT = pathlib.Path(__file__).resolve().parent.parent
# Only g++ knows these; clang would report them.
FOREIGN_FLAGS = ("-fno-new-ttp-matching",)


def sources(build: pathlib.Path) -> dict[pathlib.Path, dict]:
    """Our own sources in the compilation database."""
    entries = json.loads((build / "compile_commands.json").read_text())
    files = {}
    for entry in entries:
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_relative_to(ROOT) and not path.is_relative_to(build.resolve()):
            files[path] = entry
    return files


def write_database(build: pathlib.Path, files: dict[pathlib.Path, dict]) -> pathlib.Path:
    folder = build / "tidy"
    folder.mkdir(exist_ok=True)
    for entry in files.values():
        for flag in FOREIGN_FLAGS:
            entry["command"] = entry["command"].replace(flag + " ", "")
    (folder / "compile_commands.json").write_text(json.dumps(list(files.values())))
    return folder


def stamp(file: pathlib.Path) -> pathlib.Path:
    digest = hashlib.sha256(str(file.relative_to(ROOT)).encode())
    for part in (file, file.with_suffix(".h"), ROOT / ".clang-tidy"):
        if part.exists():
            digest.update(part.read_bytes())
    return STAMPS / digest.hexdigest()[:32]


def check(folder: pathlib.Path, file: pathlib.Path) -> str:
    """Findings of one file, as clang-tidy prints them; empty when it is clean."""
    command = [TIDY, "-p", str(folder), "--quiet", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r": (?:warning|error): ", run.stdout)
    if found or run.returncode:
        return run.stdout + (run.stderr if not found else "")
    stamp(file).touch()
    return ""


def main() -> None:
    build = pathlib.Path(sys.argv[1])
    everything = "--all" in sys.argv[2:]
    STAMPS.mkdir(parents=True, exist_ok=True)
    files = sources(build)
    folder = write_database(build, files)
    todo = [file for file in sorted(files) if everything or not stamp(file).exists()]
    start = time.monotonic()
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, findings in zip(todo, pool.map(lambda file: check(folder, file), todo)):
            if findings:
                bad += 1
                print(findings, flush=True)
    seconds = time.monotonic() - start
    print(f"clang-tidy: {len(todo)} of {len(files)} files checked in {seconds:.0f} s, {bad} with findings")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
