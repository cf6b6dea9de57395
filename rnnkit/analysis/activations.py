"""One network reads one sequence: the activations that the page about recurrent networks draws, and which of them to draw.

The equations are the cells' and are evaluated by the ledger; here they only run twice: as the recurrent network they are, and
with every step on its own, from the zero state, which makes a feed-forward network of the same weights. numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import singledispatch
from typing import NamedTuple

import numpy as np

from rnnkit.analysis import ledger
from rnnkit.engine.cells import CELLS, Cell
from rnnkit.experiment import Experiment
from rnnkit.tasks import Agreement, Batch, Task
from rnnkit.tasks.agreement import GROUPS
from rnnkit.tasks.synthetic import TemporalOrder, TwoNumbers


class Reading(NamedTuple):
    """Activations over the T steps of one sequence."""

    parts: dict[str, np.ndarray]  # each part of the state, (T, H)
    outputs: np.ndarray  # (T, O): probabilities under cross entropy, else h_t W_out + b_out as it is


def read(e: Experiment, weights: Mapping[str, np.ndarray], x: np.ndarray) -> Reading:
    """The recurrent network on x (T,) symbols or (T, I) numbers, from the zero state."""
    return _read(e, weights, x[:, None], 0)


def read_alone(e: Experiment, weights: Mapping[str, np.ndarray], x: np.ndarray) -> Reading:
    """The same weights without the loop: every step from the zero state, as if it were the first."""
    return _read(e, weights, x[None], 1)


def _read(e: Experiment, weights: Mapping[str, np.ndarray], x: np.ndarray, steps_axis: int) -> Reading:
    with np.errstate(all="ignore"):  # a diverged network has values that are not finite, and they are shown
        values = ledger.forward(e.cell, weights, x)
        steps = {name: v[0] if steps_axis else v[:, 0] for name, v in values.items()}
        z = steps["logits"]
        if e.loss == "cross_entropy":
            z = np.exp(z - z.max(-1, keepdims=True))
            z /= z.sum(-1, keepdims=True)
    return Reading({part: steps[part] for part in CELLS[e.cell].parts}, z)


def new_value(cell: Cell) -> int:
    """Which H columns of W_in and W_rec make the new value, beside those that make gates: the ones under a tanh."""
    texts = [text for _, text in cell.equations]
    return next((k for k, name in enumerate(cell.columns) if any(f"tanh({name}" in text for text in texts)), 0)


# ---- the sequence ----


def example(e: Experiment) -> Batch:
    """The held-out sequence that stands under the heatmap, alone: x (T, 1, ...), y (K, 1, ...)."""
    return e.bound_task.shown(e.length)


@singledispatch
def landmarks(task: Task, x: np.ndarray) -> list[int]:
    """The steps of x whose input decides the answer, as far as they can be told; else the earliest that can."""
    return [task.source(len(x))]


@landmarks.register
def _(task: Agreement, x: np.ndarray) -> list[int]:
    return np.flatnonzero(np.isin(x, np.concatenate([GROUPS["singular"], GROUPS["plural"]])))[:1].tolist()  # the subject


@landmarks.register
def _(task: TemporalOrder, x: np.ndarray) -> list[int]:
    return np.flatnonzero(x < 2).tolist()  # A and B


@landmarks.register
def _(task: TwoNumbers, x: np.ndarray) -> list[int]:
    return np.flatnonzero(x[:, 0]).tolist()  # the marked ones


@singledispatch
def versions(task: Task, batch: Batch) -> dict[str, Batch]:
    """The same sequence with another answer, where one input decides it: the subject in singular and plural."""
    return {}


@versions.register
def _(task: Agreement, batch: Batch) -> dict[str, Batch]:
    (subject,) = landmarks(task, batch.x[:, 0])
    found = {}
    for answer, number in enumerate(("singular", "plural")):
        x = batch.x.copy()
        noun = next(i for g in ("singular", "plural") for i, word in enumerate(GROUPS[g]) if word == x[subject, 0])
        x[subject] = GROUPS[number][noun]
        found[number] = Batch(x, np.full_like(batch.y, answer))
    return found


# ---- what fits into a picture ----


def window(length: int, important: Sequence[int], room: int) -> list[int]:
    """The steps to draw, in order, where there is room for so many, and each row of steps left out takes the room of one.

    The last step first, then the important ones, the first, and neighbours of all these.
    """
    chosen: set[int] = set()
    for t in _by_importance(length, important):
        if slots(sorted({*chosen, t}), length) <= room:
            chosen.add(t)
    return sorted(chosen)


def slots(chosen: Sequence[int], length: int) -> int:
    """Steps and gaps between them."""
    ends = zip([-1, *chosen], [*chosen, length], strict=True)
    return len(chosen) + sum(after - before > 1 for before, after in ends)


def _by_importance(length: int, important: Sequence[int]) -> Iterator[int]:
    yield from (length - 1, *important, 0)
    for distance in range(1, length):
        nearby = (length - 1 - distance, *(t + side * distance for t in important for side in (1, -1)), distance)
        yield from (t for t in nearby if 0 <= t < length)
