"""Modules have moved since version 0.1: what was stored or written with their old names still works."""

from __future__ import annotations

import copy
import importlib
import pickle
import re
import traceback

import pytest

import fcnet as fc
from fcnet import _moved
from golden.make import objects

pytestmark = pytest.mark.once


@pytest.mark.parametrize("old", _moved._NOW)
def test_an_old_name_gives_the_module_that_is_there_now(old):
    assert importlib.import_module(f"fcnet.{old}") is importlib.import_module(f"fcnet.{_moved._NOW[old]}")


def test_only_modules_of_fcnet_are_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("early_stopping")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("fcnet.early_stoppage")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *(("averaging", name) for name in ("EMA", "SWA")),
        *(("callbacks", name) for name in ("Callback", "StopTraining")),
        *(("dense", "Dense"), ("early_stopping", "EarlyStopping"), ("history", "History")),
        *(("learning_rates", "LearningRates"), ("training", "DivergenceError"), ("checkpoint", "Checkpoint")),
        *(("normalization", name) for name in ("BatchNorm", "LayerNorm")),
        *(("optimizer", "Optimizer"), ("schedule", "Schedule"), ("loading", "load"), ("loading", "load")),
    ],
)
def test_pickles_find_classes_by_their_names_of_version_0_1(module, name):
    home = {"Optimizer": fc.optimizers, "Schedule": fc.schedules}.get(name, fc)
    assert pickle.loads(f"cfcnet.{module}\n{name}\n.".encode()) is getattr(home, name)


def test_pickles_and_tracebacks_call_classes_by_their_public_names(tmp_path):
    private = re.compile(rb"fcnet\.[\w.]*(\b_|numbers|writing|drawing)")
    for name, each in objects(tmp_path).items():
        assert not private.search(pickle.dumps(each)), name
    stopping = fc.EarlyStopping(patience=3)
    assert pickle.loads(pickle.dumps(stopping)) == copy.deepcopy(stopping) == stopping
    [line] = traceback.format_exception_only(fc.DivergenceError("it diverged"))
    assert line == "fcnet.DivergenceError: it diverged\n"
