"""One optimizer of every kind, and some with options, for the tests that go through all of them."""

from __future__ import annotations

import pytest

import fcnet as fc

OPTIMIZERS = {
    "sgd": fc.SGD(0.05),
    "momentum": fc.SGD(0.02, 0.9),
    "nesterov": fc.SGD(0.02, 0.9, nesterov=True),
    "adam": fc.Adam(0.01),
    "adamw": fc.AdamW(0.01),
    "nadam": fc.NAdam(0.01),
    "rmsprop": fc.RMSprop(0.003),
    "rmsprop-momentum": fc.RMSprop(0.003, momentum=0.9),
    "adagrad": fc.Adagrad(0.02),
    "lion": fc.Lion(0.001),
    "decay-l2-clip-value": fc.SGD(0.02, 0.9, weight_decay=0.1, l2=0.01, clip_value=0.02),
    "clip-norm": fc.Adam(0.01, clip_norm=0.5),
}
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
