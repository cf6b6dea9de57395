"""A series of numbers, one of ours or a table that the viewer brings: predicted a step ahead, and free running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import streamlit as st

from pages.state import page_settings, session, transport, uploads
from pages.ui import chart_view, layout, live_run, study_view
from pages.ui.markdown import plain
from rnnkit.charts.free_run import FREE, MEAN, SAME, TRUE, error_chart, error_text, run_chart, run_text
from rnnkit.charts.style import GREY, INK, WARM
from rnnkit.corpus import Series
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment, ExperimentError
from rnnkit.results.free_run import FreeRun
from rnnkit.tasks import TASKS, require
from rnnkit.tasks.forecast import Forecast

TITLE = "Series"
CONTROLS = (
    "task", "cell", "length", "hidden", "init", "gain", "input_scale", "bias", "r_min", "r_max", "fixes", "optimizer", "lr",
    "schedule", "warmup", "batch", "steps", "replicas", "seed", "leak", "density", "ridge",
)  # fmt: skip
LINKED = {**live_run.LINKED, "series_horizon": page_settings.Number(10, 1000)}
TOUR_TARGETS = {"horizon": "series_horizon"}
READY = (".heatmap[data-rows]", "A free run of", "Error of free runs")
DRAWING = (".heatmap", "Home", "aria-valuetext")


@dataclass(frozen=True)
class Network:
    """A ready setting, and what it does on Mackey-Glass. tests/claims/test_series.py trains it."""

    text: str
    experiment: Experiment


_descent = Experiment(task="mackey-glass", lr=0.01, steps=400)
NETWORKS = {
    "Echo state network": Network(
        "Nothing recurrent is trained: 200 units as they were drawn, and a linear readout that ridge regression solves. Its "
        "error one step ahead is smaller than that of the two trained networks.",
        Experiment(
            task="mackey-glass", length=200, cell="esn", hidden=200, leak=0.3, gain=1.25, density=0.1, input_scale=0.5,
            ridge=1e-7, batch=8, steps=20,
        ),
    ),
    "GRU": Network("32 units, all weights trained by gradient descent through time.", replace(_descent, cell="gru")),
    "tanh": Network(
        "32 units, all weights trained. It learns to predict one step ahead, though its gradient vanishes on the way back.",
        _descent,
    ),
}  # fmt: skip
RULES = r"""
**Numbers.** Each is in standard deviations from the mean, both of the first 80 % of the rows alone. The rest is held out.

**Training.** A window of {length} steps begins in the zero state. Its first quarter has no target (washout), each later step has
one. The network reads the true numbers (teacher forcing). The loss is the mean squared error.

**Right** is a prediction whose error is at most {within:g} standard deviations, in each number where there are several. *Same as
now* predicts that nothing changes.

**Error** is the root of the mean squared error of held-out predictions, $\sqrt{{\overline{{(z - y)^2}}}}$, in the same units
(NRMSE). The mean of the training part has an error of about 1, and a larger one where the series has a trend.

**Free running.** From different rows of the held-out part on, the network reads {length} true rows, and then its own predictions
as if they were true. In a chaotic series two paths that differ a little are far apart after a while: every prediction fails.

**An echo state network** (Jaeger 2001): $h_t = (1 - a) h_{{t-1}} + a \tanh(x_t W_{{in}} + h_{{t-1}} W_{{rec}} + b)$. $W_{{in}}$
and $W_{{rec}}$ stay as drawn. The readout solves $\min \overline{{(h W_{{out}} + b_{{out}} - y)^2}} + \lambda \|W_{{out}}\|^2$.
"""


def opens_on(e: Experiment) -> Experiment | None:
    """Returns the forecast that the page opens where the present task is another one."""
    return None if isinstance(TASKS[e.task], Forecast) else NETWORKS["Echo state network"].experiment


def page() -> None:
    e = session.current()
    layout.opening(
        "What is the next number?",
        "At every step the network reads a number and predicts the next one. Then it reads **its own predictions**: how long "
        "does it stay near the truth?",
    )
    if not isinstance(TASKS[e.task], Forecast):
        st.info("Its example cannot be opened here. The present task is another one.", icon=":material/show_chart:")
        _networks(e)
        _bring(e, expanded=True)
        return
    _about_data(e)
    _bring(e, expanded=False)
    _networks(e)
    live_run.live(e)
    if uploads.refusal(*e.given):
        return
    _results(e)
    within = float(np.sqrt(e.bound_task.max_squared_error))
    layout.mathematics(RULES.format(length=e.length, within=within), "What exactly is read, measured and compared")


# ---- the series and the network ----


def _about_data(e: Experiment) -> None:
    """Draws where the numbers come from."""
    if not e.data:
        st.markdown(TASKS[e.task].about)
        return
    if uploads.refusal(*e.given):
        return
    series = uploads.about(e.data)
    assert isinstance(series, Series)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(series.name)}**: {len(series):,} rows.", width="stretch")
        uploads.sharing(e.data)
        st.button("Back to the example", key="series_example", on_click=session.open_run, args=(replace(e, data=""),))
    for note in series.notes:
        st.caption(plain(note))


def _bring(e: Experiment, expanded: bool) -> None:
    with st.expander("Bring numbers", icon=":material/upload_file:", expanded=expanded):
        digest = uploads.given("series", "series_given")
        if not digest:
            return
        ready = e if isinstance(TASKS[e.task], Forecast) else NETWORKS["Echo state network"].experiment
        try:
            session.load(_on(ready, "series", digest))
        except ExperimentError as error:
            st.error(f"Not used: {error}", icon=":material/block:")
            return
    st.rerun()


def _networks(e: Experiment) -> None:
    """Draws buttons that train ready networks on the same series."""
    task, data = (e.task, e.data) if isinstance(TASKS[e.task], Forecast) else ("mackey-glass", "")
    here = {name: e if uploads.refusal(data) else _on(network.experiment, task, data) for name, network in NETWORKS.items()}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Train:", width="content")
        for i, (name, ready) in enumerate(here.items()):
            options = {"type": "primary" if ready == e else "secondary"} | layout.disabled_by(session.refusal(ready))
            st.button(name, key=f"series_network_{i}", on_click=session.open_run, args=(ready,), **options)
    if chosen := next((network for network in NETWORKS.values() if network.experiment == e), None):
        st.markdown(chosen.text)


def _on(e: Experiment, task: str, data: str) -> Experiment:
    """Returns the Experiment on another series, with a shorter window where the series is too short."""
    longest = TASKS[task].with_data(data, e.vocabulary).max_length
    return replace(e, task=task, data=data, length=int(min(e.length, longest)))


# ---- what it has learnt ----


def _results(e: Experiment) -> None:
    study_view.until_trained()
    if not transport.run().done:
        st.caption("When the training is done: the error on numbers it has never seen, and a free run.")
        return
    task = require(Forecast, e.task, e.bound_task)
    horizon = 200
    if task.fed_back:
        about = "So many steps it reads its own predictions, or as many as the held-out part has."
        horizon = page_settings.number("Free steps", 10, 1000, "series_horizon", 200, 50, help=about)
    study_view.computed("free_run", e, partial(_drawn, e), step=e.steps, horizon=horizon)


def _drawn(e: Experiment, parts: Sequence[FreeRun], done: bool) -> None:
    f = parts[-1]
    which = "Network 1" if e.replicas > 1 else "The network"
    same = "" if np.isnan(f.same_one_step) else f" *Same as now* has {f.same_one_step:.2g}."
    st.markdown(
        f"{which} predicts held-out numbers with an error of **{f.one_step:.2g}** standard deviations (NRMSE), the mean with "
        f"{f.mean_one_step:.2g}.{same}"
    )
    if f.diverged >= 0:
        text = f"It became NaN at training step {f.diverged}: these are its last sound weights."
        st.warning(text, icon=":material/warning:")
    if not len(f.error):
        st.caption("It cannot run freely: not every number that it reads is one that it predicts one row ahead.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        chart_view.legend(("line", GREY, TRUE), ("line", INK, FREE))
        chart_view.draw(run_chart(f), run_text(f), "series_run")
        several = ", the first of its numbers" if f.free.shape[1] > 1 else ""
        st.caption(f"One free run{several}. From the dashed line on the network reads its own predictions.")
    with right:
        chart_view.legend(("line", INK, FREE), ("dashed", WARM, SAME), ("dotted", GREY, MEAN))
        chart_view.draw(error_chart(f), error_text(f), "series_error")
        st.caption(f"Error of {f.n} free runs. Above the grey line the mean would be the better prediction.")
    if CELLS[e.cell].reservoir:
        st.caption("No weight through time is trained in a reservoir: the heatmap shows the gradient that would reach it.")


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
