"""The command lines ``fcnet import`` and ``fcnet export``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from fcnet._importing.onnx.reading import from_onnx
from fcnet.cli.table_file import check_output, read_table
from fcnet.loading import load
from fcnet.losses import LossName
from fcnet.network import Network

_IMPORT = """\
examples:
  fcnet import model.onnx
  fcnet import model.onnx --output digits.safetensors
  fcnet import logits.onnx --loss cross_entropy"""

_EXPORT = """\
examples:
  fcnet export model.safetensors --to onnx
  fcnet export model.safetensors --to c --output net.h
  fcnet export model.safetensors --to c --int8 --data rows.npy
  fcnet export model.safetensors --to html --image 8,8 --data rows.npy"""

_SUFFIXES = {"onnx": ".onnx", "c": ".h", "html": ".html"}
_OPTIONS = {"name": ("c",), "int8": ("c",), "data": ("c", "html"), "image": ("html",), "title": ("html",)}


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
    losses = "cross_entropy where the model ends in logits; by default that of the last activation"
    add("--loss", choices=get_args(LossName), metavar="LOSS", help=f"the loss: {losses}")


def add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``export`` to the parser.

    Parameters
    ----------
    commands : subparsers of argparse
    """
    parser = commands.add_parser(
        "export",
        help="write a saved network as an ONNX model, as C, or as a page to try it",
        description="Write a network that was saved as an ONNX model, as a header of C99, or as a page of HTML.",
        epilog=_EXPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="the saved network")
    add("--to", required=True, choices=tuple(_SUFFIXES), help="what to write")
    add("-o", "--output", metavar="FILE", help="the file (default: MODEL with the suffix .onnx, .h or .html)")
    add("--force", action="store_true", help="overwrite the file of before")
    add("--name", metavar="NAME", help="of C: what all names begin with (default: net)")
    add("--int8", action="store_true", help="of C: weights and activations of 8 bits; needs --data")
    add("--data", metavar="FILE", help="of C and html: rows of x, a file of NumPy, CSV with a header, or Parquet")
    add("--image", type=_image, metavar="H,W", help="of html: a field to draw on; needs --data")
    add("--title", metavar="TEXT", help="of html: the heading")


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
    net = from_onnx(given.model, loss=given.loss)
    net.save(output)
    print(net.summary())
    print(f"Loss: {net.loss}")
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
    for option, formats in _OPTIONS.items():
        if getattr(given, option) not in (None, False) and given.to not in formats:
            raise ValueError(f"--{option} is given with --to {given.to}: expected --to {' or '.join(formats)}")
    if not isinstance(model, Network) or given.to == "onnx":
        model.to_onnx(output)
    else:
        rows = None if given.data is None else _rows(given.data, model)
        if given.to == "c":
            name, dtype = "net" if given.name is None else given.name, "int8" if given.int8 else "float32"
            model.to_c(output, name=name, dtype=dtype, calibration=rows)  # type: ignore[arg-type]
        else:
            model.to_html(output, image=given.image, x=rows, title=given.title)
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


def _image(text: str) -> tuple[int, int]:
    """Return the numbers of "8,8" or "8x8"."""
    found = re.fullmatch(r"(\d+)[,x](\d+)", text, re.ASCII)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: expected H,W such as 8,8")
    return int(found[1]), int(found[2])


def _rows(path: str, net: Network) -> NDArray[Any]:
    """Return the rows in a file: all of a file of NumPy, or the network's columns of a table.

    Raises
    ------
    TypeError, ValueError : the file has no numbers, lacks a column, or has gaps.
    OSError : the file cannot be read.
    """
    if path.endswith(".npy"):
        return np.asarray(np.load(path, allow_pickle=False))
    file = read_table(path)
    names = list(file.columns) if net.feature_names is None else [str(name) for name in net.feature_names]
    file.check(names, "a column of the network")
    columns = {name: file.values(name) for name in names}
    text = [name for name, values in columns.items() if values.sort != "numbers"]
    if text:
        raise TypeError(f"{path} has the column {text[0]!r}, which holds no numbers: expected numbers")
    return np.column_stack([values.array for values in columns.values()])
