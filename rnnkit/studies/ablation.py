"""Which unit remembers? The accuracy of each unit alone at the verb, and the accuracy of the network without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from rnnkit.engine import bptt
from rnnkit.engine.bptt import Arrays, Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.losses import correct
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.ablation import Ablation
from rnnkit.studies.networks import network
from rnnkit.studies.word_by_word import check_units, switched_off
from rnnkit.tasks import require
from rnnkit.tasks.agreement import Agreement
from rnnkit.tasks.sentences import build

MAX_SENTENCES, MIN_SENTENCES = 1000, 100
GIGAFLOPS = 10.0  # of one reading of all sentences: of a large network fewer are read
PIECE = 2**20  # numbers in the activations of one piece of time
TRIED = 12  # of the best units, each is switched off alone


def study(e: Experiment, step: int = 0, off: Sequence[int] = ()) -> Iterator[Progress | Ablation]:
    """Measures network 0 after `step` training steps on held-out sentences: one half fits thresholds, the other half scores them.

    off: the units to switch off together, as described in word_by_word.py. Raises ValueError as word_by_word.py does.
    """
    task = require(Agreement, e.task)
    check_units(e, off)
    exact, _ = yield from network(e, step, share=0.8)
    p = {name: W.float() for name, W in exact.items()}
    cell = CELLS[e.cell]
    n = affordable(e, MAX_SENTENCES, e.length)
    batch = build(task, e.length, n, np.random.default_rng(2), held_out=True)
    y, half = batch.y[0], n // 2
    ends = [part[0].numpy() for part in final_states(e, p, batch.x)]
    alone = np.stack([single_threshold(v[:half], y[:half], v[half:], y[half:]) for v in ends])
    yield Progress(0.9)
    apart = np.stack([separation(v[:half], y[:half]) for v in ends])
    order = np.lexsort((-apart.max(0), -alone.max(0)))[:TRIED]
    changed = [p, switched_off(cell, p, off), *(switched_off(cell, p, [int(unit)]) for unit in order)]
    right = accuracy(e, {name: torch.cat([q[name] for q in changed]) for name in p}, batch.x[:, half:], y[half:])
    yield Ablation(
        alone=alone,
        accuracy=float(right[0]),
        without=float(right[1]),
        best=order,
        lost=right[2:],
        sentences=n - half,
        parts=list(cell.parts),
    )


def single_threshold(v: np.ndarray, y: np.ndarray, v_new: np.ndarray, y_new: np.ndarray) -> np.ndarray:
    """Returns the accuracy on v_new (n', H), y_new (n',) of each column's best threshold on v (n, H), y (n,): (H,), 0 to 1.

    Plural (1) is on one side of the threshold and singular (0) on the other, whichever way round is right more often.
    """
    n, H = v.shape
    order = v.argsort(axis=0, kind="stable")
    ranked, plural = np.take_along_axis(v, order, 0), y[order]
    below = np.concatenate([np.zeros((1, H), int), plural.cumsum(0)])  # of the lowest 0 ... n
    right = (np.arange(n + 1)[:, None] - below) + (below[-1] - below)  # singular below and plural above each cut
    with np.errstate(invalid="ignore"):
        cuts = np.vstack([np.full(H, -np.inf), (ranked[1:] + ranked[:-1]) / 2, np.full(H, np.inf)])
        apart = np.vstack([np.ones((1, H), bool), ranked[1:] > ranked[:-1], np.ones((1, H), bool)])
    score = np.where(apart, np.maximum(right, n - right), -1)
    best, columns = score.argmax(0), np.arange(H)
    upwards = right[best, columns] * 2 >= n
    return (((v_new > cuts[best, columns]) == upwards) == (y_new == 1)[:, None]).mean(0)


def separation(v: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns |mean_1 - mean_0| / sqrt((var_0 + var_1) / 2) of each column of v (n, H) over y = 0 and 1; 0 for a constant."""
    one, many = v[y == 0], v[y == 1]
    with np.errstate(all="ignore"):
        apart = np.abs(many.mean(0) - one.mean(0)) / np.sqrt((one.var(0) + many.var(0)) / 2)
    return np.nan_to_num(apart, posinf=np.inf)


# ---- many sentences, little memory ----


def affordable(e: Experiment, most: int, length: int) -> int:
    """Returns the number of sentences of this length that are read, at most `most`: fewer for a large network."""
    each = 2 * length * e.hidden**2 * CELLS[e.cell].gates / 1e9
    return int(np.clip(GIGAFLOPS / each, MIN_SENTENCES, most))


def final_states(e: Experiment, p: Params, x: np.ndarray) -> Arrays:
    """Returns each part of the state after the last word, (R, N, H), of all R networks on x (T, N)."""
    cell, (R, H, _) = CELLS[e.cell], p["W_out"].shape
    T, N = x.shape
    steps = min(T, max(1, PIECE // (R * N * cell.gates * H)))
    symbols = torch.from_numpy(x)[:, None].expand(-1, R, -1)
    s: Arrays | None = None
    with no_grad_no_denormals():
        tape = bptt.Tape(cell, p, steps, N)
        for start in range(0, T, steps):
            s = tape.forward(p, symbols[start : start + steps], s).end
    assert s is not None
    return tuple(part[-1] for part in s)


def accuracy(e: Experiment, p: Params, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the accuracy, (R,) from 0 to 1, of the networks on the sentences x (T, N) with the answers y (N,)."""
    with no_grad_no_denormals():
        z = bptt.readout(p, final_states(e, p, x)[0])[None]
        return correct(z, torch.from_numpy(y)[None, None]).numpy()
