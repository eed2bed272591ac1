"""The agents of docs/examples in PyTorch: the same first weights and methods, so that the programs take them instead.

Each is what PyTorch does fastest on one thread without compiling: a fused Adam, gradients set to None, inference mode
where nothing is trained, arrays shared with NumPy, and no gradient that is not used.
"""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import torch
from torch.nn.functional import smooth_l1_loss, softplus
from torch.nn.utils import clip_grad_norm_

import fcnet as fc
from bench.torch_networks import like, parameters

torch.set_num_threads(1)


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


class DQN:
    def __init__(self, example: ModuleType, seed: int) -> None:
        agent, self.example = example.Agent(seed), example
        self.q, self.target = like(agent.q), like(agent.target)
        self.mine, self.copies = parameters(self.q), parameters(self.target)
        self.adam = torch.optim.Adam(self.mine, lr=example.OPTIMIZER.learning_rate, fused=True)

    def act(self, state):
        with torch.inference_mode():
            return int(self.q(torch.from_numpy(state)).argmax())

    def learn(self, *batch):
        states, actions, rewards, next_states, goes_on = tensors(*batch)
        with torch.no_grad():
            values = rewards + self.example.DISCOUNT * goes_on * self.target(next_states).amax(dim=1)
        loss = smooth_l1_loss(self.q(states).gather(1, actions[:, None])[:, 0], values)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(self.mine, self.example.OPTIMIZER.clip_norm)
        self.adam.step()

    def renew_target(self):
        with torch.no_grad():
            torch._foreach_copy_(self.copies, self.mine)


class PPO:
    def __init__(self, example: ModuleType, seed: int) -> None:
        agent, self.example = example.Agent(seed), example
        self.actor, self.critic, self.rng = like(agent.actor, "tanh"), like(agent.critic, "tanh"), agent.rng
        self.both = parameters(self.actor, self.critic)
        self.adam = torch.optim.Adam(self.both, lr=example.RATE, eps=agent.optimizer.epsilon, fused=True)

    def act(self, states):
        with torch.inference_mode():
            logs = self.actor(torch.from_numpy(states)).log_softmax(dim=1).numpy()
        actions = (self.rng.random(len(states)) < np.exp(logs[:, 1])).astype(np.int64)
        return actions, logs[np.arange(len(states)), actions], self.value(states)

    def value(self, states):
        with torch.inference_mode():
            return self.critic(torch.from_numpy(states))[:, 0].numpy()

    def learn(self, *batch):
        *batch, rate = batch
        states, actions, old, advantages, returns = tensors(*batch)
        advantages = (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)
        logs, clip = self.actor(states).log_softmax(dim=1), self.example.CLIP
        ratio = (logs.gather(1, actions[:, None])[:, 0] - old).exp()
        objective = torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
        entropy = -(logs.exp() * logs).sum(dim=1)
        error = (self.critic(states)[:, 0] - returns).square() / 2
        self.adam.zero_grad(set_to_none=True)
        (error - objective - self.example.ENTROPY * entropy).mean().backward()
        clip_grad_norm_(self.both, self.example.NORM)
        self.adam.param_groups[0]["lr"] = rate
        self.adam.step()


class SAC:
    def __init__(self, example: ModuleType, seed: int) -> None:
        agent, self.example = example.Agent(seed), example
        self.policy = like(agent.policy)
        self.critics, self.slow = ([like(net) for net in nets] for nets in (agent.critics, agent.slow))
        self.log_temperature, self.rng = agent.log_temperature, agent.rng
        self.of_policy, self.of_critics = parameters(self.policy), parameters(*self.critics)
        self.of_slow, self.rate = parameters(*self.slow), example.OPTIMIZER.learning_rate
        self.policy_adam, self.critic_adam = (
            torch.optim.Adam(mine, lr=self.rate, fused=True) for mine in (self.of_policy, self.of_critics)
        )

    def draw(self, outputs):
        mean, log_std = outputs.split(1, dim=1)
        log_std = log_std.clamp(self.example.LEAST_LOG, self.example.MOST_LOG)
        noise = torch.from_numpy(self.rng.standard_normal(mean.shape, np.float32))
        z = mean + log_std.exp() * noise
        log_slope = 2 * (self.example.LOG_2 - z - softplus(-2 * z))
        return torch.tanh(z), -0.5 * noise**2 - log_std - 0.5 * self.example.LOG_2_PI - log_slope

    def act(self, states):
        with torch.inference_mode():
            return self.draw(self.policy(torch.from_numpy(states)))[0].numpy()

    def learn(self, *batch):
        temperature = math.exp(self.log_temperature)
        states, actions, rewards, next_states = tensors(*batch)
        with torch.no_grad():
            next_actions, log_p = self.draw(self.policy(next_states))
            rows = torch.cat([next_states, next_actions], dim=1)
            value = torch.minimum(*(critic(rows) for critic in self.slow)) - temperature * log_p
            targets = rewards + self.example.DISCOUNT * value
        rows = torch.cat([states, actions], dim=1)
        self.critic_adam.zero_grad(set_to_none=True)
        sum((critic(rows) - targets).square().mean() for critic in self.critics).backward()
        self.critic_adam.step()

        actions, log_p = self.draw(self.policy(states))
        rows = torch.cat([states, actions], dim=1)
        self.policy_adam.zero_grad(set_to_none=True)
        loss = (temperature * log_p - torch.minimum(*(critic(rows) for critic in self.critics))).mean()
        loss.backward(inputs=self.of_policy)
        self.policy_adam.step()

        self.log_temperature -= self.rate * float(-(log_p.detach() - 1).mean())
        with torch.no_grad():
            torch._foreach_lerp_(self.of_slow, self.of_critics, self.example.TAU)


class Poisson:
    def __init__(self, example: ModuleType, seed: int) -> None:
        net, self.example = example.Solution(seed).net, example
        self.net, self.offset, self.scale = like(net, "tanh"), float(net.offset), float(net.scale)
        self.adam = torch.optim.Adam(self.net.parameters(), fused=True)

    def n(self, points):
        return self.net((points - self.offset) * self.scale)

    def predict(self, points):
        with torch.inference_mode():
            return self.example.border(points)[0] * self.n(torch.from_numpy(points)).numpy()

    def learn(self, points, rate):
        b, b_gradient, b_laplacian, source = tensors(
            *self.example.border(points), 2 * np.pi**2 * self.example.exact(points)
        )
        at = torch.from_numpy(points).requires_grad_()
        n = self.n(at)
        (gradient,) = torch.autograd.grad(n.sum(), at, create_graph=True)
        second = [torch.autograd.grad(gradient[:, k].sum(), at, create_graph=True)[0][:, k : k + 1] for k in (0, 1)]
        mixed = (b_gradient * gradient).sum(dim=1, keepdim=True)
        loss = (b * sum(second) + 2 * mixed + n * b_laplacian + source).square().mean()
        self.adam.zero_grad(set_to_none=True)
        loss.backward(inputs=list(self.net.parameters()))
        self.adam.param_groups[0]["lr"] = rate
        self.adam.step()
        return float(loss.detach())


def flat(agent: object) -> np.ndarray:
    """All parameters of an agent of either library, in one order."""
    found = []
    for value in vars(agent).values():
        for network in value if isinstance(value, list) else [value]:
            if isinstance(network, fc.Network):
                found.append(network.parameters)
            elif isinstance(network, torch.nn.Module):
                found += [parameter.detach().numpy().T.ravel() for parameter in network.parameters()]
    return np.concatenate(found)


def check(example: ModuleType, own: type, twin: type, steps: int) -> None:
    """See that PyTorch moves the parameters as fcnet does, while rounding has not led the two apart."""
    moves = []
    for agent in (own(0), twin(example, 0)):
        before = flat(agent)
        example.train(agent, 0, steps)
        moves.append(flat(agent) - before)
    difference = np.linalg.norm(moves[1] - moves[0]) / np.linalg.norm(moves[0])
    if not difference < 1e-3:
        raise AssertionError(f"after {steps} steps PyTorch's {twin.__name__} is {difference:.1%} from fcnet's")


TWINS = {"dqn": DQN, "ppo": PPO, "sac": SAC, "poisson": Poisson}
