"""Faults that are put into the code, one at a time: the tests named beside each must find it.

python tests/stress/faults.py            all, some ten minutes; needs CMake and a compiler
python tests/stress/faults.py 3 17 30    these

A fault is a line of the code that stands there once, with ``@`` where it changes, and what stands there now and then.
Those of C++ are compiled once, portable kernels alone; FCNET_FAULT chooses among them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pybind11

ROOT = Path(__file__).parent.parent.parent
# line, what stands at its @, what stands there with the fault, tests
FAULTS = [
    ("const T off = task.parameter / static_cast<T>(@);", "classes", "(classes - 1)", "losses"),
    ("behind = share == Vec<T>{} ? @ : fma(share, top", "behind", "behind + top", "losses logits"),
    ("return e > parameter ? parameter : (e < -parameter ? @ : e);", "-parameter", "e", "losses"),
    ("(nesterov ? @ : v[0]);", "fma(beta, v[0], g)", "v[0]", "optimizers"),
    ("alpha = rate * lag2 / (1 - @);", "powers.beta1", "powers.beta2", "optimizers"),
    ("step.epsilon = static_cast<T>(@ + by.epsilon_hat);", "by.epsilon * lag2", "by.epsilon", "optimizers"),
    ("u = state[1] = fma(broadcast_as<V>(@), state[1], u);", "step.beta1", "step.beta2", "optimizers"),
    ("m[0] = fma(broadcast_as<V>(@), m[0], step.rest2 * g);", "step.beta2", "step.beta1", "optimizers"),
    ("return bias ? @ : step.decay_factor * w;", "w", "step.decay_factor * w", "optimizers"),
    ("return bias ? g : fma(broadcast_as<V>(@), w, g);", "step.l2", "2 * step.l2", "optimizers"),
    ("return g < -most ? @ : most < g ? most : g;", "-most", "g", "optimizers"),
    ("return norm > by.clip_norm ? by.clip_norm / @ : 1;", "norm", "(norm + 1e-3)", "optimizers"),
    ("for (Size i = 0; i < @; ++i) sum += sums[i];", "used", "used - used % 2", "optimizers"),
    ("count + (@ + p * panel_width + lane), word);", "dropout.first", "dropout.first / 64 * 64", "layers"),
    ("along = broadcast(@ / samples);", "gamma[j]", "T(0)", "normalization"),
    ("along = product / @, factor = load(inverse + lane);", "neurons", "(neurons + 1)", "normalization"),
    ("(words[i - first]) * (@);", "i + 1", "i", "training"),
    (
        "for (Size j = @; j < rows.columns; ++j) {\n    const std::ptrdiff_t at",
        "squares",
        "squares + (squares == 20)",
        "gather",
    ),
    (
        "std::min(split_begin(blocks, size, i + 1) * @, rows);",
        "granularity",
        "granularity - (i == 1)",
        "determinism losses",
    ),
    ("const double rising = (1 + count) / (@ + count);", "10", "9", "averaging"),
    ("static_cast<T>(std::max(samples, Size{2}) - @);", "1", "0", "normalization"),
    ("rest = off != T(0) ? fma(@, top - z[wanted], off * rest)", "on - off", "on", "losses"),
    (
        "const double rate = values_.rates != nullptr ? values_.rates[@] : chosen_.learning_rate;",
        "number",
        "0",
        "schedules",
    ),
    ("slope = fma(h_in, @, cdf);", "density", "density * T(1 + 1e-9)", "activations"),
    (
        "return sigma * (h_out > V{} ? V{} + @ : h_out + lambda_alpha<V>);",
        "lambda<V>",
        "ElementOf<V>(1)",
        "activations",
    ),
    (
        "if (j < rows.columns) f(j, static_cast<T>(@));",
        "x[k]",
        "(k == starts[1] - 1 && k % 7 == 6 ? 0 : x[k])",
        "sparse",
    ),
    (
        "const Size next = static_cast<Size>(std::nearbyint(share * static_cast<double>(@)));",
        "end",
        "(end - end % 2)",
        "validation_split",
    ),
    ("rule.patience is not None and epoch - self._since @ rule.patience", ">=", ">", "early_stopping"),
    (
        "if self.epoch_weights is not None@:\n            trainer.restore",
        "",
        " and self.epoch_weights[0] % 2",
        "early_stopping",
    ),
    ("if (self.model.epochs_trained % self.every) == @:", "0", "self.every - 1", "checkpoint"),
    ("if not self.is_better(logs.get(self.monitor, math.nan), @):", "self._best", "None", "checkpoint"),
    ("return _power(self.factor, np.floor(@ // per_epoch / self.every))", "step", "(step + 1)", "schedules"),
    ("if 8 + length + at @ size:", "!=", ">", "hostile_files"),
    ('if metadata.get("crc32") != _checksum(tensors, metadata)@:', "", " and not metadata", "hostile_files"),
    ("below + np.cumsum(negatives) - negatives@", " / 2", "", "metrics"),
    ('return float(np.average(ratio, weights=@ if average == "weighted" else None))', "actual", "guessed", "metrics"),
    ('spread = math.sqrt(self.scale / (k if self.fan == "in" else (k + m) / @))', "2", "1", "layers activations"),
    ("any(part.min() < 0 or part.max() @ columns for _, part in strips.of(indices))", ">=", ">", "sparse"),
    (
        "if given is None or known is None or @ == known or _are_unnamed(given, known):",
        "given",
        "tuple(sorted(given))",
        "feature_names",
    ),
    ('    if (column < @).any():\n        raise ValueError(f"{name} has a negative', "0", "-1", "losses odd_weights"),
    (
        "class_weights = len(self) / ((counts > 0).sum() * np.where(counts > 0, @, 1))",
        "counts",
        "counts + 1",
        "class_weights",
    ),
    ("self.samples = n - n % batch_size if @ else n", "drop_last", "not drop_last", "batches"),
    (
        "len(self), share, @, self.y_true(architecture) if one_class else None",
        "architecture.seed",
        "0",
        "validation_split",
    ),
    ("            os.fsync(file.fileno())@\n            os.replace", "", "  if False else None", "failing_saves"),
    (
        "self._first = epoch - initial_epoch + @",
        "self.rule.start_from_epoch",
        "self.rule.start_from_epoch - 1",
        "early_stopping",
    ),
    ("self.ends = @", "once is given", "False", "iterables"),
]
SWITCH = "extern int fcnet_fault;\n"
DEFINITION = """
#include <cstdlib>
int fcnet_fault = std::getenv("FCNET_FAULT") != nullptr ? std::atoi(std::getenv("FCNET_FAULT")) : 0;
"""


def find(line: str, folder: Path) -> Path:
    """The one file in which the line stands, and only once."""
    files = [path for suffix in ("py", "cpp", "hpp") for path in folder.rglob(f"*.{suffix}")]
    found = [path for path in files for _ in range(path.read_text().count(line))]
    if len(found) != 1:
        raise SystemExit(f"{line!r} stands {len(found)} times in the code: expected once")
    return found[0]


def build(folder: Path) -> None:
    """The extension of the sources in the folder, into the package there."""
    (folder / "fault.hpp").write_text(SWITCH)
    [module] = (folder / "cpp").rglob("module.cpp")
    module.write_text(module.read_text() + DEFINITION)
    options = [f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={pybind11.get_cmake_dir()}"]
    options += ["-DINSTRUCTION_SETS=none", f"-DCMAKE_CXX_FLAGS=-include {folder / 'fault.hpp'}"]
    subprocess.run(["cmake", "-S", folder, "-B", folder / "build", *options], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder / "build", "-j2"], check=True, stdout=subprocess.DEVNULL)
    for extension in (folder / "build").glob("_native*"):
        shutil.copy(extension, folder / "python/fcnet")


def is_found(number: int, folder: Path) -> bool:
    """Whether a test fails, which is printed."""
    files = [f"tests/test_{name}.py" for name in FAULTS[number - 1][3].split()]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "--interop",
        "-m",
        "interop or not interop",
        "-p",
        "no:cacheprovider",
    ]
    environment = os.environ | {"PYTHONPATH": str(folder / "python"), "FCNET_FAULT": str(number)}
    done = subprocess.run([*command, *files], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    print(number, *[line for line in lines if line.startswith("FAILED")] or ["not found:", *lines[-3:]], flush=True)
    return done.returncode == 1


def main() -> int:
    chosen = [int(number) for number in sys.argv[1:]] or range(1, len(FAULTS) + 1)
    missed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("python", "cpp"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("_native*.so", "__pycache__"))
        shutil.copy(ROOT / "CMakeLists.txt", folder)
        places = {number: find(FAULTS[number - 1][0].replace("@", FAULTS[number - 1][1]), folder) for number in chosen}
        for number, path in places.items():
            if path.suffix != ".py":
                line, now, fault, _ = FAULTS[number - 1]
                either = f"(fcnet_fault == {number} ? {fault} : {now})"
                path.write_text(path.read_text().replace(line.replace("@", now), line.replace("@", either)))
        build(folder)
        for number, path in places.items():
            right = path.read_text()
            if path.suffix == ".py":
                line, now, fault, _ = FAULTS[number - 1]
                path.write_text(right.replace(line.replace("@", now), line.replace("@", fault)))
            missed += [] if is_found(number, folder) else [number]
            path.write_text(right)
    print(f"{len(places) - len(missed)} of {len(places)} faults found")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
