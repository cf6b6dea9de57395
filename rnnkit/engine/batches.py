"""Batches as tensors: one batch of every network, stacked along the axis R."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine.bptt import Padding
from rnnkit.engine.weights import Stream, random_stream
from rnnkit.experiment import Experiment
from rnnkit.tasks import Batch


class TrainingBatch(NamedTuple):
    """What a training step reads: inputs and targets of all networks."""

    x: Tensor  # (T, R, B) symbols or (T, R, B, I) numbers
    y: Tensor  # (K, R, B) classes or (K, R, B, O) numbers
    padding: Padding | None = None
    weight: Tensor | None = None  # (R, B)


def training_batches(e: Experiment, dtype: torch.dtype, device: str) -> Iterator[TrainingBatch]:
    """Yields batches without end. Network r has a random stream of its own, which depends on seed + r."""
    streams = [e.bound_task.stream(e.length, e.batch, random_stream(e.seed + r, Stream.DATA)) for r in range(e.replicas)]
    for batches in zip(*streams, strict=True):
        yield tensors(batches, dtype, device)


def tensors(batches: Sequence[Batch], dtype: torch.dtype, device: str = "cpu") -> TrainingBatch:
    """Stacks one Batch of each network along the axis R, which follows the time axis. Numbers get this dtype."""

    def tensor(array: np.ndarray) -> Tensor:
        out = torch.from_numpy(array).to(device)
        return out.to(dtype) if out.is_floating_point() else out

    x, y = (tensor(np.stack([getattr(b, name) for b in batches], 1)) for name in ("x", "y"))
    padding = weight = None
    if batches[0].lengths is not None:
        starts = len(x) - np.stack([np.asarray(b.lengths) for b in batches])  # (R, B)
        first = int(starts.min())
        mask = np.arange(first, starts.max())[:, None, None] >= starts
        padding = Padding(first, tensor(mask[..., None].astype(np.float32)))
    if batches[0].weight is not None:
        weight = tensor(np.stack([np.asarray(b.weight) for b in batches]))
    return TrainingBatch(x, y, padding, weight)
