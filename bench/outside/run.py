"""One run of a program by one library, on one thread in a process of its own; prints what it found as JSON.

python -m bench.outside.run dqn PyTorch 0 100000     (program, library, seed, steps at most)
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

import fcnet as fc
from bench.sitting import ROOT

PACKAGES = {"fcnet": "fcnet", "PyTorch": "torch", "Stable-Baselines3": "stable_baselines3"}


@dataclass(frozen=True)
class Program:
    """A program of docs/examples, whose agent (or solution) other libraries replace."""

    file: str
    steps: int  # at most
    checked: int  # steps after which PyTorch's parameters are compared with fcnet's; training has begun by then
    agent: str = "Agent"
    libraries: tuple[str, ...] = ("fcnet", "PyTorch")


PROGRAMS = {
    "dqn": Program("dqn_cartpole", 100_000, 1_030, libraries=tuple(PACKAGES)),
    "ppo": Program("ppo_cartpole", 200_000, 1_500),
    "sac": Program("sac_pendulum", 15_000, 530),
    "poisson": Program("poisson_square", 1_500, 30, agent="Solution"),
}


def load(file: str) -> ModuleType:
    """The program as a module."""
    spec = importlib.util.spec_from_file_location(file, ROOT / f"docs/examples/{file}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def timed(call: Callable, seconds: list[float]) -> Callable:
    """The function, which also notes the seconds of each call."""

    def noted(*args, **kwargs):
        start = time.perf_counter()
        result = call(*args, **kwargs)
        seconds.append(time.perf_counter() - start)
        return result

    return noted


def agent_of(name: str, library: str, example: ModuleType, seed: int, steps: int) -> object:
    if library == "Stable-Baselines3":
        from bench.outside.baselines import Agent

        return Agent(example, seed, steps)
    program = PROGRAMS[name]
    own = getattr(example, program.agent)
    if library == "fcnet":
        return own(seed)
    from bench.outside import twins

    twins.check(example, own, twins.TWINS[name], program.checked)
    return twins.TWINS[name](example, seed)


def run(name: str, library: str, seed: int, steps: int) -> dict:
    """Seconds of the clock and of the CPU, steps, median seconds of a training step, and what was reached."""
    example, learning = load(PROGRAMS[name].file), []
    with fc.threads(1):
        agent = agent_of(name, library, example, seed, steps)
        agent.learn = timed(agent.learn, learning)
        start, cpu = time.perf_counter(), time.process_time()
        found = agent.train(seed, steps) if hasattr(agent, "train") else example.train(agent, seed, steps)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    result = {"program": name, "library": library, "seed": seed, "seconds": seconds, "cpu": cpu}
    result |= {"steps": found["steps"], "learn": float(np.median(learning))}
    if "error" in found:  # after a fixed number of steps
        return result | {"solved": True, "error": float(abs(found["error"]).max())}
    return result | {"solved": found["solved"]}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
