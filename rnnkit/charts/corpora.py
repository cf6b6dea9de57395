"""The results of a corpus: how often the network and the baselines are right, by attractors or by distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnkit.analysis.lm_summary import WHO
from rnnkit.charts.style import AXIS_TEXT, BLUE, GREY, INK, VIOLET, WARM, sized
from rnnkit.corpus import linzen_2016
from rnnkit.later import alt, pd
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


def groups_chart(
    rows: Sequence[dict[str, Any]], by: str, title: str, height: int = 300, published: bool = False
) -> alt.LayerChart:
    """Draws the share of right answers in each group (corpus.results) of one kind, the network's with its 95 % interval.

    published: draws what linzen_2016 gives for each group by attractors as well, a diamond each.
    """
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
    layers = [lines, bars, dots]
    if published:
        beside = [
            {"label": label, "right": right / 100, "name": linzen_2016.NAME, "group": str(n), "text": f"{right:.2f} %"}
            for group, label in data.drop_duplicates("group")[["group", "label"]].itertuples(index=False)
            for n, right in linzen_2016.published(group).items()
        ]
        diamonds = alt.Chart(pd.DataFrame(beside, columns=["label", "right", "name", "group", "text"]))
        layers.append(diamonds.mark_point(shape="diamond", size=150, strokeWidth=2.5, color=AXIS_TEXT).encode(x, y, tooltip=tips))
    return sized(*layers, height=height)


def _share(row: Any) -> str:
    different = f" ({row.prefixes:,} different)" if row.prefixes < row.n else ""
    return f"{percent(row.right, 1)} of {row.n:,}{different}, 95 % interval {percent(row.low, 1)} to {percent(row.high, 1)}"


def groups_text(rows: Sequence[dict[str, Any]], by: str, title: str, published: bool = False) -> str:
    """The finding of groups_chart: everybody's share in the first and in the last group, and all that is published."""
    mine = [row for row in rows if row["by"] == by]
    if not mine:
        return f"Right answers by {title}: nothing was asked."
    groups = list(dict.fromkeys((mine[0]["group"], mine[-1]["group"])))
    shares = [
        f"at {g}, " + ", ".join(f"{NAMES[r['who']]} {percent(r['right'])}" for r in mine if r["group"] == g) for g in groups
    ]
    if published:
        found = {n: right for row in mine for n, right in linzen_2016.published(row["group"]).items()}
        shares += [f"{linzen_2016.NAME}: " + ", ".join(f"{right:.2f} % at {n}" for n, right in found.items())] if found else []
    return f"Right answers by {title}: {'; '.join(shares)}."
