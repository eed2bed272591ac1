"""What wrote an exported file."""

from __future__ import annotations

from fcnet import _native

PRODUCER = f"fcnet {_native.__version__}".rstrip()  # development builds have no version
