"""The commands in README.md and docs/ work: a ./dev command exists, a quartet command runs.

A quartet command on a model that is not there (./dev models) is checked for its options only, and
named on standard error.
"""

import pathlib
import re
import shlex
import subprocess
import sys
import unittest

import unittest_main

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUARTET = ROOT / "build" / "quartet"


def shell_lines(text: str) -> list[list[str]]:
    """The words of each line of the ```sh blocks, remarks taken off."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def documents() -> list[pathlib.Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def run(words: list[str], timeout: int = 120) -> subprocess.CompletedProcess:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)  # fmt: skip


class DocumentsTest(unittest.TestCase):
    def commands(self, program: str) -> list[list[str]]:
        found = [words for path in documents() for words in shell_lines(path.read_text())]
        return [words for words in found if words[0] == program]

    def test_blocks_hold_known_programs_only(self):
        for path in documents():
            for words in shell_lines(path.read_text()):
                known = ("./dev", "build/quartet", "git", "cd", "meson", "ninja")
                self.assertIn(words[0], known, f"in {path.relative_to(ROOT)}: {shlex.join(words)}")

    def test_dev_commands_exist(self):
        help_text = run(["./dev", "help"]).stdout
        listed = set(re.findall(r"^  ([a-z]+) ", help_text, re.MULTILINE))
        self.assertLessEqual({"build", "demo", "test"}, listed)
        for words in self.commands("./dev"):
            self.assertIn(words[1] if len(words) > 1 else "help", listed, shlex.join(words))

    @unittest.skipUnless(QUARTET.exists(), "there is no build/quartet")
    def test_quartet_commands_know_their_options(self):
        for words in self.commands("build/quartet"):
            help_text = run(["build/quartet", words[1], "--help"]).stdout
            for option in (word for word in words if word.startswith("--")):
                self.assertIn(option, help_text, shlex.join(words))

    @unittest.skipUnless(QUARTET.exists(), "there is no build/quartet")
    def test_quartet_commands_run(self):
        for words in self.commands("build/quartet"):
            files = [word for word in words if word.endswith(".onnx")]
            if not all((ROOT / file).exists() for file in files):
                print(f"not run, its model is not there: {shlex.join(words)}", file=sys.stderr)
                continue
            result = run(words)
            self.assertEqual(result.returncode, 0, f"{shlex.join(words)}\n{result.stderr}")


if __name__ == "__main__":
    unittest_main.main()
