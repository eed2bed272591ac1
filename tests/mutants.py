"""Model files with something wrong in their structure, but with lengths and checksums that are mostly right."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import numpy as np

import fcnet as fc
from fcnet._saving import network_file

TEXTS = ("network", "optimizer", "average", "history")
STRANGE = [None, True, 0, 1, 2, -1, 3.0, 1.5, 1e308, 2**31, 2**33, 2**63, 2**64, 10**30, "", "relu", "eval", "F64",
           "swa", [], [1], [0, 2**40], [[]], {}, {"name": "mse"}, "\x00", "ä", float("nan"), float("inf")]  # fmt: skip


def seeds() -> list[fc.Network]:
    """Networks whose files have everything that a file can have."""
    x, y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2
    nets = []
    for options, hidden in (
        ({}, 5),
        ({"optimizer": fc.Adam(), "averaging": fc.EMA(0.9)}, fc.Dense(5, "gelu", normalization="batch")),
        ({"optimizer": fc.SGD(0.1, momentum=0.9), "averaging": fc.SWA(0)}, fc.Dense(2, dropout=0.5, bias=False)),
        ({"validation_split": 0.4, "early_stopping": fc.EarlyStopping(), "metrics": ["f1"]}, fc.Dense(3, "softmax")),
    ):
        net = fc.Network([3, hidden, 2], seed=7, scale=0.5, dtype="float64" if options else "float32")
        net.fit(x, y, epochs=3, **options)
        nets.append(net)
    parametric = fc.Network([3, fc.Scale(), 4, 2], seed=7, activation=fc.Parametric("mish"))
    options = fc.Dense(4, parametrization="ntp", rate_factor=(1, 0.1), decay_factor=(2, None))
    nets += [fc.Network([3, fc.Scale(), 4, 2], seed=7), fc.Network([3, fc.Scale(rate_factor=6), options, 2], seed=7)]
    columns = fc.Columns(numbers=1, embedding=fc.Periodic(2, 1), categories=[3, 1], embedding_size=2)
    nets.append(fc.Network([columns, 4, 2], seed=7))
    for embedding in (fc.PLR(2, 1, lite=True), fc.PiecewiseLinear([[0, 1, 2]], 2)):
        nets.append(fc.Network([fc.Columns(numbers=1, others=1, embedding=embedding, categories=[3]), 4, 2], seed=7))
    nets += [fc.Network([3, 4, 2], seed=7, members=2, adapters=adapters) for adapters in ("first", "all")]
    norm = fc.LayerNorm(product_bias=True)
    nets.append(fc.Network([3, fc.Dense(4, fc.activations.LeakyReLU(0.2), normalization=norm), 2], seed=7))
    return [*nets, fc.Network([3, 4, 2], loss=abs, seed=7), parametric]


def parts(file: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and arrays."""
    length = int.from_bytes(file[:8], "little")
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def _places(value: Any, path: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Of ``value``, which is at ``path``, and of everything within it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, entry in inner for place in _places(entry, (*path, key)))]


def _change(tree: dict[str, Any], rng: random.Random) -> None:
    """One entry somewhere becomes another, goes, comes twice, or takes the place of a neighbour."""
    first = rng.choice(list(tree))  # the header's texts are short beside the rest of it
    *path, last = rng.choice(_places(tree[first], (first,)))
    within: Any = tree
    for key in path:
        within = within[key]
    kind = rng.randrange(6)
    if kind == 0:
        del within[last]
    elif kind == 1 and isinstance(within, list):
        within.insert(last, copy.deepcopy(within[last]))
    elif kind == 2 and isinstance(within, dict):
        within[rng.choice([*within, "layers.0.W", "best.0.W", "x"])] = within.pop(last)
    elif kind == 3 and type(within[last]) in (int, float):
        within[last] += rng.choice([-1, 1, 2**31, -0.5])
    elif kind == 4:
        others = list(within) if isinstance(within, dict) else range(len(within))
        within[last] = copy.deepcopy(within[rng.choice([*others])])
    else:
        within[last] = copy.deepcopy(rng.choice(STRANGE))


def _repaired(header: dict[str, Any], data: bytes) -> None:
    """The right checksum, where the arrays can be read at all."""
    metadata, tensors = header["__metadata__"], {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            kind = {"F32": "<f4", "F64": "<f8", "U8": "u1"}[entry["dtype"]]
            tensors[name] = np.frombuffer(data[begin:end], kind).reshape(entry["shape"])
    metadata["crc32"] = network_file._checksum(tensors, metadata)


def mutant(file: bytes, rng: random.Random) -> bytes:
    """``file`` with one to three changes of its header, its metadata's texts or its numbers."""
    header, data = parts(file)
    tree = {name: json.loads(header["__metadata__"][name]) for name in TEXTS}
    tree["header"] = header
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.2:
            at = rng.randrange(0, len(data) - 8) & -8
            data = data[:at] + np.array([rng.choice([np.nan, np.inf, -1.0, 1e308, 2.0**40])]).tobytes() + data[at + 8 :]
        else:
            _change(tree, rng)
    header = tree.pop("header", {})
    if isinstance(header, dict) and isinstance(header.get("__metadata__"), dict):
        header["__metadata__"] |= {name: json.dumps(text) for name, text in tree.items()}
    try:
        if rng.random() < 0.9:
            _repaired(header, data)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        pass  # so strange that nothing can be right about it
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data
