"""scikit-learn's MLPClassifier: partial_fit over an epoch, predict_proba."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from bench.peers import Unavailable
from bench.workloads import BETA_1, BETA_2, EPSILON


def classifier(layers, **options):
    """A classifier with these weights, as if it had been fitted."""
    hidden = [len(b) for _, b in layers[:-1]]
    net = MLPClassifier(hidden, alpha=0, shuffle=False, **options)
    x = np.zeros((1, len(layers[0][0])), layers[0][0].dtype)
    net.partial_fit(x, [0], classes=np.arange(len(layers[-1][1])))
    net.coefs_ = [w for w, _ in layers]
    net.intercepts_ = [b for _, b in layers]
    return net


class Training:
    def __init__(self, workload, x, y):
        if workload.sizes[-1] == 2:
            raise Unavailable("scikit-learn gives two classes one logistic output")
        self.x, self.y = x, y
        self.net = classifier(
            workload.parameters(),
            solver=workload.optimizer,
            momentum=0,
            learning_rate_init=workload.rate,
            batch_size=workload.batch,
        )
        parameters = self.net.coefs_ + self.net.intercepts_
        # it adds epsilon before the bias correction: this equals the others' at the first step and is as small after it
        early_epsilon = EPSILON * np.sqrt(1 - BETA_2)
        self.net._optimizer = (
            AdamOptimizer(parameters, workload.rate, BETA_1, BETA_2, early_epsilon)
            if workload.optimizer == "adam"
            else SGDOptimizer(parameters, workload.rate, momentum=0, nesterov=False)
        )

    def epoch(self, order):
        rows = order.ravel()
        self.net.partial_fit(self.x[rows], self.y[rows])

    def weights(self):
        return list(zip(self.net.coefs_, self.net.intercepts_, strict=True))


class Prediction:
    def __init__(self, layers):
        self.net = classifier(layers)

    def __call__(self, x):
        return self.net.predict_proba(x)
