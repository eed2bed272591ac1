"""``Explanation``, the result of ``Network.explain``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fcnet._checks import console
from fcnet._checks.numbers import flag, whole_number
from fcnet._checks.public import public_in
from fcnet._inputs.class_names import restored
from fcnet._inputs.feature_names import Name
from fcnet._training.train_state import TrainState
from fcnet.explanation.drawing.animation import animated
from fcnet.explanation.drawing.histograms import histograms
from fcnet.explanation.drawing.page import Page
from fcnet.explanation.drawing.picture import VIEWS, Picture, fits
from fcnet.explanation.numbers.answer_check import checked
from fcnet.explanation.numbers.comparison import Comparison, compared
from fcnet.explanation.numbers.figures import of_layers
from fcnet.explanation.numbers.oracle import check_step
from fcnet.explanation.numbers.trace import Array, Problem, Quantities, descent
from fcnet.explanation.writing.latex import document, markdown
from fcnet.explanation.writing.narrative import Narrative, Section
from fcnet.explanation.writing.placeholders import Placeholders
from fcnet.explanation.writing.text import Writer, has_color
from fcnet.explanation.writing.words import CHECKED, changes, in_words, losses
from fcnet.optimizers import SGD

_MOST_DIGITS = 12


@public_in("fcnet.explanation")
class Explanation(Mapping[str, Array]):
    """One or more steps of gradient descent, with every quantity by its name in the article.

    It is a read-only mapping of the first step, ``explanation["dW_2"]``; use ``explanation.steps[3]["dW_2"]`` for a
    later step. The numbers are those of the native core. Each is checked against ``fcnet.reference``, the NumPy
    reference, which computes it from the quantities before it.

    Attributes
    ----------
    steps : tuple of {name: array}
        ``I`` (n, inputs), ``y`` (n, outputs); for layer i, counted from 1, ``W_i`` (k, m), ``B_i`` (m,), ``h_in_i`` and
        ``h_out_i`` (n, m); ``p`` (n, outputs), ``L`` (), ``L_n`` (n,) of each sample; ``F_prime_i`` and ``sigma_i``
        (n, m), ``dW_i``, ``dB_i``; and after the update ``W_new_i``, ``B_new_i``, ``h_in_new_i``, ``h_out_new_i``,
        ``p_new``, ``L_new``, ``L_n_new``. L is the mean of the samples' losses, and sigma the derivative of each
        sample's own loss. For RMSE and custom losses, sigma is the derivative of L; with batch normalisation, n times
        that. There is no ``F_prime_i`` for softmax. A normalised layer also has ``z_i``, ``normal_i`` and ``tau_i`` (n,
        m): the product ``h W``, its normalised values, and the derivative by z; ``gamma_i``, ``dgamma_i`` (m,); and
        with batch normalisation the running statistics ``mean_i``, ``variance_i`` (m,); a layer with ``Parametric`` has
        ``mix_i``, ``dmix_i`` (m,); and the new values after the update.
    class_names : tuple of str
    findings : tuple of Finding
        Which results in ``answer`` are right or wrong.
    """

    def __init__(
        self,
        state: TrainState,
        x: ArrayLike,
        y: ArrayLike,
        learning_rate: float,
        steps: int,
        answer: Mapping[str, ArrayLike] | None,
        class_names: Sequence[str] | None,
    ) -> None:
        rate, count = SGD(learning_rate).learning_rate, whole_number(steps, "steps", 1)
        dataset = state.dataset(x, y).not_empty("x")
        self._problem = Problem(state.architecture, dataset, tuple(state.trainable), rate)
        self._problem.check(count)
        self.class_names = _names(class_names, dataset.classes, self._problem.architecture.sizes[-1])
        with np.errstate(all="ignore"):
            self.steps: tuple[Quantities, ...] = tuple(descent(state, self._problem, count))
            for step in self.steps:
                check_step(step, self._problem)
        self.findings = tuple(checked({} if answer is None else answer, self.steps[0], self._problem))

    def __getitem__(self, name: str) -> Array:
        if name not in self.steps[0]:
            raise KeyError(f"{name!r} is not a quantity of this step: expected one of {', '.join(self.steps[0])}")
        return self.steps[0][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.steps[0])

    def __len__(self) -> int:
        return len(self.steps[0])

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        sizes, last = "-".join(map(str, self._problem.architecture.sizes)), self.steps[-1]
        count = "1 step" if len(self.steps) == 1 else f"{len(self.steps)} steps"
        return f"Explanation({sizes}, {count}, L from {self['L']:.4g} to {last['L_new']:.4g})"

    def __str__(self) -> str:
        return console.printable(self.to_text(color=None, ascii_only=None))

    @property
    def title(self) -> str:
        """The title."""
        count = f"{len(self.steps)} steps" if len(self.steps) > 1 else "One step"
        return f"{count} of gradient descent, number by number"

    def to_text(
        self,
        *,
        digits: int = 4,
        color: bool | None = False,
        width: int | None = None,
        ascii_only: bool | None = False,
    ) -> str:
        """Return every equation of the first step with its numbers, as text for a terminal.

        Parameters
        ----------
        digits : int in [1, 12], default 4
            Decimals.
        color : bool, default False
            Colour numbers by their sign. None colours them if standard output is a terminal and ``NO_COLOR`` is not
            set, as ``print(explanation)`` does.
        width : int, optional
            Number of columns; by default that of the terminal, or 100.
        ascii_only : bool, default False
            Write Greek letters and signs in ASCII, ``sigma_2 = sigma_3 W_3^T .* F'_2(h^in_2)``. None does so if
            standard output cannot encode them, as ``print(explanation)`` does.

        Returns
        -------
        str

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        """
        if ascii_only is None:
            text = self.to_text(digits=digits, color=color, width=width)
            if console.encodable(text):
                return text
        columns = shutil.get_terminal_size((100, 24)).columns if width is None else width
        writer = Writer(
            _digits(digits),
            has_color() if color is None else flag(color, "color"),
            whole_number(columns, "width", 1),
            ascii_only is None or flag(ascii_only, "ascii_only"),
        )
        sections = [writer.section(i, each) for i, each in enumerate(self._sections(), 1)]
        course = [] if len(self.steps) == 1 else [writer.bold("Loss by step"), losses(self.steps)]
        if not fits(self._problem):
            lines = (
                f"   {what:<20} {figures.text()}" for what, figures in of_layers(self.steps[0], self._problem.layers)
            )
            sections.append("\n".join([writer.bold("Statistics of the layers"), *lines]))
        findings = (
            [
                writer.bold("Your answers"),
                "\n".join(fill(each.text(), columns, subsequent_indent="   ") for each in self.findings),
            ]
            if self.findings
            else []
        )
        head = "\n".join([writer.bold(self.title), self._words(), changes(self.steps, self.class_names)])
        return writer.spelt("\n\n".join([head, *sections, *course, *findings, CHECKED]))

    def to_dict(self) -> dict[str, Any]:
        """Return everything in plain numbers and lists, for JSON.

        Returns
        -------
        {"sizes": ..., "activations": ..., "loss": ..., "learning_rate": ..., "class_names": ..., "steps": [...]}
            The entries of ``steps`` hold the quantities by name.
        """
        architecture = self._problem.architecture
        return {
            "sizes": list(architecture.sizes),
            "activations": [str(spec.activation) for spec in architecture.specs],
            "loss": architecture.loss.name,
            "dtype": architecture.dtype.name,
            "learning_rate": self._problem.learning_rate,
            "class_names": list(self.class_names),
            "steps": [{name: np.asarray(value).tolist() for name, value in step.items()} for step in self.steps],
        }

    def to_markdown(self, *, digits: int = 4) -> str:
        """Return the first step in Markdown, with equations in LaTeX between dollar signs.

        Parameters
        ----------
        digits : int in [1, 12], default 4

        Returns
        -------
        str

        Raises
        ------
        TypeError, ValueError : digits is not as above.
        """
        return markdown(self.title, self._words(), self._sections(), _digits(digits))

    def to_latex(self, *, digits: int = 4) -> str:
        """Return the first step as a LaTeX document, which needs amsmath and geometry.

        Parameters
        ----------
        digits : int in [1, 12], default 4

        Returns
        -------
        str

        Raises
        ------
        TypeError, ValueError : digits is not as above.
        """
        return document(self.title, self._words(), self._sections(), _digits(digits))

    def to_html(self, path: str | os.PathLike[str] | None = None, *, digits: int = 4) -> str:
        """Return a self-contained HTML page with pictures, equations, and a slider over several steps.

        Parameters
        ----------
        path : path, optional
            File to write it to as well.
        digits : int in [1, 12], default 4

        Returns
        -------
        str

        Raises
        ------
        TypeError, ValueError : digits is not as above.
        OSError : the file cannot be written.
        """
        page = Page(self._problem, self.steps, self.class_names, _digits(digits))
        text = page.html(self.title, CHECKED, tuple(each.text() for each in self.findings))
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_svg(self, path: str | os.PathLike[str] | None = None, *, view: str = "before") -> str:
        """Return a picture of the network in SVG, with a description in words.

        Parameters
        ----------
        path : path, optional
            File to write it to as well.
        view : {"before", "after", "gradients", "steps"}, default "before"
            Weights and outputs before or after the first step, its gradients, or an animation of all steps. If a layer
            has more than 10 neurons, the picture has histograms of all three, before or after the step.

        Returns
        -------
        str

        Raises
        ------
        ValueError : the view is unknown, or is "steps" although a layer has more than 10 neurons.
        OSError : the file cannot be written.
        """
        if not isinstance(view, str) or view not in (*VIEWS, "steps"):
            raise ValueError(f"view is {view!r}: expected one of {', '.join((*VIEWS, 'steps'))}")
        if not fits(self._problem):
            if view == "steps":
                raise ValueError(
                    f"layers have up to {max(self._problem.architecture.sizes)} neurons: view='steps' takes at most 10"
                )
            text = histograms(self.steps[0], self._problem.layers, "_new" if view == "after" else "")
        elif view == "steps":
            text = animated(self._problem, self.steps, self.class_names)
        else:
            text = Picture(self._problem, self.steps, Placeholders(self.steps, 3), self.class_names).svg(
                view, alone=True
            )
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def compare(self) -> list[Comparison]:
        """Compare every number of the first step by the textbook formula, by NumPy and by the native core.

        Returns
        -------
        list of Comparison
            ``fcnet.explanation.table`` formats them side by side.
        """
        with np.errstate(all="ignore"):
            return compared(self.steps[0], self._problem)

    def _repr_html_(self) -> str:
        framed = self.to_html().replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe title="{self.title}" srcdoc="{framed}" style="width:100%;height:720px;border:0"></iframe>'

    def _sections(self) -> list[Section]:
        return Narrative(self._problem, self.steps[0]).sections()

    def _words(self) -> str:
        return in_words(self._problem, len(self["I"]))


def _digits(given: int) -> int:
    return whole_number(given, "digits", 1, _MOST_DIGITS)


def _names(given: Sequence[str] | None, classes: tuple[Name, ...] | None, outputs: int) -> tuple[str, ...]:
    if given is None and classes is not None and len(classes) == outputs and all(map(str, restored(classes))):
        return tuple(map(str, restored(classes)))
    if given is None:
        return ("p",) if outputs == 1 else tuple(map(str, range(outputs)))
    is_sequence = isinstance(given, Iterable) and not isinstance(given, str) and getattr(given, "ndim", 1) > 0
    names = tuple(given) if is_sequence else ()
    if len(names) != outputs or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"class_names is {given!r}: expected {outputs} words, one for each output")
    return names
