"""The record of clean files follows what was checked, and outlives merges."""

import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import tidy  # noqa: E402
import unittest_main  # noqa: E402


class TidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name in (".clang-tidy", "a.cpp", "a.h", "b.cpp", "c.cpp", "shared.h"):
            (self.root / name).write_text(f"// {name}\n")

    def record(self, *paths: str) -> tidy.Record:
        hashes = {path: tidy.digest(self.root, path) for path in paths}
        return tidy.Record(self.root / "record", hashes)

    def lines(self) -> list[str]:
        return (self.root / "record").read_text().splitlines()

    def fill(self, *paths: str) -> None:
        record = self.record(*paths)
        for path in paths:
            record.set(path, True)

    def test_without_a_record_all_files_are_missing(self):
        self.assertEqual(self.record("b.cpp", "a.cpp").missing(), ["a.cpp", "b.cpp"])
        self.assertFalse((self.root / "record").exists())

    def test_a_clean_file_is_recorded_at_once_in_sorted_order(self):
        record = self.record("a.cpp", "b.cpp", "c.cpp")
        record.set("b.cpp", True)
        record.set("a.cpp", True)
        record.set("c.cpp", False)
        self.assertEqual([line.split()[0] for line in self.lines()], ["a.cpp", "b.cpp"])
        self.assertEqual(self.record("a.cpp", "b.cpp", "c.cpp").missing(), ["c.cpp"])

    def test_source_header_and_configuration_count(self):
        for changed, missing in (
            ("a.cpp", ["a.cpp"]),
            ("a.h", ["a.cpp"]),
            (".clang-tidy", ["a.cpp", "b.cpp"]),
        ):
            self.fill("a.cpp", "b.cpp")
            (self.root / changed).write_text(f"// another {changed}\n")
            self.assertEqual(self.record("a.cpp", "b.cpp").missing(), missing, changed)

    def test_a_shared_header_is_checked_through_the_smallest_source_that_includes_it(self):
        for name, text in (
            ("shared.h", "// shared\n"),
            ("include/api.h", "// included by a header\n"),
            ("a.h", '#include <api.h>\n'),
            ("a.cpp", '#include "a.h"\n#include "shared.h"\n'),
            ("b.cpp", '#include "shared.h"\n// and so on\n// and on\n// and on\n'),
            ("c.cpp", '#include <vector>\n#include "not_there.h"\n'),
        ):
            (self.root / name).parent.mkdir(exist_ok=True)
            (self.root / name).write_text(text)
        found = tidy.headers(self.root, ["c.cpp", "b.cpp", "a.cpp"])
        self.assertEqual(found, {"shared.h": "a.cpp", "include/api.h": "a.cpp"})

    def test_a_changed_shared_header_is_missing(self):
        self.fill("a.cpp", "shared.h")
        (self.root / "shared.h").write_text("// changed\n")
        self.assertEqual(self.record("a.cpp", "shared.h").missing(), ["shared.h"])

    def test_text_that_moves_between_source_and_header_counts(self):
        (self.root / "a.h").write_text("")
        before = tidy.digest(self.root, "a.cpp")
        (self.root / "a.h").write_text((self.root / "a.cpp").read_text())
        (self.root / "a.cpp").write_text("")
        self.assertNotEqual(tidy.digest(self.root, "a.cpp"), before)

    def test_a_file_with_findings_leaves_the_record(self):
        self.fill("a.cpp", "b.cpp")
        self.record("a.cpp", "b.cpp").set("a.cpp", False)
        self.assertEqual(self.record("a.cpp", "b.cpp").missing(), ["a.cpp"])

    def test_files_that_are_gone_leave_the_record(self):
        self.fill("a.cpp", "b.cpp")
        self.record("b.cpp").write()
        self.assertEqual([line.split()[0] for line in self.lines()], ["b.cpp"])

    def test_both_sides_of_a_merge_may_stay(self):
        self.fill("a.cpp", "b.cpp")
        ours = self.lines()
        (self.root / "a.cpp").write_text("// theirs\n")
        self.fill("a.cpp")
        theirs = self.lines()
        (self.root / "record").write_text("\n".join(theirs + ours) + "\n")
        record = self.record("a.cpp", "b.cpp")
        self.assertEqual(record.missing(), [])
        record.write()
        self.assertEqual(self.lines(), sorted(theirs + ours[1:]))


if __name__ == "__main__":
    unittest_main.main()
