"""One linear unit that learns from another: hard although nothing vanishes. On the page Exploding."""

from __future__ import annotations

import streamlit as st

from pages.ui import chart_view, layout
from rnnkit import glossary
from rnnkit.analysis import linear_unit as unit
from rnnkit.charts import linear_unit as charts
from rnnkit.charts.style import GREY
from rnnkit.rounding import amount


def section() -> None:
    """Draws the loss over lambda, and reparametrized, for three teachers."""
    st.subheader("No cliff, nothing vanishes, and it is still hard", anchor=False)
    short, *_, long = unit.TEACHERS
    more = amount(float(unit.curvature(long) / unit.curvature(short)))
    st.markdown(
        f"One linear unit, hₜ = λ hₜ₋₁ + xₜ, learns from another one. Its gradient neither vanishes nor explodes. Yet the longer "
        f"the memory of the teacher, the narrower its valley: from λ = {short:g} to {long:g} the curvature grows {more} times. "
        "The same unit with λ = exp(−exp(ν)) and an input scaled by √(1 − λ²) has **one width for every memory**."
    )
    chart_view.legend(
        *(("line", colour, f"teacher λ = {mu:g}") for mu, colour in charts.COLOURS.items()), ("dashed", GREY, "answer 0")
    )
    for column, reparametrized, title in zip(
        st.columns(2, gap="medium"), (False, True), ("over λ", "reparametrized, over ν"), strict=True
    ):
        with column:
            st.markdown(f"**Loss {title}**")
            data, text = {"rows": charts.loss_table(reparametrized)}, charts.loss_text(reparametrized)
            chart_view.draw(chart_view.spec(charts.loss_chart, reparametrized), text, f"exploding_unit_{reparametrized:d}", data)
            layout.caption(text)
    layout.caption(
        "The loss is relative to the teacher's size, for white input and infinitely many steps, in closed form. A small change "
        "of λ changes h the more, the longer it is remembered: E(dh/dλ)² = (1 + λ²)/(1 − λ²)³. After Zucchet & Orvieto 2024.",
        help=glossary.explained("LRU"),
    )
