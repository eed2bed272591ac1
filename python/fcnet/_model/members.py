"""Members of an ensemble in one network (TabM): which arrays each has of its own, and their first values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fcnet._checks.numbers import whole_number
from fcnet._model.layer_spec import LayerSpec
from fcnet._model.normalization import Normalization
from fcnet.losses import RMSE, Custom, Loss

Adapters = Literal["first", "all"]
COUNTS = 1, 2, 4, 8, 16, 32  # divisors of a panel of the native core, whose lanes are members
_KEY = 2**64 - 2  # of the random numbers; columns have another one


@dataclass(frozen=True)
class Members:
    """The number of members, and the hidden layers in which they have arrays of their own: the first, or all."""

    count: int
    adapters: Adapters

    @classmethod
    def of(cls, members: object, adapters: object) -> Members | None:
        """Check the arguments ``members`` and ``adapters`` of ``Network``.

        Raises
        ------
        TypeError, ValueError : they are not as documented there.
        """
        if members is None:
            if adapters is not None:
                raise ValueError(f"adapters is {adapters!r}, and members is None: expected members=32 with it")
            return None
        count = whole_number(members, "members", 1, COUNTS[-1])
        if count not in COUNTS:
            raise ValueError(f"members is {count}: expected {', '.join(map(str, COUNTS[:-1]))} or {COUNTS[-1]}")
        if adapters is None or adapters == "first":
            return cls(count, "first")
        if adapters == "all":
            return cls(count, "all")
        raise ValueError(f"adapters is {adapters!r}: expected 'first' or 'all'")

    @classmethod
    def from_plain(cls, plain: Any) -> Members:
        """Return the members of ``plain()``, which may come from a damaged file.

        Raises
        ------
        TypeError, ValueError : it is none.
        """
        if not isinstance(plain, Mapping) or set(plain) != {"count", "adapters"} or plain["adapters"] is None:
            raise ValueError(f"members are given by {plain!r}: expected count and adapters")
        members = cls.of(plain["count"], plain["adapters"])
        if members is None:
            raise ValueError(f"members are given by {plain!r}: expected a count")
        return members

    def plain(self) -> dict[str, Any]:
        """Return both in plain values, for a file."""
        return asdict(self)

    @staticmethod
    def refuse(members: Members | None, what: str) -> None:
        """Raise ValueError if a network has members, for what does not know them."""
        if members is not None:
            raise ValueError(f"the network has members, which {what} does not know: expected a network without")

    def own(self, layer: int, layers: int) -> tuple[str, ...]:
        """Return the names of the arrays that each member has of its own in a layer."""
        if layer == layers - 1:
            return "W", "B"
        if self.adapters == "all":
            return "B", "R", "S"
        return ("R",) if layer == 0 else ()

    def adapted(self, specs: Sequence[LayerSpec]) -> list[LayerSpec]:
        """Return the specifications of the layers with the arrays that members have of their own."""
        return [spec._replace(own=self.own(i, len(specs))) for i, spec in enumerate(specs)]

    def check(self, specs: Sequence[LayerSpec], loss: Loss, inits: Sequence[Any], embeds: bool) -> None:
        """Raise ValueError for what members do not go together with."""
        if embeds:
            raise ValueError("members is given, and sizes[0] is Columns: expected a number of inputs")
        if len(specs) < 2:
            raise ValueError("members is given, and there is no hidden layer: expected one, which members share")
        if isinstance(loss, Custom | RMSE):
            raise ValueError(
                f"loss is {loss.name!r}, one of a whole batch, and members is given: expected a mean over samples, "
                "such as 'mse'"
            )
        for i, spec in enumerate(specs):
            last = i == len(specs) - 1
            refused: list[tuple[object, str]] = [
                (spec.scale, "Scale, which R of the members is like"),
                (isinstance(spec.normalization, Normalization), "normalization"),
                (not spec.bias and (last or self.adapters == "all"), "bias=False"),
                (spec.parametric, "Parametric"),
                (spec.parametrization != "standard", f"parametrization={spec.parametrization!r}"),
                (last and inits[i] != "auto", f"init={inits[i]!r}"),
            ]
            for is_so, what in refused:
                if is_so:
                    raise ValueError(f"members is given, and layers[{i}] has {what}: expected none")

    def draw(self, sizes: Sequence[int], specs: Sequence[LayerSpec], seed: int) -> list[dict[str, NDArray[Any]]]:
        """Draw the first arrays of all layers, which depend on the seed only.

        W and B are uniform within ``+-1 / sqrt(inputs)``, of the last layer for each member; the first R is 1 or -1,
        others and S are 1.
        """
        random = np.random.Generator(np.random.Philox(key=np.array([seed, _KEY], np.uint64)))
        layers = []
        for i, spec in enumerate(specs):
            k, m = sizes[i : i + 2]
            shapes = {"W": (k, m), "B": (m,)}
            heads = i == len(specs) - 1
            arrays: dict[str, NDArray[Any]] = {}
            for name, shape in shapes.items():
                each = (self.count,) if heads else ()
                arrays[name] = random.uniform(-(k**-0.5), k**-0.5, (*shape, *each))
            if "B" in spec.own and not heads:
                arrays["B"] = np.repeat(arrays["B"][:, None], self.count, 1)
            if not spec.bias:
                arrays["B"] = np.zeros(m)
            if "R" in spec.own:
                signs = random.integers(0, 2, (k, self.count)) * 2.0 - 1 if i == 0 else np.ones((k, self.count))
                arrays["R"] = signs
            if "S" in spec.own:
                arrays["S"] = np.ones((m, self.count))
            layers.append(arrays)
        return layers
