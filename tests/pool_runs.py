"""Runs of a RunPool that tests wait for."""

import os
import time
from dataclasses import replace

import numpy as np

from rnnkit import Experiment
from rnnkit.engine.history import History

SHORT = Experiment(length=10, hidden=8, batch=8, replicas=2, steps=30)

LONG = replace(SHORT, length=200, hidden=64, replicas=8, steps=3000)


def wait(condition, seconds=240.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def assert_same(a: History, b: History):
    assert a.n == b.n
    for name in ("loss", "accuracy", "norm_raw", "norm_applied", "state_grad", "diverged", "radius"):
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True), name


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()[0] != "Z"  # a container without init keeps orphaned zombies
