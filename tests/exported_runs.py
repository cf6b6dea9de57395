"""Small runs to take home: what the tests of rnnkit/export share."""

from dataclasses import replace
from functools import cache

import numpy as np

from rnnkit import Experiment, train
from rnnkit.engine.fixes import ClipNorm, Truncate
from rnnkit.engine.history import History
from rnnkit.stories.presets import PRESETS

SMALL = Experiment(length=10, hidden=8, batch=8, replicas=2, steps=12)
RUNS = {
    "plain": SMALL,
    "lstm": replace(SMALL, cell="lstm"),
    "cut": replace(SMALL, fixes=(Truncate(4), ClipNorm(1.0))),
    "diverged": replace(PRESETS["explodes"].experiment, replicas=3, steps=8),
    "padded": replace(PRESETS["corpus-gru"].experiment, hidden=8, batch=4, replicas=2, steps=6, length=20),
    "long": replace(SMALL, length=1000, batch=2, steps=3),
    "reservoir": Experiment(cell="esn", length=10, hidden=8, batch=8, replicas=2, steps=2),
}


@cache
def run(name):
    """The History of one of RUNS, trained once."""
    return History.of(RUNS[name], train(RUNS[name]))


def made(norms, e=None):
    """A History whose gradients are these (N, T); one network."""
    norms = np.asarray(norms, np.float32)
    e = e or Experiment(length=norms.shape[1], steps=len(norms) - 1, replicas=1)
    history = History(e)
    history.state_grad[:, 0, :, 0] = norms
    for values in (history.loss, history.accuracy, history.norm_raw, history.norm_applied):
        values[:] = 0.5
    history.causes = [("",)] * len(norms)
    history.n = len(norms)
    return history
