"""Runs every benchmark in one sitting and writes docs/performance.md with its pictures.

``python -m bench.report`` measures and writes; ``--visits 1`` is a short trial; ``--results FILE`` only writes, from
what an earlier run left.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
from pathlib import Path

from bench import tables
from bench.peers import PEERS
from bench.results import Sitting, load
from bench.sitting import ROOT
from bench.tabular import report as tabular_report
from bench.tabular import run as tabular_run

RESULTS = ROOT / "bench/results/latest.json"
DOCS = ROOT / "docs"

PAGE = """# Performance

This page compares the speed of fcnet and other libraries, and shows the cases in which they are faster. It is written
by `python -m bench.report`, which runs all benchmarks in one session. Ratios are computed within a session only.

{cpu}, {threads}, {isa} · Python {python}, {versions}.

## How it was measured

Every library runs in its own process, with the same {threads}, data and arithmetic, set up as its own experts would:
{how}. They run in turns (A B C, B C A, …), one at a time. A time is the median over the chunks of all turns, ± half the
distance of the quartiles; a chunk is an epoch of a fixed number of steps, or enough calls for an exact time. Before the
measurement, every result is compared with plain NumPy in float64. A step gathers a shuffled mini-batch, computes
forward and backward pass and updates the weights. The times of fcnet also include the shuffling, the check of the input
and the publication of the weights, once per epoch.

**The ceilings** are measured by the library's own core (`cpp/fcnet/kernels/roofline`) before and after everything else:
the best of ten repetitions of at least 10 ms with all threads behind a barrier. Multiply-adds run from registers in as
many independent chains as a tile has accumulators; those of a tile read their operands from the L1 cache, as every
product must (a CPU that lowers its clock under load does so here); "read" sums an array of four times the size of the
last-level cache; "update" is w ← w − a·g on two such arrays, 12 bytes per element; the small arrays are read repeatedly
by all threads together.

{ceilings}

{drift}

## A training step

{train}

{workloads} – is where a library cannot do the task: scikit-learn gives two classes one logistic output, and BLAS has no
Adam.

"Of the peak" is floating-point operations per second relative to the multiply-add ceiling, "of a tile" relative to that
of a tile with its operands in the L1 cache. "Of the limit" is the least time of the step, its operations at the peak or
its memory traffic at the bandwidth, whichever is longer, relative to the measured time.

{shares}

![Time of a training step by library](pictures/train_step.png)

![Share of the multiply-add peak over width and batch size](pictures/peak_share.png)

## Prediction

784-512-256-10 with softmax, NumPy arrays in and out, through each library's public interface.

{predict}

![Time of a prediction by library](pictures/predict.png)

## Kernels

`fcnet.kernels` compared with the same formulas in NumPy, `fcnet.reference`: 128 samples, 784 inputs, 512 outputs;
softmax of 4,096 × 10; relu and exp of 1,024 × 1,024.

{kernels}

## Fits of scikit-learn programs

Whole fits by `fcnet.sklearn` and by scikit-learn's MLP with the same arguments and epochs. They alternate in one
process, a tenth of a second apart, because the threads of BLAS stay busy for about 30 ms after a product. The table has
the median time in seconds, and the mean and standard deviation of the score on test rows over five seeds
(`bench/test_sklearn.py`).

{fits}

## Tables

Errors on the test rows of seven public tables, lower is better: of classes the share that is wrong (%), of numbers the
root mean squared error (RMSE). "auto" is `TabularClassifier()` or `TabularRegressor()`, "fcnet's MLP" the estimator of
`fcnet.sklearn`; all have their defaults. A cell is the mean ± standard deviation over three random splits, of which a
quarter, at most 10,000 rows, are for the test; the best mean of a line is bold. The last three lines are the geometric
mean, over the tables and splits that both have, of a column's errors or times divided by CatBoost's: less than 1 is
better. Recipes were chosen on the first split; of one choice, that columns of categories get trainable tables, some
results of the other splits had been seen before. The fits are kept, with the version of each library, and are of other
sessions than the rest of the page (`python -m bench.tabular`).

{scores}

## Losses outside fit

The programs of [Examples](examples.md) beside the same loops in PyTorch: environment, memory, random numbers, first
weights and tests are the same code, only the networks and their training steps are PyTorch's (eager; a fused Adam,
gradients set to None, inference mode for acting). Stable-Baselines3's DQN has the same hyperparameters and first
weights; its training step includes drawing the batch. Each run is a process on one thread. The table has the median
over five seeds (least to most); a seed that did not solve its task within the program's steps counts as longer than
all others. How many steps it takes is luck to a large part; the time of a step is not. Poisson's equation has a fixed
number of steps, and its error is the largest on a grid (`python -m bench.outside`).

{outside}

Single steps on one thread, the libraries in turns: CPU time of a call, the fifth percentile of blocks of some
milliseconds (`bench/test_steps.py`, `bench/test_outside.py`). The native part is the call of the extension; the rest is
Python. `dqn` is 4-120-84-2 with 64 rows, `critic` 23-256-256-1 with 256, both with Adam; SAC has a policy 17-256-256-12
and two critics 23-256-256-1; the physics-informed network (PINN) is 2-64-64-1 with 1,000 points.

{steps}

## On a busy machine

Microseconds per step or call next to so many processes that each keep a processor busy: the median of fifteen chunks
with the default number of threads and of fifteen on one thread, in turns; their ratio; the CPU time of the former
relative to the latter (`bench/test_busy.py`). [Threads](threads.md) tells what fcnet does.

{busy}

## Growth

{growth}

![How time and memory grow](pictures/growth.png)

{slowdown}

## Import

Milliseconds of `import` on top of `import numpy`, for fcnet of `import fcnet` and its first use, median (fastest to
slowest): {imports}."""
HOW = (
    "NumPy with every array allocated once; SciPy's BLAS with gradient descent folded into the last product; "
    "scikit-learn's partial_fit; PyTorch with a fused optimizer and the samples in a tensor; "
    "torch.compile of forward, loss and backward; "
    "JAX with one jitted scan over the epoch and donated buffers; onnxruntime on an ONNX model"
)


def workload_names(sitting: Sitting) -> str:
    """What the names of the training workloads stand for."""
    words = []
    for name, row in sitting.of("test_train_step").items():
        task = next(iter(row.values())).task
        optimizer = {"sgd": "SGD", "adam": "Adam"}[task.optimizer]
        samples = "sample" if task.batch == 1 else "samples"
        kind = "" if task.dtype == "float32" else f", {task.dtype}"
        words.append(f"`{name}` is {'-'.join(map(str, task.sizes))}, {task.batch} {samples} a step, {optimizer}{kind}")
    return "; ".join(words) + "."


def drift(sitting: Sitting) -> str:
    """A warning where the machine was not the same at the end."""
    n = str(sitting.facts["threads"])
    ends = [
        sitting.facts[when]["multiply_add float32"][n]
        for when in ("ceilings", "ceilings at the end")
        if when in sitting.facts
    ]
    change = max(ends) / min(ends) - 1
    verdict = "read the figures with that in mind" if change > 0.03 else "the machine was steady"
    return f"Between start and end the peak differed by {change:.1%}: {verdict}."


def outside(sitting: Sitting) -> str:
    """The runs of docs/examples, with the session that they are of."""
    if sitting.outside is None:
        return "These programs were not run in this comparison."
    facts = sitting.outside["facts"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"{facts['cpu']}, {facts['isa']}; {versions}.\n\n{tables.outside(sitting.outside['runs'])}"


def wrapped(page: str) -> str:
    """Paragraphs filled to the width of a page; headings, tables, lists and pictures as they are."""
    blocks = page.split("\n\n")
    return "\n\n".join(
        block if block.lstrip().startswith(("#", "|", "-", "!")) else textwrap.fill(block, 120, break_on_hyphens=False)
        for block in blocks
    )


def page(sitting: Sitting) -> str:
    """docs/performance.md."""
    facts = sitting.facts
    count = facts["threads"]
    middle = {module: times[len(times) // 2] for module, times in sitting.imports.items()}
    imports = "; ".join(
        f"{module} {middle[module] * 1e3:,.0f} ({times[0] * 1e3:,.0f} to {times[-1] * 1e3:,.0f})"
        for module, times in sorted(sitting.imports.items(), key=lambda item: middle[item[0]])
    )
    text = PAGE.format(
        cpu=sitting.cpu,
        threads=f"{count} thread{'s' * (count != 1)}",
        isa=facts["isa"],
        python=sitting.python,
        versions=", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
        how=HOW,
        ceilings=tables.ceilings(sitting),
        drift=drift(sitting),
        train=tables.times(sitting.of("test_train_step")),
        workloads=workload_names(sitting),
        shares=tables.shares(sitting),
        predict=tables.times(sitting.of("test_predict")),
        kernels=tables.ratios(sitting.of("test_kernels")),
        fits=tables.fits(sitting),
        scores=tabular_report.tables_of_all(tabular_run.load()),
        outside=outside(sitting),
        steps=tables.steps(sitting),
        busy=tables.busy(sitting),
        growth=tables.growth(sitting),
        imports=imports,
        slowdown=tables.slowdown(sitting),
    )
    return wrapped(text) + "\n"


def measure(visits: int) -> None:
    """Run all benchmarks; what fails is said, and the page is written from the rest."""
    missing = [peer.label for peer in PEERS if not peer.installed()]
    if missing:
        print(f"not installed, so not in the comparison: {', '.join(missing)}")
    RESULTS.parent.mkdir(exist_ok=True)
    options = [f"--benchmark-json={RESULTS}", f"--visits={visits}", "--benchmark-columns=median,iqr"]
    options += ["-v", "-o", "faulthandler_timeout=3600"]
    subprocess.run([sys.executable, "-m", "pytest", "bench", *options], cwd=ROOT, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("--visits", type=int, default=5, help="how often each library has its turn at a task")
    parser.add_argument("--results", type=Path, help="write from these results instead of measuring")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the page and its pictures go")
    chosen = parser.parse_args()
    if chosen.results is None:
        measure(chosen.visits)
    sitting = load(chosen.results or RESULTS)

    from bench import pictures  # matplotlib

    pictures.draw(sitting, chosen.docs / "pictures")
    tabular_report.draw_all(tabular_run.load(), chosen.docs / "pictures")
    (chosen.docs / "performance.md").write_text(page(sitting))


if __name__ == "__main__":
    main()
