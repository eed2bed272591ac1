"""Steps of microseconds, in turns with the same in PyTorch on one thread: CPU seconds a call.

python -m pytest bench/test_steps.py -s

The native part of a call of fcnet is what its function of the extension takes; the rest is Python.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

import fcnet as fc

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

ROUNDS, SHORTEST = 40, 0.003  # seconds of a block of calls
RNG = np.random.default_rng(0)
SIZES = {"dqn": [4, 120, 84, 2], "critic": [23, 256, 256, 1]}
BATCHES = {"dqn": 64, "critic": 256}


def problem(name: str) -> tuple[np.ndarray, np.ndarray]:
    n, sizes = BATCHES[name], SIZES[name]
    return RNG.standard_normal((n, sizes[0]), np.float32), RNG.standard_normal((n, sizes[-1]), np.float32)


def networks(name: str) -> tuple[fc.Network, torch.nn.Sequential]:
    """Both with the same weights."""
    net, layers = fc.Network(SIZES[name], loss="mse", seed=0), []
    for layer in net.layers:
        linear = torch.nn.Linear(*layer.W.shape)
        linear.weight.data = torch.from_numpy(layer.W.T.copy())
        linear.bias.data = torch.from_numpy(layer.B.copy())
        layers += [linear, torch.nn.ReLU()]
    return net, torch.nn.Sequential(*layers[:-1])


Call = Callable[[], object]


def train(name: str, rate: float | None = None) -> tuple[Call, Call, Call]:
    (x, y), (net, module) = problem(name), networks(name)
    of_torch = torch.from_numpy(x), torch.from_numpy(y)
    optimizer, adam = torch.optim.Adam(module.parameters(), fused=True), fc.Adam()
    loss = torch.nn.MSELoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(module(of_torch[0]), of_torch[1]).backward()
        optimizer.step()

    net.train_on_batch(x, y, optimizer=adam)
    trainer = net._state.open_step.trainer
    return (
        lambda: net.train_on_batch(x, y, optimizer=adam, learning_rate=rate),
        lambda: trainer.step(x, y, None, 1e-3, 1),
        step,
    )


def apply(name: str) -> tuple[Call, Call, Call]:
    (x, y), (net, module) = problem(name), networks(name)
    gradients, adam = net.gradients(x, y), fc.Adam()
    optimizer = torch.optim.Adam(module.parameters(), fused=True)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    net.apply_gradients(gradients, optimizer=adam)
    trainer = net._state.open_step.trainer
    return (
        lambda: net.apply_gradients(gradients, optimizer=adam),
        lambda: trainer.apply(gradients, 1e-3),
        lambda: optimizer.step(),
    )


def blend(name: str) -> tuple[Call, Call, Call]:
    (net, module), (other, towards) = networks(name), networks(name)
    mine, its = list(module.parameters()), list(towards.parameters())

    def lerp():
        with torch.no_grad():
            torch._foreach_lerp_(mine, its, 0.005)

    model, model_of_other = net._state.model, other._state.model
    return lambda: net.blend(other, 0.005), lambda: model.blend(model_of_other, 0.005), lerp


def copy(name: str) -> tuple[Call, Call, Call]:
    (net, module), (other, towards) = networks(name), networks(name)
    mine, its = list(module.parameters()), list(towards.parameters())

    def copied():
        with torch.no_grad():
            torch._foreach_copy_(mine, its)

    model, model_of_other = net._state.model, other._state.model
    return lambda: net.copy_parameters(other), lambda: model.copy_parameters(model_of_other), copied


def act(name: str) -> tuple[Call, Call, Call]:
    net, module = networks(name)
    row = problem(name)[0][:1].copy()
    of_torch, model = torch.from_numpy(row), net._state.model

    def forward():
        with torch.inference_mode():
            module(of_torch)

    return lambda: net.predict(row), lambda: model.predict_plain(row), forward


TASKS = {
    "train_on_batch": train,
    "train_on_batch, rate given": lambda name: train(name, 1e-4),
    "apply_gradients": apply,
    "blend": blend,
    "copy_parameters": copy,
    "predict one row": act,
}


def seconds(call: Call, calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("task", TASKS)
def test_steps(benchmark, task, name):
    with fc.threads(1):
        calls = dict(zip(("fcnet", "native", "PyTorch"), TASKS[task](name), strict=True))
        counts = {}
        for who, call in calls.items():
            seconds(call, 20)
            counts[who] = max(10, int(SHORTEST / max(seconds(call, 20), 1e-7)))
        times: dict[str, list[float]] = {who: [] for who in calls}

        def in_turns():
            for who, call in calls.items():
                times[who].append(seconds(call, counts[who]))

        benchmark.pedantic(in_turns, rounds=ROUNDS)
    found = {who: float(np.quantile(each, 0.05)) for who, each in times.items()}
    benchmark.extra_info |= {"test": "test_steps", "name": f"{task}, {name}", **found}
    text = ", ".join(f"{who} {1e6 * each:.2f}" for who, each in found.items())
    print(f"\n{task}, {name}: {text} µs; PyTorch / fcnet {found['PyTorch'] / found['fcnet']:.1f}")
