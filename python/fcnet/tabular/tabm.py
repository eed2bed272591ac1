"""The recipe of TabM: every constant of how such a network is built and trained."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, POSITIVE, check_numbers, flag, share, whole_number
from fcnet._model.dense import Dense
from fcnet._model.members import Adapters, Members
from fcnet._training.early_stopping import EarlyStopping
from fcnet.losses import Loss
from fcnet.network import Network
from fcnet.optimizers import AdamW
from fcnet.tabular.encoding import Encoding
from fcnet.tabular.hidden import checked_hidden

if TYPE_CHECKING:
    from fcnet.tabular.column_encoder import ColumnEncoder

# Rows for a batch size, as in pytabkit: below 2,800 rows 32, ..., from 108,000 on 1024.
_BATCHES = ((2800, 32), (4500, 64), (6400, 128), (32_000, 256), (108_000, 512), (math.inf, 1024))


@suggesting
@dataclass(frozen=True)
class TabM:
    """TabM: many networks in one that share their weights (Gorishniy et al. 2025).

    The rate is constant. A fit ends after ``patience`` epochs in a row without a better score on the validation rows,
    and the network keeps the weights of its best epoch, the first one of equals.

    Parameters
    ----------
    hidden : tuple of int, default (512, 512, 512)
        Neurons of each hidden layer.
    members : 1, 2, 4, 8, 16 or 32, default 32
    adapters : {"first", "all"}, default "first"
        "first": TabM-mini, "all": TabM; see ``fcnet.Network``.
    bins : int >= 0, default 0
        Every number is also encoded piecewise linearly in so many bins, between quantiles; 0: it is not. All inputs of
        a column share their first R, which is then drawn from N(0, 1), otherwise 1 or -1.
    dropout : float in [0, 1), default 0.1
    learning_rate : float > 0, default 0.002
    weight_decay : float >= 0, default 0
        Of all arrays, as in the example of the package tabm, which has 3e-4.
    patience : int >= 1, default 17
    epochs : int >= 1, default 1000
        At most.
    batch_size : int >= 1, optional
        By default 32 below 2,800 training rows, 64 below 4,500, 128 below 6,400, 256 below 32,000, 512 below 108,000,
        else 1024.
    label_smoothing : float in [0, 1), default 0
        For classes.
    clip : bool, default False
        Clip predicted numbers to the range of y in the training rows.
    networks : int >= 1, default 1
        Networks for each split, which differ in their seeds.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    hidden: tuple[int, ...] = (512, 512, 512)
    members: int = 32
    adapters: Adapters = "first"
    bins: int = 0
    dropout: float = 0.1
    learning_rate: float = 0.002
    weight_decay: float = 0
    patience: int = 17
    epochs: int = 1000
    batch_size: int | None = None
    label_smoothing: float = 0
    clip: bool = False
    networks: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", checked_hidden(self.hidden))
        if Members.of(self.members, self.adapters) is None:
            raise TypeError("members is None: expected a number")
        for name, least in (("bins", 0), ("patience", 1), ("epochs", 1), ("networks", 1)):
            object.__setattr__(self, name, whole_number(getattr(self, name), name, least))
        if self.batch_size is not None:
            object.__setattr__(self, "batch_size", whole_number(self.batch_size, "batch_size", 1))
        ranges = {"learning_rate": POSITIVE, "weight_decay": AT_LEAST_0}
        check_numbers(self, ranges | {"dropout": share("share"), "label_smoothing": share("share")})
        object.__setattr__(self, "clip", flag(self.clip, "clip"))

    @property
    def encoding(self) -> Encoding:
        """How the columns of a table become inputs of the network."""
        return Encoding("normal", one_hot=None, signs=False, unknown=True, bins=self.bins)

    def network(self, encoder: ColumnEncoder, outputs: int, loss: Loss, dtype: str, seed: int) -> Network:
        """Return the untrained network.

        Parameters
        ----------
        encoder : ColumnEncoder
            Of ``encoding``.
        outputs : int
        loss : of fcnet.losses
        dtype : "float32" or "float64"
        seed : int

        Returns
        -------
        Network
        """
        hidden = [Dense(size, dropout=self.dropout) for size in self.hidden]
        sizes: list[Any] = [sum(encoder.widths), *hidden, outputs]
        network = Network(sizes, loss=loss, dtype=dtype, seed=seed, members=self.members, adapters=self.adapters)
        random, shape = np.random.default_rng([seed, 3]), (len(encoder.columns), self.members)
        drawn = random.standard_normal(shape) if self.bins else random.integers(0, 2, shape) * 2.0 - 1
        network.layers[0].R = drawn[list(encoder.origins)]
        return network

    def prepare(self, network: Network, x: NDArray[Any], seed: int) -> None:
        """Change nothing: no first weights depend on the training rows."""

    def optimizer(self) -> AdamW:
        """Return the optimizer."""
        return AdamW(self.learning_rate, weight_decay=self.weight_decay, decay_biases=True)

    def batch_of(self, n: int) -> int:
        """Return the batch size for n training rows."""
        chosen = self.batch_size or next(size for rows, size in _BATCHES if n < rows)
        return min(chosen, n)

    def training(self, monitor: str, mode: Any) -> dict[str, Any]:
        """Return what a fit is given beside the optimizer: early stopping."""
        return {"early_stopping": EarlyStopping(self.patience, monitor=monitor, mode=mode)}

    def to_plain(self) -> dict[str, Any]:
        """Return what ``from_plain`` restores, in types of JSON."""
        return {"name": "TabM"} | {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> TabM:
        """Restore and check what ``to_plain`` returned, perhaps by way of JSON.

        Raises
        ------
        TypeError, ValueError : it is damaged.
        """
        return cls(**{name: value for name, value in plain.items() if name != "name"})
