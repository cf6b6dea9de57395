"""One network on sentences, word by word: its answer so far, its activations, and the gradient of the loss at the verb.

A unit is switched off by setting its rows of W_rec and W_out to 0. Its h then has no effect, and the others are exactly the
network of H - 1 units without it. This holds for every cell and equals fixing its h at 0. Setting the unit's own weights to 0 is
not the same: a sigmoid of 0 is 1/2. Its c acts through its h alone, so it has no effect either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnkit.analysis import ledger
from rnnkit.engine import probes
from rnnkit.engine.cells import CELLS, Cell
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.results import Progress
from rnnkit.results.word_by_word import WordByWord
from rnnkit.studies.networks import both_ways, network, whole
from rnnkit.tasks import require
from rnnkit.tasks.agreement import Agreement
from rnnkit.tasks.sentences import NUMBER, subjects
from rnnkit.thinning import evenly

MAX_SENTENCES, MAX_LENGTH = 8, 1000
MAX_UNITS = 64  # units at most


def switched_off(cell: Cell, p: Mapping[str, Tensor], units: Sequence[int]) -> dict[str, Tensor]:
    """Returns the same weights (R, ...) with some units switched off: their rows of W_rec, W_out and a second matrix are 0.

    Where a matrix is built from W_rec, their columns are 0 as well: it is then that of the other units.
    """
    changed = dict(p)
    for name in changed.keys() & {"W_rec", "W_out", cell.second_matrix}:
        changed[name] = p[name].clone()
        changed[name][:, list(units)] = 0
    if cell.builds_matrix:
        changed["W_rec"][:, :, list(units)] = 0
    return changed


def study(
    e: Experiment, sentences: Sequence[Sequence[int]], step: int = 0, off: Sequence[int] = ()
) -> Iterator[Progress | WordByWord]:
    """Runs network 0 after `step` training steps, without the units `off`, on N sentences (symbols) of the same length T.

    Raises ValueError for a task that is not about agreement, and for sentences, steps or units out of range.
    """
    task = require(Agreement, e.task)
    _check_sentences(sentences, task.n_in)
    check_units(e, off)
    p, diverged = yield from network(e, step)
    p = switched_off(CELLS[e.cell], p, off)
    x = np.array(sentences, np.int64).T
    right = NUMBER[x[subjects(x), np.arange(x.shape[1])]]
    cell = CELLS[e.cell]
    units = evenly(e.hidden, MAX_UNITS)
    names = [*cell.parts, *(name for name, _ in cell.equations if name not in cell.parts)]
    with np.errstate(all="ignore"), no_grad_no_denormals():
        found = ledger.forward(e.cell, {name: W[0].numpy() for name, W in p.items()}, x)
        side_by_side = {name: W.repeat(x.shape[1], 1, 1) for name, W in p.items()}  # one network a sentence: a loss for each
        tape, _ = both_ways(e, side_by_side, torch.from_numpy(x)[:, :, None], torch.from_numpy(right)[None, :, None])
        norm = probes.state_gradient_norms(tape)
        plural = _plural(e, found["logits"])
        values = np.stack([found[name] for name in names])[..., units].transpose(0, 2, 1, 3).astype(np.float32)
    values[..., np.isin(units, list(off))] = 0
    yield WordByWord(
        plural=plural.T.copy(),
        right=right,
        norm=norm.transpose(0, 2, 1).copy(),
        names=names,
        units=units,
        values=values,
        diverged=diverged,
    )


def _plural(e: Experiment, z: np.ndarray) -> np.ndarray:
    """Returns the probability of plural, (...), from logits (..., 2); a reservoir's score for plural."""
    return 1 / (1 + np.exp(z[..., 0] - z[..., 1])) if e.loss == "cross_entropy" else z[..., 1]


# ---- checks of the options ----


def check_units(e: Experiment, units: Sequence[int]) -> None:
    """Raises ValueError unless all are indices of units, 0 to H - 1."""
    for unit in units:
        whole("a unit to switch off", unit, e.hidden - 1)


def _check_sentences(sentences: Any, symbols: int) -> None:
    lengths = {len(s) for s in sentences}
    if not 1 <= len(sentences) <= MAX_SENTENCES or len(lengths) > 1 or not 1 <= max(lengths) <= MAX_LENGTH:
        raise ValueError(
            f"sentences must be 1 to {MAX_SENTENCES} lists of the same 1 to {MAX_LENGTH} symbols, got {len(sentences)} of "
            f"{sorted(lengths)} symbols"
        )
    for sentence in sentences:
        for symbol in sentence:
            whole("a symbol", symbol, symbols - 1)
