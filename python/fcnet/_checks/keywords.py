"""Errors about unknown keyword arguments, which suggest the one that was probably meant."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from fcnet._checks.suggestions import did_you_mean, letters_of, likely

Given = TypeVar("Given", bound=Callable[..., Any])

# Names in other libraries, in lower case without underscores -> names here.
_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "lr": ("learning_rate",),
    "learningrateinit": ("learning_rate",),
    "eta": ("learning_rate",),
    "beta": ("beta1", "momentum"),
    "betas": ("beta1 and beta2",),
    "eps": ("epsilon",),
    "alpha": ("rho", "l2_sum", "slope"),
    "negativeslope": ("slope",),
    "decay": ("weight_decay", "decay"),
    "kernelregularizer": ("l2",),
    "clipnorm": ("clip_norm",),
    "maxgradnorm": ("clip_norm",),
    "globalclipnorm": ("clip_norm",),
    "gradientaccumulationsteps": ("accumulate",),
    "hiddenlayersizes": ("sizes",),
    "hiddensizes": ("sizes",),
    "units": ("sizes",),
    "layers": ("sizes",),
    "layersizes": ("sizes",),
    "layerdims": ("sizes",),
    "inputshape": ("sizes",),
    "inputdim": ("sizes",),
    "infeatures": ("sizes",),
    "outfeatures": ("units",),
    "outputdim": ("units",),
    "nunits": ("units",),
    "size": ("units",),
    "usebias": ("bias",),
    "kernelinitializer": ("init",),
    "weightinit": ("init",),
    "initializer": ("init",),
    "rate": ("dropout", "learning_rate"),
    "p": ("dropout",),
    "batchnorm": ("normalization",),
    "nonlinearity": ("activation",),
    "criterion": ("loss",),
    "lossfn": ("loss",),
    "lossfunction": ("loss",),
    "randomstate": ("seed",),
    "solver": ("optimizer",),
    "nepochs": ("epochs",),
    "numepochs": ("epochs",),
    "nbepoch": ("epochs",),
    "maxiter": ("epochs",),
    "niter": ("epochs",),
    "verbose": ("progress",),
    "verbosity": ("progress",),
    "validationfraction": ("validation_split",),
    "evalset": ("validation_data",),
    "scheduler": ("schedule",),
    "learningratescheduler": ("schedule",),
    "niternochange": ("patience",),
    "tol": ("min_delta",),
    "threshold": ("min_delta",),
    "restorebestweights": ("restore_best",),
    "filepath": ("path",),
    "filename": ("path",),
    "includeoptimizer": ("optimizer_state",),
    "saveweightsonly": ("optimizer_state",),
    "savefreq": ("every",),
    "period": ("every",),
    "savebestonly": ("monitor",),
    "smoothing": ("label_smoothing",),
    "quantile": ("q",),
    "tau": ("q",),
    "stepsize": ("every",),
    "gamma": ("factor",),
    "decayrate": ("factor",),
    "pctstart": ("warm_up",),
    "warmupsteps": ("warm_up",),
    "etamin": ("floor",),
    "minlr": ("floor",),
    "minimumlearningrate": ("floor",),
}
_OF_FIT = ("optimizer", "epochs", "batch_size", "callbacks", "metrics", "validation_split", "sample_weight", "schedule")
_OF_OPTIMIZER = ("learning_rate", "momentum", "weight_decay", "l2", "clip_norm", "accumulate")

_ABSENT = {
    "validationsteps": "all validation data are evaluated: limit the batches by itertools.islice",
}
_OF_SOME_OPTIMIZERS = {
    "weight_decay": "fcnet.AdamW, SGD and Lion have it",
    "momentum": "fcnet.SGD and RMSprop have it",
    "nesterov": "fcnet.SGD has it, and fcnet.NAdam is Adam with it",
}


def _meant(unknown: str, known: Iterable[str]) -> str:
    """Return the end of a message about an argument that is not ``known``: a suggestion, or nothing."""
    known, letters = list(known), letters_of(unknown)
    if letters in _ABSENT:
        return f"; {_ABSENT[letters]}"
    if name := likely(unknown, known, _ELSEWHERE, 0.75):
        return did_you_mean(name)
    names = (unknown, *_ELSEWHERE.get(letters, ()))
    if "accumulate" in known:  # another optimizer
        owners = [owner for name, owner in _OF_SOME_OPTIMIZERS.items() if name in names]
        return f"; {owners[0]}" if owners else ""
    if any(name in _OF_OPTIMIZER for name in names):
        return "; it belongs to an optimizer, like fit(optimizer=fcnet.SGD(learning_rate=0.1))"
    if any(name in _OF_FIT for name in names):
        return "; it belongs to Network.fit"
    return "; Network takes it as the first entry of sizes" if "sizes" in names else ""


def _too_many(function: str, known: list[str], last: object) -> str:
    """Return the message about too many positional arguments."""
    if known == ["sizes"] and isinstance(last, int):
        return f"{function}() takes the sizes as one list, like {function}([784, 512, 10])"
    return f"{function}() takes {', '.join(known) or 'no arguments'} by position: pass all others by keyword"


def unknown_argument(function: Callable[..., Any], unknown: str) -> TypeError:
    """Return the error about an unknown argument of a function, or of a class by its ``__init__``."""
    known = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
    rest = _meant(unknown, known) or f": expected some of {', '.join(known)}"
    return TypeError(f"{function.__name__}() has no argument {unknown!r}{rest}")


def answering(function: Given) -> Given:
    """Decorate a function that takes ``**unknown: Never`` and raises ``unknown_argument``: hide them in its signature.

    This is for functions where the additional call of ``suggesting`` would be too slow.
    """
    signature = inspect.signature(function)
    known = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    function.__signature__ = signature.replace(parameters=known)  # type: ignore[attr-defined]
    return function


def suggesting(given: Given) -> Given:
    """Decorate a function, or a class by its ``__init__``: errors about unknown keywords suggest what was meant."""
    function: Any = given.__init__ if isinstance(given, type) else given  # type: ignore[misc]
    name = given.__name__

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:  # not from inside the call
                signature = inspect.signature(function).parameters.values()
                known = [parameter.name for parameter in signature if parameter.name != "self"]
                first = [parameter.name for parameter in signature if parameter.kind is not parameter.KEYWORD_ONLY]
                if len(args) > len(first):
                    raise TypeError(_too_many(name, [at for at in first if at != "self"], args[-1])) from None
                for unknown in kwargs:
                    if unknown not in known:
                        raise unknown_argument(given, unknown) from None
            raise

    if isinstance(given, type):
        given.__init__ = call  # type: ignore[misc]
        return given
    return call  # type: ignore[return-value]
