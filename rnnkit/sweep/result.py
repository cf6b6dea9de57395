"""SweepResult: the rows of a sweep as tables and as a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnkit.corpus import wilson
from rnnkit.engine.history import median
from rnnkit.experiment import Experiment
from rnnkit.sweep.combination import Combination, Ended, value_text
from rnnkit.sweep.row import Row

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

SUMMARY = ("networks", "solved", "share", "low", "high", "solved_step", "diverged", "accuracy", "ratio_before", "ratio_after")


class SweepResult:
    """The rows of a sweep, as far as its runs have ended.

    - combinations: the points of the grid, each with its Experiment
    - rows: Experiment -> Rows, one a network
    - failed: Experiment -> why it failed, in words
    """

    def __init__(self, combinations: Sequence[Combination]) -> None:
        self.combinations = combinations
        self.rows: dict[Experiment, list[Row]] = {}
        self.failed: dict[Experiment, str] = {}
        self.n_stored = 0  # runs that were in the store
        self._experiments = list(dict.fromkeys(c.experiment for c in combinations))

    def add(self, ended: Ended) -> None:
        """Takes the rows of a run, or why it failed."""
        if ended.failure:
            self.failed[ended.experiment] = ended.failure
        else:
            self.rows[ended.experiment] = ended.rows
            self.n_stored += ended.stored

    @property
    def missing(self) -> list[Experiment]:
        """Returns the Experiments that have not ended."""
        return [e for e in self._experiments if e not in self.rows and e not in self.failed]

    @property
    def counts(self) -> str:
        """Returns how many runs are done, in words."""
        text = f"{len(self.rows)} of {len(self._experiments)} runs are done"
        text += f", {self.n_stored} of them from the store" if self.n_stored else ""
        return text + (f", {len(self.failed)} failed" if self.failed else "")

    @property
    def axes(self) -> list[str]:
        """Returns the names of the axes."""
        return list(self.combinations[0].axes)

    def frame(self) -> pd.DataFrame:
        """Returns a table with one row for each combination and network, in the order of the grid.

        Columns: variant, the axes, network, seed, solved_step (of the first of two passed tests in a row; missing: never),
        accuracy (at the end), diverged_step (missing: it has not), ratio_before and ratio_after (||dL/dh|| at the subject over
        that at the last step), steps (done), seconds (the run's, by the number of networks).
        """
        import pandas as pd

        rows = [
            {"variant": c.variant, **_cells(c.axes), **asdict(row)}
            for c in self.combinations
            for row in self.rows.get(c.experiment, ())
        ]
        columns = ["variant", *self.axes, *Row.__dataclass_fields__]
        return pd.DataFrame(rows, columns=columns).astype({"solved_step": "Int64", "diverged_step": "Int64"})

    def summary(self) -> pd.DataFrame:
        """Returns a table with one row for each combination that has ended, in the order of the grid.

        Columns: variant, the axes, networks (how many), solved (how many of them), share, low and high (Wilson's 95 % interval of
        the share), solved_step (median of those that solved it), diverged (how many), accuracy, ratio_before and ratio_after
        (medians; NaN counts as the worst), seconds (of the run).
        """
        import pandas as pd

        ended = [c for c in self.combinations if c.experiment in self.rows]
        rows = [{"variant": c.variant, **_cells(c.axes), **summary_of(self.rows[c.experiment])} for c in ended]
        return pd.DataFrame(rows, columns=["variant", *self.axes, *SUMMARY, "seconds"])

    def chart(self, x: str | None = None) -> alt.VConcatChart:
        """Draws the share of networks that learn, and under it the share of the gradient that arrives before training.

        x: an axis, by default the length, else the first one. There is a line for each variant and each combination of the other
        axes, with Wilson's 95 % interval as a band. Raises ValueError for an x that is no axis.
        """
        from rnnkit.charts.sweep import sweep_chart

        x = x or ("length" if "length" in self.axes else (self.axes or ["variant"])[0])
        if x not in (self.axes or ["variant"]):
            raise ValueError(f"x must be one of {', '.join(self.axes or ['variant'])}, got {x!r}")
        return sweep_chart(self.summary(), x, [name for name in self.axes if name != x])


def _cells(axes: Mapping[str, Any]) -> dict[str, Any]:
    """The axes' values as a table holds them: numbers, and texts."""
    return {name: value if isinstance(value, int | float) else value_text(name, value) for name, value in axes.items()}


def summary_of(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns what SweepResult.summary says of one run."""
    solved = [row.solved_step for row in rows if row.solved_step is not None]
    low, high = wilson(len(solved), len(rows))

    def middle(name: str, worst: float = np.inf) -> float:
        return float(median(np.array([[getattr(row, name) for row in rows]]), worst)[0])

    return {
        "networks": len(rows),
        "solved": len(solved),
        "share": len(solved) / len(rows),
        "low": low,
        "high": high,
        "solved_step": float(np.median(solved)) if solved else np.nan,
        "diverged": sum(row.diverged_step is not None for row in rows),
        "accuracy": middle("accuracy", -np.inf),
        "ratio_before": middle("ratio_before"),
        "ratio_after": middle("ratio_after"),
        "seconds": sum(row.seconds for row in rows),
    }
