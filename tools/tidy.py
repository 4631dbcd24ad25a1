#!/usr/bin/env python3
"""clang-tidy on the files that changed since they were last clean.

tidy.py BUILD [--all | --check]

tools/tidy.record has a line for every clean file: its path and the hash of what was checked. For a
source that is the source, the header of the same name and .clang-tidy; for a header without such a
source, the header and .clang-tidy: it is checked through one source that includes it. Files whose
hash is on record are passed over. What a changed header does to findings in the other sources that
include it is not followed, or each edit of a shared header would cost a full run: --all sees that.

  (nothing)  checks the others and brings the record up to date: new hashes in, files gone out
  --all      the same, for all files
  --check    checks the others and leaves the record as it is

Findings are printed; the exit status is 1 if there are any. A line of the record stays true in
every merge, so both sides of a conflict may stay (.gitattributes); the next run sorts them out.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
from typing import Iterable

TIDY = "clang-tidy-16"
ROOT = pathlib.Path(__file__).resolve().parent.parent


def digest(root: pathlib.Path, path: str) -> str:
    """The hash of what a check of the file reads; a name and a size stand before each part."""
    total = hashlib.sha256()
    source = root / path
    for part in (source, source.with_suffix(".h"), root / ".clang-tidy"):
        if part.exists():
            content = part.read_bytes()
            total.update(f"{part.name} {len(content)}\n".encode() + content)
    return total.hexdigest()[:32]


class Record:
    """The clean files: pairs of path and hash, in a text file with a sorted line for each."""

    def __init__(self, file: pathlib.Path, hashes: dict[str, str]):
        """`hashes`: what every source has now; lines that say something else are dropped."""
        self.file = file
        self.hashes = hashes
        self.lock = threading.Lock()
        lines = file.read_text().splitlines() if file.exists() else []
        self.clean = {path for path in hashes if self.line(path) in lines}

    def line(self, path: str) -> str:
        return f"{path} {self.hashes[path]}"

    def missing(self) -> list[str]:
        return sorted(set(self.hashes) - self.clean)

    def set(self, path: str, clean: bool) -> None:
        """Notes the outcome of a check. The file is written each time: a run may be interrupted."""
        with self.lock:
            (self.clean.add if clean else self.clean.discard)(path)
            self.write()

    def write(self) -> None:
        text = "".join(self.line(path) + "\n" for path in sorted(self.clean))
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.file)


def includes(root: pathlib.Path, path: str) -> list[str]:
    """The files of this repository that a file includes by name."""
    names = re.findall(r'^#include ["<]([^">]+)[">]', (root / path).read_text(), re.MULTILINE)
    found = (folder + name for name in names for folder in ("", "include/"))
    return [name for name in found if (root / name).is_file()]


def headers(root: pathlib.Path, files: Iterable[str]) -> dict[str, str]:
    """Headers without a source of the same name -> the source to check them through.

    That is the smallest one among those that are the fewest includes away.
    """
    chosen: dict[str, str] = {}
    known = sorted(files, key=lambda path: ((root / path).stat().st_size, path))
    through = {path: path for path in known}
    while through:
        further: dict[str, str] = {}
        for path, source in through.items():
            for header in includes(root, path):
                if header not in chosen and header not in further:
                    further[header] = source
        chosen.update(further)
        through = further
    own = {str(pathlib.Path(path).with_suffix(".h")) for path in known}
    return {path: source for path, source in chosen.items() if path not in own}


def sources(root: pathlib.Path, build: pathlib.Path) -> dict[str, dict]:
    """Our own sources in the compilation database, by path below the root."""
    entries = json.loads((build / "compile_commands.json").read_text())
    files = {}
    for entry in entries:
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_relative_to(root) and not path.is_relative_to(build.resolve()):
            files[str(path.relative_to(root))] = entry
    return files


def write_database(build: pathlib.Path, entries: Iterable[dict]) -> pathlib.Path:
    """A compilation database in which each source stands once."""
    folder = build / "tidy"
    folder.mkdir(exist_ok=True)
    (folder / "compile_commands.json").write_text(json.dumps(list(entries)))
    return folder


def check(database: pathlib.Path, file: pathlib.Path) -> str:
    """Findings of one file, as clang-tidy prints them; empty when it is clean."""
    command = [TIDY, "-p", str(database), "--quiet", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r": (?:warning|error): ", run.stdout)
    if found or run.returncode:
        return run.stdout + (run.stderr if not found else "")
    return ""


def main() -> None:
    options = sys.argv[2:]
    if len(sys.argv) < 2 or not {*options} <= {"--all", "--check"}:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1])
    files = sources(ROOT, build)
    through = {path: path for path in files} | headers(ROOT, files)
    record = Record(ROOT / "tools" / "tidy.record", {path: digest(ROOT, path) for path in through})
    asked = sorted(through) if "--all" in options else record.missing()
    todo = sorted({through[path] for path in asked})
    update = "--check" not in options
    if update:
        record.write()
    database = write_database(build, files.values())
    start = time.monotonic()
    bad = 0

    def run(source: str) -> str:
        findings = check(database, ROOT / source)
        if update:  # not for a file that was edited in the meantime
            for path in (path for path, checked in through.items() if checked == source):
                record.set(path, not findings and digest(ROOT, path) == record.hashes[path])
        return findings

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, findings in zip(todo, pool.map(run, todo)):
            if findings:
                bad += 1
                print(findings, flush=True)
            elif not update:
                print(f"{source} is clean, but not on record: ./dev lint", flush=True)
    seconds = time.monotonic() - start
    print(
        f"clang-tidy: {len(todo)} of {len(files)} files checked in {seconds:.0f} s,"
        f" {bad} with findings"
    )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
