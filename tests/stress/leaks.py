"""Ten thousand lives of a network: some three minutes.

python -m pytest tests/stress/leaks.py -s
"""

from __future__ import annotations

from test_leaks import growth


def test_the_process_does_not_grow():
    kib = growth(200, 10_000)
    print(f"\n{kib} KiB", end="")
    assert kib < 1024
