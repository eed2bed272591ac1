"""Pictures by matplotlib. Each is a ``Figure`` whose ``get_label()`` says in words what it shows.

Two colours that colour-blind people tell apart (Okabe and Ito 2008), and lines that differ without them too.
"""

from __future__ import annotations

from fcnet.plot.outputs import calibration, confusion_matrix, first_layer, network
from fcnet.plot.training import history, learning_rates, schedules

__all__ = ["calibration", "confusion_matrix", "first_layer", "history", "learning_rates", "network", "schedules"]
