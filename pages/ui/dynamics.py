"""Eigenvalues and powers of the recurrence while training, and the Lyapunov exponents of a run. On the page Vanishing."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings, view_options
from pages.ui import chart_view, layout, study_view
from rnnkit.analysis import theory
from rnnkit.charts import dynamics as charts
from rnnkit.charts.style import GREY, INK, WARM
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.results.eigenvalues import Eigenvalues
from rnnkit.results.lyapunov import Lyapunov
from rnnkit.rounding import decimals

LINKED = {"vanishing_snapshot": page_settings.Number(0, 1_000_000)}
PLANE_HEIGHTS, EXPONENTS_HEIGHTS = (830, 1600), (420, 760)  # layout.reserved, on a phone the second


# ---- eigenvalues ----


def eigenvalues(e: Experiment, step: int) -> None:
    """Draws eigenvalues and powers after each of the first `step` training steps, also while they are trained."""
    cell = CELLS[e.cell]
    matrix = "the mean Jacobian" if not cell.has_slope else "M" if cell.builds_matrix else "W_rec"
    st.markdown(f"#### Eigenvalues of {matrix} in the complex plane")
    with layout.reserved("vanishing_plane", *PLANE_HEIGHTS):
        study_view.computed("eigenvalues", e, partial(_plane, e, step), step=step)


def _plane(e: Experiment, step: int, parts: list[Eigenvalues], done: bool) -> None:
    f, circles = parts[-1], _circles(e)
    if not np.isfinite(f.real).all():
        st.info("Weights that are not finite have no eigenvalues.", icon=":material/block:")
        return
    left, right = st.columns((1, 1), gap="medium")
    i = len(f.steps) - 1
    with right:
        if done and i:
            steps = [int(s) for s in f.steps]
            i = steps.index(page_settings.select_slider("Training step in the plane", steps, "vanishing_snapshot", steps[-1]))
        _powers(e, f, i, done)
        _radius(f, i, step, circles[-1])
    with left:
        chart_view.legend(
            ("dot", INK, f"after {f.steps[i]:,} training steps"),
            ("dot", WARM, "the largest, and its path" if i else "the largest"),
            ("diamond", GREY, "untrained" if i else ""),
            ("dashed", GREY, "unit circle"),
            ("dashed", WARM, f"1/γ = {circles[1]:g}" if len(circles) > 1 else ""),
        )
        with st.container(width=view_options.size(charts.PLANE)):
            spec = chart_view.spec(charts.plane_chart, charts.plane_reach(f, circles), circles)
            text = charts.plane_text(f, i) if done else f"Eigenvalues of {charts.called(f)} in the complex plane, while it trains"
            chart_view.draw(spec, text, "vanishing_eigenvalues", charts.plane_tables(f, i))
        moved = "" if step else " Choose training steps at the top of the page to see them move."
        if CELLS[e.cell].reservoir:
            moved = " A reservoir's recurrent weights are not trained: they stay where they are."
        mean = f.matrix == "mean Jacobian"
        lag = CELLS[e.cell].lag
        state = f"s the last {lag} states" if lag > 1 else "all parts of the state"
        of = f" The mean is over the example's time steps, of ds(t)/ds(t−1), {state}." if mean else ""
        layout.caption(
            f"{charts.plane_text(f, i)} Its k-th power shrinks what lies inside the unit circle and stretches what lies outside."
            f"{of}{moved}"
        )


def _circles(e: Experiment) -> tuple[float, ...]:
    gamma = theory.GAMMA.get(e.cell, 1.0)
    return (1.0,) if gamma == 1 else (1.0, 1 / gamma)


def _powers(e: Experiment, f: Eigenvalues, i: int, done: bool) -> None:
    st.markdown("**‖xJᵏ‖: a random vector, k times the same matrix**")
    colours = [colour for colour, *_ in charts.POWERS.values()]
    marks = ("line", "dashed", "dashed")
    names = (f"{f.powers.shape[1]} random x, and their median", "ρᵏ", "λ₁ᵏ: at most")
    chart_view.legend(*zip(marks, colours, names, strict=True))
    text = charts.powers_text(f, i) if done else "Norm of xJᵏ for random unit vectors x, while it trains"
    spec = chart_view.spec(charts.powers_chart, f.powers.shape[2] - 1, *charts.powers_range(f))
    chart_view.draw(spec, text, "vanishing_powers", {"rows": charts.powers_table(f, i)})
    one = "1" if e.leak == 1 else "1 and the leak is 1"
    of = charts.called(f)
    if f.matrix != "mean Jacobian":
        of = f"{of}ᵀ, the Jacobian of a step where every slope is {one}"
    rate = "In the long run every step multiplies the norm by ρ on average, however large λ₁ is."
    layout.caption(f"{charts.powers_text(f, i)} J is {of}. {rate}")


def _radius(f: Eigenvalues, i: int, step: int, limit: float) -> None:
    st.markdown(f"**Spectral radius ρ and largest singular value** of {charts.called(f)}, over training")
    chart_view.legend(*(("line", colour, name) for colour, _, name in charts.SERIES.values()), ("dashed", GREY, f"{limit:g}"))
    table = charts.radius_table(f)
    last = {name: rows.value.iloc[i] for name, rows in table.groupby("name")}
    text = f"After {f.steps[i]:,} training steps: " + ", ".join(f"{k} {decimals(v)}" for k, v in last.items()) + "."
    data: dict[str, Any] = {"rows": table, "cursor": table[["step"]].iloc[i : i + 1]}
    chart_view.draw(chart_view.spec(charts.radius_chart, step, limit), text, "vanishing_radius", data)
    layout.caption(f"{text} Grey line: the training step in the plane.")


# ---- Lyapunov exponents ----


def lyapunov(e: Experiment, step: int) -> None:
    """Draws the Lyapunov exponents after `step` training steps."""
    st.markdown("#### Order or chaos? The Lyapunov exponents of the run")
    with layout.reserved("vanishing_lyapunov", *EXPONENTS_HEIGHTS):
        study_view.computed("lyapunov", e, _exponents, step=step)


def _exponents(parts: list[Lyapunov], done: bool) -> None:
    f = parts[-1]
    if not f.steps:
        text = "Not computed: the state of this network is too large or not finite. Take fewer hidden units or smaller weights."
        st.info(text, icon=":material/data_array:")
        return
    text = charts.exponents_text(f)
    st.markdown(f"**{text.partition('. Over')[0]}.**")
    left, right = st.columns(2, gap="medium")
    with left:
        spec = chart_view.spec(charts.exponents_chart, *charts.exponents_range(f))
        chart_view.draw(spec, text, "vanishing_exponents", {"rows": charts.exponents_table(f)})
        erased = int(np.isneginf(f.exponents).sum())
        less = f" {erased} are −∞: what differs in their directions is erased." if erased else ""
        layout.caption(f"One dot an exponent, in nats a time step; above 0 differences grow.{less}")
    with right:
        spec = chart_view.spec(charts.running_chart, f.steps)
        chart_view.draw(spec, text, "vanishing_running", {"rows": charts.running_table(f)})
        layout.caption(
            f"The estimate of the largest one settles, over {f.steps:,} time steps of new sequences, read one after the other. "
            "Far back, the gradient is multiplied by e to this power a step."
        )
