"""The layer lint finds planted faults, and nothing in what is allowed."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import lint_layers  # noqa: E402
import unittest_main  # noqa: E402


class LintTest(unittest.TestCase):
    rules = lint_layers.Rules(ROOT)

    def found(self, path: str, text: str) -> list[str]:
        return [finding.text for finding in self.rules.check(path, text)]

    def assertFinds(self, path: str, text: str, part: str) -> None:
        texts = self.found(path, text)
        self.assertTrue(any(part in found for found in texts), f"{part!r} not in {texts}")

    def assertClean(self, path: str, text: str) -> None:
        self.assertEqual(self.found(path, text), [])

    def test_a_layer_includes_only_what_the_table_allows(self):
        self.assertFinds("ir/a.cpp", '#include "sched/pipeline.h"', "ir includes sched/pipeline.h")
        self.assertFinds("sched/a.cpp", '#include "backends/cpu/device.h"', "sched includes")
        self.assertFinds("cli/a.cpp", '#include "ir/module.h"', "cli includes ir/module.h")
        self.assertFinds("include/quartet/a.h", '#include "base/result.h"', "it may include: nothing")
        self.assertFinds("base/a.h", '#include "ir/dim.h"', "base includes ir/dim.h")

    def test_what_the_table_allows_is_clean(self):
        self.assertClean("ir/a.cpp", '#include "base/result.h"\n#include "ir/module.h"\n')
        self.assertClean("api/a.cpp", '#include "quartet/quartet.h"\n#include "sched/pipeline.h"\n')
        self.assertClean("api/a.cpp", '#include "backends/cpu/device.h"')
        self.assertClean("tests/cpu/a.cpp", '#include "backends/cpu/device.h"')
        self.assertClean("backends/cpu/a.cpp", '#include "backends/common/lower.h"')

    def test_an_unknown_folder_is_reported(self):
        self.assertFinds("extra/a.cpp", '#include "base/result.h"', "not in the table")

    def test_stages_and_backends_do_not_see_each_other(self):
        self.assertFinds("sched/welder/a.cpp", '#include "sched/roller/roller.h"', "know nothing")
        self.assertFinds("backends/vulkan/a.cpp", '#include "backends/cpu/emit.h"', "know nothing")
        self.assertFinds(
            "backends/cpu/reference/a.cpp", '#include "backends/common/lower.h"', "know nothing"
        )
        self.assertClean("sched/welder/a.cpp", '#include "sched/tile_source.h"')

    def test_heavy_headers_stay_behind_their_wrapper(self):
        self.assertFinds("sched/a.cpp", "#include <llvm/IR/Module.h>", "belongs into backends/cpu")
        self.assertFinds("api/a.cpp", "#include <onnx/onnx_pb.h>", "belongs into frontend")
        self.assertClean("backends/cpu/a.cpp", "#include <llvm/IR/Module.h>")

    def test_operator_names(self):
        self.assertFinds("sched/a.cpp", "// fuses LayerNormalization", "LayerNormalization")
        self.assertFinds("backends/cpu/emit.cpp", 'if (op == "Conv") {', "operator Conv")
        self.assertFinds("backends/common/a.h", 'name == "Add"', 'operator "Add"')
        self.assertClean("sched/a.cpp", "struct Tile { Shape shape; };  // Add the tile")
        self.assertClean("frontend/onnx/a.cpp", 'add("Conv", 11, conv);')
        self.assertClean("backends/cpu/reference/a.cpp", "// Conv")

    def test_device_names(self):
        self.assertFinds("sched/a.cpp", "// as measured on NVIDIA's", "names 'NVIDIA'")
        self.assertFinds("sched/a.cpp", "bool isGpu = kind == gpu;", "names 'gpu'")
        self.assertClean("sched/a.cpp", "// the same for a CPU: data, not code")
        self.assertClean("hwdb/a.cpp", "// llvmpipe")

    def test_paths_of_a_machine(self):
        self.assertFinds("README.md", "see /" + "home/ann/models", "path of a machine")
        self.assertClean("README.md", "the output/work/folder and /usr/share/vulkan")

    def test_errors_return_past_no_temporary(self):
        self.assertFinds("ir/a.cpp", "f(x,\n  QT_TRY(g(x)));", "QT_TRY beside other arguments")
        self.assertFinds("ir/a.cpp", "return {QT_TRY(g(f(x))), x};", "QT_TRY beside other")
        self.assertClean("ir/a.cpp", "f(QT_TRY(g(x, y)));\nauto [a, b] = QT_TRY(h());\n")

    def test_tests_are_built(self):
        self.assertFinds("tests/ir/forgotten_test.cpp", "", "tests/ir/meson.build does not build it")
        self.assertFinds("tests/nowhere/a_test.cpp", "", "tests/nowhere/meson.build does not build it")
        self.assertClean("tests/sched/limits_test.cpp", "")

    def test_documents_name_files_that_exist(self):
        self.assertFinds("docs/a.md", "read `ir/no_such_file.h`", "there is no ir/no_such_file.h")
        self.assertClean("docs/a.md", "read `ir/meson.build` and `build/quartet`")

    def test_long_functions_are_measured(self):
        body = "  ++i;\n" * 70
        text = f"namespace a {{\nvoid f(int i) {{\n{body}}}\nvoid g() {{\n}}\n}}\n"
        self.assertEqual(list(lint_layers.long_functions(text)), [(2, 72)])


if __name__ == "__main__":
    unittest_main.main()
