"""Fit tables by every library, and keep the scores. What is there already is not fitted again.

FCNET_BENCH_DATA=FOLDER python -m bench.tabular --rows 2000 --splits 0 1 2 --only auto CatBoost --sets bike telescope

An interrupted run goes on where it was. ``--again`` replaces what is there, as after a change of fcnet. scikit-learn is
needed; LightGBM, CatBoost and pytabkit take part where they are installed. ``--report`` only prints the table and draws
the pictures of docs/performance.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import warnings

from bench.sitting import ROOT
from bench.tabular import report
from bench.tabular.methods import METHODS
from bench.tabular.run import Fit, load, measure, save
from bench.tabular.sets import SETS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.tabular", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2000, help="training rows at most; 0: all that there are")
    parser.add_argument("--splits", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=SETS, metavar="SET", help=", ".join(SETS))
    parser.add_argument("--only", nargs="*", default=list(METHODS), metavar="METHOD", help=", ".join(METHODS))
    parser.add_argument("--again", action="store_true", help="also what has been measured")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    chosen = parser.parse_args()
    if unknown := set(chosen.only) - set(METHODS):
        parser.error(f"no such method: {', '.join(sorted(unknown))}; there are {', '.join(METHODS)}")
    warnings.simplefilter("ignore")
    if not chosen.report:
        methods = [name for name in chosen.only if importlib.util.find_spec(METHODS[name][0])]
        for split, name, method in itertools.product(chosen.splits, chosen.sets, methods):  # the methods in turns
            fit, fits = Fit(name, split, chosen.rows, method), load()
            if fit not in fits or chosen.again:
                fits[fit] = found = measure(fit)
                save(fits)
                print(f"{name:10} {split} {method:22} {found['score']:.4f} {found['cpu']:7.2f} s of CPU", flush=True)
    print(report.tables(load(), chosen.rows))
    if chosen.report:
        report.draw_all(load(), ROOT / "docs/pictures")


if __name__ == "__main__":
    main()
