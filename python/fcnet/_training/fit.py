"""Fits: they open a native trainer, run epochs and update the state of the network."""

from __future__ import annotations

from dataclasses import replace

from fcnet._checks import console
from fcnet._training.callbacks import Callbacks
from fcnet._training.dataset import Dataset
from fcnet._training.early_stopping import Best
from fcnet._training.evaluation import history_keys, score
from fcnet._training.fit_arguments import FitData, FitOptions
from fcnet._training.history import History
from fcnet._training.loop import Loop
from fcnet._training.train_state import TrainState


def _check_rules(state: TrainState, data: FitData, options: FitOptions) -> None:
    """Raise ValueError if metrics, schedules or early stopping need data that the fit does not have."""
    metric_set, validation = options.metric_set, data.validation
    if metric_set and validation is None:
        raise ValueError("metrics are computed on validation data: expected validation_data or validation_split")
    keys = history_keys(state.architecture.classifies, validation is not None, metric_set)
    for name, schedule in options.schedules.items():
        schedule.check_monitored(keys, name)
        if data.source.steps is None:
            raise ValueError(
                f"{name} needs the number of batches of an epoch, but x has no len(): expected steps_per_epoch"
            )
    if options.early_stopping is not None:
        options.early_stopping.check_monitored(keys, "early_stopping")
        start = options.early_stopping.start_from_epoch
        if options.initial_epoch < options.epochs <= start:
            text = f"early_stopping has start_from_epoch={start}, and epochs is {options.epochs}"
            console.warn(f"{text}: early stopping monitors none of them", RuntimeWarning)


def fit(state: TrainState, data: FitData, options: FitOptions, callbacks: Callbacks) -> History:
    """Train the network, as ``Network.fit`` documents it.

    Raises
    ------
    ValueError : the options need data that the fit does not have.
    Exception : what ``Network.fit`` raises.
    """
    _check_rules(state, data, options)
    validation, metric_set, source = data.validation, options.metric_set, data.source
    if validation is not None:  # so that a metric that raises does so before the training
        tried = validation if isinstance(validation, Dataset) else validation.first
        score(state.model, state.architecture, tried, metric_set)
    source.open(state.model, options.optimizer, state.trainable, options.averaging, options.by_step)
    try:
        state.open_step, state.feature_names = None, data.feature_names
        state.architecture = replace(state.architecture, classes=data.classes)
        columns: dict[str, list[float]] = {f"val_{name}": [] for name in metric_set if name != "accuracy"}
        earlier = state.history.last_of(options.initial_epoch, state.model.epochs)
        state.history = History(metrics=columns, earlier=earlier)
        state.best = Best(options.early_stopping, state.history, state.best.epoch_weights)
        Loop(state, data, options, callbacks).run()
    finally:
        source.trainer.close()
    return state.history
