"""The frame of a page that needs no other file."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any


def document(title: str, style: str, body: str) -> str:
    """Return a page: ``style`` follows the common style, ``body`` contains its scripts."""
    base = (Path(__file__).parent / "base.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{base}{style}</style></head><body>\n{body}</body></html>\n"
    )


def data(name: str, values: Any) -> str:
    """Return values as JSON in an element that scripts read by its id.

    Raises
    ------
    ValueError : a number is not finite, which JSON does not have.
    """
    text = (
        json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        .replace("</", "<\\/")
        .replace("<!--", "<\\u0021--")
    )
    return f'<script type="application/json" id={name}>{text}</script>'
