"""The folder of the PyInstaller hook, which lists what a frozen application needs."""

from __future__ import annotations

import os


def get_hook_dirs() -> list[str]:
    """Return the folders of hooks, for the entry point ``pyinstaller40`` / ``hook-dirs``."""
    return [os.path.dirname(__file__)]
