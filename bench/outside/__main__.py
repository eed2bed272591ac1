"""Runs the programs by all libraries over some seeds, one run at a time, and writes bench/results/outside.json.

``python -m bench.outside --only dqn sac`` runs two of them and keeps what an earlier run with the same versions found
of the others. ``--steps 2000`` is a short trial, which writes nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

from cpuinfo import get_cpu_info  # of pytest-benchmark

import fcnet as fc
from bench import tables
from bench.outside.run import PACKAGES, PROGRAMS
from bench.results import OUTSIDE
from bench.sitting import ROOT
from fcnet import _native


def facts(libraries: list[str]) -> dict:
    """The machine and the versions."""
    packages = ["gymnasium", *(PACKAGES[library] for library in libraries if library != "fcnet")]
    versions = {"fcnet": fc.__version__} | {package: version(package) for package in packages}
    return {"cpu": get_cpu_info()["brand_raw"], "isa": _native.config()["isa"], "versions": versions}


def in_a_process(program: str, library: str, seed: int, steps: int) -> dict:
    command = [sys.executable, "-W", "ignore", "-m", "bench.outside.run", program, library, str(seed), str(steps)]
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(printed.splitlines()[-1])


def line(run: dict) -> str:
    """A run in words."""
    end = f"error {run['error']:.1e}" if "error" in run else "solved" if run["solved"] else "not solved"
    times = f"{run['seconds']:.1f} s ({run['cpu']:.1f} s of CPU), {1e6 * run['learn']:,.0f} µs a training step"
    return f"{run['program']}, seed {run['seed']}, {run['library']}: {end} in {run['steps']:,} steps, {times}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.outside", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="so many, from 0 on")
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=list(PROGRAMS), help="which programs")
    parser.add_argument("--steps", type=int, help="at most so many: a trial, which writes nothing")
    chosen = parser.parse_args()

    installed = [library for library, package in PACKAGES.items() if find_spec(package)]
    result = {"facts": facts(installed), "runs": []}
    if OUTSIDE.exists() and (earlier := json.loads(OUTSIDE.read_text()))["facts"] == result["facts"]:
        result["runs"] = [run for run in earlier["runs"] if run["program"] not in chosen.only]
    OUTSIDE.parent.mkdir(exist_ok=True)
    for seed in range(chosen.seeds):
        for name in chosen.only:
            program = PROGRAMS[name]
            turns = [library for library in program.libraries if library in installed]
            turns = turns[seed % len(turns) :] + turns[: seed % len(turns)]
            for library in turns:
                run = in_a_process(name, library, seed, chosen.steps or program.steps)
                print(line(run), flush=True)
                result["runs"].append(run)
                if chosen.steps is None:
                    OUTSIDE.write_text(json.dumps(result, indent=1))
    print(tables.outside(result["runs"]))


if __name__ == "__main__":
    main()
