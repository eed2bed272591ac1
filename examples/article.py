"""The article's network, one step of gradient descent, every matrix printed.

The input is the number 3 in binary, (1, 1); class 0 is "odd", class 1 "even". The article prints layer 1 and the
results. The numbers of layers 2 and 3 were in its pictures, which are missing; here they are chosen so that the result
is its p = (0.44, 0.56) and L = 0.82.

python examples/article.py
"""

from __future__ import annotations

import numpy as np

from fcnet import kernels, reference

ALPHA = 0.1
X, Y = np.array([[1.0, 1.0]]), np.array([0])
LAYERS = [
    (np.array([[0.5, 0.2], [0.1, 0.2]]), np.array([0.1, 0.1])),  # the article's
    (np.array([[0.3, 0.5], [0.1, 0.1]]), np.array([0.1, 0.1])),  # chosen
    (np.array([[0.1, 0.5], [0.1, 0.3]]), np.array([0.1, 0.1])),  # chosen
]


def show(name: str, value: np.ndarray) -> None:
    """Print a matrix beside its name."""
    text = np.array2string(np.atleast_2d(value), precision=4, suppress_small=True, floatmode="fixed", sign=" ")
    print(f"  {name:<9} = " + text.replace("\n", "\n" + " " * 14))


def forward(module, layers):
    """Every h_in and h_out; the last h_out is p."""
    h, passed = X, []
    for i, (w, b) in enumerate(layers):
        h_in = module.linear(h, w, b)
        h = module.relu(h_in) if i < 2 else module.softmax(h_in)
        passed.append((h_in, h))
    return passed


def main() -> None:
    """Forward pass, loss, backward pass, update, forward pass again."""
    layers = [(w.copy(), b.copy()) for w, b in LAYERS]

    print("Forward pass: h_in = h W + B, h_out = ReLU(h_in), at the end p = softmax(h_in)")
    show("input", X)
    passed = forward(kernels, layers)
    for i, ((w, b), (h_in, h_out)) in enumerate(zip(layers, passed, strict=True), 1):
        show(f"W{i}", w)
        show(f"B{i}", b)
        show(f"h{i}_in", h_in)
        show(f"h{i}_out" if i < 3 else "p", h_out)

    loss, sigma = kernels.cross_entropy(passed[2][0], Y)
    print(f"\nLoss: L = -ln p_odd = {loss[0]:.4f}   (even is ahead, and wrong)")

    print("\nBackward pass: sigma3 = p - y, sigma_i = sigma_i+1 W_i+1^T o F'(h_i_in), dL/dW_i = h_i-1^T sigma_i")
    for i in (3, 2, 1):
        h = passed[i - 2][1] if i > 1 else X
        dw, db = kernels.weight_gradient(sigma, h)
        show(f"sigma{i}", sigma)
        show(f"dL/dW{i}", dw)
        show(f"dL/dB{i}", db)
        w, b = layers[i - 1]
        sigma = kernels.sigma_backward_sgd(sigma, w, b, h, ALPHA)

    print(f"\nGradient descent: x <- x - {ALPHA} dL/dx")
    for i, (w, b) in enumerate(layers, 1):
        show(f"W{i}", w)
        show(f"B{i}", b)

    before, after = passed[2][1], forward(kernels, layers)[2][1]
    print("\nForward pass again")
    show("p", after)
    print(f"  odd rose from {before[0, 0]:.4f} to {after[0, 0]:.4f}")

    oracle = [(w.copy(), b.copy()) for w, b in LAYERS]
    reference.training_step(oracle, X, Y, ALPHA)
    apart = max(abs(a - b).max() for p, q in zip(layers, oracle, strict=True) for a, b in zip(p, q, strict=True))
    print(f"  fcnet.kernels and fcnet.reference (plain NumPy) differ by at most {apart:.1e}")


if __name__ == "__main__":
    main()
