"""The site of these pages: sphinx-build -W docs build/docs. It needs no network, and shows the fcnet it imports."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import fcnet

sys.path.insert(0, str(Path(__file__).parent))
import digits_page

project = "fcnet"
author = "the fcnet authors"
project_copyright = author
version = release = fcnet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
smartquotes_action = "D"  # dashes only: "relu" stays what one can type

# The docstrings say of every argument what it may be, more closely than its type does.
autodoc_mock_imports = ["jax", "torch"]  # the docs are built without them
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]
add_module_names = False

html_theme = "furo"
html_title = f"fcnet {version}"
html_show_sphinx = False
html_copy_source = False

_RAISES = re.compile(r"(\w+(?:, \w+)*) : (.*)")


def one_exception_an_entry(_app, _what, _name, _object, _options, lines: list[str]) -> None:
    """``ValueError : why`` in a section Raises, as numpydoc's two lines, which napoleon takes."""
    if "Raises" not in lines:
        return
    first = last = lines.index("Raises") + 2
    while last < len(lines) and lines[last].strip():
        last += 1
    entries = (_RAISES.fullmatch(line) for line in lines[first:last])
    pairs = zip(entries, lines[first:last], strict=True)
    lines[first:last] = [
        part for entry, line in pairs for part in ((entry[1], "    " + entry[2]) if entry else (line,))
    ]


def add_digits_page(app, error: Exception | None) -> None:
    """The page of exchange.md's last section, beside that one."""
    if error is None and app.builder.format == "html":
        digits_page.write(Path(app.outdir) / "digits.html")


def setup(app) -> None:
    """Sphinx calls it."""
    app.connect("build-finished", add_digits_page)
    app.connect("autodoc-process-docstring", one_exception_an_entry, priority=1)
