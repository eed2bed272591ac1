"""The DQN of Stable-Baselines3 with the hyperparameters, first weights, environment and tests of the example's.

It draws its own random numbers, and all of its actions are random until training begins. Its training step includes
drawing the batch from memory.
"""

from __future__ import annotations

from types import ModuleType

import stable_baselines3
import torch

from bench.torch_networks import like

torch.set_num_threads(1)


class Agent:
    def __init__(self, example: ModuleType, seed: int, steps: int) -> None:
        self.example = example
        self.model = stable_baselines3.DQN(
            "MlpPolicy",
            example.make(),
            learning_rate=example.OPTIMIZER.learning_rate,
            buffer_size=example.MEMORY,
            learning_starts=example.WARM_UP,
            batch_size=example.BATCH,
            gamma=example.DISCOUNT,
            train_freq=1,
            target_update_interval=example.NEW_TARGET,
            exploration_fraction=example.EXPLORATION / steps,
            exploration_final_eps=example.LEAST_RANDOM,
            max_grad_norm=example.OPTIMIZER.clip_norm,
            policy_kwargs={"net_arch": example.SIZES[1:-1], "optimizer_kwargs": {"fused": True}},
            seed=seed,
            device="cpu",
        )
        first = like(example.Agent(seed).q).state_dict()
        for network in (self.model.q_net, self.model.q_net_target):
            network.q_net.load_state_dict(first)
        self.learn = self.model.train

    def act(self, state):
        return int(self.model.predict(state, deterministic=True)[0])

    def train(self, seed: int, steps: int) -> dict:
        """As the example's function of this name."""
        self.model.train = self.learn  # which may have been replaced by one that is timed
        env, solved = self.example.make(), False

        def goes_on(*_) -> bool:
            nonlocal solved
            step = self.model.num_timesteps
            if step % self.example.TEST_EVERY == 0:
                solved = self.example.test(self, env, 1_000_000 + step) >= self.example.SOLVED
            return not solved

        self.model.learn(steps, callback=goes_on, log_interval=None)
        return {"steps": self.model.num_timesteps, "solved": solved}
