"""Solve Poisson's equation on a square by a physics-informed network (PINN, Raissi et al. 2019).

python docs/examples/poisson_square.py poisson.png     (pip install matplotlib)

-(u_xx + u_yy) = 2 pi^2 sin(pi x) sin(pi y) within the unit square and u = 0 on its border; the solution is
u = sin(pi x) sin(pi y). It is sought as u = B N, a network N(x, y) times B = 16 x (1 - x) y (1 - y), which is 0 on the
border. The network trains on the residual of the equation at random points: ``laplacian`` gives its exact first and
second derivatives, and leads derivatives of the loss by them back to the weights.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import fcnet as fc

POINTS = 500  # of a step
RATE = 0.01
GRID = 101  # points on a side where the solution is compared


def exact(points: np.ndarray) -> np.ndarray:
    """Return the solution."""
    return np.sin(np.pi * points[:, :1]) * np.sin(np.pi * points[:, 1:])


def border(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return B with its gradient and its Laplacian."""
    x, y = points[:, :1], points[:, 1:]
    of_x, of_y = x * (1 - x), y * (1 - y)
    gradient = np.concatenate([(1 - 2 * x) * of_y, of_x * (1 - 2 * y)], axis=1)
    return 16 * of_x * of_y, 16 * gradient, -32 * (of_x + of_y)


class Solution:
    """u = B N, and what trains it."""

    def __init__(self, seed: int) -> None:
        self.net = fc.Network(
            [2, 32, 32, 1], activation="tanh", loss="mse", dtype="float64", offset=0.5, scale=2, seed=seed
        )
        self.optimizer = fc.Adam()

    def predict(self, points: np.ndarray) -> np.ndarray:
        """Return u."""
        return border(points)[0] * self.net.predict(points)

    def learn(self, points: np.ndarray, rate: float) -> float:
        """Make one training step and return its loss, the mean square of the residual."""
        n, laplacian, back = self.net.laplacian(points)
        b, b_gradient, b_laplacian = border(points)
        # The Laplacian of B N is B lap N + 2 grad B . grad N + N lap B.
        mixed = (b_gradient * back.jacobian[:, 0]).sum(axis=1, keepdims=True)
        residual = b * laplacian + 2 * mixed + n * b_laplacian + 2 * np.pi**2 * exact(points)

        by_residual = 2 * residual / len(points)
        gradients = back(
            by_residual * b_laplacian,
            by_residual * b,
            jacobian_cotangent=(by_residual * 2 * b_gradient)[:, None],
            x=False,
        )
        self.net.apply_gradients(gradients, optimizer=self.optimizer, learning_rate=rate)
        return float((residual**2).mean())


def train(solution: Solution, seed: int, steps: int) -> dict:
    """Train for so many steps; return the solution on a grid, its error, and the losses."""
    rng, losses = np.random.default_rng(seed), []
    for step in range(steps):
        rate = RATE * (0.001 + 0.999 * np.cos(np.pi / 2 * step / steps) ** 2)
        losses.append(solution.learn(rng.uniform(size=(POINTS, 2)), rate))
    side = np.linspace(0, 1, GRID)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    u = solution.predict(points)
    return {"steps": steps, "u": u, "error": u - exact(points), "losses": losses}


def draw(found: dict, path: str) -> None:
    """Draw the solution, its error, and how the loss fell."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    most = abs(found["error"]).max()
    for ax, values, title, options in (
        (axes[0], found["u"], "u(x, y)", {"cmap": "viridis"}),
        (axes[1], found["error"], "error", {"cmap": "RdBu", "vmin": -most, "vmax": most}),
    ):
        image = ax.imshow(values.reshape(GRID, GRID), origin="lower", extent=(0, 1, 0, 1), **options)
        figure.colorbar(image, ax=ax, shrink=0.8)
        ax.set(xlabel="x", ylabel="y", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        ax.set_title(title, loc="left", fontweight="bold")
    axes[2].semilogy(found["losses"], color="#0072b2", linewidth=0.8)
    axes[2].set(xlabel="step")
    axes[2].set_title("loss", loc="left", fontweight="bold")
    axes[2].spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Read the arguments, train, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("picture", help="file to write, such as poisson.png")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1_500)
    chosen = parser.parse_args()
    start = time.perf_counter()
    found = train(Solution(chosen.seed), chosen.seed, chosen.steps)
    seconds = time.perf_counter() - start
    print(f"largest error {abs(found['error']).max():.1e} after {found['steps']:,} steps, {seconds:.1f} s")
    draw(found, chosen.picture)


if __name__ == "__main__":
    main()
