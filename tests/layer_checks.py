"""What holds for layers of every kind, as test_normalization.py, test_scale.py and test_parametric.py check it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fcnet as fc
from fcnet import reference

from bounds import flat

BIASED = fc.LayerNorm(product_bias=True)


def of_oracle(kind):
    """The name that the oracle knows a normalisation by."""
    return getattr(kind, "name", kind)


def data(n=70, k=5, classes=3):
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, k)), rng.integers(0, classes, n)


def parts_of(layer):
    """The names of the layer's parameters that have a gradient."""
    names = ("W", "B", *(layer.normalization.trained_parts if layer.normalization else ()))
    names = (*names, "mix") if "parametric" in repr(layer) else names
    return (*names, "scale") if "scaled" in repr(layer) else names


def layers_of(net):
    """The parameters of every layer that have a gradient, in float64."""
    return [tuple(getattr(layer, name).astype(float) for name in parts_of(layer)) for layer in net.layers]


def check_gradients_of_the_oracle(layers, x, y, **options):
    """The oracle's gradients are derivatives by a complex step, for up to 40 numbers of an array."""
    _, gradients = reference.backward(layers, x, y, **options)
    for array, gradient in zip(flat(layers), flat(gradients), strict=True):
        for index in list(np.ndindex(array.shape))[:40]:
            moved = [tuple(a.astype(complex) for a in layer) for layer in layers]
            next(m for m, a in zip(flat(moved), flat(layers), strict=True) if a is array)[index] += 1e-30j
            loss, _ = reference.backward(moved, x, y, **options)
            assert loss.imag / 1e-30 == pytest.approx(gradient[index], rel=1e-11, abs=1e-13)


def check_bits_with_any_threads(make):
    """Networks of ``make()`` train and predict with the same bits, whatever the number of threads."""
    x, y = data(200)
    bits = set()
    for threads in (1, 2, 3):
        with fc.threads(threads):
            net = make()
            net.fit(x, y, epochs=2, batch_size=48, optimizer=fc.Adam())
            bits.add(pickle.dumps(layers_of(net)) + net.predict(x).tobytes())
    assert len(bits) == 1


def check_that_two_fits_are_one(make, folder, **options):
    """Two fits of ``make()`` are one longer fit, also with a file, a pickle or a copy in between."""
    x, y = data()
    whole, half = make(), make()
    whole.fit(x, y, epochs=4, **options)
    half.fit(x, y, epochs=2, **options)
    half.save(folder / "half.safetensors")
    for again in (pickle.loads(pickle.dumps(half)), copy.deepcopy(half), fc.load(folder / "half.safetensors"), half):
        assert repr(again) == repr(half)
        again.fit(x, y, epochs=2, **options)
        assert pickle.dumps(layers_of(again)) == pickle.dumps(layers_of(whole))
        assert (again.predict(x) == whole.predict(x)).all()
