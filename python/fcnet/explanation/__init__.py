"""Explanations of a network: the results of ``Network.explain``, ``check_gradients`` and ``diagnose``."""

from __future__ import annotations

from fcnet.explanation.explanation import Explanation
from fcnet.explanation.numbers.answer_check import Finding
from fcnet.explanation.numbers.comparison import Comparison, table
from fcnet.explanation.numbers.diagnosis import Advice, Diagnosis, LayerDiagnosis
from fcnet.explanation.numbers.figures import Figures
from fcnet.explanation.numbers.gradient_check import Difference, GradientCheck

__all__ = [
    "Advice",
    "Comparison",
    "Diagnosis",
    "Difference",
    "Explanation",
    "Figures",
    "Finding",
    "GradientCheck",
    "LayerDiagnosis",
    "table",
]
