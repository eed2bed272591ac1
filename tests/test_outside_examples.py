"""The programs of docs/examples run for some steps and draw their pictures."""

from __future__ import annotations

import re

import pytest

from interop import library
from pages import ROOT
from processes import output_of

pytestmark = [pytest.mark.once, pytest.mark.interop]


def run_example(name, folder, steps, seed=0):
    library("matplotlib")
    picture = folder / f"{name}.png"
    arguments = [picture, "--steps", steps, "--seed", seed]
    printed = output_of(str(ROOT / f"docs/examples/{name}.py"), *map(str, arguments))
    assert picture.read_bytes().startswith(b"\x89PNG")
    return printed


@pytest.mark.parametrize(
    ("name", "steps", "least"), [("dqn_cartpole", 1300, 1300), ("ppo_cartpole", 1000, 1024), ("sac_pendulum", 650, 650)]
)
def test_reinforcement_learning_makes_its_steps_and_draws(name, steps, least, tmp_path):
    library("gymnasium")
    assert run_example(name, tmp_path, steps).startswith(f"not solved in {least:,} steps, ")


def test_a_policy_learns_to_balance(tmp_path):
    library("gymnasium")
    assert run_example("ppo_cartpole", tmp_path, 60_000).startswith("solved after ")


def test_poisson_comes_close_to_the_exact_solution(tmp_path):
    error = re.match(r"largest error (\S+) after 500 steps", run_example("poisson_square", tmp_path, 500))[1]
    assert float(error) < 0.01
