"""The command line: ``fcnet explain``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from fcnet._checks import console
from fcnet.activations import ACTIVATIONS
from fcnet.article import CLASS_NAMES, INPUT, SIZES, TARGET, article_network
from fcnet.loading import load
from fcnet.losses import LOSSES
from fcnet.network import Network

_EPILOG = """\
examples:
  fcnet explain                                              the article's network, in this terminal
  fcnet explain --html out.html --steps 20                   a page with a slider over 20 steps
  fcnet explain --layers 2,4,2 --input 0,1 --target odd --input 1,1 --target even --activation tanh
  fcnet explain --layers 2,3,1 --loss mse --input 1,1 --target 0.5
  fcnet explain --answer L=0.36 --answer 'dB_3=[-0.56, 0.56]'
  fcnet explain --model net.safetensors --input 5.1,3.5,1.4,0.2 --target 0"""
_FORMATS = ("html", "latex", "markdown", "svg", "json")


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def _sample(text: str) -> list[float]:
    try:
        return _numbers(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers like 0.5,1") from None


def _sizes(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected whole numbers like 2,2,2,2") from None


def add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : subparsers of argparse
    """
    parser = commands.add_parser(
        "explain",
        help="show a training step number by number, of the article's network or of another",
        description="Show steps of gradient descent number by number: the article's network, or one of your own.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--layers", type=_sizes, metavar="N,N,...", help="inputs, neurons, outputs (default: 2,2,2,2 of the article)")
    add("--model", metavar="FILE", help="a network that was saved, instead of --layers")
    add("--input", type=_sample, action="append", metavar="X,X,...", help="a sample; repeat for more (default: 1,1)")
    add("--target", action="append", metavar="Y", help="its class, by name or number, or its values (default: odd)")
    add("--class-names", metavar="A,B,...", help="names of the outputs (default: odd,even for two classes of --layers)")
    add("--learning-rate", type=float, default=0.1, metavar="A", help="learning rate alpha (default: 0.1)")
    add("--steps", type=int, default=1, metavar="N", help="steps of gradient descent (default: 1)")
    add("--activation", choices=ACTIVATIONS, default="relu", help="activation of hidden layers (default: relu)")
    add("--loss", choices=tuple(LOSSES), help="loss (default: cross_entropy)")
    add("--seed", type=int, default=0, metavar="N", help="seed of the initial weights of --layers (default: 0)")
    add("--digits", type=int, default=4, metavar="N", help="decimals (default: 4)")
    for name in _FORMATS:
        add(f"--{name}", metavar="FILE", type=Path, help="write it to a file too")
    add("--view", default="before", help="view of --svg: before, after, gradients or steps (animated; default: before)")
    add(
        "--answer",
        action="append",
        default=[],
        metavar="NAME=NUMBERS",
        help="check a result, like L=0.82; repeat for more",
    )
    add("--compare", action="store_true", help="print textbook formula, NumPy and native core side by side instead")


def _network(given: argparse.Namespace) -> Network:
    if given.model is not None:
        if given.layers is not None:
            raise ValueError("both --layers and --model are given: expected one of them")
        model = load(given.model)
        if not isinstance(model, Network):
            raise ValueError(f"{given.model!r} holds a {type(model).__name__}: expected a network")
        return model
    plain = given.activation == "relu" and given.loss in (None, "cross_entropy") and given.seed == 0
    if given.layers in (None, list(SIZES)) and plain:
        return article_network()
    return Network(
        given.layers or SIZES, loss=given.loss, activation=given.activation, seed=given.seed, dtype="float64"
    )


def _answer(given: str) -> tuple[str, ArrayLike]:
    """Parse an answer, a name and numbers, from the command line."""
    name, _, numbers = given.partition("=")
    try:
        return name, json.loads(numbers)
    except ValueError:
        raise ValueError(f"--answer is {given!r}: expected a name and numbers like 'dB_3=[-0.56, 0.56]'") from None


def _targets(given: list[str], net: Network, names: Sequence[str]) -> ArrayLike:
    """Parse the targets from the command line."""
    if net.loss == "cross_entropy":
        known = {name: j for j, name in enumerate(names)}
        labels = [known.get(word, word) for word in given]
        for label in labels:
            if not str(label).isdigit():
                raise ValueError(f"--target is {label!r}: expected {' or '.join((*names, 'a number'))}")
        return [int(label) for label in labels]
    try:
        return [_numbers(word) for word in given]
    except ValueError:
        raise ValueError(f"--target is {', '.join(given)}: expected numbers") from None


def _check_files(given: argparse.Namespace) -> None:
    """Raise ValueError if a file would overwrite another one, or the network."""
    taken: dict[Path, str] = {} if given.model is None else {Path(given.model).resolve(): "model"}
    for name in _FORMATS:
        path = getattr(given, name)
        if path is not None and (other := taken.setdefault(path.resolve(), name)) != name:
            raise ValueError(f"--{other} and --{name} are both {str(path)!r}: expected a file for each")


def explain(given: argparse.Namespace) -> int:
    """Run the command.

    Parameters
    ----------
    given : argparse.Namespace

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    TypeError, ValueError : the arguments are invalid or do not match.
    OSError : a file cannot be read or written.
    """
    from fcnet.explanation import table

    _check_files(given)
    net = _network(given)
    unnamed = given.model is None and net.loss == "cross_entropy" and net.sizes[-1] == len(CLASS_NAMES)
    default = CLASS_NAMES if unnamed else None
    names = default if given.class_names is None else given.class_names.split(",")
    x = given.input or ([list(INPUT)] if net.sizes[0] == len(INPUT) else None)
    targets = given.target or ([TARGET] if given.input is None and net.loss == "cross_entropy" else None)
    if x is None or targets is None or len(x) != len(targets):
        counts = f"{len(given.input or [])} --input and {len(given.target or [])} --target are given"
        raise ValueError(f"{counts}: expected one --target for each --input")
    shown = net.explain(
        x,
        _targets(targets, net, names or ()),
        learning_rate=given.learning_rate,
        steps=given.steps,
        answer=dict(map(_answer, given.answer)),
        class_names=names,
    )
    formats: list[tuple[Path | None, Callable[[], str]]] = [
        (given.html, lambda: shown.to_html(digits=given.digits)),
        (given.latex, lambda: shown.to_latex(digits=given.digits)),
        (given.markdown, lambda: shown.to_markdown(digits=given.digits)),
        (given.svg, lambda: shown.to_svg(view=given.view)),
        (given.json, lambda: json.dumps(shown.to_dict()) + "\n"),
    ]
    written = [(path, text()) for path, text in formats if path is not None]
    for path, text in written:
        path.write_text(text, encoding="utf-8")
    text = table(shown.compare()) if given.compare else shown.to_text(digits=given.digits, color=None, ascii_only=None)
    for line in (text, *(f"written: {path}" for path, _ in written)):
        console.write_line(line)
    return 0
