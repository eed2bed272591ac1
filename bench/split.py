"""What ``validation_split`` costs, and how long Ctrl-C waits while a fit prepares itself; takes minutes.

python -m bench.split [rows]
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import numpy as np

import fcnet as fc
from fcnet._training.dataset import train_validation_split

X = {"float32": np.float32, "float64": np.float64, "int32": np.int32}


def seconds(call) -> float:
    """The shortest of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def longest_wait(call, shots: int = 20) -> float:
    """Seconds from Ctrl-C to its exception, the longest of several, spread over the time that the call takes."""
    whole, longest = seconds(call), 0.0
    for i in range(shots):
        sent = [0.0]

        def shoot(sent=sent):
            sent[0] = time.perf_counter()
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(whole * (i + 0.5) / shots, shoot)
        try:
            timer.start()
            call()
            timer.cancel()
            timer.join()
        except KeyboardInterrupt:
            longest = max(longest, time.perf_counter() - sent[0])
    return longest


def main() -> None:
    """Print both for several kinds of problems."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10**7
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, n)
    print(
        f"hold back a fifth of {n:,} samples: {seconds(lambda: train_validation_split(n, 0.2, 0, None)):.3f} s,",
        end=" ",
    )
    print(f"of every class {seconds(lambda: train_validation_split(n, 0.2, 0, labels)):.3f} s")
    weights = rng.random(n)
    one_hot = np.zeros((n, 10), np.float32)
    one_hot[np.arange(n), labels] = 1
    shares = np.full((n, 10), 0.1, np.float32)
    problems = {
        "labels": ([10, 10], {}, labels, {"class_weight": "balanced", "sample_weight": weights}),
        "one-hot": ([10, 10], {}, one_hot, {"class_weight": {0: 2.0}}),
        "probabilities": ([10, 10], {}, shares, {"class_weight": "balanced"}),
        "binary": ([10, 1], {"loss": "binary_cross_entropy"}, labels > 4, {"class_weight": "balanced"}),
        "targets": ([10, 10], {"loss": "mse"}, shares.astype(np.float64), {"sample_weight": weights}),
    }
    for kind, (sizes, options, y, arguments) in problems.items():
        for name, dtype in X.items():
            x = np.ones((n, 10), dtype)
            net = fc.Network(sizes, seed=0, scale=0.5, offset=1, **options)

            def prepare(net=net, x=x, y=y, arguments=arguments):
                net.fit(x, y, epochs=0, validation_split=0.2, **arguments)

            print(f"{kind}, x of {name}: prepared in {seconds(prepare):.3f} s, ", end="", flush=True)
            print(f"Ctrl-C waits {1000 * longest_wait(prepare):.0f} ms at most")


if __name__ == "__main__":
    main()
