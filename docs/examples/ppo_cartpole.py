"""Balance a pole by proximal policy optimisation (PPO, Schulman et al. 2017): a policy and a value network.

python docs/examples/ppo_cartpole.py cartpole.png     (pip install gymnasium matplotlib)

Eight poles are balanced for 128 steps each, then both networks learn from these 1,024 steps. The loss of the policy
lies outside the network: ``vjp`` returns the outputs and a function that leads derivatives by the outputs back.
"""

from __future__ import annotations

import argparse
import time

import gymnasium as gym
import numpy as np

import fcnet as fc

POLES, HORIZON = 8, 128  # environments, and steps of each between two updates
EPOCHS, BATCH = 10, 64  # passes over these steps, and rows of a training step
DISCOUNT, TRACE = 0.98, 0.95  # TRACE: the lambda of generalised advantage estimation
CLIP = 0.2  # by how much the probability of an action may change in one update
ENTROPY = 0.01  # weight of the reward for a policy that is not sure
RATE = 1e-3
NORM = 0.5  # of the gradients of both networks together
RECENT, SOLVED = 20, 475  # solved: mean return of so many episodes


def softmax(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and their logarithms."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.exp(logs), logs


class Agent:
    """Policy and value network with what trains them."""

    def __init__(self, seed: int) -> None:
        self.actor = fc.Network([4, 64, 64, 2], activation="tanh", seed=seed)
        self.critic = fc.Network([4, 64, 64, 1], activation="tanh", loss="mse", seed=seed + 1)
        self.optimizer = fc.Adam(RATE, epsilon=1e-5)
        self.rng = np.random.default_rng(seed)

    def act(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw an action for each state; return also the logarithm of its probability, and the state's value."""
        probabilities, logs = softmax(self.actor.predict(states, output="logits"))
        actions = (self.rng.random(len(states)) < probabilities[:, 1]).astype(np.int64)
        return actions, logs[np.arange(len(states)), actions], self.value(states)

    def value(self, states: np.ndarray) -> np.ndarray:
        """Return the expected returns from states on."""
        return self.critic.predict(states)[:, 0]

    def learn(
        self,
        states: np.ndarray,
        actions: np.ndarray,
        old: np.ndarray,
        advantages: np.ndarray,
        returns: np.ndarray,
        rate: float,
    ) -> None:
        """Make one training step; ``old`` are the logarithms of the probabilities when the actions were drawn."""
        n, rows = len(states), np.arange(len(states))
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)

        logits, back = self.actor.vjp(states, output="logits")
        probabilities, logs = softmax(logits)
        ratio = np.exp(logs[rows, actions] - old)
        # The objective is min(ratio A, clip(ratio) A), whose derivative is 0 where the clipped one is the smaller.
        free = np.where(advantages > 0, ratio < 1 + CLIP, ratio > 1 - CLIP)
        weight = ratio * advantages * free
        cotangent = weight[:, None] * probabilities
        cotangent[rows, actions] -= weight  # -d log p / d logits = p - 1 where the action is, p elsewhere
        entropy = -(probabilities * logs).sum(axis=1, keepdims=True)
        cotangent += ENTROPY * probabilities * (logs + entropy)
        of_actor = back(cotangent / n, x=False)

        values, back = self.critic.vjp(states)
        of_critic = back((values[:, 0] - returns) / n, x=False)  # of half the mean squared error

        (of_actor, of_critic), _ = fc.clip_by_norm([of_actor, of_critic], NORM)
        self.actor.apply_gradients(of_actor, optimizer=self.optimizer, learning_rate=rate)
        self.critic.apply_gradients(of_critic, optimizer=self.optimizer, learning_rate=rate)


def advantages_of(rewards: np.ndarray, values: np.ndarray, ends: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return by how much each step went better than its state's value; all (steps, poles)."""
    found, ahead, next_values = np.zeros_like(values), 0.0, last
    for t in reversed(range(len(rewards))):
        surprise = rewards[t] + DISCOUNT * ~ends[t] * next_values - values[t]
        found[t] = ahead = surprise + DISCOUNT * TRACE * ~ends[t] * ahead
        next_values = values[t]
    return found


def train(agent: Agent, seed: int, steps: int) -> dict:
    """Train until solved or for so many steps; return how the returns grew."""
    rng = np.random.default_rng(seed)
    poles = [gym.make("CartPole-v1") for _ in range(POLES)]
    states = np.stack([pole.reset(seed=seed * POLES + i)[0] for i, pole in enumerate(poles)])
    episodes, scores, step = [], np.zeros(POLES), 0
    while step < steps and not is_solved(episodes):
        seen = np.zeros((HORIZON, POLES, 4), np.float32)
        actions = np.zeros((HORIZON, POLES), np.int64)
        old, values, rewards = np.zeros((3, HORIZON, POLES), np.float32)
        ends = np.zeros((HORIZON, POLES), bool)
        for t in range(HORIZON):
            seen[t] = states
            actions[t], old[t], values[t] = agent.act(states)
            for i, pole in enumerate(poles):
                state, reward, ended, cut, _ = pole.step(int(actions[t, i]))
                scores[i] += float(reward)
                rewards[t, i], ends[t, i] = reward, ended or cut
                if cut and not ended:  # after 500 steps; it would have gone on
                    rewards[t, i] += DISCOUNT * agent.value(state[None])[0]
                if ended or cut:
                    episodes.append((step + t * POLES, scores[i]))
                    (state, _), scores[i] = pole.reset(), 0
                states[i] = state
        step += HORIZON * POLES

        advantages = advantages_of(rewards, values, ends, agent.value(states))
        parts = [a.reshape(-1, *a.shape[2:]) for a in (seen, actions, old, advantages, advantages + values)]
        rate = RATE * max(1 - step / steps, 0.01)
        for _ in range(EPOCHS):
            for rows in rng.permutation(HORIZON * POLES).reshape(-1, BATCH):
                agent.learn(*(part[rows] for part in parts), rate)
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
    axes.plot(at, scores, ".", color="#94a3b8", markersize=3, label="episode")
    if len(scores) >= RECENT:
        means = np.convolve(scores, np.full(RECENT, 1 / RECENT), "valid")
        axes.plot(at[RECENT - 1 :], means, color="#0072b2", label=f"mean of {RECENT}")
    axes.set(xlabel="steps of the environment", ylabel="steps balanced", ylim=(0, 530), xlim=0)
    axes.set_title("PPO on CartPole-v1", loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Read the arguments, train, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("picture", help="file to write, such as cartpole.png")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=200_000, help="at most so many")
    chosen = parser.parse_args()
    start = time.perf_counter()
    found = train(Agent(chosen.seed), chosen.seed, chosen.steps)
    seconds = time.perf_counter() - start
    end = f"solved after {found['steps']:,} steps" if found["solved"] else f"not solved in {found['steps']:,} steps"
    print(f"{end}, {seconds:.1f} s")
    draw(found, chosen.picture)


if __name__ == "__main__":
    main()
