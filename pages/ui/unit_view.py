"""Unit by unit: the signed gradient and the state of each part over time. On the page Vanishing."""

from __future__ import annotations

import streamlit as st

from pages.state import session
from pages.ui import chart_view, layout
from rnnkit.charts import units as charts
from rnnkit.charts.style import BLUE, ORANGE
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.results.gradient_flow import GradientFlow


def units(e: Experiment, f: GradientFlow) -> None:
    """Draws, for each part of the state, the gradient beside the state, the units in the same order."""
    words, names = session.example(e), CELLS[e.cell].parts
    spec = chart_view.spec(charts.units_chart, None, tuple(words))
    st.markdown("#### Unit by unit: which units carry the gradient back?")
    with st.container():  # layout.reserved hides styles that stand directly in it
        chart_view.legend(("band", ORANGE, "above 0"), ("band", BLUE, "below 0"))
    for part, name in enumerate(names):
        order = charts.by_reach(f.gradient[part])
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown(f"**Gradient dL/d{name}ₜ**, one row a unit, the furthest reach on top")
            table = charts.units_table(f.gradient[part], order, words, logarithmic=True)
            text = charts.gradient_text(f.gradient[part], name)
            chart_view.draw(spec, text, f"vanishing_units_{name}", {"rows": table})
        with right:
            st.markdown(f"**State {name}ₜ**, the units in the same order")
            table = charts.units_table(f.states[part], order, words)
            chart_view.draw(spec, charts.states_text(table, name), f"vanishing_states_{name}", {"rows": table})
    layout.caption(
        f"{charts.gradient_text(f.gradient[0], names[0])} Gradient: the colour is logarithmic, pale at 1e-12 of the largest; "
        "orange: a larger state raises the loss. State: full colour at 1 and beyond, half of it at 0.25."
    )
