"""The tree of a parallel scan: the rounds in which the steps of a linear recurrence become its states, from analysis.scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnkit.analysis import scan
from rnnkit.charts.style import AXIS_TEXT, GREY, INK, WARM, sized
from rnnkit.later import alt, pd
from rnnkit.rounding import compact

ROW = 74  # pixels of a round


def scan_chart(words: Sequence[str], rounds: int) -> alt.LayerChart:
    """Draws nodes and edges of scan_tables: one row a round, from above; one column a word."""
    T = len(words)
    names = " : ".join(f"datum.value == {t} ? '{word}'" for t, word in enumerate(word.replace("'", "’") for word in words))
    axis = alt.Axis(orient="top", values=list(range(T)), labelExpr=f"{names} : ''", grid=False, labelOverlap=False, title=None)
    x = alt.X("t:Q", scale=alt.Scale(domain=[-0.5, T - 0.5], nice=False), axis=axis)
    rows = alt.Axis(
        values=list(range(rounds + 1)), labelExpr="datum.value ? 'round ' + datum.value : 'entered'", grid=False, title=None
    )
    y = alt.Y("round:Q", scale=alt.Scale(domain=[rounds + 0.3, -0.3], nice=False), axis=rows)
    edges = alt.Chart(alt.NamedData("edges"))
    lines = edges.encode(x, y, alt.X2("to:Q"), alt.Y2("below:Q"))
    plain = lines.transform_filter("!datum.path").mark_rule(color=GREY, opacity=0.5)
    path = lines.transform_filter("datum.path").mark_rule(color=WARM, strokeWidth=2.5)
    nodes = alt.Chart(alt.NamedData("nodes")).encode(x, y)
    tips = [alt.Tooltip("word:N"), alt.Tooltip("round:Q"), alt.Tooltip("value:Q", format=".6g")]
    marks = nodes.mark_point(filled=True, size=170, opacity=1).encode(
        color=alt.condition("datum.done", alt.value(INK), alt.value(GREY)), tooltip=tips
    )
    room = alt.ExprRef(f"width > {60 * T} ? 1 : 0")  # on a phone a number is read by touching its node
    text = nodes.mark_text(align="left", dx=9, dy=-10, fontSize=14, color=AXIS_TEXT, opacity=room).encode(text="text:N")
    return sized(plain, path, marks, text, height=ROW * (rounds + 1))


def scan_tables(values: Sequence[np.ndarray], words: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Returns nodes (t, word, round, value, text, done) and edges (t, round, to, below, path) of scan_chart.

    values: (T,) before the first round and after each. path: whether an edge leads to the last word's node of the last round.
    """
    T, pairs = len(words), scan.partners(len(words))
    nodes = [
        (t, words[t], k, float(v), compact(float(v)), t < 2**k)
        for k, of_round in enumerate(values)
        for t, v in enumerate(of_round)
    ]
    edges, reached = [], {T - 1}
    for k in reversed(range(len(pairs))):
        joined = {late: early for early, late in pairs[k]}
        edges += [(t, k, t, k + 1, t in reached) for t in range(T)]
        edges += [(early, k, late, k + 1, late in reached) for late, early in joined.items()]
        reached |= {joined[t] for t in reached if t in joined}
    return {
        "nodes": pd.DataFrame(nodes, columns=["t", "word", "round", "value", "text", "done"]),
        "edges": pd.DataFrame(edges, columns=["t", "round", "to", "below", "path"]),
    }
