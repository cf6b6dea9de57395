"""How far back dL/dW_rec looks, by lag: of the last loss, and of all. On the page Vanishing."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.ui import chart_view, layout, study_view
from rnnkit.charts import lag_split as charts
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.results.lag_split import LagSplit

HEIGHTS = (330, 400)  # layout.reserved


def lags(e: Experiment, step: int) -> None:
    """Draws the split after `step` training steps."""
    if not CELLS[e.cell].recurrent:
        return
    st.markdown("#### From how far back does dL/dW_rec come?")
    with layout.reserved("vanishing_lag_split", *HEIGHTS):
        study_view.computed("lag_split", e, lambda parts, done: _split(e, parts[-1]), step=step)


def _split(e: Experiment, f: LagSplit) -> None:
    if np.isnan(f.last).all():
        st.info("There is no gradient of W_rec to split.", icon=":material/block:")
        return
    with st.container():
        several = f.losses != 1
        items = [("bar" if key == "last" else "line", *charts.SERIES[key][::2]) for key in charts.SERIES if several]
        chart_view.legend(*(items if f.all is not None else items[:1]))
    text = charts.lag_text(f)
    spec = chart_view.spec(charts.lag_chart, e.length, *charts.lag_range(f))
    chart_view.draw(spec, text, "vanishing_lag_split", {"rows": charts.lag_table(f)})
    more = " The losses are too many to split all of them." if not f.losses else ""
    more += " A reservoir's W_rec is not trained: this is the gradient that would reach it." if CELLS[e.cell].reservoir else ""
    layout.caption(
        f"**{text}** W_rec acts at every time step, so its gradient is a sum; a bar is the share of the terms that have come "
        "back over so many time steps. All shares sum to 1; below 0 they point against the sum. Held-out sequences, no "
        f"remedies.{more}"
    )
