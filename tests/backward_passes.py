"""A backward pass under remedies."""

import pytest
from reference import random_batch, random_params

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES, ActivationFix, GradientFix, SignalFix, StartableFix
from rnnkit.engine.losses import cross_entropy
from rnnkit.engine.step import backward_passes
from rnnkit.fields import NumberField

every = pytest.mark.parametrize("name", FIXES)


gradient_fixes = pytest.mark.parametrize("name", [name for name, fix in FIXES.items() if issubclass(fix, GradientFix)])

startable_fixes = pytest.mark.parametrize("name", [name for name, fix in FIXES.items() if issubclass(fix, StartableFix)])


NUMERIC = [name for name, fix in FIXES.items() if all(isinstance(spec, NumberField) for spec in fix.parameters().values())]


def fixed_gradients(tape, dz, p, fixes):
    """As the trainer takes them."""
    signals, penalties = ([fix for fix in fixes if isinstance(fix, kind)] for kind in (SignalFix, ActivationFix))
    _, grads = backward_passes(tape, dz, signals, penalties)
    for fix in fixes:
        if isinstance(fix, GradientFix):
            grads = fix(grads, tape, p)
    return grads


def backward(cell="tanh", fixes=(), task="memorization", length=23, seed=0):
    """(params, tape, raw gradients)."""
    p = random_params(cell, 7, 5, seed)
    x, y = random_batch(task, length, seed)
    tape = bptt.forward(CELLS[cell], p, x)
    _, dz = cross_entropy(bptt.readout(p, tape.h[-len(y) :]), y)
    tape.backward(dz, fixes)
    return p, tape, tape.gradients()
