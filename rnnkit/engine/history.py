"""History: the Records of one run in arrays, appended by one thread while others read what is already there.

Rows below `n` never change, and `n` grows only after a row is complete: a reader takes n once and slices.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from rnnkit.engine.cells import CELLS
from rnnkit.engine.lags import lag_within
from rnnkit.engine.record import ABSENT, Record, encode
from rnnkit.experiment import Experiment

T = TypeVar("T")
MAX_CACHED = 16  # results of `once`


class History:
    """The Records of one run in arrays: N rows, one a step of `e.recorded_steps`; R networks, T time steps, P parts of the state.

    Only the first `n` rows are recorded; the others are NaN. `e` is the Experiment and `parts` the names of the P parts.
    Iterating yields the rows as Records: frame(history), gradient_frame(history) and lag_frame(history) are their tables.

    - steps, (N,): the training step of each row
    - loss, accuracy, norm_raw, norm_applied, radius, flat, blocked, gate, (N, R): as in Record, there called
      grad_norm_raw, grad_norm_applied and spectral_radius
    - diverged, (N, R): the training step at which a network first had a NaN or inf, -1 while it has none
    - causes, n tuples of R texts: the first tensor that was not finite
    - lag_shares, (N, T, R): the share of dL/dW_rec by time step, L the last time step's loss; lag_within, (N, R): the number of
      time steps that WITHIN of it looks back at most (engine/lags.py). NaN where no W_rec is trained
    - state_grad, (N, P, T, R): ||dL/ds_t||, L the last time step's loss
    - state_grad_all, (N, P, T, R): the same with L the mean of all time steps' losses. It is the same array as state_grad where
      the last time step alone has a loss
    """

    def __init__(self, e: Experiment, dtype: np.typing.DTypeLike = np.float32) -> None:
        self.e = e
        self.steps = np.array(e.recorded_steps)
        N, R = len(self.steps), e.replicas
        self.n = 0
        self.parts = CELLS[e.cell].parts
        self.loss, self.accuracy, self.norm_raw, self.norm_applied, self.radius = (np.full((N, R), np.nan) for _ in range(5))
        self.flat, self.blocked, self.gate, self.lag_within = (np.full((N, R), np.nan) for _ in range(4))
        self.diverged = np.full((N, R), -1, np.int32)
        self.causes: list[tuple[str, ...]] = []
        self.state_grad = np.empty((N, len(self.parts), e.length, R), dtype)
        self.state_grad_all = np.empty_like(self.state_grad) if e.several_losses else self.state_grad
        self.lag_shares = np.empty((N, e.length, R), dtype)
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._codes: dict[tuple[int, int | None, bool], tuple[int, np.ndarray]] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, e: Experiment, records: Iterable[Record]) -> History:
        """Returns the History of what `train(e)` yields, in the same order and in the dtype that it was trained in."""
        history = None
        for record in records:
            history = history or cls(e, record.state_grad.dtype)
            history.append(record)
        return history or cls(e)

    @property
    def nbytes(self) -> int:
        """Returns the bytes of a full run's arrays. The system allocates memory only for rows that were written."""
        return (
            self.state_grad.nbytes * (2 if self.e.several_losses else 1)
            + self.lag_shares.nbytes
            + 10 * self.loss.nbytes
            + sum(codes.nbytes for _, codes in list(self._codes.values()))
            + sum(len(made) for made in list(self._made.values()) if isinstance(made, bytes))
        )

    def has_last_gradient(self, part: int) -> bool:
        """Whether this part of the state has a gradient at the last time step, or nothing is recorded yet."""
        return self.n == 0 or bool((self.state_grad[self.n - 1, part, -1] != 0).any())

    def append(self, r: Record) -> None:
        """Writes a Record into row n. Ignores a Record of a training step that is recorded already."""
        i = self.n
        if i and r.step <= self.steps[i - 1]:  # a stopped run is trained again from the start: these rows are recorded
            return
        self.loss[i], self.accuracy[i], self.radius[i] = r.loss, r.accuracy, r.spectral_radius
        self.norm_raw[i], self.norm_applied[i] = r.grad_norm_raw, r.grad_norm_applied
        self.diverged[i], self.state_grad[i] = r.diverged, r.state_grad
        if self.state_grad_all is not self.state_grad:
            self.state_grad_all[i] = r.state_grad if r.state_grad_all is None else r.state_grad_all
        for name in ("flat", "blocked", "gate"):
            if (values := getattr(r, name)) is not None:
                getattr(self, name)[i] = values
        self.lag_shares[i] = np.nan if r.lag_shares is None else r.lag_shares
        self.lag_within[i] = lag_within(self.lag_shares[i])
        self.causes.append(r.causes)
        self.n = i + 1

    def __iter__(self) -> Iterator[Record]:
        """Yields the recorded rows as Records, which hold views of the arrays."""
        for i in range(self.n):
            yield Record(
                step=int(self.steps[i]),
                loss=self.loss[i],
                accuracy=self.accuracy[i],
                state_grad=self.state_grad[i],
                grad_norm_raw=self.norm_raw[i],
                grad_norm_applied=self.norm_applied[i],
                spectral_radius=self.radius[i],
                diverged=self.diverged[i],
                causes=self.causes[i],
                state_grad_all=self.state_grad_all[i] if self.e.several_losses else None,
                flat=self.flat[i],
                blocked=self.blocked[i],
                gate=self.gate[i],
                lag_shares=self.lag_shares[i],
                parts=self.parts,
            )

    def once(self, what: Hashable, make: Callable[[], T]) -> T:
        """LRU cache of derived data, shared by all viewers of a run: returns `make()`, or what it gave for the same `what`."""
        made = self._made.pop(what, None)  # out, and in again as the latest; another thread may make it anew meanwhile
        if made is None:
            made = make()
        self._made[what] = made
        while len(self._made) > MAX_CACHED:
            self._made.popitem(last=False)
        return made

    def codes(self, n: int, part: int = 0, replica: int | None = None, all_losses: bool = False) -> np.ndarray:
        """Returns the first n rows of `profile` as codes (record.encode), (n, T) uint16. Each row is encoded once."""
        key = (part, replica, all_losses and self.e.several_losses)
        with self._lock:
            done, codes = self._codes.get(key, (0, None))
            if codes is None:
                codes = np.empty((len(self.steps), self.e.length), np.uint16)
            if n > done:
                codes[done:n] = encode(self.profile(done, n, part, replica, all_losses), self.e.first_uncut)
                self._codes[key] = (n, codes)
            return codes[:n]

    def table(self, gradients: bool) -> dict[str, np.ndarray]:
        """Returns the columns of a table with one row for each recorded step and network.

        With `gradients` also dh_0, dh_1, ...: ||dL/dh_t|| of every time step t, L the last step's loss; and dh_all_0, ... with L
        the mean of all losses, where more steps than the last have one. NaN where no sequence of the batch had begun.
        """
        n, R = self.n, self.e.replicas
        wide = {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "grad_norm_raw": self.norm_raw,
            "grad_norm_applied": self.norm_applied,
            "spectral_radius": self.radius,
            "diverged": self.diverged,
        }
        known = {"flat": self.flat, "blocked": self.blocked, "gate": self.gate}
        table = {"step": np.repeat(self.steps[:n], R), "replica": np.tile(np.arange(R), n)}
        table |= {name: values[:n].ravel() for name, values in wide.items()}
        table["cause"] = np.array(self.causes[:n], dtype=object).reshape(n * R)
        table |= {name: values[:n].ravel() for name, values in known.items()}
        kinds = {"": self.state_grad} | ({"all_": self.state_grad_all} if self.e.several_losses else {})
        for kind, norms in kinds.items() if gradients else ():
            for i, part in enumerate(self.parts):
                there = np.where(norms[:n, i] == ABSENT, np.nan, norms[:n, i])
                table |= {f"d{part}_{kind}{t}": there[:, t].ravel() for t in range(self.e.length)}
        return table

    def profile(self, start: int, stop: int, part: int = 0, replica: int | None = None, all_losses: bool = False) -> np.ndarray:
        """Returns the gradient norms (stop - start, T) of one network, or their median over networks, NaN counted as largest.

        L is the last step's loss, or the mean of all losses. ABSENT where no sequence had begun in most networks' batches.
        """
        grad = (self.state_grad_all if all_losses else self.state_grad)[start:stop, part]
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


WORST = {"accuracy": -np.inf}  # what a NaN counts as in the median of a column of numbers; elsewhere inf


def median(values: np.ndarray, worst: float = np.inf) -> np.ndarray:
    """Returns the median over networks, (N, R) -> (N,). A NaN counts as `worst`: by default the largest loss or norm.

    NaN where half of the networks or more are NaN.
    """
    with np.errstate(invalid="ignore"):
        middle = np.median(np.where(np.isnan(values), worst, values), axis=1)
    there = 2 * (~np.isnan(values)).sum(1) > values.shape[1]
    return np.where(there, middle, np.nan)
