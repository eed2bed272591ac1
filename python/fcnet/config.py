"""The configuration: instruction set, threads and build, and how each was chosen."""

from __future__ import annotations

import platform
from typing import Any, Literal

import numpy as np

from fcnet import _native


def show_config(mode: Literal["stdout", "dicts"] = "stdout") -> dict[str, dict[str, Any]] | None:
    """Print the configuration of fcnet: instruction set, threads and build, and how each was chosen.

    "reductions" counts how often since the import threads were halved because they waited longer than they worked, each
    time for at least a twentieth of a second. A few are normal; several in every second mean that other programs use
    the processors, and that fewer threads would do as well.

    Parameters
    ----------
    mode : {"stdout", "dicts"}
        Print the configuration, or return it.

    Returns
    -------
    dict of dict, or None if it is printed

    Raises
    ------
    ValueError : the mode is unknown.
    """
    if not isinstance(mode, str) or mode not in ("stdout", "dicts"):
        raise ValueError(f"mode is {mode!r}: expected 'stdout' or 'dicts'")
    native = _native.config()
    config: dict[str, dict[str, Any]] = {
        "fcnet": {"version": _native.__version__ or "not installed"},
        "instruction set": {
            "name": native["isa"],
            "chosen by": native["isa_source"],
            "available": native["available_isas"],
        },
        "threads": {
            "count": native["threads"],
            "chosen by": native["threads_source"],
            "usable CPUs": native["cpus"],
            "reductions": native["times_reduced"],
        },
        "build": {"compiler": native["compiler"], "flags": native["flags"]},
        "python": {
            "version": platform.python_version(),
            "numpy": np.__version__,
            "machine": f"{platform.system()} {platform.machine()}",
        },
    }
    if mode == "dicts":
        return config
    for section, facts in config.items():
        print(section)
        for name, value in facts.items():
            print(f"  {name + ':':<13} {', '.join(value) if isinstance(value, list) else value}")
    return None
