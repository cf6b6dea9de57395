"""Accuracy and squared error on held-out sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from rnnkit.engine import bptt
from rnnkit.engine.batches import tensors
from rnnkit.engine.cells import CELLS
from rnnkit.engine.losses import correct
from rnnkit.experiment import Experiment
from rnnkit.tasks.base import shared_evaluation


class Evaluation:
    """The held-out sequences of an Experiment's task, and the accuracy of its networks on them.

    The sequences depend on the task and the length alone: all networks of all runs get the same ones. They pass through in
    pieces of time that fit the cache: as many portions of PORTION sequences at once as fit, one of padded sequences.
    """

    PORTION, PIECE = 64, 2**19  # sequences; numbers in the activations of one piece of time

    def __init__(self, e: Experiment, params: Mapping[str, Tensor]) -> None:
        self.params = params
        task = e.bound_task
        self.batch, self.max_squared_error = shared_evaluation(task, e.length), task.max_squared_error
        cell, (R, H, _) = CELLS[e.cell], params["W_out"].shape
        width = max(cell.gates * H, len(self.batch.y) * (H + task.n_out))  # numbers of a sequence: of a step, of all outputs
        portions = min(-(-self.batch.x.shape[1] // self.PORTION), max(1, self.PIECE // (R * self.PORTION * width)))
        self.at_once = self.PORTION * (1 if task.padded else portions)
        steps = e.length if task.padded else min(e.length, max(1, self.PIECE // (R * self.at_once * cell.gates * H)))
        self.tape = bptt.Tape(cell, params, steps, self.at_once)

    def accuracy(self) -> np.ndarray:
        """Returns the share of right answers of each network, (R,)."""
        return self._mean(lambda z, y: correct(z, y, self.max_squared_error))

    def squared_error(self) -> np.ndarray:
        """Returns the mean squared error of each network, (R,), on a task whose targets are numbers."""
        return self._mean(lambda z, y: (z - y).double().square().mean((0, 2, 3)))

    def _mean(self, score: Callable[[Tensor, Tensor], Tensor]) -> np.ndarray:
        """Returns the mean over all sequences of score(outputs, targets), which is (R,) of some of them."""
        W, n = self.params["W_out"], self.batch.x.shape[1]
        total = torch.zeros(len(W), dtype=torch.float64, device=W.device)
        for start in range(0, n, self.at_once):
            rows = np.arange(start, start + self.at_once) % n  # the last portion is filled up, and not counted
            part = self.batch.part(rows)
            x, y, padding, _ = tensors([part], W.dtype, str(W.device))
            x, y = (t.expand(-1, len(W), *t.shape[2:]) for t in (x, y))
            z = bptt.readout(self.params, self.tape.last_states(self.params, x, len(y), padding))
            for first in range(0, min(self.at_once, n - start), self.PORTION):
                counted = slice(first, min(first + self.PORTION, n - start))
                total += score(z[:, :, counted], y[:, :, counted]) * (counted.stop - first)
        return (total / n).cpu().numpy()
