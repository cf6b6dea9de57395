"""Series: numbers over time from a table, which of its columns are read, and which are to be predicted."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnkit.corpus.data import Content, load_content
from rnnkit.corpus.decoding import CorpusError
from rnnkit.errors import join_names, shorten_repr

MIN_ROWS = 50  # the last fifth, ten rows, is held out
MAX_COLUMNS = 64  # that are read or predicted
MAX_AHEAD = 1000
MAX_DEVIATIONS = 1e6  # standard deviations of the training part: beyond them nothing can be learnt
TRAINED_SHARE = 0.8  # of the rows: the first ones


@dataclass(frozen=True, eq=False)
class Series(Content):
    """S rows in the order of time, one number in each column. Predicts `outputs` from `inputs` read up to `ahead` rows before.

    With ahead 0 an output is predicted from the same row, which must not hold it. Raises CorpusError for what cannot be learnt:
    too few rows, a column that is constant in the first 80 % of the rows, numbers too large to compute with.
    """

    name: str
    columns: tuple[str, ...]
    values: np.ndarray  # (S, C) float64, finite
    inputs: tuple[str, ...]  # at least one of the columns
    outputs: tuple[str, ...]
    ahead: int = 1
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float64)
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        if values.ndim != 2 or values.shape[1] != len(self.columns) or len(set(self.columns)) != len(self.columns):
            raise CorpusError(f"expected a column of numbers for each of {len(self.columns)} different names, got {values.shape}")
        if isinstance(self.ahead, bool) or not isinstance(self.ahead, int) or not 0 <= self.ahead <= MAX_AHEAD:
            raise CorpusError(f"expected a whole number of rows ahead from 0 to {MAX_AHEAD}, got {shorten_repr(self.ahead)}")
        for what, names in (("read", self.inputs), ("predict", self.outputs)):
            self._check_names(what, names)
        if not self.ahead and (same := set(self.inputs) & set(self.outputs)):
            raise CorpusError(
                f"expected other columns to read than to predict in the same row, got {join_names(sorted(same))} as both"
            )
        if len(self) - self.ahead < MIN_ROWS:
            raise CorpusError(
                f"expected at least {MIN_ROWS + self.ahead} rows of numbers, of which the last fifth is held out, got {len(self)}"
            )
        for name in {*self.inputs, *self.outputs}:
            self._check_column(name)

    def _check_names(self, what: str, names: tuple[str, ...]) -> None:
        if unknown := [name for name in names if name not in self.columns]:
            raise CorpusError(f"no column to {what} is called {shorten_repr(unknown[0])}: valid are {join_names(self.columns)}")
        if not 1 <= len(names) <= MAX_COLUMNS or len(set(names)) != len(names):
            raise CorpusError(f"expected 1 to {MAX_COLUMNS} different columns to {what}, got {join_names(names) or 'none'}")

    def _check_column(self, name: str) -> None:
        values = self.of(name)
        if is_constant(values):
            value = f"{values[0]:g}"
            raise CorpusError(
                f"column {shorten_repr(name)}: expected numbers that vary, got {value} in the first 80 % of the rows"
            )
        with np.errstate(all="ignore"):
            train = values[: n_trained(values)]
            deviation = float(train.std())
            largest = float(np.abs((values - train.mean()) / deviation).max())
        if not (deviation < np.inf and largest <= MAX_DEVIATIONS):
            raise CorpusError(
                f"column {shorten_repr(name)}: expected numbers at most {MAX_DEVIATIONS:,.0f} standard deviations (of the first "
                f"80 % of the rows) from their mean, got {values[np.abs(values).argmax()]:g}"
            )

    def __len__(self) -> int:
        return len(self.values)

    def of(self, *names: str) -> np.ndarray:
        """Returns one column (S,), or several (S, n)."""
        at = [self.columns.index(name) for name in names]
        return self.values[:, at[0] if len(at) == 1 else at]

    def content(self) -> dict[str, Any]:
        """Returns the choice of columns, and the numbers as base64 of little-endian doubles."""
        numbers = base64.b64encode(self.values.astype("<f8").tobytes()).decode()
        return {
            "columns": self.columns,
            "rows": len(self),
            "values": numbers,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "ahead": self.ahead,
        }

    @classmethod
    def from_bytes(cls, data: bytes) -> Series:
        """Reads what to_bytes writes. Raises CorpusError for anything else."""
        values = load_content(data, cls.__name__)
        try:
            columns, inputs, outputs, notes = (tuple(map(str, values[k])) for k in ("columns", "inputs", "outputs", "notes"))
            numbers = np.frombuffer(base64.b64decode(values["values"], validate=True), "<f8")
            table = numbers.reshape(int(values["rows"]), len(columns))
            return cls(str(values["name"]), columns, table, inputs, outputs, values["ahead"], notes)
        except CorpusError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
            raise CorpusError("expected a series as to_bytes writes it, got JSON with other content") from None


def n_trained(values: np.ndarray) -> int:
    """Returns how many of the first rows are for training."""
    return int(TRAINED_SHARE * len(values))


def is_constant(values: np.ndarray) -> bool:
    """Returns whether the training part of a column (S,) has one value alone."""
    train = values[: n_trained(values)]
    return bool((train == train[:1]).all())
