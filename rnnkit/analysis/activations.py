"""Activations of one network on one sequence, and the time steps of it to draw. numpy alone.

The ledger evaluates the cells' equations in two ways: as a recurrent network, and with the zero state before every step, which
is a feed-forward network of the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnkit.analysis import ledger
from rnnkit.engine.cells import CELLS, Cell
from rnnkit.experiment import Experiment
from rnnkit.tasks import Batch


class Reading(NamedTuple):
    """Activations over the T steps of one sequence."""

    parts: dict[str, np.ndarray]  # each part of the state, (T, H)
    outputs: np.ndarray  # (T, O): probabilities under cross entropy, else h_t W_out + b_out


def read(e: Experiment, weights: Mapping[str, np.ndarray], x: np.ndarray) -> Reading:
    """Returns the activations of the recurrent network on x, (T,) symbols or (T, I) numbers, from the zero state."""
    return _read(e, weights, x[:, None], 0)


def read_alone(e: Experiment, weights: Mapping[str, np.ndarray], x: np.ndarray) -> Reading:
    """Returns the activations without recurrence: every step starts from the zero state."""
    return _read(e, weights, x[None], 1)


def _read(e: Experiment, weights: Mapping[str, np.ndarray], x: np.ndarray, steps_axis: int) -> Reading:
    with np.errstate(all="ignore"):  # values of a diverged network are not finite, and are drawn
        values = ledger.forward(e.cell, weights, x)
        steps = {name: v[0] if steps_axis else v[:, 0] for name, v in values.items()}
        z = steps["logits"]
        if e.loss == "cross_entropy":
            z = np.exp(z - z.max(-1, keepdims=True))
            z /= z.sum(-1, keepdims=True)
    return Reading({part: steps[part] for part in CELLS[e.cell].parts}, z)


def gradient_norms(e: Experiment, weights: Mapping[str, np.ndarray], x: np.ndarray, y: Any) -> dict[str, np.ndarray]:
    """Returns ||dL/ds_t||, (T,), of each part s of the state; L is the loss at the last step of x, (T,) or (T, I), alone.

    y: the target there, a class or numbers (O,). Remedies that change the gradient are left out.
    """
    with np.errstate(all="ignore"):
        values = ledger.forward(e.cell, weights, x)
        z = values["logits"][-1]
        target = y if np.ndim(y) else np.arange(len(z)) == y
        dz = np.exp(z - z.max()) / np.exp(z - z.max()).sum() - target if e.loss == "cross_entropy" else 2 * (z - target) / len(z)
        found = ledger.state_gradients(e.cell, weights, values, np.asarray(weights["W_out"], float) @ dz)
        return {part: np.linalg.norm(d, axis=1) for part, d in found.items()}


def share_left(one: Reading, other: Reading, first: int) -> dict[str, np.ndarray]:
    """Returns how far the states of two sequences are apart, relative to the first step at which the sequences differ.

    ||s_t - s'_t|| / ||s_first - s'_first||, (T,), of each part s of the state. NaN or inf where the states are equal at `first`.
    """
    with np.errstate(all="ignore"):
        apart = {part: np.linalg.norm(s - other.parts[part], axis=1) for part, s in one.parts.items()}
        return {part: norm / norm[first] for part, norm in apart.items()}


def new_value(cell: Cell) -> int:
    """Returns which block of H columns of W_in and W_rec makes the new value, and no gate: that of the candidate, else 0."""
    return next((k for k, name in enumerate(cell.gate_names) if "candidate" in name), 0)


# ---- the sequence ----


def example(e: Experiment) -> Batch:
    """Returns the held-out sequence that is shown under the heatmap: x (T, 1, ...), y (K, 1, ...)."""
    return e.bound_task.example(e.length)


# ---- the steps to draw ----


def window(length: int, important: Sequence[int], room: int) -> list[int]:
    """Returns the steps to draw, in order, where `room` slots are free. Each gap between drawn steps takes one slot.

    Takes the last step first, then the important ones, the first one, and then steps next to these.
    """
    chosen: set[int] = set()
    for t in _by_importance(length, important):
        if slots(sorted({*chosen, t}), length) <= room:
            chosen.add(t)
    return sorted(chosen)


def slots(chosen: Sequence[int], length: int) -> int:
    """Returns the number of chosen steps and of gaps in between."""
    ends = zip([-1, *chosen], [*chosen, length], strict=True)
    return len(chosen) + sum(after - before > 1 for before, after in ends)


def _by_importance(length: int, important: Sequence[int]) -> Iterator[int]:
    yield from (length - 1, *important, 0)
    for distance in range(1, length):
        nearby = (length - 1 - distance, *(t + side * distance for t in important for side in (1, -1)), distance)
        yield from (t for t in nearby if 0 <= t < length)
