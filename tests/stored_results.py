"""Rows that no training made, for tests of the results store."""

import math
import os
import subprocess
import sys

from conftest import ROOT

from rnnkit import Experiment
from rnnkit.sweep.row import Row

TINY = Experiment(length=10, hidden=4, batch=4, replicas=2, steps=3)


def rows_of(e, solved=True, **changes):
    """One row a network of e, each with other numbers."""
    values = {"accuracy": 0.5, "diverged_step": None, "ratio_before": 1e-7, "ratio_after": math.inf, "steps": e.steps}
    values |= {"seconds": 0.1, "solved_step": 2 if solved else None}
    return [Row(network=r, seed=e.seed + r, **values | {"accuracy": 0.1 * r} | changes) for r in range(e.replicas)]


def start_python(code, *arguments, **environment):
    """Starts a Python process in the repository's root, with a pipe as its standard output."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
