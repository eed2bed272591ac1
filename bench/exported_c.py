"""Networks as C: size on a Cortex-M4, time of a row and accuracy, beside emlearn's; the table of docs/exchange.md.

``python -m bench.exported_c`` prints the table, ``--write`` puts it into the page. It needs gcc, arm-none-eabi-gcc,
scikit-learn and emlearn.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

import emlearn
import numpy as np
from sklearn.neural_network import MLPClassifier

import fcnet as fc

PAGE = Path(__file__).parent.parent / "docs/exchange.md"
BEGIN, END = "<!-- written by bench.exported_c -->\n", "<!-- end -->"
CHIP = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-Os", "-std=c99"]
HERE = {"-Os": ["gcc", "-Os", "-std=c99"], "-O3, native": ["gcc", "-O3", "-march=native", "-std=c99"]}
WRAPPERS = {
    "fcnet": '#include "net.h"\nvoid run(const float *x, float *y);\nvoid run(const float *x, float *y) '
    "{ net_predict(x, y); }\n",
    "emlearn": '#include "em.h"\nvoid run(const float *x, float *y);\nvoid run(const float *x, float *y) '
    "{ em_regress(x, 64, y, 10); }\n",
}
HARNESS = """
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>
void run(const float *x, float *y);
static float x[ROWS][64], y[ROWS][10];
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}
int main(void) {
  double best = 1e30;
  int i, k;
  if (fread(x, sizeof x, 1, stdin) != 1) return 1;
  for (k = 0; k < 200; ++k) {
    const double before = now();
    for (i = 0; i < ROWS; ++i) run(x[i], y[i]);
    if (now() - before < best) best = now() - before;
  }
  fprintf(stderr, "%.6g", best / ROWS);
  return fwrite(y, sizeof y, 1, stdout) != 1;
}
"""
HEAD = """\
| digits | code + constants, bytes | static RAM, bytes | µs a row, -Os | µs, -O3, native | right of 360 | furthest |
|---|---|---|---|---|---|---|
"""


def sizes(folder: Path, source: str) -> tuple[int, int, int]:
    """Bytes of code, of constants and of static variables of a source on the chip, without the C library."""
    command = [*CHIP, f"-I{emlearn.includedir}", "-c", source, "-o", "chip.o"]
    subprocess.run(command, cwd=folder, check=True)
    listed = subprocess.run(
        ["arm-none-eabi-size", "-A", "chip.o"], cwd=folder, check=True, capture_output=True, text=True
    )
    found = dict.fromkeys((".text", ".rodata", ".data", ".bss"), 0)
    for name, size in re.findall(r"^(\.\w+)\S*\s+(\d+)", listed.stdout, re.M):
        found[name] = found.get(name, 0) + int(size)
    return found[".text"], found[".rodata"], found[".data"] + found[".bss"]


def times(folder: Path, source: str, x: np.ndarray) -> tuple[list[float], np.ndarray]:
    """Microseconds a row by compiler flags, the best of 200 passes over the rows, and the outputs."""
    (folder / "harness.c").write_text(HARNESS)
    found = []
    for command in HERE.values():
        options = [f"-DROWS={len(x)}", f"-I{emlearn.includedir}", "harness.c", source, "-o", "here", "-lm"]
        subprocess.run([*command, *options], cwd=folder, check=True)
        done = subprocess.run([folder / "here"], input=x.tobytes(), capture_output=True, check=True)
        found.append(float(done.stderr))
    return found, np.frombuffer(done.stdout, np.float32).reshape(len(x), -1)


def as_sklearn(net: fc.Network, data: fc.datasets.Digits) -> MLPClassifier:
    """The same network as emlearn takes it; its inputs are scaled beforehand."""
    sizes_ = [layer.W.shape[1] for layer in net.layers[:-1]]
    found = MLPClassifier(sizes_, max_iter=1).partial_fit(data.x_train / 16, data.y_train, classes=range(10))
    found.coefs_ = [np.asarray(layer.W, float) for layer in net.layers]
    found.intercepts_ = [np.asarray(layer.B, float) for layer in net.layers]
    return found


def rows(sizes_of: list[int], folder: Path) -> list[str]:
    """Rows of the table for a network on digits."""
    data = fc.datasets.load_digits()
    net = fc.Network(sizes_of, scale=1 / 16, seed=0)
    net.fit(data.x_train, data.y_train, epochs=30, optimizer=fc.Adam())
    x = data.x_test.astype(np.float32)
    expected, lines = net.predict(x), []

    def measured(name: str, wrapper: str, given: np.ndarray) -> str:
        (folder / "run.c").write_text(WRAPPERS[wrapper])
        code, constants, ram = sizes(folder, "run.c")
        each, y = times(folder, "run.c", given)
        right = (y.argmax(axis=1) == data.y_test).mean()
        apart = f"{np.abs(y - expected).max():.2g}"
        speeds = " | ".join(f"{t:.2g}" for t in each)
        return f"| {name} | {code:,} + {constants:,} | {ram:,} | {speeds} | {right:.2%} | {apart} |"

    label = "-".join(map(str, sizes_of))
    for dtype in ("float32", "int8"):
        net.to_c(folder / "net.h", dtype=dtype, calibration=data.x_train)
        lines.append(measured(f"{label}, fcnet {dtype}", "fcnet", x))
    emlearn.convert(as_sklearn(net, data), method="inline").save(file=str(folder / "em.h"), name="em")
    lines.append(measured(f"{label}, emlearn, inline", "emlearn", x / 16))
    return lines


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/exchange.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = [line for shape in ([64, 100, 10], [64, 32, 16, 10]) for line in rows(shape, Path(folder))]
    table = HEAD + "\n".join(lines) + "\n"
    print(table)
    if given.write:
        text = PAGE.read_text()
        first, last = text.index(BEGIN) + len(BEGIN), text.index(END)
        PAGE.write_text(text[:first] + "\n" + table + "\n" + text[last:])


if __name__ == "__main__":
    main()
