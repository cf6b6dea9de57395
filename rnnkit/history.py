"""History: the Records of one run in arrays, appended by one thread while others read what is already there.

Rows below `n` never change, and `n` grows only after a row is complete: a reader takes n once and slices.
"""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

import numpy as np

from rnnkit.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.record import ABSENT, Record, encode

T = TypeVar("T")
KEPT = 12  # things made `once`


class History:
    """N rows, one for each step of `e.recorded_steps`; R networks, T time steps, P parts of the state."""

    def __init__(self, e: Experiment) -> None:
        self.e = e
        self.steps = np.array(e.recorded_steps)
        N, R = len(self.steps), e.replicas
        self.n = 0
        self.parts = CELLS[e.cell].parts
        self.loss, self.accuracy, self.norm_raw, self.norm_applied, self.radius = (np.full((N, R), np.nan) for _ in range(5))
        self.diverged = np.full((N, R), -1, np.int32)
        self.causes: list[tuple[str, ...]] = []
        self.state_grad = np.empty((N, len(self.parts), e.length, R), np.float32)
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._codes: dict[tuple[int, int | None], tuple[int, np.ndarray]] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, e: Experiment, records: Iterable[Record]) -> History:
        """From what train(e) gives, in order."""
        history = cls(e)
        for record in records:
            history.append(record)
        return history

    @property
    def nbytes(self) -> int:
        """Of a full run; pages that no row has reached yet are not there."""
        return (
            self.state_grad.nbytes
            + 6 * self.loss.nbytes
            + sum(codes.nbytes for _, codes in list(self._codes.values()))
            + sum(len(made) for made in list(self._made.values()) if isinstance(made, bytes))
        )

    def append(self, r: Record) -> None:
        i = self.n
        if i and r.step <= self.steps[i - 1]:  # a run that was stopped is trained again from the start: known rows
            return
        self.loss[i], self.accuracy[i], self.radius[i] = r.loss, r.accuracy, r.spectral_radius
        self.norm_raw[i], self.norm_applied[i] = r.grad_norm_raw, r.grad_norm_applied
        self.diverged[i], self.state_grad[i] = r.diverged, r.state_grad
        self.causes.append(r.causes)
        self.n = i + 1

    def once(self, what: Hashable, make: Callable[[], T]) -> T:
        """What many viewers of the same rows need: made for the first of them, and kept while it is among the last used."""
        made = self._made.get(what)
        if made is None:
            made = self._made[what] = make()
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        return made

    def codes(self, n: int, part: int = 0, replica: int | None = None) -> np.ndarray:
        """(n, T) uint16 colours of the first n rows, of one network or of the median one; each row is encoded once."""
        with self._lock:
            done, codes = self._codes.get((part, replica), (0, None))
            if codes is None:
                codes = np.empty((len(self.steps), self.e.length), np.uint16)
            if n > done:
                codes[done:n] = encode(self.profile(done, n, part, replica), self.e.first_uncut)
                self._codes[part, replica] = (n, codes)
            return codes[:n]

    def table(self, gradients: bool) -> dict[str, np.ndarray]:
        """Columns of one row a step and network; with gradients dh_0, dh_1, ..., the norms of every time step."""
        n, R = self.n, self.e.replicas
        wide = {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "grad_norm_raw": self.norm_raw,
            "grad_norm_applied": self.norm_applied,
            "spectral_radius": self.radius,
            "diverged": self.diverged,
        }
        table = {"step": np.repeat(self.steps[:n], R), "replica": np.tile(np.arange(R), n)}
        table |= {name: values[:n].ravel() for name, values in wide.items()}
        table["cause"] = np.array(self.causes[:n], dtype=object).reshape(n * R)
        for i, part in enumerate(self.parts if gradients else ()):
            table |= {f"d{part}_{t}": self.state_grad[:n, i, t].ravel() for t in range(self.e.length)}
        return table

    def profile(self, start: int, stop: int, part: int = 0, replica: int | None = None) -> np.ndarray:
        """(stop - start, T) gradient norms of one network, or the median over networks in which NaN counts as largest.

        ABSENT where most networks' batches had nothing there.
        """
        grad = self.state_grad[start:stop, part]
        if replica is not None:
            return grad[..., replica]
        ordered = np.sort(grad, axis=-1)  # NaN sorts last
        R = grad.shape[-1]
        middle, above = ordered[..., (R - 1) // 2], ordered[..., R // 2]
        if R % 2:
            return middle
        absent = middle == ABSENT
        median = np.sqrt(np.where(absent, 0, middle)) * np.sqrt(np.where(absent, 0, above))  # in the logarithm, as it is drawn
        return np.where(absent, middle, median)


def median(values: np.ndarray) -> np.ndarray:
    """Over networks: (N, R) -> (N,), NaN where no network has a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(values, axis=1)
