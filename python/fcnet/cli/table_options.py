"""The options of ``fcnet train`` and ``fcnet predict``."""

from __future__ import annotations

import argparse

_TRAIN = """\
examples:
  fcnet train houses.csv --target price
  fcnet train houses.csv --target price --ignore id street --categorical zone --output houses.safetensors
  fcnet train patients.parquet --target ill --metric log_loss --time-limit 60

The test rows are neither trained on nor used to choose the best epoch, so their score is that of new rows."""


_PREDICT = """\
examples:
  fcnet predict model.safetensors new.csv
  fcnet predict model.safetensors new.csv --proba --output predictions.csv
  fcnet predict model.safetensors new.csv --interval 0.9"""


def add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : subparsers of argparse
    """
    parser = commands.add_parser(
        "train",
        help="fit a table in a CSV or Parquet file, show its score on rows held back, and save the model",
        description="Fit neural networks to the table in a CSV or Parquet file, show their score on rows held back "
        "beside a trivial baseline and, where scikit-learn is installed, gradient-boosted trees; save the model.",
        epilog=_TRAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("table", metavar="TABLE", help="CSV file with a header, or Parquet file")
    add("--target", metavar="COLUMN", help="the column to predict")
    add(
        "--task",
        choices=("classes", "numbers"),
        help="what the target is (default: what its values suggest)",
    )
    add("--output", default="model.safetensors", metavar="FILE", help="the model (default: model.safetensors)")
    add("--force", action="store_true", help="overwrite the model of before")
    tests = parser.add_mutually_exclusive_group()
    tests.add_argument("--test", type=float, default=0.2, metavar="SHARE", help="rows for the test (default: 0.2)")
    tests.add_argument("--no-test", action="store_true", help="train on all rows, without a score of new ones")
    add("--ignore", nargs="+", default=[], metavar="COLUMN", help="columns to leave out, such as identifiers")
    add("--keep", nargs="+", default=[], metavar="COLUMN", help="columns to take that would be left out")
    add("--categorical", nargs="+", default=[], metavar="COLUMN", help="columns of numbers that are codes")
    add("--recipe", default="auto", help="how networks are built and trained, such as realmlp-s (default: auto)")
    add("--metric", default="auto", help="what the best epoch is chosen by: log_loss, roc_auc, f1, mae, ...")
    add("--calibrate", action="store_true", help="calibrate the probabilities of classes on validation rows")
    add("--networks", type=int, metavar="N", help="networks, which differ in their seeds; 1 is fastest")
    add("--folds", type=int, metavar="N", help="train on so many folds, a network each (default: the recipe's)")
    add("--time-limit", type=float, metavar="SECONDS", help="of the fit; fewer epochs are trained if necessary")
    add("--seed", type=int, default=0, metavar="N", help="of the split and of the networks (default: 0)")
    add("--threads", type=int, metavar="N", help="number of threads (default: all processors)")
    add("--encoding", metavar="NAME", help="of a CSV file (default: utf-8)")


def add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser.

    Parameters
    ----------
    commands : subparsers of argparse
    """
    parser = commands.add_parser(
        "predict",
        help="predict the rows of a CSV or Parquet file by a model of fcnet train",
        description="Predict every row of a CSV or Parquet file by a model that fcnet train or model.save has written, "
        "and write a CSV file with a line for each. Other columns than those of the model may be there.",
        epilog=_PREDICT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="the model's file")
    add("table", metavar="TABLE", help="CSV file with a header, or Parquet file")
    add("--output", metavar="FILE", help="CSV file to write (default: standard output)")
    add("--force", action="store_true", help="overwrite the file of before")
    add("--proba", action="store_true", help="write the probability of each class too")
    add(
        "--interval",
        type=float,
        metavar="SHARE",
        help="write intervals that contain so many of the true numbers",
    )
    add("--threads", type=int, metavar="N", help="number of threads (default: all processors)")
    add("--encoding", metavar="NAME", help="of a CSV file (default: utf-8)")
