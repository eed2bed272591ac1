"""Early stopping: end a fit once the figure that is watched no longer gets better."""

from __future__ import annotations

from dataclasses import dataclass

from fcnet import arrays
from fcnet.keywords import suggesting
from fcnet.monitoring import Mode, Monitoring


@suggesting
@dataclass(frozen=True)
class EarlyStopping(Monitoring):
    """End the fit when the best figure is ``patience`` epochs old, and go back to the weights that gave it.

    Parameters
    ----------
    patience : int >= 1, default 10
        Epochs without improvement before the fit ends.
    min_delta : float >= 0, default 0
        By how much a figure must be better to count.
    monitor : str, default "val_loss"
        A figure of the history: "loss", "accuracy", "val_loss", "val_accuracy", or ``"val_"`` and the name of one of
        the fit's ``metrics``. NaN is no improvement on any figure; the first of a fit gives a RuntimeWarning.
    restore_best : bool, default True
        Leave the network with the weights of the best epoch, also where the epochs end first or the training diverges.
        They take the memory of one more set of weights, and no time.
    mode : {"auto", "min", "max"}, default "auto"
        Whether the figure should fall or rise; "auto" knows it of losses and of the metrics of ``fcnet.metrics``.
    start_from_epoch : int >= 0, default 0
        Epochs of the fit to let pass before the figure is watched: they count neither as best nor as epochs without
        improvement, as in Keras. A fit whose epochs all pass so gives a RuntimeWarning.

    Raises
    ------
    TypeError, ValueError : an argument is not as above.

    Examples
    --------
    >>> EarlyStopping(patience=3, monitor="val_f1")
    EarlyStopping(patience=3, min_delta=0.0, monitor='val_f1', restore_best=True, mode='auto', start_from_epoch=0)
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "val_loss"
    restore_best: bool = True
    mode: Mode = "auto"
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "patience", arrays.whole_number(self.patience, "patience", 1))
        object.__setattr__(self, "start_from_epoch", arrays.whole_number(self.start_from_epoch, "start_from_epoch", 0))
        self.check_rule()
        object.__setattr__(self, "restore_best", arrays.flag(self.restore_best, "restore_best"))
