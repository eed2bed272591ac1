"""Every float32 through exp, log and every activation, beside float64: an hour. Prints the worst error of each part.

python -m pytest tests/stress/every_float32.py -s
"""

from __future__ import annotations

import numpy as np
import pytest

import test_activations
import test_math_ulp

PARTS, CHUNK = 16, 1 << 21
FUNCTIONS = [(module, name) for module in (test_math_ulp, test_activations) for name in module.MOST_ULP]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=lambda value: getattr(value, "__name__", value))
def test_error_in_ulp(module, name, part):
    worst, at = 0.0, np.float32(0)
    for start in range(part * 2**32 // PARTS, (part + 1) * 2**32 // PARTS, CHUNK):
        x, error = module.errors(name, np.arange(start, start + CHUNK, dtype=np.uint32).view(np.float32))
        if error.max(initial=0) > worst:
            worst, at = error.max(), x[error.argmax()]
    print(f"\n{name}: {worst:.3f} ulp at {float(at).hex()}", end="")
    assert worst <= module.MOST_ULP[name]
