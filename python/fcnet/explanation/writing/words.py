"""Sentences about a network, a step and several steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from fcnet.activations import Activation
from fcnet.explanation.numbers.trace import Problem, Quantities
from fcnet.explanation.writing.normalization_formulas import in_words as in_words_of

CHECKED = (
    "These are the numbers of the native core. Each was recomputed from the ones before it by\n"
    "fcnet.reference, in plain NumPy with more digits: all agree up to rounding."
)


def loss_name(problem: Problem) -> str:
    """Return the name of the loss in words."""
    name = problem.architecture.loss.name
    return name.upper() if name in ("mse", "rmse", "mae") else name.replace("_", " ")


def numbering(problem: Problem) -> str:
    """Say how the formulas number the layers."""
    last = problem.layers[-1]
    return f" The formulas count layers from 1: W_{last} is net.layers[{last - 1}].W."


def beside(problem: Problem) -> str:
    """Describe normalisation, constants of activations, parametric ones and dropout, if there are any."""
    sentences = ""
    specs = list(enumerate(problem.architecture.specs))
    for i, norm in ((i, spec.normalization) for i, spec in specs if spec.normalization):
        sentences += f" layers[{i}] is normalised: {in_words_of(norm)}, ε is {norm.epsilon:g}."
    for i in (i for i, spec in specs if "product_bias" in spec.parts):
        sentences += f" c_{i + 1} is layers[{i}].product_bias."
    for i, f in ((i, spec.activation) for i, spec in specs):
        if isinstance(f, Activation):
            sentences += "".join(f" F of layers[{i}] has the {name} {value:g}." for name, value in asdict(f).items())
    for i in (i for i, spec in specs if spec.parametric):
        sentences += f" The activation of layers[{i}] is parametric: a_{i + 1} is layers[{i}].mix."
    dropped = [f"layers[{i}]" for i, spec in specs if spec.dropout]
    return sentences + (f" Nothing is dropped, as in a prediction: dropout of {', '.join(dropped)}." if dropped else "")


def course(step: Quantities) -> str:
    """Say whether the loss has fallen."""
    fallen = "fallen" if step["L_new"] < step["L"] else "not fallen: for this step the learning rate is too high"
    return f"With the new weights, the loss has {fallen}."


def in_words(problem: Problem, samples: int) -> str:
    """Describe the network and the training in one sentence."""
    architecture = problem.architecture
    names = [spec.activation_name.replace("_", " ") for spec in architecture.specs]
    hidden = f"{', '.join(dict.fromkeys(names[:-1]))}, then {names[-1]}" if len(names) > 1 else names[-1]
    of = f"{samples} samples" if samples > 1 else "one sample"
    return (
        f"{' – '.join(map(str, architecture.sizes))} neurons; {hidden}; {loss_name(problem)}; {of}; "
        f"α = {problem.learning_rate:g}; {architecture.dtype.name}"
    )


def outputs(step: Quantities) -> list[int]:
    """Return the outputs of the first sample to describe: all, or the largest."""
    p = step["p"][0]
    return list(range(len(p))) if len(p) <= 4 else sorted(map(int, np.argsort(-p, kind="stable")[:3]))


def changes(steps: Sequence[Quantities], class_names: Sequence[str]) -> str:
    """Describe the change of the loss and of the first sample's outputs."""
    first, last = steps[0], steps[-1]
    loss = f"L from {first['L']:.4f} to {last['L_new']:.4f}"
    names = [f"output {name}" if name.isdigit() else name for name in class_names]
    of = [f"{names[j]} from {first['p'][0, j]:.4f} to {last['p_new'][0, j]:.4f}" for j in outputs(first)]
    text = ", ".join(of)
    text = f"{loss}; of the first sample {text}" if len(first["I"]) > 1 else f"{loss}, {text}"
    return f"{text}\nThe equations are those of the first step." if len(steps) > 1 else text


def losses(steps: Sequence[Quantities]) -> str:
    """List the loss before the steps and after each step."""
    found = [float(step["L"]) for step in steps] + [float(steps[-1]["L_new"])]
    counts = [f"{t:>3} {'step ' if t == 1 else 'steps'}" for t in range(len(found))]
    return "\n".join(f"   L after {t}  {loss:.4f}" for t, loss in zip(counts, found, strict=True))
