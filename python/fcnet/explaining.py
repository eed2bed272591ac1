"""The part of a network that shows its work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from fcnet._checks.keywords import suggesting
from fcnet._checks.numbers import whole_number
from fcnet._inputs import tables
from fcnet.fitting import Fitting

if TYPE_CHECKING:
    from fcnet.explanation import Diagnosis, Explanation, GradientCheck


class Explaining(Fitting):
    """What a network does, in numbers for a reader; nothing here changes it."""

    __slots__ = ()

    @suggesting
    def explain(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        learning_rate: float = 0.1,
        steps: int = 1,
        answer: Mapping[str, ArrayLike] | None = None,
        class_names: Sequence[str] | None = None,
    ) -> Explanation:
        """Show steps of gradient descent on all of x at once, number by number; the network stays as it is.

        Nothing is dropped, as in a prediction, where layers have dropout; with batch normalisation mean and variance
        are those of x, as in a step.

        Parameters
        ----------
        x : array-like, table or sparse array (n, inputs) of finite real numbers
        y : as for fit
        learning_rate : float > 0
            The article's alpha.
        steps : int >= 1
        answer : {name: array-like}, optional
            Your own results for quantities of the first step, like ``{"dW_2": [[0.16, 0.08], [0.11, 0.06]]}``:
            ``findings`` say what is wrong and which usual slip gives it.
        class_names : sequence of str, optional
            What the outputs stand for, by default the network's ``classes``, else their numbers.

        Returns
        -------
        Explanation
            ``print`` it, look at it in a notebook, or write it with ``to_html(path)``, ``to_svg``, ``to_latex``,
            ``to_markdown``, ``to_dict``; ``explanation["sigma_2"]`` has the numbers.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, a frozen layer has batch normalisation, or there would be
            more than 20 million numbers.
        DivergenceError : a step leads to numbers that are not finite.
        ArithmeticError : the native core and the reference differ by more than rounding: a bug of fcnet.

        Examples
        --------
        >>> import fcnet as fc
        >>> shown = fc.Network([2, 3, 2], seed=0).explain([[1, 1]], [0], class_names=["odd", "even"])
        >>> shown["dW_1"].shape, bool(shown["L_new"] < shown["L"])
        ((2, 3), True)
        """
        from fcnet.explanation import Explanation

        x, y = tables.in_memory(x, "x"), tables.in_memory(y, "y")
        return Explanation(self, x, y, learning_rate, steps, answer, class_names)

    @suggesting
    def check_gradients(self, x: ArrayLike, y: ArrayLike, *, most: int = 200) -> GradientCheck:
        """Compare backpropagation with finite differences of the loss, in float64.

        A loss of your own is also compared with the derivative that it returns, so that one can tell whether that or
        backpropagation is wrong. Where the loss has a kink, as ReLU makes them, it has no derivative to compare:
        weights whose steps cross one, however small, are left out and counted; more than half of them are no pass.
        With batch normalisation mean and variance are those of x, as in a step.

        Parameters
        ----------
        x, y : as for fit
        most : int >= 1
            Weights of a layer, and biases, that are looked at; of more, a random choice by ``seed``.

        Returns
        -------
        GradientCheck
            ``passed``, ``worst`` and more; ``print`` says it in words.

        Raises
        ------
        TypeError, ValueError : an argument is not as above, or the loss is not finite.
        """
        from fcnet.explanation.numbers import gradient_check

        x, y = tables.in_memory(x, "x"), tables.in_memory(y, "y")
        return gradient_check.checked(self, x, y, whole_number(most, "most", 1))

    @suggesting
    def diagnose(self, x: ArrayLike, y: ArrayLike, *, learning_rate: float = 0.1) -> Diagnosis:
        """Look at weights, activations and gradients of every layer, and say what is wrong and what to do.

        Parameters
        ----------
        x : array-like, table or sparse array (n, inputs) of finite real numbers
            With batch normalisation mean and variance are those of x, as in a step.
        y : as for fit
        learning_rate : float > 0
            Of the one step that is tried on a copy.

        Returns
        -------
        Diagnosis
            ``advice``, each with its evidence, and figures of every ``layer``; ``print`` shows them with histograms.

        Raises
        ------
        TypeError, ValueError : an argument is not as above.
        """
        from fcnet.explanation.numbers import diagnosis

        x, y = tables.in_memory(x, "x"), tables.in_memory(y, "y")
        return diagnosis.diagnosed(self, x, y, learning_rate)
