"""``fcnet.torch.module`` and ``fcnet.jax.function``: a network inside another library."""

from __future__ import annotations

import numpy as np
import pytest

import fcnet as fc

from interop import library

pytestmark = pytest.mark.interop


@pytest.fixture
def torch():
    return library("torch")


@pytest.fixture
def jax():
    return library("jax")


def network(dtype="float32"):
    return fc.Network([3, fc.Dense(17, "tanh"), 2], loss="mse", seed=1, dtype=dtype)


def rows(n=6, k=3, dtype="float32"):
    return np.random.default_rng([n, k]).standard_normal((n, k)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_flow_through_the_module(torch, dtype):
    from fcnet.torch import module

    net = network(dtype)
    before, after = (
        torch.nn.Linear(4, 3, dtype=getattr(torch, dtype)),
        torch.nn.Linear(2, 1, dtype=getattr(torch, dtype)),
    )
    inside = module(net)
    x = torch.from_numpy(rows(k=4, dtype=dtype))
    loss = after(inside(before(x))).square().mean()
    loss.backward()
    h = before(x).detach()
    outputs, back = net.vjp(h.numpy())
    free = torch.from_numpy(outputs).requires_grad_()
    after(free).square().mean().backward()
    g = back(free.grad.numpy())
    assert np.allclose(inside.grad, g.flat, atol=1e-6)
    assert np.allclose(before.weight.grad, g.x.T @ x.numpy(), atol=1e-6)


def test_the_module_has_no_parameters_and_takes_steps(torch):
    from fcnet.torch import module

    net, other = network(), network()
    inside, x, y = module(net), rows(), rows(k=2)
    assert list(inside.parameters()) == []
    assert repr(net) in repr(inside)
    losses = []
    for _ in range(20):
        loss = torch.nn.functional.mse_loss(inside(torch.from_numpy(x)), torch.from_numpy(y))
        losses.append(loss.item())
        loss.backward()
        inside.step(fc.Adam(0.05))
        other.train_on_batch(x, y, optimizer=fc.Adam(0.05))
    assert losses[-1] < losses[0] / 2
    assert np.allclose(net.parameters, other.parameters, atol=1e-4)


def test_gradients_add_up_until_they_are_used(torch):
    from fcnet.torch import module

    inside, x = module(network()), torch.from_numpy(rows())
    inside(x).sum().backward()
    once = inside.grad.copy()
    inside(x).sum().backward()
    assert np.allclose(inside.grad, 2 * once)
    inside.grad *= 0.5
    assert np.allclose(inside.grad, once)
    y = torch.from_numpy(rows(n=3)).requires_grad_()
    torch.autograd.grad(inside(y).sum(), y)  # of x alone: the parameters' gradients stay as they are
    assert np.allclose(inside.grad, once)
    loss = inside(x).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    inside.zero_grad()
    assert inside.grad is None
    with pytest.raises(RuntimeError, match="no gradients"):
        inside.step()
    with torch.no_grad():
        assert not inside(x).requires_grad


def test_what_the_module_does_not_take_is_refused(torch):
    from fcnet.torch import module

    inside = module(network())
    with pytest.raises(TypeError, match=r"x is a torch.float64 tensor on cpu: expected a dense torch.float32"):
        inside(torch.ones(2, 3, dtype=torch.float64))
    with pytest.raises(TypeError, match="x is a ndarray"):
        inside(rows())
    with pytest.raises(ValueError, match="4 features"):
        inside(torch.ones(2, 4))
    with pytest.raises(TypeError, match="network is a str"):
        module("net")
    x = torch.from_numpy(rows()).requires_grad_()
    for loss in (inside(x).sum(), inside(x).square().sum()):
        with pytest.raises(RuntimeError, match="differentiable once.*Network.hvp"):
            torch.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        torch.autograd.functional.hessian(lambda x: inside(x).sum(), x.detach())


def test_a_state_dict_holds_the_network(torch):
    from fcnet.torch import module

    layers = [3, fc.Dense(17, "tanh", normalization="batch"), 2]
    first, second = (torch.nn.Sequential(module(fc.Network(layers, loss="mse", seed=seed))) for seed in (0, 1))
    first[0].network.fit(rows(), rows(k=2), epochs=3, batch_size=6)
    x = torch.from_numpy(rows())
    assert (first(x) != second(x)).any()
    second.load_state_dict(first.state_dict())
    assert (first(x) == second(x)).all()
    with pytest.raises(ValueError, match="parameters has shape"):
        module(network()).load_state_dict(first[0].state_dict())


def test_jax_has_values_gradients_and_vmap(jax):
    from fcnet.jax import function

    net = network()
    f, x = function(net), rows()
    assert (np.asarray(f(x)) == net.predict(x)).all()
    c = rows(k=2)
    _, back = jax.vjp(f, x)
    assert (np.asarray(back(c)[0]) == net.input_gradient(x, c)).all()
    grad = jax.jit(jax.grad(lambda x: (f(x) ** 2).sum()))
    assert np.allclose(grad(x), net.input_gradient(x, 2 * net.predict(x)), atol=1e-6)
    one_by_one = jax.vmap(jax.grad(lambda row: f(row)[0]))(x)
    assert np.allclose(one_by_one, net.input_gradient(x, of=0), atol=1e-6)
    assert f(x[0]).shape == (2,)
    assert f([[1.0, 2.0, 3.0]]).shape == (1, 2)
    net.fit(x, c, epochs=1)
    assert (np.asarray(f(x)) != net.predict(x)).any()


def test_what_jax_cannot_do_is_refused(jax):
    from fcnet.jax import function

    f = function(network())
    with pytest.raises(TypeError):
        jax.jvp(f, (rows(),), (rows(),))
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\): expected \(..., 3\)"):
        f(np.ones((2, 4), np.float32))
    with pytest.raises(TypeError, match="network is a int"):
        function(1)


def test_only_these_modules_import_the_libraries():
    """``import fcnet`` and gradients need neither."""
    from processes import output

    step = "fc.Network([2, 3, 1], loss='mse').vjp([[1, 2]])"
    code = f"import sys, fcnet as fc; {step}; print({{'torch', 'jax'}} & {{*sys.modules}})"
    assert output(code).strip() == "set()"
