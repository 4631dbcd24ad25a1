"""Runs the unittest cases of a module and counts them as tests/main.cpp does for doctest."""

import os
import unittest


def main() -> None:
    program = unittest.main(exit=False)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    if path := os.environ.get("QUARTET_TEST_SUMMARY"):
        with open(path, "w") as summary:
            summary.write(f"{result.testsRun - failed - skipped} {failed} {skipped}\n")
    raise SystemExit(1 if failed else 0)
