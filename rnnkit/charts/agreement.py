"""Charts of agreement networks: accuracy by difficulty, the gradient at the subject, the ranking of the units.

Tables in, alt.Chart out, of the studies generalization and ablation. Every share stands with its 95 % Wilson interval.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnkit.charts.style import BLUE, GREY, GREY_TEXT, HIGH, INK, LOW, POWER, VIOLET, WARM, named_rows, sized
from rnnkit.corpus import wilson
from rnnkit.later import alt, pd
from rnnkit.results.ablation import Ablation
from rnnkit.results.generalization import Generalization
from rnnkit.rounding import amount, percent

SERIES = {  # who answers -> colour, dash, width
    "network": (INK, (1, 0), 3.0),
    "network, attractors of the same number": (INK, (2, 3), 2.5),
    "last noun": (WARM, (7, 4), 2.0),
    "opposite of the last noun": (VIOLET, (7, 4), 2.0),
    "any plural seen": (BLUE, (7, 4), 2.0),
    "chance": (GREY, (4, 4), 1.5),
}
RULES = ("last noun", "opposite of the last noun", "any plural seen")
TICKS = [4, 10, 20, 50, 100, 200, 500, 1000]


# ---- generalization ----


def accuracy_chart(data: pd.DataFrame | None, kind: str, title: str, trained: float | None = None, height: int = 300) -> Any:
    """Draws accuracy over x from a breaks_table of this kind, with a rule at the trained x."""
    base = alt.Chart(named_rows(data))
    scale = alt.Scale(type="log", nice=False, padding=12) if kind == "distance" else alt.Scale(nice=False, padding=16)
    values: dict[str, Any] = {"values": TICKS} if kind == "distance" else {"tickMinStep": 1, "format": "d"}
    x = alt.X("x:Q", scale=scale, axis=alt.Axis(title=title, grid=False, labelOverlap="greedy", **values))
    y: dict[str, Any] = {
        "scale": alt.Scale(domain=[0, 1]),
        "axis": alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title=None),
    }
    colours, dashes, widths = zip(*SERIES.values(), strict=True)
    names = list(SERIES)
    lines = base.mark_line(clip=True).encode(
        x,
        alt.Y("share:Q", **y),
        alt.Color("who:N", scale=alt.Scale(domain=names, range=list(colours)), legend=None),
        alt.StrokeDash("who:N", scale=alt.Scale(domain=names, range=[list(d) for d in dashes]), legend=None),
        alt.StrokeWidth("who:O", scale=alt.Scale(domain=names, range=list(widths)), legend=None),
    )
    own = base.transform_filter("indexof(datum.who, 'network') == 0")
    bars = own.mark_rule(color=INK, strokeWidth=2).encode(x, alt.Y("low:Q", **y), alt.Y2("high:Q"))
    tips = [alt.Tooltip("who:N"), alt.Tooltip("x:Q", title=title), alt.Tooltip("text:N", title="right")]
    hollow = alt.condition("datum.who == 'network'", alt.value(INK), alt.value("white"))
    dots = own.mark_point(filled=True, size=70, opacity=1, stroke=INK, strokeWidth=2).encode(
        x, alt.Y("share:Q", **y), fill=hollow, tooltip=tips
    )
    catch = base.mark_point(size=250, opacity=0).encode(x, alt.Y("share:Q", **y), tooltip=tips)
    return sized(*_trained(trained), lines, bars, dots, catch, height=height)


def reach_chart(data: pd.DataFrame | None, title: str, trained: float | None = None, height: int = 300) -> Any:
    """Draws the gradient at the subject as a share of that at the last word, over the distance, from a reach_table."""
    base = alt.Chart(named_rows(data))
    axis = alt.Axis(title=title, grid=False, values=TICKS, labelOverlap="greedy")
    x = alt.X("x:Q", scale=alt.Scale(type="log", nice=False, padding=12), axis=axis)
    axis = alt.Axis(values=[1e-12, 1e-8, 1e-4, 1, 1e4], labelExpr=POWER, title=None)
    y = alt.Y("shown:Q", scale=alt.Scale(type="log", domain=[LOW, HIGH], nice=False), axis=axis)
    tips = [alt.Tooltip("x:Q", title=title), alt.Tooltip("text:N", title="arrives")]
    line = base.mark_line(color=INK, strokeWidth=3).encode(x, y)
    shapes = alt.Scale(domain=["", "below", "above"], range=["circle", "triangle-down", "triangle-up"])
    shape = alt.Shape("edge:N", scale=shapes, legend=None)
    dots = base.mark_point(filled=True, opacity=1, color=INK, size=90).encode(x, y, shape, tooltip=tips)
    return sized(*_trained(trained), line, dots, height=height)


def _trained(x: float | None) -> list[alt.Chart]:
    if x is None:
        return []
    base = alt.Chart(alt.Data(values=[{"x": x, "name": "trained"}])).encode(x="x:Q")
    text = base.mark_text(align="left", baseline="bottom", dx=5, fontSize=14, color=GREY_TEXT)
    return [base.mark_rule(color=GREY, strokeWidth=1.5), text.encode(text="name:N", y=alt.value(alt.ExprRef("height - 4")))]


def breaks_table(found: Generalization, kind: str) -> pd.DataFrame:
    """For accuracy_chart: x, who, share, low, high, text. The rules' lines are those for attractors of the opposite number."""
    rows: list[dict[str, Any]] = []
    for i in [i for i, k in enumerate(found.kind) if k == kind]:
        x, n, same = float(found.x[i]), int(found.sentences[i]), found.relation[i] == "same"
        who = "network, attractors of the same number" if same else "network"
        low, high = wilson(int(found.right[i]), n)
        interval = f"95 % interval {percent(low, 1)} to {percent(high, 1)}"
        count = f"{found.right[i]} of {n} = {percent(found.right[i] / n, 1)}, {interval}"
        rows.append({"x": x, "who": who, "share": found.right[i] / n, "low": low, "high": high, "text": count})
        if not same:
            rules = dict(zip(found.rules, found.rules_right[:, i], strict=True))
            rows += [{"x": x, "who": rule, "share": rules[rule] / n, "text": f"{rules[rule]} of {n}"} for rule in RULES]
            rows.append({"x": x, "who": "chance", "share": 0.5, "text": "one half"})
    return pd.DataFrame(rows, columns=["x", "who", "share", "low", "high", "text"])


def reach_table(found: Generalization) -> pd.DataFrame:
    """For reach_chart; what is off the scale stands at its edge."""
    at = [i for i, k in enumerate(found.kind) if k == "distance" and np.isfinite(found.reach[i])]
    reach = np.asarray(found.reach, float)[at]
    edge = np.where(reach < LOW, "below", np.where(reach > HIGH, "above", ""))
    shown = np.clip(reach, LOW, HIGH)
    x = np.asarray(found.x, float)[at]
    return pd.DataFrame({"x": x, "shown": shown, "edge": edge.astype(object), "text": [amount(v) for v in reach]})


def accuracy_text(table: pd.DataFrame, title: str) -> str:
    """The finding of accuracy_chart."""
    own = table[table.who == "network"].sort_values("x")
    if own.empty:
        return f"Accuracy by {title}: nothing was asked."
    first, last, least = own.iloc[0], own.iloc[-1], own.loc[own.share.idxmin()]
    rules = ", ".join(
        f"{r.who} {percent(r.share)}" for r in table[table.x == last.x].itertuples() if not r.who.startswith("network")
    )
    return (
        f"Accuracy by {title}: the network is right in {percent(first.share)} at {first.x:g} and in "
        f"{percent(last.share)} at {last.x:g}, least often at {least.x:g} with "
        f"{percent(least.share)}. Others at {last.x:g}: {rules}."
    )


def reach_text(table: pd.DataFrame, title: str) -> str:
    """The finding of reach_chart."""
    if table.empty:
        return f"Gradient at the subject by {title}: none was measured."
    shares = [f"{row.text} of it arrives at {row.x:g}" for row in (table.iloc[0], table.iloc[-1])]
    return f"Gradient at the subject by {title}: {', '.join(dict.fromkeys(shares))}."


# ---- which unit remembers ----


def units_chart(data: pd.DataFrame | None, height: int = 340) -> Any:
    """Draws the best units from a units_table: the accuracy of each alone, and of the network without it."""
    base = alt.Chart(named_rows(data))
    y = alt.Y("unit:N", sort=None, axis=alt.Axis(title=None, grid=True))
    axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title=None, grid=True)
    scales: dict[str, Any] = {"scale": alt.Scale(domain=[0, 1]), "axis": axis}
    shares = {"alone": "alone", "lost": "network without it"}
    tips = [alt.Tooltip("unit:N"), *(alt.Tooltip(f"{k}_text:N", title=name) for k, name in shares.items())]
    half = alt.Chart(alt.Data(values=[{"chance": 0.5}])).mark_rule(color=GREY, strokeDash=[4, 4], strokeWidth=1.5)
    faint = alt.condition("datum.off", alt.value(0.3), alt.value(1))
    bars = base.mark_bar(color=INK, height={"band": 0.7}).encode(y, alt.X("alone:Q", **scales), opacity=faint, tooltip=tips)
    dots = base.mark_point(filled=True, size=110, color=WARM, opacity=1, stroke="white", strokeWidth=1).encode(
        y, alt.X("lost:Q", **scales), tooltip=tips
    )
    return sized(bars, half.encode(alt.X("chance:Q", **scales)), dots, height=height)


def units_table(found: Ablation, off: list[int]) -> pd.DataFrame:
    best, alone = np.asarray(found.best), np.asarray(found.alone).max(0)
    names = [f"unit {i}{' (off)' if i in off else ''}" for i in best]
    table = pd.DataFrame({"unit": names, "alone": alone[best], "lost": found.lost, "off": [int(i) in off for i in best]})
    return table.assign(**{f"{name}_text": [percent(share, 1) for share in table[name]] for name in ("alone", "lost")})


def units_text(table: pd.DataFrame) -> str:
    """The finding of units_chart."""
    best, needed = table.iloc[0], table.loc[table.lost.idxmin()]
    return (
        f"Single units, and the network without each: {best.unit} alone tells the number in {percent(best.alone)} of the "
        f"sentences, the last of the {len(table)} shown in {percent(table.alone.iloc[-1])}. "
        f"Without {needed.unit} the network is right in "
        f"{percent(needed.lost)}, without any other shown in at least as many."
    )
