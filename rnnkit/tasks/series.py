"""Series: numbers of a table that a user brings. Its columns say what is read and what is predicted (corpus/series.py).

Each column is standardized by the training part alone. Without a table: the three numbers of Lorenz's system (1963),
dx/dt = 10 (y - x), dy/dt = x (28 - z) - y, dz/dt = x y - 8/3 z, every .05 time units.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from rnnkit.corpus import Series
from rnnkit.corpus.series import n_trained
from rnnkit.tasks.data import STORE, DataStore
from rnnkit.tasks.forecast import Forecast, Rows, number_text, standardized

N_EXAMPLE = 8_000
EXAMPLE_STEP, EXAMPLE_SUBSTEPS = 0.05, 5  # time units between two rows; Runge-Kutta steps for each


class NumberSeries(Forecast):
    """See the module. Without a series: the example."""

    title = "numbers of a table"
    about = (
        "The network reads the numbers of a table row by row, and predicts the next row or other columns. It is right within 0.2 "
        "standard deviations of each number; without a table it reads Lorenz's system."
    )
    data = "series"
    samples = "rows"

    def __init__(self, series: Series | None = None) -> None:
        self._series = series

    def with_data(self, digest: str, vocabulary: int, store: DataStore = STORE) -> NumberSeries:
        series = store.get(digest) if digest else example_series()
        if not isinstance(series, Series):
            raise KeyError(digest)
        return series.prepared(type(self), lambda: type(self)(series))

    @cached_property
    def series(self) -> Series:
        return self._series or example_series()

    @property
    def n_in(self) -> int:  # type: ignore[override]
        return len(self.series.inputs)

    @property
    def n_out(self) -> int:  # type: ignore[override]
        return len(self.series.outputs)

    @property
    def present(self) -> tuple[int, ...]:  # type: ignore[override]
        ours = self.series.inputs
        known = [ours.index(name) for name in self.series.outputs if name in ours]
        return tuple(known) if len(known) == self.n_out else ()

    @property
    def fed_back(self) -> tuple[int, ...]:  # type: ignore[override]
        asked = self.series.outputs
        known = [asked.index(name) for name in self.series.inputs if name in asked]
        return tuple(known) if self.series.ahead == 1 and len(known) == self.n_in else ()

    @cached_property
    def _rows(self) -> Rows:
        series = self.series
        x, y = (self._standardized(names) for names in (series.inputs, series.outputs))
        return Rows(x[: len(series) - series.ahead], y[series.ahead :])

    def rows(self) -> Rows:
        return self._rows

    def _standardized(self, names: tuple[str, ...]) -> np.ndarray:
        values = self.series.of(*names).reshape(len(self.series), len(names))
        return standardized(values, n_trained(values))

    def labels(self, x: np.ndarray) -> list[str]:
        return [number_text(row) for row in self.as_written(x, self.series.inputs)]

    def answer(self, y: np.ndarray) -> str:
        return number_text(self.as_written(y, self.series.outputs)[-1])

    def as_written(self, values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        """Returns values (..., n) of these columns in the table's units."""
        train = self.series.of(*names).reshape(len(self.series), len(names))
        train = train[: n_trained(train)]
        return values * train.std(0) + train.mean(0)


@lru_cache(maxsize=1)
def example_series() -> Series:
    """Returns the series of a task without a table: Lorenz's system from (1, 1, 1), by Runge and Kutta's method."""
    step, state, rows = EXAMPLE_STEP / EXAMPLE_SUBSTEPS, np.ones(3), []
    for k in range((N_EXAMPLE + 100) * EXAMPLE_SUBSTEPS):
        if k % EXAMPLE_SUBSTEPS == 0:
            rows.append(state)
        a = _lorenz(state)
        b = _lorenz(state + step / 2 * a)
        c = _lorenz(state + step / 2 * b)
        state = state + step / 6 * (a + 2 * b + 2 * c + _lorenz(state + step * c))
    columns = ("x", "y", "z")
    return Series("Lorenz's system", columns, np.array(rows[100:]), columns, columns)


def _lorenz(state: np.ndarray) -> np.ndarray:
    x, y, z = state
    return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])
