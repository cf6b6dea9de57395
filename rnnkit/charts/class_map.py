"""The map of a class: each run as a dot, by sequence length and by another setting, coloured by what came out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rnnkit.analysis.describe import summary
from rnnkit.charts.style import CRIMSON, GREY, INK, with_fonts
from rnnkit.experiment import FIELDS, Experiment, applies
from rnnkit.later import alt, pd
from rnnkit.stories.remedies import Outcome

NOT_TRAINED = "not trained to the end"  # the words for Outcome.OPEN, which comes out of a run that is still trained
LOOKS = {  # outcome -> colour and shape, so that it can be told without colours; the colours are those of the page Remedies
    str(Outcome.LEARNT): (INK, "circle"),
    str(Outcome.NEARLY): ("#3f9590", "diamond"),
    str(Outcome.GUESSES): (GREY, "square"),
    str(Outcome.BROKEN): (CRIMSON, "cross"),
    NOT_TRAINED: (GREY, "triangle-down"),
}
AXES = {"cell": "cell and remedies", "init": "initialization"}  # what the vertical axis can be
LANES, COLUMNS = 3, 5  # dots above and beside each other at one place; more lie on top of these
COLUMN = 0.12  # distance of two columns on the logarithmic axis
STEP, AROUND = 64, 150  # pixels of a row, and of the legend and the horizontal axis together


class Dot(NamedTuple):
    """A run of the class."""

    experiment: Experiment
    outcome: str  # in the words of LOOKS
    members: int  # who have trained it


def row_name(e: Experiment, axis: str) -> str:
    """Returns the row of a run on this axis: `LSTM, clipping by norm 1`, or `Orthogonal × 1`."""
    if axis == "cell":
        remedies = FIELDS["fixes"].words(e.fixes).lower() if e.fixes else ""
        return ", ".join(filter(None, (FIELDS["cell"].words(e.cell), remedies)))
    return f"{FIELDS['init'].words(e.init)}" + (f" × {e.gain:g}" if applies(e, "gain") else "")


def class_map(low: int, high: int, title: str, n_rows: int) -> alt.LayerChart:
    """Draws sequence length (x, logarithmic, from low to high) and n_rows rows (y) as a fixed specification.

    Its data come as "dots" (`map_table`). A click selects a run: the parameter is called "run", its field "id".
    """
    picked = alt.selection_point(name="run", fields=["id"], on="click", empty=False)
    scale = alt.Scale(type="log", domain=[low, high], nice=False, clamp=True, padding=14)
    ticks = [tick for tick in (3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000) if low <= tick <= high]
    names, looks = list(LOOKS), list(LOOKS.values())
    legend = alt.Legend(title=None, orient="top", symbolSize=160, columns=3, labelLimit=0)
    colour = alt.Color("outcome:N", scale=alt.Scale(domain=names, range=[c for c, _ in looks]), legend=legend)
    shape = alt.Shape("outcome:N", scale=alt.Scale(domain=names, range=[s for _, s in looks]), legend=legend)
    dots = alt.Chart(alt.NamedData("dots")).mark_point(filled=True, size=130, opacity=0.9, cursor="pointer")
    dots = dots.encode(
        alt.X("x:Q", scale=scale, axis=alt.Axis(values=ticks, title="sequence length T", format="d", grid=True)),
        alt.Y("row:N", sort=None, title=title, axis=alt.Axis(labelLimit=260, grid=True)),
        alt.YOffset("lane:Q", scale=alt.Scale(domain=[-1, 1])),
        colour,
        shape,
        tooltip=[
            alt.Tooltip("run:N"),
            alt.Tooltip("outcome:N"),
            alt.Tooltip("members:Q", title="members who trained it"),
        ],
    ).add_params(picked)
    return with_fonts(alt.layer(dots).properties(height=AROUND + STEP * n_rows, width="container"))


def map_table(dots: Sequence[Dot], axis: str) -> pd.DataFrame:
    """Returns the data of class_map, one row a run. Runs of one length in one row lie around one point, in their order."""
    places = [(dot.experiment.length, row_name(dot.experiment, axis)) for dot in dots]
    total, came, rows = Counter(places), Counter[tuple[int, str]](), []
    for dot, (length, row) in zip(dots, places, strict=True):
        x, lane = _offset(came[length, row], total[length, row])
        came[length, row] += 1
        text = (dot.outcome, dot.members, summary(dot.experiment))
        rows.append((run_id(dot.experiment), length * math.exp(COLUMN * x), row, lane, *text))
    table = pd.DataFrame(rows, columns=["id", "x", "row", "lane", "outcome", "members", "run"])
    return table.astype({"x": float, "lane": float, "members": int}).sort_values("row", kind="stable")


def _offset(k: int, n: int) -> tuple[float, float]:
    """Returns the column of dot k of n, 0 in the middle, and its lane between -0.6 and 0.6."""
    columns = min(math.ceil(n / LANES), COLUMNS)
    lanes = min(n, LANES)
    column, lane = (k // LANES) % columns, k % LANES
    return column - (columns - 1) / 2, 0.0 if lanes == 1 else 0.6 * (2 * lane / (lanes - 1) - 1)


def run_id(e: Experiment) -> str:
    """Names a run in the chart."""
    return e.key[:16]


def counts(dots: Sequence[Dot]) -> Mapping[str, int]:
    """Returns outcome -> number of runs, in the order of LOOKS, of those that there are."""
    of = Counter(dot.outcome for dot in dots)
    return {name: of[name] for name in LOOKS if of[name]}
