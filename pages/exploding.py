"""Why does it explode? Networks that become NaN while they train, and the cliff in the error surface of the smallest one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from pages.components.error_surface import PLACE, Line, cliff
from pages.state import page_settings
from pages.ui import chart_view, divergence, layout, linear_unit
from rnnkit.analysis import error_surface as unit
from rnnkit.analysis.nan_record import DIVERGING, THRESHOLD
from rnnkit.charts import INK, WARM
from rnnkit.charts.exploding import bifurcation_chart
from rnnkit.engine.fixes import ClipNorm
from rnnkit.later import pd
from rnnkit.rounding import amount, decimals, smallest
from rnnkit.stories.presets import PRESETS

TITLE = "Exploding"
CONTROLS = ()
STYLE = """<style>
.st-key-exploding_said { min-height: 5rem; }
.st-key-exploding_record table { display: block; overflow-x: auto; }
.st-key-exploding_record :is(td, th) { padding: 0.3rem 0.45rem; }
@media (max-width: 640px) { .st-key-exploding_said { min-height: 9rem; } }
</style>"""

W, B = (3.6, 6.4), (-3.6, -1.4)  # the picture
GRID = (85, 90)  # points over w and over b
START, RATE, CLIP, STEPS = (4.9, -2.3), 0.15, 0.4, 150
RATES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 2.0, 5.0, 10.0)
PLACES = {"longest": "before the longest step", "start": "at the start", "end": "at the end, clipped"}
LINKED = {
    **divergence.LINKED,
    **PLACE,
    "exploding_w": page_settings.Number(*W),
    "exploding_b": page_settings.Number(*B),
    "exploding_rate": page_settings.Choice(RATES),
    "exploding_clip": page_settings.Choice(THRESHOLDS),
    "exploding_place": page_settings.Choice(tuple(PLACES)),
}
RENAMED = {"exploding_patient": "exploding_network"}  # names of settings in older links
TOUR_TARGETS = {
    "outcome": "exploding_said",
    "record": "exploding_record",
    "file": "exploding_record",  # its name in older tours
    "rewind": "exploding_rewind",
    "heatmap": "exploding_heat",
    "cliff": "exploding_cliff",
    "clip": "exploding_clip",
}
READY = (".heatmap[data-rows]", ".cliff[data-start]", "Loss of network", "Fixed points x over b")
DRAWING = (".cliff .map", "ArrowRight", ".cliff data-start")


def page() -> None:
    st.html(STYLE)
    layout.opening(
        "Why does it explode?",
        "Where the gradient grows on its way back, **one** update can throw the weights so far that soon all is NaN. Watch it, "
        "then rewind.",
    )
    divergence.section(page_settings.untouched(LINKED))
    st.divider()
    _cliff()
    st.divider()
    linear_unit.section()
    _mathematics()
    _try_next()


# ---- the cliff ----


def _cliff() -> None:
    st.subheader("The cliff: what the gradient fell from", anchor=False)
    st.markdown(
        "The smallest recurrent network has one unit, x<sub>t</sub> = w σ(x<sub>t−1</sub>) + b, and two weights, so its whole "
        "error surface can be drawn: E = (σ(x₅₀) − 0.7)² after 50 steps from x₀ = 0.5. It has a **wall**. Gradient descent that "
        "steps onto it is thrown; clipped, it takes a short step in the same direction.",
        unsafe_allow_html=True,
    )
    w, b, lr, threshold = _cliff_controls()
    free, clipped = _paths(w, b, lr, threshold)
    summary = _summary(free, clipped, threshold)
    cliff(
        _surface(),
        w=W,
        b=B,
        lines=[_line(free, WARM, "without clipping"), _line(clipped, INK, f"clipped at {threshold:g}")],
        summary=f"Error surface of a one-unit network over w and b. {summary}",
        key="exploding_cliff",
        on_start=_move,
    )
    st.markdown(summary)
    layout.caption(
        f"Height, colour and the thin contours are the error. A dot is one step of gradient descent, {STEPS} in all; the large "
        "one is the start. Drag the surface, or turn it with the arrow keys; a click on the map sets the start. "
        "After Pascanu, Mikolov & Bengio 2013, figure 6."
    )
    _bifurcation(free, clipped)


def _cliff_controls() -> tuple[float, float, float, float]:
    with st.sidebar:
        st.markdown("**The cliff**")
        w = page_settings.slider("Start: w", *W, "exploding_w", START[0], 0.01)
        b = page_settings.slider("Start: b", *B, "exploding_b", START[1], 0.01)
        lr = page_settings.select_slider("Step size (learning rate)", RATES, "exploding_rate", RATE)
        return w, b, lr, page_settings.select_slider("Clip threshold", THRESHOLDS, "exploding_clip", CLIP)


def _move(w: float, b: float) -> None:
    """Sets the start to a click on the map."""
    page_settings.choose("exploding_w", round(float(w), 2))
    page_settings.choose("exploding_b", round(float(b), 2))


@st.cache_data(show_spinner=False)
def _surface() -> np.ndarray:
    """Returns w, b, error and gradient norm of the points that are drawn, (4, m, n)."""
    w, b = unit.mesh(W, B, *GRID)
    error, dw, db = unit.gradient(w, b)
    return np.stack([w, b, error, np.hypot(dw, db)])


@st.cache_data(max_entries=256, show_spinner=False)
def _paths(w: float, b: float, lr: float, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the paths without and with clipping: w, b, error and gradient norm, (4, n + 1) each."""
    both = np.stack(unit.descend(w, b, lr, STEPS, [np.inf, threshold]))
    return both[..., 0], both[..., 1]


def _line(path: np.ndarray, colour: str, name: str) -> Line:
    gone = _exit_step(path)
    away = f"w = {_signed(path[0, gone])}, b = {_signed(path[1, gone])}" if gone else ""
    w, b, norm = path[0].round(4).tolist(), path[1].round(4).tolist(), path[3].tolist()
    return Line(w, b, norm, colour, name, away)


def _exit_step(path: np.ndarray) -> int:
    """Returns the first step outside the picture, 0 where there is none."""
    outside = (path[0] < W[0]) | (path[0] > W[1]) | (path[1] < B[0]) | (path[1] > B[1])
    return int(outside.argmax())


def _signed(x: float) -> str:
    return decimals(x) if abs(x) < 100 else amount(float(x)).replace("-", "−", 1)


def _summary(free: np.ndarray, clipped: np.ndarray, threshold: float) -> str:
    """Returns the two paths' longest steps and ends in words."""
    jumps = np.hypot(*np.diff(free[:2]))
    k = int(jumps.argmax())
    first = (
        f"**Without clipping**, step {k} is the longest: gradient norm {amount(free[3, k])}, the weights move {amount(jumps[k])}"
    )
    gone = _exit_step(free)
    if gone == k + 1:
        first += f", out of the picture to w = {_signed(free[0, gone])}, b = {_signed(free[1, gone])}"
    norm = amount(free[3, -1], smallest(free.dtype))
    first += f". After {STEPS} steps the error is {amount(free[2, -1])}, the gradient norm {norm}."
    times = int((clipped[3, :-1] > threshold).sum())
    second = f"**Clipped at {threshold:g}** ({times} of {STEPS} steps were): error {amount(clipped[2, -1])} at "
    return f"{first}  \n{second}w = {_signed(clipped[0, -1])}, b = {_signed(clipped[1, -1])}."


# ---- the fixed points ----


def _bifurcation(free: np.ndarray, clipped: np.ndarray) -> None:
    st.markdown("#### Where the wall stands: the unit's fixed points")
    thrown = int(np.hypot(*np.diff(free[:2])).argmax())
    places = {
        "longest": (free[0, thrown], free[1, thrown], WARM),
        "start": (free[0, 0], free[1, 0], "#8b5cf6"),
        "end": (clipped[0, -1], clipped[1, -1], INK),
    }
    options: dict[str, Any] = {"format_func": lambda place: PLACES[place], "label_visibility": "collapsed"}
    place = page_settings.segmented("Look at the weights", list(places), "exploding_place", "longest", **options)
    name, (w, b, colour) = PLACES[place], places[place]
    x = np.linspace(-7, 7, 801)
    left, right = st.columns(2, gap="medium")
    for column, branch, at, along, domain in (
        (left, unit.along_w(b, x), w, "w", W),
        (right, unit.along_b(w, x), b, "b", B),
    ):
        other, value = ("b", b) if along == "w" else ("w", w)
        column.markdown(f"**Over {along}**, at {other} = {_signed(value)}")
        marks = pd.DataFrame([(at, x, name, colour) for x, _ in unit.fixed_points(w, b)], columns=["at", "x", "name", "colour"])
        chart, text = _chart(branch, marks, along, domain), f"Fixed points x over {along}. {_points(w, b)}"
        with column:
            chart_view.draw(chart, text, f"exploding_over_{along}")
    layout.caption(
        "Solid: stable, x settles there; dashed: unstable, the border between what settles above and what settles below. The "
        "dotted line is x₀ = 0.5, where the unit begins. Where the dashed curve crosses it, a little more or less of w or b "
        "sends x₅₀ to the other solid curve: there stands the wall. Where solid and dashed meet, two fixed points are born."
    )
    st.markdown(_borders(w, b))


def _chart(branch: unit.Branch, marks: pd.DataFrame, along: str, domain: tuple[float, float]):
    piece = np.cumsum(np.diff(branch.stable, prepend=branch.stable[0]) != 0)
    table = pd.DataFrame({"at": branch.at, "x": branch.x, "piece": piece, "stable": branch.stable})
    near = table["at"].between(domain[0] - 1, domain[1] + 1)
    return bifurcation_chart(table[near], marks, along=along, domain=domain, x0=unit.X0)


def _points(w: float, b: float) -> str:
    kinds = ", ".join(f"{_signed(x)} ({'stable' if stable else 'unstable'})" for x, stable in unit.fixed_points(w, b))
    return f"At w = {_signed(w)}, b = {_signed(b)} the fixed points are x = {kinds}."


def _borders(w: float, b: float) -> str:
    points = _points(w, b)
    wall = float(unit.wall(w))
    if np.isnan(wall):
        return f"{points} At this w there is no wall: x₀ is not the border between two basins at any b."
    low, high, place = (decimals(float(v), 3) for v in (*unit.saddle_nodes(w), wall))
    return f"{points} At this w two stable points exist for b between {low} and {high}, and the wall stands at b = {place}."


# ---- the end ----


def _mathematics() -> None:
    layout.mathematics(
        r"""
Rows are time, $\theta$ all weights, $\eta$ the learning rate.

**The one-unit network.** $x_t = w\,\sigma(x_{t-1}) + b$, so $\dfrac{\partial x_t}{\partial x_{t-1}} = w\,\sigma'(x_{t-1})$, and
backward, $dx_{t-1} = dx_t\; w\,\sigma'(x_{t-1})$:
$$dx_k = dx_T \prod_{t=k+1}^{T} w\,\sigma'(x_{t-1}), \qquad
\frac{\partial E}{\partial w} = \sum_t dx_t\,\sigma(x_{t-1}), \qquad \frac{\partial E}{\partial b} = \sum_t dx_t .$$
A product of up to 50 factors: it can only explode where they stay above 1. Because $\sigma' \le \frac14$, that needs $w > 4$.
On the wall $x_t$ stays close to the unstable fixed point $x_0$, so all factors are $w\,\sigma'(x_0) > 1$.

**The large network** is the same with matrices: $dh_{t-1} = dh_t\,\mathrm{diag}(\phi'(a_t))\,W_{rec}^\top$. With
$|\phi'| \le \gamma$, a largest singular value of $W_{rec}$ above $1/\gamma$ is necessary for exploding, not sufficient.

**Why one step suffices.** SGD: $\theta \leftarrow \theta - \eta\, g$, so the step is $\eta\,\lVert g\rVert$ long,
however far the surface goes on like this.

**Clipping by norm** (algorithm 1): if $\lVert g\rVert > c$, then
$g \leftarrow \dfrac{c}{\lVert g\rVert}\,g$. The direction stays, no step is longer than $\eta\,c$.

Pascanu, Mikolov & Bengio, *On the difficulty of training recurrent neural networks*, ICML 2013: the surface is that of figure 6,
with $x_0 = 0.5$, 50 steps and the target 0.7.
"""
    )


def _try_next() -> None:
    st.markdown(
        "**What clipping does not do**: it shortens a step that is too long. Weights that were thrown before stay where they "
        "are, so rewinding too late does not help; a gradient that vanishes stays short."
    )
    explodes, clipped = PRESETS["explodes"].experiment, PRESETS["clipped"].experiment
    shared = replace(DIVERGING, fixes=(ClipNorm(THRESHOLD),))
    layout.try_next(
        layout.Try(
            "**The same in the lab**: the networks from above with clipping from the first step on, beside the ones without.",
            shared,
            "Compare these two",
            DIVERGING,
        ),
        layout.Try(
            "**Thirty words** and a gain of 1.3: without clipping, and beside it with clipping at 1.",
            clipped,
            "Compare these two",
            replace(explodes, steps=clipped.steps),
        ),
        layout.Try(
            "**Clipping is no cure for vanishing**: these tanh networks are clipped, and most of them fail all the same.",
            PRESETS["no-omega"].experiment,
        ),
    )


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
