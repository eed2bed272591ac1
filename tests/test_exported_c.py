"""``Network.to_c``: the header compiles without a warning, and computes what ``predict`` does."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

import fcnet as fc
from fcnet._exporting.c.integers import IntegerCode
from fcnet._exporting.c.text import comment
from fcnet._exporting.chain import chain_of

from exported import ANY, EXACT, random_network
from processes import DEADLINE

pytestmark = pytest.mark.once

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
INTEGER = [each for each in EXACT if each != "relu6"]  # what int8 has
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-DNET_SELFTEST")
FLAGS = {
    "O2": ("-O2",),
    "sanitized": ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    "32-bit": ("-O2", "-m32", "-msse2", "-mfpmath=sse"),  # x87 would round twice
    "native": ("-O3", "-march=native"),
}
DRIVER = """
#include <stdio.h>
#define BOTH(net, NET) static int net##_rows(void) { \\
    float x[NET##_INPUTS], y[NET##_OUTPUTS]; int i; \\
    if (net##_selftest()) return 1; \\
    for (i = 0; i < 20; ++i) { \\
      if (fread(x, sizeof x, 1, stdin) != 1) return 1; \\
      net##_predict(x, y); fwrite(y, sizeof y, 1, stdout); } \\
    return 0; }
"""


@pytest.mark.interop
def test_there_is_a_compiler_of_c():
    assert COMPILERS, "neither gcc nor clang is installed"


def compiled(folder, compiler, flags, source="main.c"):
    """The program of a source, or a skipped test where this compiler cannot make one."""
    if compiler not in COMPILERS:
        pytest.skip(f"no {compiler} is installed")
    (folder / "empty.c").write_text("#include <math.h>\n#include <stdint.h>\nint main(void) { return 0; }\n")
    done = subprocess.run([compiler, *flags, "empty.c", "-o", "empty"], cwd=folder, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"{compiler} {' '.join(flags)} makes no programs here")
    command = [compiler, *STRICT, *flags, source, "-o", "main", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "main"


def outputs_of(folder, compiler, flags, networks):
    """What the headers n0.h, n1.h, ... of networks compute, all in one program; each one's self-test must pass."""
    names = [f"n{i}" for i in range(len(networks))]
    lines = [f'#define {name.upper()}_SELFTEST\n#include "{name}.h"\nBOTH({name}, {name.upper()})' for name in names]
    calls = " || ".join(f"{name}_rows()" for name in names)
    (folder / "main.c").write_text(DRIVER + "\n".join(lines) + f"\nint main(void) {{ return {calls}; }}\n")
    program = compiled(folder, compiler, flags)
    given = b"".join(x.tobytes() for _, x in networks)
    done = subprocess.run([program], input=given, capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    found, at = np.frombuffer(done.stdout, np.float32), 0
    for net, _ in networks:
        yield found[at : (at := at + 20 * net.sizes[-1])].reshape(20, -1)


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_networks_of_relu_give_the_bits_of_predict(tmp_path, compiler, flags):
    """With normalisation, scales, parametric activations and quantiles: all that does not call math.h."""
    networks = [random_network(seed, EXACT, ("mse", "quantile")) for seed in range(12)]
    for i, (net, _) in enumerate(networks):
        net.to_c(tmp_path / f"n{i}.h", name=f"n{i}")
    fused = [f"-DN{i}_FMA=1" for i in range(len(networks))]
    for (net, x), y in zip(networks, outputs_of(tmp_path, compiler, (*flags, *fused), networks), strict=True):
        np.testing.assert_array_equal(y, net.predict(x), err_msg=repr(net))


@pytest.mark.parametrize(
    ("compiler", "flags"), [("gcc", ("-Os",)), ("clang", FLAGS["sanitized"])], ids=["gcc", "clang"]
)
def test_all_networks_give_the_numbers_of_predict(tmp_path, compiler, flags):
    """As compiled by default: with or without fused multiply-add, and functions of the C library."""
    networks = [random_network(seed, dtype=("float32", "float64")[seed % 2]) for seed in range(24)]
    for i, (net, _) in enumerate(networks):
        net.to_c(tmp_path / f"n{i}.h", name=f"n{i}")
    for (net, x), y in zip(networks, outputs_of(tmp_path, compiler, flags, networks), strict=True):
        expected = net.predict(x)
        assert np.abs(y - expected).max() <= 1e-4 * np.abs(expected).max(), net


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_an_activation_is_within_some_ulp_of_predict(tmp_path, compiler):
    """Of their tails too, where exp of a number near -80 magnifies its rounding."""
    x = np.stack([np.linspace(-12, 12, 20), np.linspace(-1, 1, 20)], axis=1).astype(np.float32)
    networks = []
    for i, name in enumerate(ANY):
        net = fc.Network([2, fc.Dense(2, name), fc.Dense(2, "identity")], seed=0)
        net.layers[0].W = net.layers[1].W = np.eye(2)
        net.to_c(tmp_path / f"n{i}.h", name=f"n{i}")
        networks.append((net, x))
    for (net, _), y in zip(networks, outputs_of(tmp_path, compiler, ("-O2",), networks), strict=True):
        expected = net.predict(x)
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-30, err_msg=repr(net))
        assert np.abs(y - expected).max() <= 1e-6 * np.abs(expected).max(), net


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_int8_gives_the_bits_of_its_reference(tmp_path, capsys, compiler, flags):
    networks = []
    for seed in range(14):
        net, x = random_network(seed, INTEGER, ("mse", "quantile"), norms=(None, "batch"))
        if any(hasattr(layer, "mix") for layer in net.layers):
            continue
        rng = np.random.default_rng(seed)
        rows = (net.offset + rng.standard_normal((120, net.sizes[0])) / net.scale).astype(np.float32)
        net.to_c(tmp_path / f"n{len(networks)}.h", name=f"n{len(networks)}", dtype="int8", calibration=rows)
        networks.append((net, 2 * x, rows))  # 2 x: some lie beyond what was seen
    assert capsys.readouterr().out.count("differ from those of Network.predict") == len(networks)
    found = outputs_of(tmp_path, compiler, flags, [each[:2] for each in networks])
    for (net, x, rows), y in zip(networks, found, strict=True):
        code = IntegerCode(chain_of(net._state, np.dtype("f4"), "to_c"), rows)
        np.testing.assert_array_equal(y, code.predict(x), err_msg=repr(net))


@pytest.fixture(scope="module")
def digits():
    data = fc.datasets.load_digits()
    net = fc.Network([64, 100, 10], scale=1 / 16, seed=0)
    net.fit(data.x_train, data.y_train, epochs=20)
    return net, data


def test_int8_keeps_the_accuracy_and_says_it(tmp_path, capsys, digits):
    net, data = digits
    net.to_c(tmp_path / "net.h", dtype="int8", calibration=data.x_train)
    said = capsys.readouterr().out.strip()
    code = IntegerCode(chain_of(net._state, np.dtype("f4"), "to_c"), data.x_train.astype(np.float32))
    rows = data.x_train.astype(np.float32)
    same = (code.predict(rows).argmax(1) == net.predict(rows).argmax(1)).mean()
    assert f"{same:.2%} of the classes are the same" in said
    assert same > 0.99
    assert said.removeprefix("to_c, int8: ") in (tmp_path / "net.h").read_text()
    right = (code.predict(data.x_test.astype(np.float32)).argmax(1) == data.y_test).mean()
    assert right > net.evaluate(data.x_test, data.y_test)["accuracy"] - 0.01


def test_the_selftest_finds_a_changed_weight(tmp_path, digits):
    net, _ = digits
    net.to_c(tmp_path / "net.h")
    (tmp_path / "main.c").write_text('#include "net.h"\nint main(void) { return net_selftest(); }\n')
    assert subprocess.run([compiled(tmp_path, (COMPILERS or ["gcc"])[0], ())], check=False).returncode == 0
    text = (tmp_path / "net.h").read_text()
    changed = re.sub(r"(net_W1\[100\]\[10\] = \{\s*\{\s*)[-.\w]+f", r"\g<1>1.0f", text)
    assert changed != text
    (tmp_path / "net.h").write_text(changed)
    assert subprocess.run([compiled(tmp_path, COMPILERS[0], ())], check=False).returncode != 0


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_header_is_c_plus_plus_too(tmp_path, digits, dtype):
    net, data = digits
    if shutil.which("g++") is None:
        pytest.skip("no g++ is installed")
    net.to_c(tmp_path / "net.h", dtype=dtype, calibration=data.x_train)
    (tmp_path / "main.cpp").write_text('#include "net.h"\nint main() { return net_selftest(); }\n')
    flags = [flag for flag in STRICT if flag != "-std=c99"]
    subprocess.run(["g++", "-std=c++11", *flags, "main.cpp", "-o", "main"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "main"], check=False).returncode == 0


def test_labels_are_the_classes_whatever_they_are(tmp_path):
    labels = ["*/ int x; /*", 'a "quoted" one\\', "Käse \N{SNOWMAN} \u202e", "??/", "two\nlines"]
    net = fc.Network([2, 5], classes=labels, seed=0)
    net.to_c(tmp_path / "net.h")
    source = '#define NET_LABELS\n#include "net.h"\n#include <stdio.h>\nint main(void) {\n  int i;\n'
    source += "  for (i = 0; i < 5; ++i) fwrite(net_labels[i], 1, 60, stdout);\n  return net_selftest();\n}\n"
    (tmp_path / "main.c").write_text(
        source.replace("fwrite(net_labels[i], 1, 60, stdout)", 'printf("%s|", net_labels[i])')
    )
    out = subprocess.run([compiled(tmp_path, (COMPILERS or ["gcc"])[0], ())], capture_output=True, check=True).stdout
    assert out.decode().split("|")[:5] == labels


def test_a_comment_has_no_trigraphs_and_does_not_end():
    text = comment(["???/", "a ??? b ????/", "*/ /* **// /*/"])
    assert "??" not in text
    assert (text.count("*/"), text.count("/*")) == (1, 1)
    assert text.endswith("*/\n")


def test_a_header_names_what_is_in_it(tmp_path):
    pd_names = fc.Network([2, 3, 1], loss="mse", seed=0, dtype="float64")
    pd_names.to_c(tmp_path / "model.h", name="model")
    text = (tmp_path / "model.h").read_text()
    assert "rounded to float32" in text
    assert "Layer 0: 2 x 3, relu" in text
    assert f"Constants: {4 * (2 * 3 + 3 + 3 + 1)} bytes. Stack: 12 bytes" in text
    assert "static inline void model_predict(const float x[2], float y[1])" in text
    assert re.findall(r"#include .*", text) == ["#include <math.h>"]
    assert "malloc" not in text
    assert re.search(r"written by fcnet( \d\S*)?\. Its", text)  # development builds have no version


@pytest.mark.parametrize(
    "name", ["", "1net", "a-b", "int", "_net", "näm", "class", "a" * 32, "fp_fast", "Math", "stdint"]
)
def test_a_name_that_c_does_not_take_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="name is"):
        fc.Network([2, 2]).to_c(tmp_path / "net.h", name=name)
    assert not list(tmp_path.iterdir())


def refused_networks():
    with_nan = fc.Network([2, 3, 2], seed=0)
    with_nan.layers[1].W = np.full((3, 2), np.nan)
    large = fc.Network([2, 3, 2], seed=0, dtype="float64")
    large.layers[0].B = np.full(3, 1e300)
    return {
        "members": (fc.Network([2, 3, 1], loss="mse", members=2), {}, "the network has members"),
        "columns": (fc.Network([fc.Columns(numbers=2, categories=[3]), 3, 1], loss="mse"), {}, "embeds Columns"),
        "nan": (with_nan, {}, r"W of layers\[1\] holds nan"),
        "large": (large, {}, r"B of layers\[0\] holds 1e\+300"),
        "tanh": (fc.Network([2, 3, 2], activation="tanh"), {"dtype": "int8"}, r"layers\[0\] has activation 'tanh'"),
        "mix": (
            fc.Network([2, 3, 2], activation=fc.Parametric("relu")),
            {"dtype": "int8"},
            r"layers\[0\] has activation 'parametric relu'",
        ),
        "layer_norm": (
            fc.Network([2, fc.Dense(3, normalization="layer"), 2]),
            {"dtype": "int8"},
            r"layers\[0\] has layer normalization",
        ),
        "wide": (fc.Network([66_573, 1], loss="mse"), {"dtype": "int8"}, "66,573 inputs: expected at most 66,572"),
        "dtype": (fc.Network([2, 2]), {"dtype": "int4"}, "dtype is 'int4': expected 'float32' or 'int8'"),
        "few": (fc.Network([2, 2]), {"dtype": "int8", "calibration": np.ones((99, 2))}, "calibration is of 99 rows"),
        "none": (fc.Network([2, 2]), {"dtype": "int8", "calibration": None}, "calibration is None"),
        "inf": (fc.Network([2, 2]), {"calibration": [[1, np.inf]]}, "calibration holds numbers that are not finite"),
        "shape": (fc.Network([2, 2]), {"calibration": np.ones((3, 5))}, "calibration has 5 features"),
        "empty": (fc.Network([2, 2]), {"calibration": np.ones((0, 2))}, "calibration has no rows"),
    }


@pytest.mark.parametrize("case", refused_networks())
def test_what_c_does_not_have_is_refused_by_name(tmp_path, case):
    net, options, message = refused_networks()[case]
    rows = np.ones((100, net.sizes[0]), np.float32)
    with pytest.raises(ValueError, match=message):
        net.to_c(tmp_path / "net.h", **({"calibration": rows} if "dtype" in options else {}) | options)
    assert not list(tmp_path.iterdir())


STARTUP = """
#include "net.h"
extern unsigned char _stack[];
static long semihosting(long what, void *with) {
  register long r0 __asm__("r0") = what;
  register void *r1 __asm__("r1") = with;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
static void put(const char *text) { semihosting(4, (void *)text); }
static __attribute__((noinline)) void report(void) {
  put(net_selftest() == 0 ? "right\\n" : "wrong\\n");
  for (int row = 0; row < 3; ++row) {
    float y[NET_OUTPUTS];
    net_predict(net_test_x[row], y);
    for (int j = 0; j < NET_OUTPUTS; ++j) {
      union { float f; unsigned u; } bits;
      char text[10] = "        \\n";
      bits.f = y[j];
      for (int k = 0; k < 8; ++k) text[k] = "0123456789abcdef"[bits.u >> (28 - 4 * k) & 15];
      put(text);
    }
  }
  semihosting(0x18, (void *)0x20026);
}
static void reset(void) {
  *(volatile unsigned *)0xe000ed88 |= 0xf << 20; /* the FPU, which report() uses from its first line on */
  __asm__ volatile("dsb\\nisb");
  report();
  for (;;) {}
}
__attribute__((section(".vectors"), used)) static const struct {
  void *stack;
  void (*reset)(void);
} vectors = {_stack, reset};
"""
LINKED = """
MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = 4M  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 4M }
_stack = 0x20000000 + 0x100000;
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > FLASH
  .ARM.exidx : { *(.ARM.exidx*) } > FLASH
  .data : { *(.data*) } > RAM
  .bss : { *(.bss*) *(COMMON) } > RAM
}
"""


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_cortex_m4_computes_the_same(tmp_path, digits, dtype):
    """Emulated: hardware floats with fused multiply-add, newlib's functions; logits to the bit."""
    compiler, emulator = "arm-none-eabi-gcc", "qemu-system-arm"
    if not (shutil.which(compiler) and shutil.which(emulator)):
        pytest.skip(f"no {compiler} or no {emulator} is installed")
    _, data = digits
    net = fc.Network([64, 100, 10], loss="mse", scale=1 / 16, seed=0)
    net.fit(data.x_train, np.eye(10)[data.y_train], epochs=3)
    net.to_c(tmp_path / "net.h", dtype=dtype, calibration=data.x_train)
    (tmp_path / "main.c").write_text(STARTUP)
    (tmp_path / "link.ld").write_text(LINKED)
    chip = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
    flags = (*STRICT, "-Os", "-nostartfiles", "-T", "link.ld", "--specs=nosys.specs")
    done = subprocess.run(
        [compiler, *chip, *flags, "main.c", "-o", "main.elf", "-lm"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = [emulator, "-M", "mps2-an386", "-nographic", "-semihosting-config", "enable=on,target=native"]
    out = subprocess.run(
        [*run, "-kernel", "main.elf"], cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    lines = (out.stdout + out.stderr).split()
    assert lines[0] == "right"
    y = np.array([int(word, 16) for word in lines[1:31]], np.uint32).view(np.float32).reshape(3, 10)
    rows = data.x_train[:3].astype(np.float32)
    if dtype == "float32":
        np.testing.assert_array_equal(y, net.predict(rows))
    else:
        code = IntegerCode(chain_of(net._state, np.dtype("f4"), "to_c"), data.x_train.astype(np.float32))
        np.testing.assert_array_equal(y, code.predict(rows))
