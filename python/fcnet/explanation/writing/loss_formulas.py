"""Formulas of the losses: L of one output, and its derivative by p."""

from __future__ import annotations

from fcnet.explanation.writing.expressions import Applied, Expression, Fraction, Symbol

_P, _Y, _LN = Symbol("p", "j"), Symbol("y", "j"), "ln"
_REST_Y, _REST_P = (("(", "1", "−", symbol, ")") for symbol in (_Y, _P))
_E = ("(", _P, "−", _Y, ")")

# name -> (the term that is summed over the outputs j, dL/dp of one output)
LOSSES: dict[str, tuple[Expression, Expression]] = {
    "cross_entropy": (("−", _Y, _LN, _P), ("−", Fraction(_Y, _P))),
    "binary_cross_entropy": (
        ("(", "−", _Y, _LN, _P, "−", *_REST_Y, _LN, *_REST_P, ")"),
        Fraction(("p", "−", "y"), ("p", "(", "1", "−", "p", ")")),
    ),
    "mse": ((*_E[:-1], Symbol(")", "", "2")), ("2", "·", "(", "p", "−", "y", ")")),
    "rmse": ((*_E[:-1], Symbol(")", "", "2")), Fraction(("p", "−", "y"), "L")),
    "mae": (("|", _P, "−", _Y, "|"), Applied("sign", ("p", "−", "y"))),
    "huber": (Applied("huber", (_P, "−", _Y)), Applied("clip", ("p", "−", "y", ",", "−", "δ", ",", "δ"))),
    "poisson": (("(", _P, "−", _Y, _LN, _P, ")"), ("(", "1", "−", Fraction("y", "p"), ")")),
    "quantile": (Applied("pinball", (_P, "−", _Y)), Applied("pinball′", ("p", "−", "y"))),
}
# F for which dL/dh_in of an output is p - y
LINKED = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "poisson": "exp"}
