"""Training of the networks of an estimator, side by side, each with the best of its epochs."""

from __future__ import annotations

import contextvars
import copy
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._threads import get_num_threads, threads
from fcnet._training.callbacks import Callback, Logs, StopTraining
from fcnet._training.progress import Progress, ProgressMode
from fcnet.network import Network
from fcnet.tabular.recipes import Recipe
from fcnet.tabular.targets import Targets

_TIMED_STEPS = 10
_PLANNED = 0.9  # share of the time left for which epochs are planned
_LONG_EPOCH = 50  # steps, from which on a fit can stop within an epoch


@dataclass(frozen=True)
class Rows:
    """Inputs, targets and weights of samples, as a network takes them."""

    x: NDArray[Any]
    y: NDArray[Any]
    weights: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.x)

    def first(self, n: int) -> Rows:
        """Return the first n rows."""
        return Rows(self.x[:n], self.y[:n], None if self.weights is None else self.weights[:n])

    def given(self) -> tuple[Any, ...]:
        """Return them as an argument ``validation_data``."""
        return (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)


class Clock:
    """The time limit of an estimator's fit, from the call on; None means none."""

    def __init__(self, limit: float | None) -> None:
        self._begin, self._limit = time.perf_counter(), limit

    @property
    def seconds(self) -> float:
        """Seconds since the call."""
        return time.perf_counter() - self._begin

    @property
    def left(self) -> float:
        """Seconds until the limit; infinite if there is none."""
        return np.inf if self._limit is None else self._limit - self.seconds

    @property
    def is_over(self) -> bool:
        """Whether less than 3 % of the limit is left."""
        return self._limit is not None and self.left < 0.03 * self._limit


class _Stop(Callback):
    """Ends a fit after an epoch when its time is over, or when the fits are to end."""

    def __init__(self, clock: Clock, ended: threading.Event) -> None:
        self._clock, self._ended, self.by = clock, ended, ""

    def _check(self) -> None:
        self.by = "time" if self._clock.is_over else "interrupted" if self._ended.is_set() else ""
        if self.by:
            raise StopTraining

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._check()


class _StopWithinEpoch(_Stop):
    """Ends a fit after a step."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        self._check()


@dataclass
class NetworkFit:
    """A network, what it is trained on, and what became of it.

    Attributes
    ----------
    network : Network
    recipe : RealMLP or TabM
    targets : Targets
    train, validation : Rows
    score : function (y, outputs) -> float, or None
        What the best epoch is chosen by; None: the accuracy.
    rises : bool
        Whether a higher score is better.
    class_weight : as for ``Network.fit``
    stopped_by : {"epochs", "patience", "time", "callback", "interrupted"}
        What ended its fit.
    """

    network: Network
    recipe: Recipe
    targets: Targets
    train: Rows
    validation: Rows
    score: Callable[[NDArray[Any], NDArray[Any]], float] | None
    rises: bool
    class_weight: Any = None
    stopped_by: str = "epochs"
    _stop: _Stop | None = field(default=None, repr=False)

    @property
    def monitor(self) -> str:
        """The column of the history that the best epoch is chosen by."""
        return "val_accuracy" if self.score is None else "val_score"

    def fit(self, epochs: int, callbacks: Sequence[Any] = (), train: Rows | None = None) -> None:
        """Train the network for so many epochs, and restore the best."""
        recipe, train = self.recipe, train or self.train
        self.network.fit(
            train.x,
            train.y,
            sample_weight=train.weights,
            class_weight=self.class_weight,
            epochs=epochs,
            batch_size=recipe.batch_of(len(self.train)),
            optimizer=recipe.optimizer(),
            validation_data=self.validation.given(),
            metrics=None if self.score is None else {"score": self.score},
            callbacks=callbacks,
            progress=False,
            **recipe.training(self.monitor, "max" if self.rises else "min"),
        )

    def run(self, epochs: int, clock: Clock, ended: threading.Event, callbacks: Sequence[Any]) -> None:
        """Train the network until all epochs are done, the time is over, or ``ended`` is set."""
        if ended.is_set():
            return
        is_long = len(self.train) > _LONG_EPOCH * self.recipe.batch_of(len(self.train))
        stop = (_StopWithinEpoch if is_long else _Stop)(clock, ended)
        self.fit(epochs, [*callbacks, stop])
        if self.network.history.stopped_early:
            self.stopped_by = stop.by or ("patience" if self._is_out_of_patience else "callback")

    @property
    def _is_out_of_patience(self) -> bool:
        """Whether the fit ended because no epoch was better for as long as the recipe waits."""
        history, patience = self.network.history, getattr(self.recipe, "patience", None)
        return patience is not None and history.best_epoch is not None and len(history) > history.best_epoch + patience

    def seconds_an_epoch(self) -> float:
        """Measure some steps of a copy of the network, and tell how long an epoch would take."""
        batch = self.recipe.batch_of(len(self.train))
        steps = max(len(self.train) // batch, 1)
        trial = copy.copy(self)
        trial.network = copy.deepcopy(self.network)
        start = time.perf_counter()
        trial.fit(2, train=self.train.first(_TIMED_STEPS * batch))
        total, (first, second) = time.perf_counter() - start, trial.network.history.seconds
        timed = min(steps, _TIMED_STEPS)
        return second / timed * steps + (total - first - second) / 2


def _side_by_side(jobs: int, tasks: Sequence[Callable[[], object]], ended: threading.Event) -> bool:
    """Run tasks in Python threads, each on one thread of the library; return whether Ctrl-C has ended them.

    A single task uses all threads. Exceptions are raised, when all tasks have ended.
    """

    def run(task: Callable[[], object]) -> object:
        if jobs == 1:
            return task()
        with threads(1):
            return task()

    interrupted, to_start, futures = False, list(tasks), []
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while True:
                try:
                    while to_start:
                        futures.append(pool.submit(contextvars.copy_context().run, run, to_start.pop(0)))
                    done, left = wait(futures, timeout=0.05, return_when=FIRST_EXCEPTION)
                    if not left or any(future.exception() for future in done):
                        break
                except KeyboardInterrupt:
                    interrupted = True
                    to_start.clear()
                    ended.set()
        finally:
            ended.set()
    for future in futures:
        future.result()
    return interrupted


class _Report:
    """Advances one progress bar for the epochs of all networks, which end in several threads."""

    def __init__(self, bar: Progress, samples: int) -> None:
        self._bar, self._samples, self._done, self._lock = bar, samples, 0, threading.Lock()

    def end_epoch(self, network: Network, epoch: int, logs: Logs) -> None:
        """Report the end of an epoch of one network."""
        with self._lock:
            self._done += 1
            self._bar.end_epoch(epoch, self._done, self._samples, network.history.seconds[-1], logs)


def train(
    fits: Sequence[NetworkFit], epochs: int, clock: Clock, callbacks: Sequence[Any], progress: ProgressMode
) -> tuple[int, bool]:
    """Train all networks: several at once where there are threads for them, unless a ``Callback`` is to see each.

    A ``Callback`` has one ``model``, so with one in ``callbacks`` the networks are trained in turn, each on all
    threads. The results have the same bits.

    Parameters
    ----------
    fits : sequence of NetworkFit
    epochs : int
        At most so many each; fewer if the time limit asks for it.
    clock : Clock
    callbacks : sequence
        Of every network's fit.
    progress : bool, "lines" or None

    Returns
    -------
    epochs : int
        How many were planned for every network.
    interrupted : bool
        Whether Ctrl-C has ended the training.
    """
    ended = threading.Event()
    jobs = 1 if any(isinstance(one, Callback) for one in callbacks) else min(get_num_threads(), len(fits))
    if np.isfinite(clock.left):
        times: list[float] = []
        tried = [lambda fit=fit: times.append(fit.seconds_an_epoch()) for fit in fits[:jobs]]
        if _side_by_side(jobs, tried, threading.Event()):
            return epochs, True
        rounds = -(-len(fits) // jobs)
        epochs = max(1, min(epochs, int(_PLANNED * clock.left / (rounds * max(times)))))
    samples = sum(map(len, (fit.train for fit in fits))) // len(fits)
    with Progress(progress, epochs * len(fits), 0, samples) as bar:
        report = _Report(bar, samples)
        tasks = []
        for fit in fits:
            own = [partial(report.end_epoch, fit.network)] if bar.is_shown else []
            tasks.append(partial(fit.run, epochs, clock, ended, [*callbacks, *own]))
        return epochs, _side_by_side(jobs, tasks, ended)
