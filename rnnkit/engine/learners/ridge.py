"""Ridge regression of the readout, accumulated over batches: how an echo state network learns."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnkit.engine.bptt import Tape
from rnnkit.engine.learners.base import Learner
from rnnkit.engine.losses import one_hot
from rnnkit.engine.params import ParamStack
from rnnkit.experiment import Experiment


class Ridge:
    """Solves min_W  ||[h 1] W - y||^2 / N + ridge ||W||^2 over all N states seen so far, the bias unpenalised.

    The sums A = [h 1]^T [h 1] and C = [h 1]^T y are float64, so the answer after many batches is the answer for all
    of them at once (Lukosevicius 2012, section 4, with the error averaged over N so that `ridge` means the same for any N).
    """

    def __init__(self, ridge: float) -> None:
        self.ridge, self.n = ridge, 0
        self.A: Tensor | float = 0.0
        self.C: Tensor | float = 0.0

    def learn(self, params: dict[str, Tensor] | ParamStack, h: Tensor, y: Tensor) -> None:
        """Adds the states h (K, R, B, H) with targets y (K, R, B, O) and writes W_out (R, H, O), b_out (R, 1, O)."""
        rows, targets = (part.transpose(0, 1).flatten(1, 2).double() for part in (h, y))
        rows = torch.cat([rows, rows.new_ones(*rows.shape[:-1], 1)], -1)
        self.A = self.A + rows.mT @ rows
        self.C = self.C + rows.mT @ targets
        self.n += rows.shape[1]
        penalty = torch.full((rows.shape[-1],), self.ridge, dtype=rows.dtype, device=rows.device)
        penalty[-1] = 0
        systems = zip((self.A / self.n + penalty.diag()).unbind(0), (self.C / self.n).unbind(0), strict=True)
        # One by one: torch's batched solve fails from 160 unknowns and two networks on if MKL has more than one thread.
        # solve_ex: a network whose matrix is singular gets NaN, where solve would end the run of all.
        W = torch.stack([torch.linalg.solve_ex(A, C).result for A, C in systems])
        params["W_out"], params["b_out"] = W[:, :-1].to(h.dtype), W[:, -1:].to(h.dtype)


class RidgeReadout(Learner):
    """Fits W_out and b_out to all states seen so far. Every other weight stays as drawn; gradients are not applied."""

    def __init__(self, e: Experiment, params: ParamStack) -> None:
        super().__init__(e, params)
        self.regression = Ridge(e.ridge)

    def is_sound(self, loss: Tensor, grads: ParamStack) -> Tensor:
        return loss.isfinite()

    def update(self, grads: ParamStack, tape: Tape, y: Tensor, n: int | Tensor) -> None:
        """Adds the states of the last K steps, with the targets y; the one-hot vector of a class."""
        h = tape.h[-len(y) :]
        self.regression.learn(self.params, h, y if y.is_floating_point() else one_hot(y, self.params["W_out"].shape[-1], h.dtype))
