"""Which unit remembers? How well each one alone tells the subject's number at the verb, and what is lost without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from rnnkit.engine import bptt
from rnnkit.engine.bptt import Arrays, Params
from rnnkit.engine.cells import CELLS
from rnnkit.engine.losses import correct
from rnnkit.engine.trainer import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.studies.networks import Network, Part, network
from rnnkit.studies.word_by_word import check_units, switched_off
from rnnkit.tasks import agreement_task
from rnnkit.tasks.sentences import build

SENTENCES, FEWEST = 1000, 100
GIGAFLOPS = 10.0  # of one reading of all sentences: of a large network fewer are read
PIECE = 2**20  # numbers in the activations of one piece of time
TRIED = 12  # of the best units, each is switched off alone


def units(e: Experiment, step: int = 0, off: Sequence[int] = ()) -> Iterator[Part]:
    """Network 0 after `step` training steps on held-out sentences of its task: one half of them fits, the other half scores.

    Yields {"progress"} and at last, with P parts of the state and H units:

    alone (P, H): accuracy of "plural if h_i at the last word is above (or below) a threshold", one threshold a unit;
    accuracy, without: of the network as it is, and with the units `off` switched off (word_by_word.py says how);
    best (M,): the units that tell it best, in order, by whichever part of the state does; of equals first the one whose values
        lie further apart; lost (M,): the network's accuracy when
        that unit alone is switched off;
    sentences: how many scored.
    """
    task = agreement_task(e.task)
    check_units(e, off)
    for state in network(e, step):
        if isinstance(state, Network):
            p = {name: W.float() for name, W in state.p.items()}
        else:
            yield {"progress": 0.8 * state}
    cell = CELLS[e.cell]
    n = affordable(e, SENTENCES, e.length)
    batch = build(task, e.length, n, np.random.default_rng(2), held_out=True)
    y, half = batch.y[0], n // 2
    ends = [part[0].numpy() for part in final_states(e, p, batch.x)]
    alone = np.stack([single_threshold(v[:half], y[:half], v[half:], y[half:]) for v in ends])
    yield {"progress": 0.9}
    apart = np.stack([separation(v[:half], y[:half]) for v in ends])
    order = np.lexsort((-apart.max(0), -alone.max(0)))[:TRIED]
    changed = [p, switched_off(p, off), *(switched_off(p, [int(unit)]) for unit in order)]
    right = accuracy(e, {name: torch.cat([q[name] for q in changed]) for name in p}, batch.x[:, half:], y[half:])
    yield {
        "alone": alone,
        "accuracy": float(right[0]),
        "without": float(right[1]),
        "best": order,
        "lost": right[2:],
        "sentences": n - half,
        "parts": list(cell.parts),
    }


def single_threshold(v: np.ndarray, y: np.ndarray, v_new: np.ndarray, y_new: np.ndarray) -> np.ndarray:
    """(H,) accuracy on v_new (n', H), y_new of each column's best threshold on v (n, H), y: plural on one side, singular on the
    other, whichever way round is right more often."""
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
    """(H,) how far the means of v (n, H) for y = 0 and 1 lie apart, in standard deviations around them; 0 where v is constant."""
    one, many = v[y == 0], v[y == 1]
    with np.errstate(all="ignore"):
        apart = np.abs(many.mean(0) - one.mean(0)) / np.sqrt((one.var(0) + many.var(0)) / 2)
    return np.nan_to_num(apart, posinf=np.inf)


# ---- many sentences, little memory ----


def affordable(e: Experiment, most: int, length: int) -> int:
    """How many sentences of this length are read: fewer where the network is large."""
    each = 2 * length * e.hidden**2 * CELLS[e.cell].gates / 1e9
    return int(np.clip(GIGAFLOPS / each, FEWEST, most))


def final_states(e: Experiment, p: Params, x: np.ndarray) -> Arrays:
    """Each part of the state after the last word, (R, N, H), of all R networks on x (T, N)."""
    cell, (R, _, width) = CELLS[e.cell], p["W_rec"].shape
    T, N = x.shape
    steps = min(T, max(1, PIECE // (R * N * width)))
    symbols = torch.from_numpy(x)[:, None].expand(-1, R, -1)
    s: Arrays | None = None
    with no_grad_no_denormals():
        tape = bptt.Tape(cell, p, steps, N)
        for start in range(0, T, steps):
            piece = symbols[start : start + steps]
            tape.forward(p, piece, s)
            s = tuple(part[len(piece) - 1].clone() for part in tape.s)
    assert s is not None
    return s


def accuracy(e: Experiment, p: Params, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(R,) share of the sentences x (T, N) whose number y (N,) the networks answer."""
    with no_grad_no_denormals():
        z = bptt.readout(p, final_states(e, p, x)[0])[None]
        return correct(z, torch.from_numpy(y)[None, None]).numpy()
