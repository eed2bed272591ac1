"""Swing a pendulum up by soft actor-critic (SAC, Haarnoja et al. 2018): a policy of continuous actions.

python docs/examples/sac_pendulum.py pendulum.png     (pip install gymnasium matplotlib)

The policy climbs the value that two critics give to its actions: ``back`` of a critic leads to the derivative by the
action, and ``back`` of the policy from there to its weights.
"""

from __future__ import annotations

import argparse
import math
import time

import gymnasium as gym
import numpy as np

import fcnet as fc

HIDDEN = [64, 64]
BATCH = 128
MEMORY = 20_000  # steps that are remembered
WARM_UP = 500  # steps with random actions before training begins
DISCOUNT = 0.98
TAU = 0.01  # how fast the slow critics follow
OPTIMIZER = fc.Adam(1e-3)
LOG_2, LOG_2_PI = math.log(2), math.log(2 * math.pi)  # floats of NumPy would turn float32 into float64
LEAST_LOG, MOST_LOG = -5.0, 2.0  # of the logarithm of the policy's standard deviation
TORQUE = 2.0  # the environment's actions are within +-2, the policy's within +-1
RECENT, SOLVED = 10, -200  # solved: mean return of so many episodes; 0 would be a pendulum that always stands


class Agent:
    """The policy, two critics and their slow copies.

    The policy is a normal distribution squashed by tanh: its network gives the mean and the logarithm of the deviation.
    """

    def __init__(self, seed: int) -> None:
        self.policy = fc.Network([3, *HIDDEN, 2], loss="mse", seed=seed)
        self.critics, self.slow = (
            [fc.Network([4, *HIDDEN, 1], loss="mse", seed=seed + i) for i in (1, 2)] for _ in range(2)
        )
        self.log_temperature = 0.0  # of the entropy's weight in the reward; it is learned, too
        self.rng = np.random.default_rng(seed)

    def draw(self, outputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Draw actions from what the policy gives; return also their log probability, the noise and its scale."""
        mean, log_std = outputs[:, :1], outputs[:, 1:].clip(LEAST_LOG, MOST_LOG)
        noise, std = self.rng.standard_normal(mean.shape, np.float32), np.exp(log_std)
        z = mean + std * noise
        log_slope = 2 * (LOG_2 - z - np.logaddexp(0, -2 * z))  # log(1 - tanh(z)^2), exact also for large z
        return np.tanh(z), -0.5 * noise**2 - log_std - 0.5 * LOG_2_PI - log_slope, noise, std

    def act(self, states: np.ndarray) -> np.ndarray:
        """Draw actions."""
        return self.draw(self.policy.predict(states))[0]

    def learn(self, states: np.ndarray, actions: np.ndarray, rewards: np.ndarray, next_states: np.ndarray) -> None:
        """Make one training step of all networks."""
        temperature, n = math.exp(self.log_temperature), len(states)

        # Critics: the reward, and the value of the next state by the more cautious of the slow critics.
        next_actions, log_p = self.draw(self.policy.predict(next_states))[:2]
        rows = np.concatenate([next_states, next_actions], axis=1)
        value = np.minimum(self.slow[0].predict(rows), self.slow[1].predict(rows)) - temperature * log_p
        targets = rewards + DISCOUNT * value
        rows = np.concatenate([states, actions], axis=1)
        for critic in self.critics:
            critic.train_on_batch(rows, targets, optimizer=OPTIMIZER)

        # Policy: the loss is temperature * log p(a) - min(Q1, Q2)(a), its derivative by the action goes back.
        outputs, back = self.policy.vjp(states)
        actions, log_p, noise, std = self.draw(outputs)
        (q1, back1), (q2, back2) = (critic.vjp(np.concatenate([states, actions], axis=1)) for critic in self.critics)
        first = (q1 < q2).astype(np.float32)
        by_action = back1(first, parameters=False).x[:, 3:] + back2(1 - first, parameters=False).x[:, 3:]
        by_mean = 2 * temperature * actions - by_action * (1 - actions**2)  # of log p(a), then of Q, by tanh's input
        by_log_std = by_mean * std * noise - temperature
        by_log_std *= (outputs[:, 1:] > LEAST_LOG) & (outputs[:, 1:] < MOST_LOG)
        gradients = back(np.concatenate([by_mean, by_log_std], axis=1) / n, x=False)
        self.policy.apply_gradients(gradients, optimizer=OPTIMIZER)

        # Temperature: more entropy if the policy is surer than -1 nat on average, less if it is not.
        self.log_temperature -= OPTIMIZER.learning_rate * float(-(log_p - 1).mean())
        for slow, critic in zip(self.slow, self.critics, strict=True):
            slow.blend(critic, TAU)


def train(agent: Agent, seed: int, steps: int) -> dict:
    """Train until solved or for so many steps; return how the returns grew."""
    rng = np.random.default_rng(seed)
    states, next_states = np.zeros((2, MEMORY, 3), np.float32)
    actions, rewards = np.zeros((2, MEMORY, 1), np.float32)
    env = gym.make("Pendulum-v1")
    state, _ = env.reset(seed=seed)
    episodes, score = [], 0.0
    for step in range(1, steps + 1):
        action = rng.uniform(-1, 1, 1) if step <= WARM_UP else agent.act(state[None])[0]
        next_state, reward, _, cut, _ = env.step(TORQUE * action)
        i = (step - 1) % MEMORY
        states[i], actions[i], rewards[i], next_states[i] = state, action, reward, next_state
        state, score = next_state, score + float(reward)
        if cut:  # after 200 steps; a pendulum's episode never ends by itself
            episodes.append((step, score))
            (state, _), score = env.reset(), 0.0
            if is_solved(episodes):
                break
        if step > WARM_UP:
            rows = rng.integers(0, min(step, MEMORY), BATCH)
            agent.learn(states[rows], actions[rows], rewards[rows], next_states[rows])
    return {"steps": step, "solved": is_solved(episodes), "episodes": episodes}


def is_solved(episodes: list[tuple[int, float]]) -> bool:
    """Return whether the recent episodes are good enough."""
    recent = [score for _, score in episodes[-RECENT:]]
    return len(recent) == RECENT and float(np.mean(recent)) >= SOLVED


def draw(found: dict, path: str) -> None:
    """Draw the returns of the episodes and their running mean."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    axes.axhline(SOLVED, color="#64748b", linestyle=":", linewidth=1)
    axes.text(0, SOLVED, " solved", color="#64748b", va="bottom", fontsize=9)
    at, scores = np.array(found["episodes"]).reshape(-1, 2).T
    axes.plot(at, scores, ".", color="#94a3b8", label="episode")
    if len(scores) >= RECENT:
        means = np.convolve(scores, np.full(RECENT, 1 / RECENT), "valid")
        axes.plot(at[RECENT - 1 :], means, color="#0072b2", label=f"mean of {RECENT}")
    axes.set(xlabel="steps of the environment", ylabel="return of an episode", xlim=0)
    axes.set_title("SAC on Pendulum-v1", loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Read the arguments, train, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("picture", help="file to write, such as pendulum.png")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=15_000, help="at most so many")
    chosen = parser.parse_args()
    start = time.perf_counter()
    found = train(Agent(chosen.seed), chosen.seed, chosen.steps)
    seconds = time.perf_counter() - start
    end = f"solved after {found['steps']:,} steps" if found["solved"] else f"not solved in {found['steps']:,} steps"
    print(f"{end}, {seconds:.1f} s")
    draw(found, chosen.picture)


if __name__ == "__main__":
    main()
