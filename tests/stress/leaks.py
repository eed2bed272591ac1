"""Ten thousand lives of a network: some three minutes.

python -m pytest tests/stress/leaks.py -s
"""

from __future__ import annotations

from test_leaks import growth


def test_the_process_does_not_grow():
    slope, most = growth(200, 10_000)
    print(f"\n{slope} KiB, at most {most} more than at first", end="")
    assert slope < 1024
    assert most < 8192
