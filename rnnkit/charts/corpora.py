"""The results of a corpus: how often the network and the baselines are right, by attractors or by distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from rnnkit.analysis.findings import WHO
from rnnkit.charts.style import BLUE, GREY, INK, VIOLET, WARM, sized
from rnnkit.rounding import percent

SERIES = {  # who answers -> colour and dash
    "network": (INK, [1, 0]),
    "last-noun": (WARM, [7, 4]),
    "opposite": (VIOLET, [7, 4]),
    "bag-of-words": (BLUE, [2, 3]),
    "five-gram": (BLUE, [9, 3]),
    "majority": (GREY, [4, 4]),
    "frequent-form": (GREY, [1, 3]),
}
NAMES = {who: WHO[who] for who in SERIES}
COLUMNS = ["by", "group", "n", "prefixes", "who", "right", "low", "high"]


def groups_chart(rows: Sequence[dict[str, Any]], by: str, title: str, height: int = 300) -> alt.LayerChart:
    """Share of right answers in each group (corpus.results) of one kind; of the network with its 95 % interval."""
    data = pd.DataFrame([row for row in rows if row["by"] == by], columns=COLUMNS)
    data["name"] = data["who"].map(NAMES)
    data["text"] = [_share(row) for row in data.itertuples(index=False)]
    counts = data.drop_duplicates("group").set_index("group")["n"]
    data["label"] = [f"{group} ({counts[group]:,})" for group in data["group"]]
    base = alt.Chart(data)
    x = alt.X(
        "label:N", sort=None, scale=alt.Scale(padding=0.5, type="point"), axis=alt.Axis(title=title, labelAngle=0, grid=False)
    )
    axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title=None)
    y = alt.Y("right:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    colours, dashes = zip(*SERIES.values(), strict=True)
    names = list(NAMES.values())
    tips = [alt.Tooltip("name:N", title="who"), alt.Tooltip("group:N", title=title), alt.Tooltip("text:N", title="right")]
    colour = alt.Color("name:N", scale=alt.Scale(domain=names, range=list(colours)), legend=None)
    dash = alt.StrokeDash("name:N", scale=alt.Scale(domain=names, range=list(dashes)), legend=None)
    wide = alt.condition("datum.who == 'network'", alt.value(3), alt.value(2))
    lines = base.mark_line().encode(x, y, colour, dash, strokeWidth=wide, tooltip=tips)
    own = base.transform_filter("datum.who == 'network'")
    bars = own.mark_rule(color=INK, strokeWidth=2).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"))
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(x, y, colour, tooltip=tips)
    return sized(lines, bars, dots, height=height)


def _share(row: Any) -> str:
    different = f" ({row.prefixes:,} different)" if row.prefixes < row.n else ""
    return f"{percent(row.right, 1)} of {row.n:,}{different}, 95 % interval {percent(row.low, 1)} to {percent(row.high, 1)}"


def groups_text(rows: Sequence[dict[str, Any]], by: str, title: str) -> str:
    """The finding of groups_chart: everybody's share in the first and in the last group."""
    mine = [row for row in rows if row["by"] == by]
    if not mine:
        return f"Right answers by {title}: nothing was asked."
    groups = list(dict.fromkeys((mine[0]["group"], mine[-1]["group"])))
    said = [f"at {g}, " + ", ".join(f"{NAMES[r['who']]} {percent(r['right'])}" for r in mine if r["group"] == g) for g in groups]
    return f"Right answers by {title}: {'; '.join(said)}."
