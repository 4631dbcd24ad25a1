"""The bundle that ./dev bundle leaves in build-bundle, unpacked elsewhere.

It runs in a root folder that holds glibc and nothing else, needs and loads nothing else, hides its
symbols from drivers, finds the NVRTC that it carries; gpu-check tells what passed, failed and is not
there. Skipped where it was not made for the test, as ./dev test bundle does.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lint"))
import unittest_main  # noqa: E402

ARCHIVES = sorted((ROOT / "build-bundle").glob("quartet-*-x86_64-linux.tar.xz"))
FAKE_CUDA = ROOT / "build" / "tests" / "cuda" / "libfake_cuda.so"
LLVMPIPE = pathlib.Path("/usr/share/vulkan/icd.d/lvp_icd.x86_64.json")
LIMIT = 60 << 20  # bytes of the archive
NEWEST_GLIBC = (2, 36)
GLIBC = {"ld-linux-x86-64.so.2", "libc.so.6", "libdl.so.2", "libm.so.6", "libmvec.so.1",
         "libpthread.so.0", "librt.so.1"}  # fmt: skip
LIBRARIES = pathlib.Path("/lib/x86_64-linux-gnu")  # Debian's
LOADER = pathlib.Path("/lib64/ld-linux-x86-64.so.2")
NO_GPU = {"VK_DRIVER_FILES": "/nonexistent", "QUARTET_CUDA_DRIVER": "off"}
TOOLS = {"PATH": "/usr/bin:/bin"}  # of POSIX, for gpu-check


def run(command: list, environment: dict[str, str], **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600,
                          stdin=subprocess.DEVNULL, check=False, **options)  # fmt: skip


def printed(*command) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@unittest.skipUnless(os.environ.get("QUARTET_TEST_BUNDLE") and ARCHIVES,
                     "no bundle of this build: ./dev test bundle makes it")
class BundleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="quartet-bundle-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.root = pathlib.Path(cls.temporary.name) / "root"
        place = cls.root / "some where"
        place.mkdir(parents=True)
        subprocess.run(["tar", "-xJf", ARCHIVES[-1], "-C", place], check=True)
        (cls.bundle,) = place.iterdir()
        cls.quartet = cls.bundle / "bin" / "quartet"
        cls.binaries = [cls.quartet, *(cls.bundle / "lib").glob("**/*.so*")]
        # "E0|relu|E0.onnx|...|small shape|...": a model of one operator.
        lines = (cls.bundle / "share" / "operators.txt").read_text().splitlines()
        columns = next(line.split("|") for line in lines if line.startswith("E0|"))
        cls.model = cls.bundle / "share" / "operators" / columns[2]
        cls.shape = f"x={columns[6]}"

    def verify(self, device: str, environment: dict[str, str]) -> subprocess.CompletedProcess:
        command = [self.quartet, "verify", self.model, "--shape", self.shape, "--device", device]
        return run([*command, "--strict", "--json"], environment)

    def gpu_check(self, *options: str, bundle=None, **environment: str) -> tuple:
        """Exit status, report, table, standard output."""
        with tempfile.TemporaryDirectory(prefix="gpu check ") as folder:
            command = [(bundle or self.bundle) / "gpu-check", *options, "--output", folder]
            result = run(command, {**TOOLS, **environment})
            report = json.loads((pathlib.Path(folder) / "gpu-check.json").read_text())
            table = (pathlib.Path(folder) / "gpu-check.md").read_text()
        return result.returncode, report, table, result.stdout + result.stderr

    def test_the_archive_is_small(self):
        self.assertLess(ARCHIVES[-1].stat().st_size, LIMIT)

    def test_it_needs_its_own_libraries_and_those_of_an_old_glibc(self):
        own = {file.name for file in self.binaries}
        for file in self.binaries:
            needed = re.findall(r"^\s*NEEDED\s+(\S+)", printed("objdump", "-p", file), re.MULTILINE)
            self.assertLessEqual(set(needed), own | GLIBC, file.name)
            versions = re.findall(r"GLIBC_(\d+)\.(\d+)", printed("objdump", "-T", file))
            self.assertTrue(versions, file.name)
            self.assertLessEqual(max((int(a), int(b)) for a, b in versions), NEWEST_GLIBC, file.name)

    def test_no_symbol_is_there_for_a_driver_to_find(self):
        exported = printed("nm", "-D", "--defined-only", self.quartet)
        self.assertNotRegex(exported, r" _Z| LLVM|_protobuf")

    def test_there_is_a_licence_for_every_part(self):
        names = {file.name for file in (self.bundle / "licenses").iterdir()}
        self.assertLessEqual({"llvm-19-dev", "libonnx-dev", "nvidia-cuda-nvrtc", "models"}, names)
        self.assertTrue(all(file.stat().st_size for file in (self.bundle / "licenses").iterdir()))

    def test_it_loads_nothing_else(self):
        result = self.verify("cpu", {"LD_DEBUG": "libs", **NO_GPU})
        self.assertEqual(result.returncode, 0, result.stderr)
        loaded = re.findall(r"calling init: (.+)", result.stderr)
        self.assertTrue(loaded)
        for path in map(pathlib.Path, loaded):
            if not path.resolve().is_relative_to(self.bundle.resolve()):
                self.assertIn(path.name, GLIBC)

    def make_root(self) -> None:
        """Adds glibc and the stand-in for CUDA's driver, which needs nothing else, to the root."""
        (self.root / "proc").mkdir()  # where $ORIGIN comes from
        for path in [LOADER, *(LIBRARIES / name for name in GLIBC)]:
            if path.exists():
                copy = self.root / path.relative_to("/")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
        if FAKE_CUDA.exists():
            shutil.copy(FAKE_CUDA, self.root)

    def test_it_runs_in_a_root_with_glibc_alone(self):
        self.make_root()
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        enter = ["unshare", *user, "--mount", "sh", "-c",
                 'mount --rbind /proc "$0/proc" && exec chroot "$0" "$@"', self.root]  # fmt: skip
        tools = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        tried = run([*enter, LOADER, "--version"], tools)
        if tried.returncode:
            self.skipTest(f"no root of its own can be entered: {tried.stderr.strip()}")

        def quartet(*words: str) -> subprocess.CompletedProcess:
            return run([*enter, f"/{self.quartet.relative_to(self.root)}", *words], tools)

        def answer(*words: str) -> str:
            result = quartet(*words)
            self.assertEqual(result.returncode, 0, f"{words}: {result.stdout} {result.stderr}")
            return result.stdout

        self.assertRegex(answer("--version"), r"^quartet \d+\.\d+\.\d+ \(commit \S+\)$")
        self.assertIn("cpu ", answer("devices"))
        model = ["/" + str(self.model.relative_to(self.root)), "--shape", self.shape]
        report = json.loads(answer("verify", *model, "--device", "cpu", "--json"))
        self.assertEqual([device["passed"] for device in report["devices"]], [True])
        if FAKE_CUDA.exists():  # takes no machine code: NVRTC has compiled when it says so
            tools["QUARTET_CUDA_DRIVER"] = f"/{FAKE_CUDA.name}"
            self.assertIn("cuda:0", answer("devices"))
            refused = quartet("run", *model, "--device", "cuda:0", "--strict").stderr
            self.assertIn("the driver does not take NVRTC's code", refused)

    @unittest.skipUnless(LLVMPIPE.exists(), "there is no llvmpipe: ./dev test installs it")
    def test_a_driver_with_an_llvm_of_its_own(self):
        # LLVM 15 in the driver, and another C++ library; ours compiles in the same process.
        environment = {"VK_DRIVER_FILES": str(LLVMPIPE), "QUARTET_CACHE": "off"}
        listed = json.loads(run([self.quartet, "devices", "--json"], environment).stdout)
        self.assertIn("llvmpipe", [d["name"] for d in listed if d["id"] == "vulkan:0"][0])
        command = [self.quartet, "verify", self.model, "--shape", self.shape, "--strict", "--json"]
        result = run([*command, "--device", "vulkan:0", "--device", "cpu"], environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        devices = json.loads(result.stdout)["devices"]
        self.assertEqual([device["passed"] for device in devices], [True, True])

    def conformance(self, data: pathlib.Path, *options: str, **environment: str) -> tuple[int, dict]:
        command = [self.quartet, "conformance", data, "--json", *options]
        result = run(command, {"QUARTET_CACHE": "off", **environment})
        return result.returncode, json.loads(result.stdout)

    @unittest.skipUnless(LLVMPIPE.exists(), "there is no llvmpipe: ./dev test installs it")
    def test_conformance_counts_what_the_cpu_had_to_do(self):
        data = self.bundle / "share" / "onnx" / "1.12"
        only = ["--only", "test_pow_types_int32_float32", "test_relu"]  # llvmpipe has no pow on f64
        environment = {"VK_DRIVER_FILES": str(LLVMPIPE)}
        status, report = self.conformance(data, "--device", "vulkan:0", *only, **environment)
        self.assertEqual((status, report["failed"], report["with_cpu"]), (0, 0, 1), report)
        self.assertIn("64-bit floats", report["with_cpu_tests"][0]["message"])
        self.assertEqual(report["passed"], report["tests"] - 1)

    def test_conformance_fails_on_a_wrong_value(self):
        with tempfile.TemporaryDirectory() as name:
            test = pathlib.Path(name) / "node" / "test_relu"
            shutil.copytree(self.bundle / "share" / "onnx" / "1.12" / "node" / "test_relu", test)
            output = test / "test_data_set_0" / "output_0.pb"
            values = bytearray(output.read_bytes())
            values[-1] ^= 0x40  # the exponent of the last one
            output.write_bytes(values)
            status, report = self.conformance(pathlib.Path(name), "--device", "cpu", **NO_GPU)
        self.assertEqual((status, report["failed"], report["passed"]), (1, 1, 0))
        self.assertIn("1 of 60 elements differ", report["failed_tests"][0]["message"])

    @unittest.skipUnless(FAKE_CUDA.exists(), "the stand-in for CUDA's driver is not built")
    def test_nvrtc_is_found(self):
        # A CUDA device is listed only if NVRTC compiles for it.
        environment = {"QUARTET_CUDA_DRIVER": str(FAKE_CUDA), "VK_DRIVER_FILES": "/nonexistent"}
        result = run([self.quartet, "devices", "--json"], environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("cuda:0", [device["id"] for device in json.loads(result.stdout)])

    def test_gpu_check_checks_and_measures(self):
        status, report, table, said = self.gpu_check("--quick", "--device", "cpu", **NO_GPU)
        self.assertEqual(status, 0, said)
        self.assertTrue(report["passed"])
        self.assertEqual(report["counts"]["failed"], 0)
        for section in ("conformance", "verify", "bench", "operators"):
            self.assertTrue(report[section], section)
            for entry in report[section]:
                self.assertTrue(entry["passed"], entry)
                self.assertIsInstance(entry["report"], dict)
                self.assertEqual(entry["device"], "cpu")
        self.assertGreater(report["conformance"][0]["report"]["passed"], 50)
        self.assertGreater(report["operators"][0]["report"]["median_ms"], 0)
        for name in ("ppocr_cls", "matmul_f16", "matmul_i8", "conv_f16", "M4 matmul", "| 1.12 | cpu |"):
            self.assertIn(name, table)

    def test_gpu_check_says_what_is_not_there(self):
        status, report, table, said = self.gpu_check("--quick", **NO_GPU)
        self.assertEqual(status, 1)
        self.assertIn("nothing could be checked", said)
        self.assertEqual([entry["device"] for entry in report["not_there"]], ["cuda", "vulkan"])
        self.assertTrue(all(entry["reason"] for entry in report["not_there"]))
        self.assertIn("## Not there", table)
        status, report, _, _ = self.gpu_check("--quick", "--device", "cuda:7", **NO_GPU)
        self.assertEqual((status, report["not_there"][0]["device"]), (1, "cuda:7"))

    def test_gpu_check_fails_when_something_fails(self):
        with tempfile.TemporaryDirectory() as name:
            bundle = pathlib.Path(name)
            (bundle / "bin").symlink_to(self.bundle / "bin")
            shutil.copy(self.bundle / "gpu-check", bundle)
            (bundle / "share" / "models").mkdir(parents=True)
            (bundle / "share" / "models" / "cut.onnx").write_bytes(self.model.read_bytes()[:20])
            (bundle / "share" / "models.txt").write_text("cut|cut.onnx||" f"--shape {self.shape}|quick\n")
            (bundle / "share" / "operators.txt").write_text("")
            status, report, table, _ = self.gpu_check("--quick", "--device", "cpu", bundle=bundle, **NO_GPU)
        self.assertEqual(status, 1)
        self.assertFalse(report["passed"])
        # Conformance has no data, and the model cannot be read.
        self.assertEqual(report["counts"], {"passed": 0, "failed": 3, "not_there": 0})
        self.assertIn("error: ", report["verify"][0]["messages"])
        self.assertIn("# gpu-check: FAILED", table)


if __name__ == "__main__":
    unittest_main.main()
