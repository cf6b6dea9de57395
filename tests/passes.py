"""A backward pass under remedies."""

import pytest
from reference import random_batch, random_params

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, GradientFix
from rnnkit.engine.losses import cross_entropy

every = pytest.mark.parametrize("name", FIXES)


gradient_fixes = pytest.mark.parametrize("name", [name for name, fix in FIXES.items() if issubclass(fix, GradientFix)])


NUMERIC = [name for name in FIXES if not FIXES[name].choices]


def backward(cell="tanh", fixes=(), task="memorization", length=23, seed=0):
    """(params, tape, raw gradients)."""
    p = random_params(cell, 7, 5, seed)
    x, y = random_batch(task, length, seed)
    tape = bptt.forward(CELLS[cell], p, x)
    _, dz = cross_entropy(bptt.readout(p, tape.h[-len(y) :]), y)
    tape.backward(dz, fixes)
    return p, tape, tape.gradients()
