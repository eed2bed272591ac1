"""A network that shows its work: what ``Network.explain``, ``check_gradients`` and ``diagnose`` give."""

from __future__ import annotations

from fcnet.explanation.comparison import Comparison, table
from fcnet.explanation.diagnosis import Advice, Diagnosis, LayerDiagnosis
from fcnet.explanation.explanation import Explanation
from fcnet.explanation.figures import Figures
from fcnet.explanation.gradient_check import Difference, GradientCheck
from fcnet.explanation.homework import Finding

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
