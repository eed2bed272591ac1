"""The command lines ``fcnet import`` and ``fcnet export``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from fcnet._importing.onnx.reading import from_onnx
from fcnet.cli.table_file import check_output
from fcnet.loading import load
from fcnet.network import Network

_IMPORT = """\
examples:
  fcnet import model.onnx
  fcnet import model.onnx --output digits.safetensors"""

_EXPORT = """\
examples:
  fcnet export model.safetensors --to onnx
  fcnet export model.safetensors --to c --output net.h
  fcnet export model.safetensors --to html"""

_SUFFIXES = {"onnx": ".onnx", "c": ".h", "html": ".html"}


def add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``import`` to the parser.

    Parameters
    ----------
    commands : subparsers of argparse
    """
    parser = commands.add_parser(
        "import",
        help="read an ONNX model of another library, and save it as a network",
        description="Read an ONNX model of PyTorch, Keras, skl2onnx or another library, and save it as a network.",
        epilog=_IMPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="the ONNX model")
    add("-o", "--output", metavar="FILE", help="the network (default: MODEL with the suffix .safetensors)")
    add("--force", action="store_true", help="overwrite the file of before")


def add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``export`` to the parser.

    Parameters
    ----------
    commands : subparsers of argparse
    """
    parser = commands.add_parser(
        "export",
        help="write a saved network as an ONNX model, as C, or as a page to try it",
        description="Write a network that was saved as an ONNX model, as a header of C99, or as a page to try it.",
        epilog=_EXPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="the saved network")
    add("--to", required=True, choices=tuple(_SUFFIXES), help="what to write")
    add("-o", "--output", metavar="FILE", help="the file (default: MODEL with the suffix .onnx, .h or .html)")
    add("--force", action="store_true", help="overwrite the file of before")


def import_model(given: argparse.Namespace) -> int:
    """Run the command ``import``.

    Parameters
    ----------
    given : argparse.Namespace

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    ValueError : the file is no model of ONNX, or not a chain that a network can hold.
    OSError : a file cannot be read or written.
    """
    output = _output(given, ".safetensors")
    net = from_onnx(given.model)
    net.save(output)
    print(net.summary())
    print(f"Saved: {output}")
    return 0


def export_model(given: argparse.Namespace) -> int:
    """Run the command ``export``.

    Parameters
    ----------
    given : argparse.Namespace

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    ValueError : the file is no saved network, or one that the format does not hold.
    OSError : a file cannot be read or written.
    """
    output = _output(given, _SUFFIXES[given.to])
    model = load(given.model)
    if given.to != "onnx" and not isinstance(model, Network):
        raise ValueError(f"{given.model} holds a {type(model).__name__}: expected a network, or --to onnx")
    writers: dict[str, Callable[[str], object]] = {"onnx": model.to_onnx}
    if isinstance(model, Network):
        writers |= {"c": model.to_c, "html": model.to_html}
    writers[given.to](output)
    print(f"Saved: {output}")
    return 0


def _output(given: argparse.Namespace, suffix: str) -> str:
    """Return the path of the file to write, which must not be that of the model.

    Raises
    ------
    ValueError : it is, or there is a file and no ``--force``.
    OSError : the folder does not exist.
    """
    output = str(Path(given.model).with_suffix(suffix)) if given.output is None else given.output
    if Path(output).resolve() == Path(given.model).resolve():
        raise ValueError(f"--output is the model itself, {output!r}: expected another file")
    check_output(output, given.force)
    return str(output)
