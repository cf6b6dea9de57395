"""Histories made of numbers that a test chooses."""

import numpy as np

from rnnkit import Experiment
from rnnkit.analysis.summary import verdict
from rnnkit.engine.history import History

E = Experiment(length=10, replicas=3, steps=2)


LOW = np.full((3, 3), 0.5)


SOUND = np.full(3, -1)


def gradient(source, parts=1, e=E):
    """(P, T, R) with 1 at the last step and `source` at the subject."""
    grad = np.ones((parts, e.length, e.replicas), np.float32)
    grad[:, 1] = source
    return grad


def history(grads, e=E, accuracy=LOW, diverged=SOUND, causes=("", "", ""), **known):
    """Records with these gradients, (P, T, R) each; `known`: other columns, a value for each record."""
    h = History(e)
    h.n = len(grads)
    for i, grad in enumerate(grads):
        h.state_grad[i] = grad
    h.loss[: h.n], h.accuracy[: h.n] = e.guess_loss, accuracy[: h.n]
    h.norm_raw[: h.n] = h.norm_applied[: h.n] = 1
    h.diverged[: h.n], h.causes = diverged, [causes] * h.n
    for name, values in known.items():
        getattr(h, name)[: h.n] = np.array(values, float).reshape(h.n, -1)
    return h


def verdict_of(grad, e=E, accuracy=LOW, n=3, diverged=SOUND, causes=("", "", ""), **known):
    return verdict(history([grad] * n, e, accuracy, diverged, causes, **known))
