"""What one network makes of sentences, word by word: its answer so far, its units, and the gradient that the verb sends back.

A unit can be switched off: nobody reads it any more, that is, its rows of W_rec and W_out are 0. Whatever it computes then
reaches nothing, and the others are exactly the network of H - 1 units without it. That is right for every cell, where zeroing
the unit's own weights is not (a sigmoid of 0 is 1/2), and the same as holding its h at 0; its c, which only its h can see, goes
with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnkit.analysis import ledger
from rnnkit.engine import probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.trainer import no_grad_no_denormals
from rnnkit.experiment import Experiment
from rnnkit.studies.networks import Network, Part, both_ways, network, whole
from rnnkit.tasks import agreement_task
from rnnkit.tasks.sentences import NUMBER, subjects

MOST_SENTENCES, LONGEST = 8, 1000
SHOWN = 64  # units at most


def switched_off(p: Mapping[str, Tensor], units: Sequence[int]) -> dict[str, Tensor]:
    """The same weights (R, ...) with some units switched off, as the module says."""
    changed = dict(p)
    for name in ("W_rec", "W_out"):
        changed[name] = p[name].clone()
        changed[name][:, list(units)] = 0
    return changed


def reading(e: Experiment, sentences: Sequence[Sequence[int]], step: int = 0, off: Sequence[int] = ()) -> Iterator[Part]:
    """Network 0 after `step` training steps, with the units `off` switched off, reads N sentences (symbols) of the same length T.

    Yields {"progress"} and at last, with U of the H units (`units` says which) and P parts of the state:

    plural (N, T): what the readout of h_t gives for the plural verb, if the sentence stopped there: its probability, or with a
        reservoir, which knows none, the score;
    right (N,): the answers' numbers, 0 singular and 1 plural: of the first noun that has one;
    norm (P, N, T): ||dL/ds_t||, L the loss at the verb of that sentence alone, total derivatives, nothing cut or clipped;
    names: of the parts of the state, then of the gates and candidates; values (len(names), N, T, U), 0 where switched off;
    diverged: the training step at which the network became NaN (its last sound weights are used), or -1.
    """
    task = agreement_task(e.task)
    _check_sentences(sentences, task.n_in)
    check_units(e, off)
    for state in network(e, step):
        if isinstance(state, Network):
            p, diverged = switched_off(state.p, off), state.diverged
        else:
            yield {"progress": state}
    x = np.array(sentences, np.int64).T
    right = NUMBER[x[subjects(x), np.arange(x.shape[1])]]
    cell = CELLS[e.cell]
    units = np.unique(np.linspace(0, e.hidden - 1, min(e.hidden, SHOWN)).round().astype(int))
    names = [*cell.parts, *(name for name, _ in cell.equations if name not in cell.parts)]
    with np.errstate(all="ignore"), no_grad_no_denormals():
        found = ledger.forward(e.cell, {name: W[0].numpy() for name, W in p.items()}, x)
        side_by_side = {name: W.repeat(x.shape[1], 1, 1) for name, W in p.items()}  # one network a sentence: a loss for each
        tape, _ = both_ways(e, side_by_side, torch.from_numpy(x)[:, :, None], torch.from_numpy(right)[None, :, None])
        norm = probes.state_gradient_norms(tape)
        plural = _plural(e, found["logits"])
        values = np.stack([found[name] for name in names])[..., units].transpose(0, 2, 1, 3).astype(np.float32)
    values[..., np.isin(units, list(off))] = 0
    yield {
        "plural": plural.T.copy(),
        "right": right,
        "norm": norm.transpose(0, 2, 1).copy(),
        "names": names,
        "units": units,
        "values": values,
        "diverged": diverged,
    }


def _plural(e: Experiment, z: np.ndarray) -> np.ndarray:
    """(..., 2) -> (...)"""
    return 1 / (1 + np.exp(z[..., 0] - z[..., 1])) if e.loss == "cross_entropy" else z[..., 1]


# ---- what is refused ----


def check_units(e: Experiment, units: Sequence[int]) -> None:
    for unit in units:
        whole("a unit to switch off", unit, e.hidden - 1)


def _check_sentences(sentences: Any, symbols: int) -> None:
    lengths = {len(s) for s in sentences}
    if not 1 <= len(sentences) <= MOST_SENTENCES or len(lengths) > 1 or not 1 <= max(lengths) <= LONGEST:
        raise ValueError(
            f"sentences must be 1 to {MOST_SENTENCES} lists of the same 1 to {LONGEST} symbols, got {len(sentences)} of "
            f"{sorted(lengths)} symbols"
        )
    for sentence in sentences:
        for symbol in sentence:
            whole("a symbol", symbol, symbols - 1)
