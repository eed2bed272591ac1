"""``Columns``, embeddings of the columns of x."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import AT_LEAST_0, check_numbers, whole_number
from fcnet._checks.public import public
from fcnet._inputs.codes import Codes
from fcnet._model.number_embeddings import (
    EMBEDDINGS,
    NumberEmbedding,
    PiecewiseLinear,
    embedding_from_plain,
    embedding_to_plain,
    shown,
)

Array = NDArray[Any]
_MOST_CATEGORIES = 2**31


@public
@suggesting
@dataclass(frozen=True, repr=False)
class Columns:
    """Embeddings of the columns of x, in place of the number of inputs in the argument ``sizes`` of ``Network``.

    Each row of x holds the numbers, then the others, then a code for each categorical column: a whole number from 1 to
    its number of categories, or 0 for a missing or unknown one. Inputs of the first layer are the embeddings of the
    numbers, the numbers (behind ``Periodic``, or without an embedding), the others, and for each code its row of a
    table (entity embeddings, Guo and Berkhahn 2016). All of it is trained with the network. ``net.columns`` has the
    arrays.

    The tables have a row for each category and one for 0. They are drawn from a standard normal distribution, and the
    optimizer changes all of their rows in every step; weight decay applies to them.

    Parameters
    ----------
    numbers : int >= 0, default 0
        Number of columns of numbers.
    others : int >= 0, default 0
        Number of further columns, which become inputs as they are: flags, one-hot columns.
    embedding : Periodic, PLR or PiecewiseLinear, optional
        Embedding of the numbers; by default they are inputs as they are.
    categories : sequence of int >= 1, default ()
        Number of categories of each categorical column.
    embedding_size : int in [1, 1024], default 8
        Inputs for each categorical column.
    rate_factor, decay_factor : float >= 0, default 1
        Factors on the optimizer's learning rate, and on its weight decay and L2 penalty, for the tables.

    Raises
    ------
    TypeError, ValueError : an argument is not as above, there is no column, or embedding is given and there are no
        numbers.

    Examples
    --------
    >>> import fcnet as fc
    >>> columns = fc.Columns(numbers=2, embedding=fc.Periodic(), categories=[3, 40])
    >>> net = fc.Network([columns, 64, 1], loss="mse", seed=0)
    >>> net.layers[0].W.shape  # 2 x (3 + 1) from numbers, 2 x 8 from tables
    (24, 64)
    >>> net.predict([[0.5, -1.2, 3, 0]]).shape
    (1, 1)
    """

    numbers: int = 0
    others: int = 0
    embedding: NumberEmbedding | None = None
    categories: Sequence[int] = ()
    embedding_size: int = 8
    rate_factor: float = 1.0
    decay_factor: float = 1.0

    def __post_init__(self) -> None:
        for option in ("numbers", "others"):
            object.__setattr__(self, option, whole_number(getattr(self, option), option, 0, 2**31))
        given: Any = self.categories
        if isinstance(given, str | bytes) or not isinstance(given, Sequence | np.ndarray) or np.ndim(given) != 1:
            raise TypeError(f"categories is {given!r}: expected a number of categories for each column, like [5, 41]")
        counts = [whole_number(n, f"categories[{i}]", 1, _MOST_CATEGORIES) for i, n in enumerate(given)]
        object.__setattr__(self, "categories", tuple(counts))
        object.__setattr__(self, "embedding_size", whole_number(self.embedding_size, "embedding_size", 1, 1024))
        check_numbers(self, {"rate_factor": AT_LEAST_0, "decay_factor": AT_LEAST_0})
        if isinstance(self.embedding, type) and issubclass(self.embedding, EMBEDDINGS):
            object.__setattr__(self, "embedding", self.embedding())
        if self.embedding is not None and not isinstance(self.embedding, EMBEDDINGS):
            others = "fcnet.PLR(), fcnet.PiecewiseLinear(edges), or None"
            raise TypeError(f"embedding is {self.embedding!r}: expected fcnet.Periodic(), {others}")
        if self.embedding is not None and not self.numbers:
            raise ValueError("numbers is 0, and embedding is given: expected numbers to embed")
        if isinstance(self.embedding, PiecewiseLinear) and len(self.embedding.edges) != self.numbers:
            given = len(self.embedding.edges)
            raise ValueError(
                f"embedding has edges for {given} numbers, and numbers is {self.numbers}: expected as many"
            )
        if not self.inputs:
            raise ValueError("there are no columns: expected numbers, others or categories")

    def __repr__(self) -> str:
        text = shown(self)
        return text.replace(f"categories={self.categories!r}", f"categories={list(self.categories)}")

    @property
    def inputs(self) -> int:
        """Number of columns of x."""
        return self.numbers + self.others + len(self.categories)

    @property
    def features(self) -> int:
        """Number of inputs of the first layer."""
        of = self.embedding
        each = 1 if of is None else of.size + of.keeps_numbers
        return each * self.numbers + self.others + len(self.categories) * self.embedding_size

    @property
    def codes(self) -> Codes:
        """The columns of codes."""
        return Codes(self.numbers + self.others, tuple(self.categories))

    @property
    def embeds(self) -> bool:
        """Whether there is an array to train."""
        return self.embedding is not None or len(self.categories) > 0

    @property
    def rows(self) -> list[int]:
        """Where the table of each column begins in the array ``tables``, and its end."""
        return [0, *np.cumsum([n + 1 for n in self.categories]).tolist()]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the arrays, in the order of the native core."""
        of_numbers = self.embedding.shapes(self.numbers) if self.embedding else {}
        return of_numbers | ({"tables": (self.rows[-1], self.embedding_size)} if self.categories else {})

    def draw(self, seed: int) -> dict[str, Array]:
        """Draw the first values of the arrays, which depend on the seed only."""
        random = np.random.Generator(np.random.Philox(key=np.array([seed, 2**64 - 1], np.uint64)))
        arrays = self.embedding.draw(self.numbers, random) if self.embedding else {}
        return arrays | ({"tables": random.standard_normal(self.shapes["tables"])} if self.categories else {})

    @property
    def described(self) -> str:
        """What becomes of the columns, in a few words."""
        words = [
            (self.numbers, f"{self.numbers} numbers" + (f" by {self.embedding}" if self.embedding else "")),
            (self.others, f"{self.others} others"),
            (self.categories, f"{len(self.categories)} tables"),
        ]
        return ", ".join(text for is_so, text in words if is_so)

    def embedding_of_rows(self) -> dict[str, Any]:
        """Return the options of ``fcnet.reference.embed``."""
        of_numbers = self.embedding.of_rows() if self.embedding else {}
        return of_numbers | {"numbers": self.numbers, "others": self.others, "categories": self.categories}

    def check_for(self, dtype: np.dtype[Any]) -> None:
        """Raise ValueError if codes, or edges of bins, do not fit into a network of this dtype."""
        if isinstance(self.embedding, PiecewiseLinear):
            self.embedding.check_for(dtype)
        most = 2 ** (np.finfo(dtype).nmant + 1)
        for i, count in enumerate(self.categories):
            if count > most:
                raise ValueError(
                    f"categories[{i}] is {count}: expected at most {most} for {dtype}; dtype='float64' takes more"
                )

    def plain(self) -> dict[str, Any]:
        """Return the options in plain values, for a file."""
        return asdict(self) | {"embedding": embedding_to_plain(self.embedding), "categories": list(self.categories)}

    @classmethod
    def from_plain(cls, plain: Any) -> Columns:
        """Return the columns of ``plain()``, which may come from a damaged file.

        Raises
        ------
        TypeError, ValueError : it is none.
        """
        if not isinstance(plain, Mapping):
            raise ValueError(f"columns are given by {plain!r}: expected their options")
        return cls(**(dict(plain) | {"embedding": embedding_from_plain(plain.get("embedding"))}))

    def native(self) -> tuple[Any, ...]:
        """Return the columns as the native core takes them."""
        of = self.embedding
        embedding = of.native() if of else ("none", 0, 0, False, False, False, [])
        table_size = self.embedding_size if self.categories else 0
        of_embedding = (of.rate_factor, of.decay_factor) if of else (1.0, None)
        of_tables = self.rate_factor, None if self.decay_factor == 1 else self.decay_factor
        categories = list(self.categories), table_size
        return self.numbers, self.others, embedding, *categories, (of_embedding, of_tables)
