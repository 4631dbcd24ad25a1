"""A selection of tests that selects nothing is an error."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import run_tests  # noqa: E402
import unittest_main  # noqa: E402


class SelectionTest(unittest.TestCase):
    def test_an_area_without_tests(self):
        problem = run_tests.nothing_selected("nowhere/case", [], [0, 0, 0])
        self.assertIn("'nowhere'", problem)

    def test_a_case_that_is_in_no_name(self):
        problem = run_tests.nothing_selected("ir/nothing", [{"name": "ir"}], [0, 0, 0])
        self.assertIn("'nothing'", problem)

    def test_what_ran_or_was_skipped_is_no_problem(self):
        for totals in ([1, 0, 0], [0, 1, 0], [0, 0, 1]):
            self.assertEqual(run_tests.nothing_selected("ir/x", [{"name": "ir"}], totals), "")
        self.assertEqual(run_tests.nothing_selected("", [{"name": "ir"}], [0, 0, 0]), "")


if __name__ == "__main__":
    unittest_main.main()
