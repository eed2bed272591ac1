"""``Part``: the networks of a split of the rows, and how they see X and y."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcnet.network import Network
from fcnet.tabular.column_encoder import ColumnEncoder
from fcnet.tabular.reading import Table
from fcnet.tabular.targets import Targets


@dataclass(frozen=True)
class Part:
    """The networks of a split, and how they see X and y."""

    encoder: ColumnEncoder
    targets: Targets
    networks: tuple[Network, ...]

    def inputs(self, table: Table, name: str = "X") -> NDArray[Any]:
        """Return a table as inputs of the networks."""
        return self.encoder.transform(table, self.networks[0].dtype, name=name)

    def outputs(self, table: Table) -> NDArray[np.float64]:
        """Return the sum of the networks' predictions for a table."""
        x = self.inputs(table)
        return np.asarray(np.sum([self.targets.back(network.predict(x)) for network in self.networks], axis=0))
