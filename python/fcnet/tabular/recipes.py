"""Recipes: every constant of how a network for a table is built and trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, POSITIVE, check_numbers, flag, share, whole_number
from fcnet._checks.suggestions import meant
from fcnet._model.activation import Parametric, check_activation
from fcnet._model.columns import Columns
from fcnet._model.dense import Dense
from fcnet._model.number_embeddings import PLR, Periodic, embedding_from_plain, embedding_to_plain
from fcnet._model.scale import Scale
from fcnet._training.early_stopping import EarlyStopping
from fcnet.initializers import from_data
from fcnet.losses import Loss
from fcnet.network import Network
from fcnet.optimizers import AdamW
from fcnet.schedules import CosLog, FlatCosine
from fcnet.tabular.encoding import Encoding
from fcnet.tabular.hidden import checked_hidden
from fcnet.tabular.tabm import TabM

if TYPE_CHECKING:
    from fcnet.tabular.column_encoder import ColumnEncoder

RecipeName = Literal["auto", "realmlp", "realmlp-s", "tabm-mini", "tabm"]


@suggesting
@dataclass(frozen=True)
class RealMLP:
    """RealMLP: a multilayer perceptron with tuned constants for tables (Holzmueller et al. 2024).

    A trainable scale for every input, hidden layers in neural tangent parametrisation, and a learning rate that rises
    and falls ``cycles`` times (``fcnet.schedules.CosLog``). Dropout and weight decay are constant for half of the fit
    and then fall to 0 (``FlatCosine``). The network keeps the weights of its best epoch on the validation rows, the
    later one of equals.

    Parameters
    ----------
    hidden : tuple of int, default (256, 256, 256)
        Neurons of each hidden layer.
    activation : str, default "selu"
    parametric : bool, default False
        Whether activations are parametric, ``h + a o (F(h) - h)`` with a trainable a.
    bins : int >= 0, default 0
        Every number is also encoded piecewise linearly in so many bins, between quantiles; 0: it is not.
    embedding : fcnet.Periodic or fcnet.PLR, optional
        Trainable embedding of the numbers; by default there is none.
    one_hot : int >= 0, optional
        Columns of up to so many categories are one-hot, others have a trainable table; None: all are one-hot.
    table_size : int in [1, 1024], default 8
        Inputs for a column with a table. The row for missing or unknown categories starts at 0.
    learning_rate : float > 0, default 0.04
    cycles : int >= 1, default 4
    scale_rate, bias_rate : float >= 0, default 6 and 0.1
        Factors of the learning rate for the scales and the biases.
    dropout : float in [0, 1), default 0
    weight_decay : float >= 0, default 0
    label_smoothing : float in [0, 1), default 0.1
        For classes.
    first_weights : {"normal", "data"}, default "normal"
        "normal": weights and biases of the hidden layers are drawn from N(0, 1), the last layer starts at 0. "data":
        see ``fcnet.initializers.from_data``.
    clip : bool, default False
        Clip predicted numbers to the range of y in the training rows.
    epochs : int >= 1, default 256
    batch_size : int >= 1, optional, default 256
        None: 256, but for less than 1,536 rows the largest power of two of which six fit into the rows, 16 at least.
    networks : int >= 1, default 1
        Networks for each split, which differ in their seeds.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.
    """

    hidden: tuple[int, ...] = (256, 256, 256)
    activation: str = "selu"
    parametric: bool = False
    bins: int = 0
    embedding: Periodic | PLR | None = None
    one_hot: int | None = None
    table_size: int = 8
    learning_rate: float = 0.04
    cycles: int = 4
    scale_rate: float = 6
    bias_rate: float = 0.1
    dropout: float = 0
    weight_decay: float = 0
    label_smoothing: float = 0.1
    first_weights: Literal["normal", "data"] = "normal"
    clip: bool = False
    epochs: int = 256
    batch_size: int | None = 256
    networks: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", checked_hidden(self.hidden))
        check_activation(self.activation)
        for name in ("parametric", "clip"):
            object.__setattr__(self, name, flag(getattr(self, name), name))
        for name, least in (("bins", 0), ("cycles", 1), ("epochs", 1), ("networks", 1)):
            object.__setattr__(self, name, whole_number(getattr(self, name), name, least))
        if self.batch_size is not None:
            object.__setattr__(self, "batch_size", whole_number(self.batch_size, "batch_size", 1))
        if self.embedding is not None and not isinstance(self.embedding, Periodic | PLR):
            raise TypeError(f"embedding is {self.embedding!r}: expected fcnet.Periodic(), fcnet.PLR(), or None")
        if self.one_hot is not None:
            object.__setattr__(self, "one_hot", whole_number(self.one_hot, "one_hot", 0))
        object.__setattr__(self, "table_size", whole_number(self.table_size, "table_size", 1, 1024))
        ranges = {"learning_rate": POSITIVE, "scale_rate": AT_LEAST_0, "bias_rate": AT_LEAST_0}
        ranges |= {"dropout": share("share"), "weight_decay": AT_LEAST_0, "label_smoothing": share("share")}
        check_numbers(self, ranges)
        if not isinstance(self.first_weights, str) or self.first_weights not in ("normal", "data"):
            raise ValueError(f"first_weights is {self.first_weights!r}: expected 'normal' or 'data'")

    @property
    def encoding(self) -> Encoding:
        """How the columns of a table become inputs of the network."""
        return Encoding(one_hot=self.one_hot, bins=self.bins)

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
        activation: Any = self.activation
        if self.parametric:
            activation = Parametric(activation, rate_factor=0.1, decay_factor=0.1)
        common: dict[str, Any] = {"rate_factor": (1, self.bias_rate), "parametrization": "ntp"}
        hidden = [Dense(size, activation, dropout=self.dropout, **common) for size in self.hidden]
        normal = self.first_weights == "normal"
        last = Dense(outputs, init="zeros" if normal else "auto", **common)
        scale = Scale(rate_factor=self.scale_rate, decay_factor=self.scale_rate)
        network = Network([self._inputs(encoder), scale, *hidden, last], loss=loss, dtype=dtype, seed=seed)
        if network.columns is not None and network.columns.specification.categories:
            tables = [np.array(table) for table in network.columns.tables]
            for table in tables:
                table[0] = 0  # a category that training has not seen is as good as any: in their middle
            network.columns.tables = tables
        if normal:
            random = np.random.default_rng([seed, 1])
            for layer in network.layers[:-1]:
                layer.B = random.standard_normal(layer.B.shape)
        return network

    def _inputs(self, encoder: ColumnEncoder) -> int | Columns:
        """Return what the network has in place of its number of inputs."""
        numbers, bins, flags, codes = encoder.widths
        embedding = self.embedding if numbers else None
        if embedding is None and not codes:
            return numbers + bins + flags
        categories = [codes - 1 for codes in encoder.cardinalities]
        return Columns(numbers, bins + flags, embedding, categories, self.table_size)

    def prepare(self, network: Network, x: NDArray[Any], seed: int) -> None:
        """Change the first weights, where they depend on the training rows."""
        if self.first_weights == "data":
            from_data(network, x, seed=seed)

    def batch_of(self, n: int) -> int:
        """Return the batch size for n training rows."""
        if self.batch_size is None:  # few rows need more steps than one or two an epoch
            return min(n, next((size for size in (256, 128, 64, 32) if n >= 6 * size), 16))
        return min(self.batch_size, n)

    def training(self, monitor: str, mode: Any) -> dict[str, Any]:
        """Return what a fit is given beside the optimizer: schedules, and how the best epoch is chosen."""
        return {
            "drop_last": True,
            "schedule": CosLog(self.cycles),
            "dropout_schedule": FlatCosine() if self.dropout else None,
            "decay_schedule": FlatCosine() if self.weight_decay else None,
            "early_stopping": EarlyStopping(patience=None, monitor=monitor, mode=mode, ties="last"),
        }

    def to_plain(self) -> dict[str, Any]:
        """Return what ``from_plain`` restores, in types of JSON."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return plain | {"embedding": embedding_to_plain(self.embedding)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> RealMLP:
        """Restore and check what ``to_plain`` returned, perhaps by way of JSON.

        Raises
        ------
        TypeError, ValueError : it is damaged.
        """
        return cls(**(plain | {"embedding": embedding_from_plain(plain.get("embedding"))}))

    def optimizer(self) -> AdamW:
        """Return the optimizer."""
        return AdamW(self.learning_rate, beta1=0.9, beta2=0.95, epsilon=1e-8, weight_decay=self.weight_decay)


_TD_S = RealMLP()
_TD = RealMLP(
    parametric=True,
    embedding=Periodic(rate_factor=0.1, decay_factor=0.1),
    one_hot=8,
    dropout=0.15,
    weight_decay=0.02,
    first_weights="data",
    clip=True,
)
# four networks of 64 epochs score better than one of 256, tables better than one-hot inputs
_AUTO = RealMLP(
    parametric=True,
    bins=24,
    one_hot=2,
    dropout=0.15,
    weight_decay=0.02,
    first_weights="data",
    clip=True,
    epochs=64,
    batch_size=None,
    networks=4,
)
_MINI = TabM((512, 512), bins=24)  # which scores better than three layers without bins
Recipe = RealMLP | TabM
# By name, for classes and for numbers.
_RECIPES: dict[str, tuple[Recipe, Recipe]] = {
    "auto": (_AUTO, dataclasses.replace(_AUTO, activation="mish", learning_rate=0.2)),
    "realmlp": (_TD, dataclasses.replace(_TD, activation="mish", learning_rate=0.2)),
    "realmlp-s": (_TD_S, dataclasses.replace(_TD_S, activation="mish", learning_rate=0.07)),
    "tabm-mini": (_MINI, _MINI),
    "tabm": (TabM(adapters="all"), TabM(adapters="all")),
}


def recipe_from_plain(plain: dict[str, Any]) -> Recipe:
    """Restore and check a recipe from what its ``to_plain`` returned.

    Raises
    ------
    TypeError, ValueError : it is damaged.
    """
    return TabM.from_plain(plain) if plain.get("name") == "TabM" else RealMLP.from_plain(plain)


def recipe_of(given: object, classifies: bool) -> Recipe:
    """Return the recipe that the argument ``recipe`` of an estimator describes.

    Raises
    ------
    TypeError, ValueError : it is neither a recipe nor the name of one.
    """
    if isinstance(given, RealMLP | TabM):
        return given
    if not isinstance(given, str):
        raise TypeError(f"recipe is {given!r}: expected a name like 'auto', or fcnet.tabular.RealMLP(...) or TabM(...)")
    if given not in _RECIPES:
        names = get_args(RecipeName)
        raise ValueError(f"recipe is {given!r}: expected one of {', '.join(names)}{meant(given, names)}")
    return _RECIPES[given][0 if classifies else 1]
