"""Makes the Records of a run."""

from __future__ import annotations

import numpy as np
import torch

from rnnkit.engine import probes
from rnnkit.engine.cells import CELLS
from rnnkit.engine.divergence import Divergence
from rnnkit.engine.evaluation import Evaluation
from rnnkit.engine.lags import lag_shares
from rnnkit.engine.record import Record
from rnnkit.engine.step import StepFunctions, StepResult
from rnnkit.experiment import Experiment


class Recorder:
    """Makes a Record from what a training step has computed. Changes nothing that training takes.

    examines: whether it holds what the units do and how far back dL/dW_rec looks (flat, blocked, gate, lag_shares), which take
    a tenth of the time of a short training.
    """

    def __init__(self, e: Experiment, functions: StepFunctions, examines: bool = True) -> None:
        self.e, self.functions, self.examines = e, functions, examines
        self.evaluation = Evaluation(e, functions.params)
        self.source, self.eval_every = e.bound_task.evidence_step(e.length), e.eval_every
        cell = CELLS[e.cell]
        self.square = cell.recurrent and cell.gates == 1  # what multiplies h_{t-1} has eigenvalues
        self._radius: tuple[torch.Tensor, np.ndarray] | None = None  # W_rec as it was last measured, and its spectral radius

    def record(self, step: int, out: StepResult, divergence: Divergence) -> Record:
        """The Record of this step: call it after `compute` and before `update`."""
        e, params, tape = self.e, self.functions.params, self.functions.tape
        diverged = divergence.steps >= 0
        earlier = diverged & (divergence.steps < step)  # what a frozen network would still compute is not its history
        examine = step % self.eval_every == 0 or step == e.steps
        unknown = np.full(e.replicas, np.nan)
        of_all, of_last = self._state_gradients(out)
        paths = probes.paths(tape.cell, params, tape, self.source) if self.examines else {}
        cell = tape.cell
        last = out.raw["W_rec"] if of_all is None and cell.recurrent and not cell.builds_matrix else None
        lags = lag_shares(tape, last) if self.examines and cell.trains_recurrence else None
        return Record(
            step=step,
            loss=_blank(out.loss.cpu().numpy(), earlier),
            accuracy=_blank(self.evaluation.accuracy(), diverged) if examine else unknown,
            state_grad=_blank(of_last, earlier),
            state_grad_all=None if of_all is None else _blank(of_all, earlier),
            grad_norm_raw=_blank(out.norm_raw.cpu().numpy(), earlier),
            grad_norm_applied=_blank(out.norm_applied.cpu().numpy(), earlier),
            spectral_radius=_blank(self._spectral_radius(), diverged) if examine and self.square else unknown,
            diverged=divergence.steps.copy(),
            causes=tuple(divergence.causes),
            parts=tape.cell.parts,
            lag_shares=None if lags is None else _blank(lags, diverged),
            **{name: _blank(values, diverged) for name, values in paths.items()},
        )

    def record_of_none(self, step: int, divergence: Divergence) -> Record:
        """The Record of a step at which all networks have diverged before: nothing but NaN."""
        e, tape = self.e, self.functions.tape
        nan = np.full(e.replicas, np.nan)
        real = torch.zeros((), dtype=self.functions.params.flat.dtype).numpy().dtype
        state_grad = np.full((len(tape.cell.parts), e.length, e.replicas), np.nan, real)
        return Record(
            step=step,
            loss=nan.astype(real),
            accuracy=nan,
            state_grad=state_grad,
            state_grad_all=state_grad if e.several_losses else None,
            grad_norm_raw=nan,
            grad_norm_applied=nan,
            spectral_radius=nan,
            diverged=divergence.steps.copy(),
            causes=tuple(divergence.causes),
            parts=tape.cell.parts,
            lag_shares=state_grad[0] if tape.cell.trains_recurrence else None,
            flat=nan,
            blocked=nan,
            gate=nan,
        )

    def _state_gradients(self, out: StepResult) -> tuple[np.ndarray | None, np.ndarray]:
        """||dL/ds_t||, (P, T, R), of all K losses together (None where K is 1), and of the last one alone.

        For the last one a second backward pass starts at L_last, the last step's loss, mean over the batch: K times its part
        of L. It overwrites the gradients on the tape, after the training step has taken what it needs of them.
        """
        tape = self.functions.tape
        norms = probes.state_gradient_norms(tape)
        if len(out.dz) == 1:
            return None, norms
        tape.backward(out.dz[-1:] * len(out.dz), self.functions.signals)
        return norms, probes.state_gradient_norms(tape)

    def _spectral_radius(self) -> np.ndarray:
        """(R,), of W_rec now. It is measured anew only where W_rec has changed: a reservoir's never does."""
        W = self.functions.params["W_rec"]
        if self._radius is None or not torch.equal(W, self._radius[0]):
            M = self.functions.tape.cell.recurrent_matrix(self.functions.params)
            assert M is not None
            self._radius = W.clone(), probes.spectral_radius(M)
        return self._radius[1]


def _blank(values: np.ndarray, which: np.ndarray) -> np.ndarray:
    """A copy of values (..., R) with NaN for these networks."""
    values = values.copy()
    if which.any():
        values[..., which] = np.nan
    return values
