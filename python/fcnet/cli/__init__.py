"""The command line: ``fcnet``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence

from fcnet import _native
from fcnet._checks import console
from fcnet.cli.exchange import add_export, add_import, export_model, import_model
from fcnet.cli.explain import add_explain, explain
from fcnet.cli.table_options import add_predict, add_train
from fcnet.datasets import load_digits
from fcnet.network import Network
from fcnet.optimizers import SGD

_EPOCHS = 100

_NEXT = f"""\
Try next, in {sys.executable}:
  import fcnet; fcnet.show_config()                                               what runs underneath
  net = fcnet.Network([n_features, 256, n_classes]); net.fit(x, y, epochs=20)     your own data
  fcnet train table.csv --target price                                            your own table
  fcnet explain                                                                   a training step, number by number"""


def demo() -> int:
    """Train a 64-256-10 network on the embedded digits and print the results.

    Returns
    -------
    int
        The exit code.
    """
    digits = load_digits()
    scaled_train, scaled_test = digits.x_train / 16, digits.x_test / 16
    config = _native.config()
    net = Network([64, 256, 10], seed=0)
    print(f"Training 64-256-10 on {len(scaled_train):,} handwritten digits (8 x 8), {_EPOCHS} epochs of SGD")
    history = net.fit(scaled_train, digits.y_train, epochs=_EPOCHS, batch_size=32, optimizer=SGD(0.1))
    test = net.evaluate(scaled_test, digits.y_test)
    seconds = sum(history.seconds)
    print(f"  test accuracy    {test['accuracy']:.1%} of {len(scaled_test)} held-back digits (loss {test['loss']:.3f})")
    print(f"  time             {seconds:.2f} s, {_EPOCHS * len(scaled_train) / seconds:,.0f} samples per second")
    print(f"  instruction set  {config['isa']} ({config['isa_source']})")
    print(f"  threads          {config['threads']} ({config['threads_source']})")
    print()
    console.write_line(_NEXT)
    return 0


def _run(given: argparse.Namespace) -> int:
    """Run the command that the arguments name."""
    if given.command == "explain":
        return explain(given)
    if given.command in (None, "demo"):
        return demo()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        if given.command in ("import", "export"):
            return import_model(given) if given.command == "import" else export_model(given)
        # only now, because scikit-learn is imported with the estimators where it is installed
        from fcnet.cli.predict import predict
        from fcnet.cli.train import train

        return train(given) if given.command == "train" else predict(given)


def _show_warning(message: Warning | str, *_: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _in_one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or "there is not enough memory"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; by default those of the command line.

    Returns
    -------
    int
        The exit code; usage errors exit with 2.
    """
    parser = argparse.ArgumentParser(
        prog="fcnet", description="Fully connected neural networks on a CPU, at the speed of the silicon."
    )
    parser.add_argument("--version", action="version", version=f"fcnet {_native.__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="command")
    commands.add_parser("demo", help="train on the embedded digits and print the test accuracy (the default)")
    for add in (add_train, add_predict, add_explain, add_import, add_export):
        add(commands)
    given = parser.parse_args(arguments)
    try:
        code = _run(given)
        if not console.is_closed(sys.stdout):
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of the output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (TypeError, ValueError, OSError, FloatingPointError, ImportError, MemoryError) as error:
        if given.command in (None, "demo"):
            raise
        print(f"fcnet {given.command}: {_in_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
