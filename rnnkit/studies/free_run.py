"""Free running: a network reads true numbers, and then its own predictions, one after the other (Jaeger & Haas 2004)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from rnnkit.engine import bptt
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.evaluation import Evaluation
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.free_run import FreeRun
from rnnkit.studies.networks import network, whole
from rnnkit.tasks import require
from rnnkit.tasks.base import shared_evaluation
from rnnkit.tasks.forecast import Forecast

MAX_HORIZON = 1000
MAX_RUNS = 50


def study(e: Experiment, step: int = 0, replica: int = 0, horizon: int = 200) -> Iterator[Progress | FreeRun]:
    """Network `replica` after `step` training steps, on the held-out part of a series.

    Each run reads `length` true rows from the zero state, then its own predictions. All true numbers that a run is compared with
    are held out. `horizon` is cut to what the held-out part allows. Raises ValueError for options out of range and other tasks.
    """
    task = require(Forecast, e.task, e.bound_task)
    whole("horizon", horizon, MAX_HORIZON)
    p, diverged = yield from network(e, step, replica, share=0.8)
    yield Progress(0.8)
    with no_grad_no_denormals():
        one_step = float(np.sqrt(Evaluation(replace(e, replicas=1), p).squared_error()[0]))
    batch = shared_evaluation(task, e.length)
    same = task.same_as_now(batch)
    same_one_step = np.nan if same is None else float(np.sqrt(np.square(same - batch.y).mean()))
    one_steps = one_step, same_one_step, float(np.sqrt(np.square(batch.y).mean()))  # the mean is 0
    if not (task.fed_back and horizon):
        none = np.zeros(0)
        yield FreeRun(*one_steps, none, none, none, none, none, 0, diverged)
        return
    x, true = _runs(task, e.length, horizon)
    with no_grad_no_denormals():
        free = _free(e, task, p, x, len(true))
    read = x[:, :, list(task.present)]
    yield FreeRun(
        *one_steps,
        error=np.sqrt(np.square(free - true).mean((1, 2))),
        same=np.sqrt(np.square(read[-1] - true).mean((1, 2))),
        mean=np.sqrt(np.square(true).mean((1, 2))),
        true=np.concatenate([read[1:, 0], true[:, 0]]),
        free=free[:, 0],
        n=true.shape[1],
        diverged=diverged,
    )


def _runs(task: Forecast, length: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows that are read (T, n, I), and the targets from that of the last one on, (H, n, O): all held out."""
    x, y = task.rows()
    train = task.n_trained()
    H = min(horizon, len(x) - train)
    last_read = np.arange(train, len(x) - H + 1)
    last_read = last_read[np.linspace(0, len(last_read) - 1, min(MAX_RUNS, len(last_read))).astype(np.int64)]
    starts = last_read - length + 1
    return x[np.arange(length)[:, None] + starts], y[np.arange(H)[:, None] + last_read]


def _free(e: Experiment, task: Forecast, p: bptt.Params, x: np.ndarray, horizon: int) -> np.ndarray:
    """Returns the predictions (H, n, O) of network p from the rows x, and then from its own predictions."""
    cell, n = CELLS[e.cell], x.shape[1]
    read = torch.from_numpy(x)[:, None]
    s = bptt.forward(cell, p, read).end
    tape, found = bptt.Tape(cell, p, 1, n), []
    for _ in range(horizon):
        z = bptt.readout(p, s[0][-1:])  # (1, 1, n, O)
        found.append(z[0, 0].numpy())
        s = tape.forward(p, z[..., list(task.fed_back)], s).end
    return np.stack(found)
