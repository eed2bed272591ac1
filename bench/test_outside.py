"""A SAC update and a step of a physics-informed network, in turns with PyTorch and JAX's jit: CPU seconds a step.

python -m pytest bench/test_outside.py -s

Every library computes on one thread and starts from the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("jax")

import jax
import jax.numpy as jnp
import torch

import fcnet as fc
from bench.torch_networks import like, parameters

torch.set_num_threads(1)
ROUNDS, SHORTEST = 20, 0.01  # seconds of a block of steps
STATES, ACTIONS, WIDTH = 17, 6, 256
RATE, TAU, DISCOUNT, TEMPERATURE = 1e-3, 0.005, np.float32(0.99), np.float32(0.2)
HALF_LOG_2_PI = 0.5 * float(np.log(2 * np.pi))
Step = Callable[[], object]


class Problem:
    """First weights and a batch; the noise is drawn before, so that no generator is measured."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(0)
        self.s, self.s_next = rng.standard_normal((2, n, STATES), np.float32)
        self.a = np.tanh(rng.standard_normal((n, ACTIONS), np.float32))
        self.r = rng.standard_normal((n, 1), np.float32)
        self.noise = rng.standard_normal((2, n, ACTIONS), np.float32)
        self.actor = fc.Network([STATES, WIDTH, WIDTH, 2 * ACTIONS], loss="mse", seed=0)
        critic = [STATES + ACTIONS, WIDTH, WIDTH, 1]
        self.critics, self.slow = ([fc.Network(critic, loss="mse", seed=seed) for seed in (1, 2)] for _ in range(2))


def log_p(xp, noise, log_std, a, axis):
    """Of a squashed normal distribution, with the functions of a library."""
    return (-0.5 * noise * noise - log_std - HALF_LOG_2_PI - xp.log(1 - a * a + 1e-6)).sum(axis)[:, None]


def sac_fcnet(p: Problem) -> Step:
    adam = fc.Adam(RATE)

    def drawn(outputs, noise):
        mean, log_std = outputs[:, :ACTIONS], outputs[:, ACTIONS:].clip(-5, 2)
        std = np.exp(log_std)
        a = np.tanh(mean + std * noise)
        return a, log_p(np, noise, log_std, a, 1), std

    def step():
        a, entropy, _ = drawn(p.actor.predict(p.s_next), p.noise[0])
        rows = np.concatenate([p.s_next, a], axis=1)
        value = np.minimum(p.slow[0].predict(rows), p.slow[1].predict(rows)) - TEMPERATURE * entropy
        targets, rows = p.r + DISCOUNT * value, np.concatenate([p.s, p.a], axis=1)
        for critic in p.critics:
            critic.train_on_batch(rows, targets, optimizer=adam)

        outputs, back = p.actor.vjp(p.s)
        a, entropy, std = drawn(outputs, p.noise[1])
        rows = np.concatenate([p.s, a], axis=1)
        (q1, back1), (q2, back2) = (critic.vjp(rows) for critic in p.critics)
        first = (q1 < q2).astype(np.float32)
        by_a = back1(first, parameters=False).x[:, STATES:] + back2(1 - first, parameters=False).x[:, STATES:]
        slope = 1 - a * a
        by_mean = 2 * TEMPERATURE * a * slope / (slope + 1e-6) - by_a * slope
        by_log_std = by_mean * std * p.noise[1] - TEMPERATURE
        by_log_std *= (outputs[:, ACTIONS:] > -5) & (outputs[:, ACTIONS:] < 2)
        p.actor.apply_gradients(
            back(np.concatenate([by_mean, by_log_std], axis=1) / np.float32(len(a)), x=False), optimizer=adam
        )
        for slow, critic in zip(p.slow, p.critics, strict=True):
            slow.blend(critic, TAU)

    return step


def sac_torch(p: Problem) -> Step:
    actor, critics, slow = like(p.actor), [like(net) for net in p.critics], [like(net) for net in p.slow]
    of_critics, of_slow = parameters(*critics), parameters(*slow)
    actor_adam = torch.optim.Adam(actor.parameters(), lr=RATE, fused=True)
    critic_adam = torch.optim.Adam(of_critics, lr=RATE, fused=True)
    s, s_next, a_old, r, noise = map(torch.from_numpy, (p.s, p.s_next, p.a, p.r, p.noise))

    def drawn(states, noise):
        mean, log_std = actor(states).split(ACTIONS, dim=1)
        log_std = log_std.clamp(-5, 2)
        a = torch.tanh(mean + log_std.exp() * noise)
        return a, log_p(torch, noise, log_std, a, 1)

    def step():
        with torch.no_grad():
            a, entropy = drawn(s_next, noise[0])
            rows = torch.cat([s_next, a], dim=1)
            value = torch.minimum(slow[0](rows), slow[1](rows)) - float(TEMPERATURE) * entropy
            targets = r + float(DISCOUNT) * value
        rows = torch.cat([s, a_old], dim=1)
        critic_adam.zero_grad(set_to_none=True)
        sum(torch.nn.functional.mse_loss(critic(rows), targets) for critic in critics).backward()
        critic_adam.step()

        for parameter in of_critics:
            parameter.requires_grad_(False)
        a, entropy = drawn(s, noise[1])
        rows = torch.cat([s, a], dim=1)
        actor_adam.zero_grad(set_to_none=True)
        (float(TEMPERATURE) * entropy - torch.minimum(*(critic(rows) for critic in critics))).mean().backward()
        actor_adam.step()
        for parameter in of_critics:
            parameter.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(of_slow, of_critics, TAU)

    return step


def arrays_of(net: fc.Network) -> list:
    return [(jnp.asarray(layer.W), jnp.asarray(layer.B)) for layer in net.layers]


def apply_jax(layers, x, activation):
    for w, b in layers[:-1]:
        x = activation(x @ w + b)
    return x @ layers[-1][0] + layers[-1][1]


def adam_jax(layers, gradients, state):
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
    scale = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return jax.tree.map(lambda p, m, v: p - scale * m / (jnp.sqrt(v) + 1e-8), layers, m, v), (m, v, t)


def begin_jax(layers):
    zeros = jax.tree.map(jnp.zeros_like, layers)
    return zeros, jax.tree.map(jnp.zeros_like, layers), jnp.zeros((), jnp.float32)


def sac_jax(p: Problem) -> Step:
    s, s_next, a_old, r, noise = map(jnp.asarray, (p.s, p.s_next, p.a, p.r, p.noise))
    relu = jax.nn.relu
    actor, critics, slow = arrays_of(p.actor), [arrays_of(n) for n in p.critics], [arrays_of(n) for n in p.slow]

    def drawn(actor, states, noise):
        mean, log_std = jnp.split(apply_jax(actor, states, relu), 2, axis=1)
        log_std = log_std.clip(-5, 2)
        a = jnp.tanh(mean + jnp.exp(log_std) * noise)
        return a, log_p(jnp, noise, log_std, a, 1)

    def least(critics, states, a):
        rows = jnp.concatenate([states, a], axis=1)
        return jnp.minimum(*(apply_jax(critic, rows, relu) for critic in critics))

    def update(actor, critics, slow, of_actor, of_critics):
        a, entropy = drawn(actor, s_next, noise[0])
        targets = r + DISCOUNT * (least(slow, s_next, a) - TEMPERATURE * entropy)
        rows = jnp.concatenate([s, a_old], axis=1)

        def critic_loss(critics):
            return sum(jnp.square(apply_jax(critic, rows, relu) - targets).mean() for critic in critics)

        critics, of_critics = adam_jax(critics, jax.grad(critic_loss)(critics), of_critics)

        def actor_loss(actor):
            a, entropy = drawn(actor, s, noise[1])
            return (TEMPERATURE * entropy - least(critics, s, a)).mean()

        actor, of_actor = adam_jax(actor, jax.grad(actor_loss)(actor), of_actor)
        slow = jax.tree.map(lambda x, y: (1 - TAU) * x + TAU * y, slow, critics)
        return actor, critics, slow, of_actor, of_critics

    compiled = jax.jit(update, donate_argnums=(0, 1, 2, 3, 4))
    state = [(actor, critics, slow, begin_jax(actor), begin_jax(critics))]

    def step():
        state[0] = jax.block_until_ready(compiled(*state[0]))

    return step


def pinn(dtype: str) -> dict[str, Step]:
    """Mean square of the Laplacian plus 1 over 1,000 points."""
    net = fc.Network([2, 64, 64, 1], activation="tanh", loss="mse", dtype=dtype, seed=0)
    x, adam = np.random.default_rng(0).uniform(size=(1000, 2)).astype(dtype), fc.Adam(RATE)
    module = like(net, "tanh").to(getattr(torch, dtype))
    points, optimizer = torch.from_numpy(x), torch.optim.Adam(module.parameters(), lr=RATE, fused=True)
    first = arrays_of(net)
    state, x_jax = [(first, begin_jax(first))], jnp.asarray(x)

    def step_fcnet():
        _, laplacian, back = net.laplacian(x)
        net.apply_gradients(back(None, 2 / len(x) * (laplacian + 1), x=False), optimizer=adam)

    def step_torch():
        at = points.clone().requires_grad_()
        (by_x,) = torch.autograd.grad(module(at).sum(), at, create_graph=True)
        second = [torch.autograd.grad(by_x[:, k].sum(), at, create_graph=True)[0][:, k] for k in range(2)]
        optimizer.zero_grad(set_to_none=True)
        (sum(second) + 1).square().mean().backward()
        optimizer.step()

    def loss(layers):
        def u(point):
            return apply_jax(layers, point, jnp.tanh)[0]

        def laplacian(point):
            def along(v):
                return jax.jvp(lambda q: jax.jvp(u, (q,), (v,))[1], (point,), (v,))[1]

            return sum(along(v) for v in jnp.eye(2, dtype=point.dtype))

        return jnp.square(jax.vmap(laplacian)(x_jax) + 1).mean()

    compiled = jax.jit(lambda layers, moments: adam_jax(layers, jax.grad(loss)(layers), moments))

    def step_jax():
        state[0] = jax.block_until_ready(compiled(*state[0]))

    return {"fcnet": step_fcnet, "PyTorch": step_torch, "JAX": step_jax}


def sac(n: int) -> dict[str, Step]:
    return {"fcnet": sac_fcnet(Problem(n)), "PyTorch": sac_torch(Problem(n)), "JAX": sac_jax(Problem(n))}


TASKS = {
    "SAC, 64 rows": lambda: sac(64),
    "SAC, 256 rows": lambda: sac(256),
    "PINN, float32": lambda: pinn("float32"),
    "PINN, float64": lambda: pinn("float64"),
}


def seconds(step: Step, count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - start) / count


@pytest.mark.parametrize("task", TASKS)
def test_outside(benchmark, monkeypatch, task):
    monkeypatch.setenv("NPROC", "1")  # the number of threads of JAX, read when it computes for the first time
    jax.config.update("jax_enable_x64", task.endswith("float64"))
    with fc.threads(1):
        steps, counts = TASKS[task](), {}
        for who, step in steps.items():
            seconds(step, 5)
            counts[who] = max(3, int(SHORTEST / seconds(step, 5)))
        times: dict[str, list[float]] = {who: [] for who in steps}

        def in_turns():
            for who, step in steps.items():
                times[who].append(seconds(step, counts[who]))

        benchmark.pedantic(in_turns, rounds=ROUNDS)
    found = {who: float(np.quantile(each, 0.05)) for who, each in times.items()}
    benchmark.extra_info |= {"test": "test_outside", "name": task, **found}
    text = ", ".join(f"{who} {1e6 * each:,.0f}" for who, each in found.items())
    ratios = ", ".join(f"{who} / fcnet {each / found['fcnet']:.1f}" for who, each in found.items() if who != "fcnet")
    print(f"\n{task}: {text} µs; {ratios}")
