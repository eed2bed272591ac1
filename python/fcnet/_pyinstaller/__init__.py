"""What PyInstaller asks fcnet for: the folder of the hook that says what belongs into a frozen application."""

from __future__ import annotations

import os


def get_hook_dirs() -> list[str]:
    """The folders of hooks, for the entry point ``pyinstaller40`` / ``hook-dirs``."""
    return [os.path.dirname(__file__)]
