"""Balance a pole by deep Q-learning (DQN, Mnih et al. 2015): one network learns the value of both actions.

python docs/examples/dqn_cartpole.py cartpole.png     (pip install gymnasium matplotlib)

Every step of the environment is stored, and every step trains on 64 stored ones. It ends when the greedy policy
balances the pole for 475 of 500 steps on average, or after ``--steps``.
"""

from __future__ import annotations

import argparse
import time

import gymnasium as gym
import numpy as np

import fcnet as fc

SIZES = [4, 120, 84, 2]  # position, speed, angle, its speed -> value of pushing left, right
SCALE = np.array([0.4, 0.5, 5, 0.5], np.float32)  # makes these numbers about 1, as networks like them
REWARD = 0.1  # a step; the value of a good state is then below 10
DISCOUNT = 0.99
BATCH = 64
MEMORY = 50_000  # steps that are remembered
WARM_UP = 1_000  # steps before training begins
EXPLORATION = 10_000  # steps in which the share of random actions falls from 1 to
LEAST_RANDOM = 0.05
NEW_TARGET = 100  # steps between two copies of the network
OPTIMIZER = fc.Adam(1e-3, clip_norm=10)
TEST_EVERY, TEST_EPISODES, SOLVED = 1_000, 5, 475


def make() -> gym.Env:
    """Return the environment with its numbers scaled."""
    env = gym.wrappers.TransformObservation(gym.make("CartPole-v1"), lambda state: SCALE * state, None)
    return gym.wrappers.TransformReward(env, lambda reward: REWARD * reward)


class Memory:
    """The last steps: a ring of arrays."""

    def __init__(self, size: int, seed: int) -> None:
        self.states, self.next_states = np.zeros((2, size, SIZES[0]), np.float32)
        self.actions = np.zeros(size, np.int64)
        self.rewards, self.goes_on = np.zeros((2, size), np.float32)
        self.rng = np.random.default_rng(seed)
        self.count = 0

    def add(self, state: np.ndarray, action: int, reward: float, next_state: np.ndarray, ended: bool) -> None:
        """Store a step in place of the oldest."""
        i = self.count % len(self.actions)
        self.states[i], self.actions[i], self.rewards[i] = state, action, reward
        self.next_states[i], self.goes_on[i] = next_state, not ended
        self.count += 1

    def sample(self, n: int) -> tuple[np.ndarray, ...]:
        """Draw n steps."""
        i = self.rng.integers(0, min(self.count, len(self.actions)), n)
        return self.states[i], self.actions[i], self.rewards[i], self.next_states[i], self.goes_on[i]


class Agent:
    """The network, and an older copy of it that provides the targets."""

    def __init__(self, seed: int) -> None:
        self.q, self.target = (fc.Network(SIZES, loss="huber", seed=seed) for _ in range(2))  # with the same weights

    def act(self, state: np.ndarray) -> int:
        """Return the action of the highest value."""
        return int(self.q.predict(state[None]).argmax())

    def learn(
        self, states: np.ndarray, actions: np.ndarray, rewards: np.ndarray, next_states: np.ndarray, goes_on: np.ndarray
    ) -> None:
        """Make one training step: the value of an action is its reward and the best value of the next state."""
        values = rewards + DISCOUNT * goes_on * self.target.predict(next_states).max(axis=1)
        self.q.train_on_batch(states, values, outputs=actions, optimizer=OPTIMIZER)

    def renew_target(self) -> None:
        """Copy the network."""
        self.target.copy_parameters(self.q)


def test(agent: Agent, env: gym.Env, seed: int) -> float:
    """Return for how many steps the pole is balanced without random actions, mean of some episodes."""
    steps = 0
    for episode in range(TEST_EPISODES):
        state, _ = env.reset(seed=seed + episode)
        ended = cut = False
        while not (ended or cut):
            state, _, ended, cut, _ = env.step(agent.act(state))
            steps += 1
    return steps / TEST_EPISODES


def train(agent: Agent, seed: int, steps: int) -> dict:
    """Train until solved or for so many steps; return for how many steps the pole was balanced."""
    memory, rng = Memory(MEMORY, seed), np.random.default_rng(seed)
    env, test_env = make(), make()
    state, _ = env.reset(seed=seed)
    episodes, tests, length, solved = [], [], 0, False
    for step in range(1, steps + 1):
        random = rng.random() < max(LEAST_RANDOM, 1 - (1 - LEAST_RANDOM) * step / EXPLORATION)
        action = int(rng.integers(2)) if random else agent.act(state)
        next_state, reward, ended, cut, _ = env.step(action)
        memory.add(state, action, float(reward), next_state, ended)  # cut after 500 steps is no end: it would go on
        state, length = next_state, length + 1
        if ended or cut:
            episodes.append((step, length))
            (state, _), length = env.reset(), 0
        if step >= WARM_UP:
            agent.learn(*memory.sample(BATCH))
        if step % NEW_TARGET == 0:
            agent.renew_target()
        if step % TEST_EVERY == 0:
            tests.append((step, test(agent, test_env, 1_000_000 + step)))
            solved = tests[-1][1] >= SOLVED
            if solved:
                break
    return {"steps": step, "solved": solved, "episodes": episodes, "tests": tests}


def draw(found: dict, path: str) -> None:
    """Draw the lengths of training episodes and of tests."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    axes.axhline(SOLVED, color="#64748b", linestyle=":", linewidth=1)
    axes.text(0, SOLVED, " solved", color="#64748b", va="bottom", fontsize=9)
    if found["episodes"]:
        axes.plot(*zip(*found["episodes"], strict=True), ".", color="#94a3b8", markersize=3, label="training episode")
    if found["tests"]:
        axes.plot(*zip(*found["tests"], strict=True), color="#0072b2", label=f"greedy, mean of {TEST_EPISODES}")
    axes.set(xlabel="steps of the environment", ylabel="steps balanced", ylim=(0, 530), xlim=0)
    axes.set_title("DQN on CartPole-v1", loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Read the arguments, train, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("picture", help="file to write, such as cartpole.png")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=100_000, help="at most so many")
    chosen = parser.parse_args()
    start = time.perf_counter()
    found = train(Agent(chosen.seed), chosen.seed, chosen.steps)
    seconds = time.perf_counter() - start
    end = f"solved after {found['steps']:,} steps" if found["solved"] else f"not solved in {found['steps']:,} steps"
    print(f"{end}, {seconds:.1f} s")
    draw(found, chosen.picture)


if __name__ == "__main__":
    main()
