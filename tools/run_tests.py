#!/usr/bin/env python3
"""Runs the tests of a build folder and adds them up: run_tests.py BUILD [AREA | AREA/CASE]

A test program writes how many of its cases passed, failed and were skipped (tests/main.cpp); any
other test is one case. The last line printed is "N passed, N failed, N skipped". The exit status is 1 when
one failed, and when AREA or CASE selects nothing.
"""

import json
import pathlib
import subprocess
import sys


def summary_file(build: pathlib.Path, name: str) -> pathlib.Path:
    return build / "tests" / f"{name}.summary"


def run_meson(build: pathlib.Path, selection: str) -> None:
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "--num-processes", "2"]
    area, _, case = selection.partition("/")
    if area:
        command.append(area)
    if case:
        command.append(f"--test-args=--test-case=*{case}*")
    subprocess.run(command, check=False)


def read_log(build: pathlib.Path) -> list[dict]:
    log = build / "meson-logs" / "testlog.json"
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text().splitlines()]


def count(build: pathlib.Path, test: dict) -> tuple[int, int, int]:
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    try:
        passed, failed, skipped = map(int, summary_file(build, test["name"]).read_text().split())
    except (OSError, ValueError):  # no doctest program, or one that died
        return (1, 0, 0) if good else (0, 1, 0)
    return passed, failed if good else max(failed, 1), skipped


def report(test: dict, counts: tuple[int, int, int]) -> None:
    output = test.get("stdout", "") + test.get("stderr", "")
    passed, failed, skipped = counts
    if failed:
        print(f"\n---- {test['name']}: {test['result']}, exit status {test['returncode']}")
        print(output.rstrip())
    elif skipped:
        for line in output.splitlines():
            if line.startswith("[SKIP]"):
                print(f"{test['name']}: {line}")
    elif "warning:" in output:
        print(output.rstrip())


def nothing_selected(selection: str, tests: list[dict], totals: list[int]) -> str:
    """What is wrong with a selection that nothing matches; empty when something ran."""
    area, _, case = selection.partition("/")
    if not tests:
        return f"no test area is called '{area}'"
    if case and not any(totals):
        return f"no test case of '{area}' has '{case}' in its name"
    return ""


def main() -> None:
    build = pathlib.Path(sys.argv[1])
    if len(sys.argv) > 3:
        sys.exit(f"error: one AREA or AREA/CASE at a time, not {' '.join(sys.argv[2:])}")
    selection = sys.argv[2] if len(sys.argv) > 2 else ""
    for stale in [*build.glob("tests/*.summary"), build / "meson-logs" / "testlog.json"]:
        stale.unlink(missing_ok=True)
    run_meson(build, selection)
    tests = read_log(build)
    totals = [0, 0, 0]
    for test in tests:
        counts = count(build, test)
        totals = [a + b for a, b in zip(totals, counts)]
        report(test, counts)
    problem = nothing_selected(selection, tests, totals)
    print("{} passed, {} failed, {} skipped".format(*totals))
    if problem:
        sys.exit(f"error: {problem}")
    sys.exit(1 if totals[1] else 0)


if __name__ == "__main__":
    main()
