"""The regime map: what share of the gradient arrives, for many gains of W_rec and many lengths of the sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch

from rnnkit.analysis.gradient_summary import gradient_ratio
from rnnkit.analysis.theory import GAINS, LENGTHS
from rnnkit.engine import probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.denormals import no_grad_no_denormals
from rnnkit.engine.trainer import init_params
from rnnkit.engine.weights import Stream, random_stream
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.fields import FloatField
from rnnkit.results import Progress
from rnnkit.results.regime_map import RegimeMap
from rnnkit.studies.networks import both_ways, tensors

NETWORKS, SENTENCES, UNITS = 8, 8, 64
MAX_GAINS, MAX_LENGTHS, MAX_LENGTH = 32, 16, 1000
MEGABYTES = 64  # of a Tape: so many gains are computed side by side


def study(e: Experiment, gains: Sequence[float] = GAINS, lengths: Sequence[int] | None = None) -> Iterator[Progress | RegimeMap]:
    """Measures the median of 8 untrained networks, each on 8 sentences. Yields the partial result after each length.

    The cell needs a gain. The networks are as in e, but with at most 64 units and without fixes. Every initialization
    is a matrix times its gain, so the networks of all gains are the same draws, computed side by side in float64. Raises
    ValueError for gains or lengths out of range.
    """
    if not applies(e, "gain"):
        raise ValueError(f"the regime map needs a cell whose W_rec is drawn with a gain, got '{e.cell}'")
    shortest = e.bound_task.min_length
    lengths = [n for n in LENGTHS if n >= shortest] if lengths is None else lengths
    gain = cast(FloatField, FIELDS["gain"])
    _check("gains", gains, MAX_GAINS, gain.low, gain.high)
    _check("lengths", lengths, MAX_LENGTHS, shortest, MAX_LENGTH)
    e = replace(e, gain=1.0, hidden=min(e.hidden, UNITS), replicas=NETWORKS, batch=SENTENCES, fixes=())
    matrices = _matrices(e)
    rows: list[np.ndarray] = []
    for n, length in enumerate(lengths, 1):
        row = []
        for share, part in _row(replace(e, length=int(length)), gains):
            row.append(part)
            yield Progress((sum(lengths[: n - 1]) + share * length) / sum(lengths))
        rows.append(np.concatenate(row, 1))
        yield RegimeMap(np.array(gains, float), np.array(lengths[:n]), np.stack(rows, 1), e.hidden, **matrices)


def _matrices(e: Experiment) -> dict[str, float | None]:
    if not CELLS[e.cell].has_slope:
        return {"singular": None, "radius": None}
    W = init_params(e, torch.float64)["W_rec"]
    singular = np.linalg.norm(W.numpy(), 2, axis=(1, 2))
    return {"singular": float(np.median(singular)), "radius": float(np.median(probes.spectral_radius(W)))}


def _row(e: Experiment, gains: Sequence[float]) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the share of the gains that is done and the ratios (P, n) of the next n gains, at the length of e."""
    cell = CELLS[e.cell]
    drawn = init_params(e, torch.float64)
    streams = (random_stream(e.seed + r, Stream.DATA) for r in range(NETWORKS))
    x, y = tensors([e.bound_task.draw(e.length, SENTENCES, rng, held_out=False) for rng in streams])
    at_once = max(1, MEGABYTES * 2**20 // (8 * e.length * NETWORKS * SENTENCES * e.hidden * cell.floats_per_unit))
    for start in range(0, len(gains), at_once):
        now = torch.tensor(gains[start : start + at_once], dtype=torch.float64)
        with no_grad_no_denormals(), np.errstate(all="ignore"):
            p = {name: W.repeat(len(now), 1, 1) for name, W in drawn.items()}
            for name in p.keys() & {"W_rec", CELLS[e.cell].second_matrix}:
                p[name] *= now.repeat_interleave(NETWORKS)[:, None, None]
            tape, _ = both_ways(e, p, *(_side_by_side(v, len(now)) for v in (x, y)))
            norms = np.split(probes.state_gradient_norms(tape), len(now), axis=-1)
        ratios = [[gradient_ratio(norm, e, part) for norm in norms] for part in range(len(cell.parts))]
        yield (start + len(now)) / len(gains), np.array(ratios)


def _side_by_side(v: torch.Tensor, times: int) -> torch.Tensor:
    """Repeats the sequences (T, R, ...) for `times` stacks of networks: (T, times R, ...)."""
    return v.repeat(1, times, *(1,) * (v.dim() - 2))


def _check(name: str, values: Any, most: int, low: float, high: float) -> None:
    expected = f"{name} must be a list of 1 to {most} numbers from {low:g} to {high:g}"
    if not isinstance(values, list | tuple) or not 1 <= len(values) <= most:
        raise ValueError(f"{expected}, got {values!r:.60}")
    for value in values:
        sound = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not sound or (isinstance(low, int) and value != int(value)):
            raise ValueError(f"{expected}, got {value!r}")
