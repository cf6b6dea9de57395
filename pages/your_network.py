"""Your network: the gradient through time of a viewer's own torch model, which `rnnkit.watch` has measured."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from pages.components.heatmap import heatmap
from pages.state import page_settings, session, watched_file
from pages.state.viewer_state import WatchedFile
from pages.ui import chart_view, layout, markdown, own_weights, sidebar, study_view
from rnnkit.analysis.describe import summary
from rnnkit.charts import lag_split
from rnnkit.corpus.notes import count
from rnnkit.engine.cells import CELLS
from rnnkit.engine.record import encode
from rnnkit.experiment import Experiment
from rnnkit.results.lag_split import LagSplit
from rnnkit.serving.run_pool import Run
from rnnkit.watch.picture import norms
from rnnkit.watch.run import Finding, WatchRun
from rnnkit.watch.sentences import verdict

TITLE = "Your network"
CONTROLS = ()
ROLE = "your network"
LINKED = {
    "your_network_layer": page_settings.Text(watched_file.MAX_NAME_CHARS),
    "your_network_direction": page_settings.Choice(("forward", "reverse")),
    "your_network_part": page_settings.Choice(("h", "c")),
    "your_network_step": page_settings.Number(0, 10**9),
}
TOUR_TARGETS = {"verdict": "your_network_verdict", "heatmap": "your_network_heatmap", "lags": "your_network_lags"}
READY = (".st-key-your_network_verdict", ".heatmap[data-rows]", "How far back")
HEIGHT = 250  # of the chart of lags, in pixels
HEATMAP = "clamp(18rem, 100dvh - 27.5rem, 40rem)"
MAX_COLUMNS, MAX_BARS = 2000, 200
CODE = """\
import rnnkit

watch = rnnkit.watch(model, every=10)  # any module that holds nn.RNN, nn.LSTM or nn.GRU
for x, y in loader:
    loss = loss_fn(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    watch.step()
    optimizer.step()
watch.save("run.rnnkit")"""
EXAMPLE = "An LSTM forecasts a wave from its last 100 values."
STYLE = """<style>
.st-key-your_network_verdict { gap: 0.5rem; }
.st-key-your_network_verdict h4 { padding: 0.1rem 0 0.35rem; font-size: 1.15rem; line-height: 1.35; }
</style>"""


def page() -> None:
    sidebar.none()
    st.html(STYLE)
    layout.opening(
        "How far back does the gradient of your own network reach?",
        "`rnnkit.watch` measures it while your model trains: two lines in your loop, and a file that this page opens.",
    )
    file = watched_file.shown()
    with st.container(horizontal=True, vertical_alignment="center", key="your_network_file"):
        name = markdown.plain(file.name)
        st.markdown(f"**{name}**" if name else f"**An example.** {EXAMPLE}", width="stretch")
        if file.name:
            st.button("Back to the example", key="your_network_close", icon=":material/undo:", on_click=watched_file.close)
        with st.popover("Watch your own network", icon=":material/upload_file:", key="your_network_open_file"):
            st.code(CODE, language="python")
            st.caption("The file holds numbers alone, none of your data and no weights. It stays in the memory of this session.")
            st.caption("`python examples/time_series.py` makes the example: an LSTM with 32 units.")
            watched_file.form()
        with st.popover("Open its weights", icon=":material/memory:", key="your_network_open_weights"):
            own_weights.form()
    watched_file.refusal()
    own_weights.in_use(session.current())
    _verdict(file.run)
    left, right = st.columns((3, 2), gap="medium")
    with left, st.container(key="your_network_heatmap"):
        layer, direction, part = _choices(file.run)
        _heatmap(file, layer, direction, part)
    with right, st.container(key="your_network_lags"):
        _lags(file.run, layer, direction)
    _beside()


def _verdict(run: WatchRun) -> None:
    """Draws the sentences of the last watched step: the first one large, of at most five layers."""
    head, *lines = verdict(replace(run, problem="")).splitlines()
    if run.problem:
        st.warning(f"The last training step could not be watched: {markdown.plain(run.problem)}.", icon=":material/warning:")
    with st.container(key="your_network_verdict"):
        if lines:
            first, _, others = lines[0].partition(". ")
            st.markdown(f"#### {markdown.plain(first.removesuffix('.'))}.")
            if others:
                st.markdown(markdown.plain(others))
        for line in lines[1:5]:
            st.markdown(markdown.plain(line))
        more = f" {count(len(lines) - 5, 'more layer or direction', 'more layers and directions')} below." if lines[5:] else ""
        st.caption(markdown.plain(head + more))


def _choices(run: WatchRun) -> tuple[str, str, str]:
    """Draws the choice of what there is more than one of."""
    layers = list(dict.fromkeys(p.layer for p in run.profiles))
    options: dict[str, Any] = {"label_visibility": "collapsed"}
    with st.container(horizontal=True, vertical_alignment="center", key="your_network_choices"):
        layer = layers[0]
        st.markdown(f"**Gradient of your network**, {count(len(run.steps), 'training step')} watched", width="stretch")
        if len(layers) > 1:
            layer = page_settings.selectbox("Layer", layers, "your_network_layer", layers[0], width=240, **options)
        directions = list(dict.fromkeys(p.direction for p in run.profiles if p.layer == layer))
        direction = directions[0]
        if len(directions) > 1:
            direction = page_settings.segmented("Direction", directions, "your_network_direction", directions[0], **options)
        parts = list(dict.fromkeys(p.part for p in run.profiles if (p.layer, p.direction) == (layer, direction)))
        part = parts[-1]
        if len(parts) > 1:
            part = page_settings.segmented("State", parts, "your_network_part", parts[-1], format_func="dL/d{}".format, **options)
    return layer, direction, part


def _heatmap(file: WatchedFile, layer: str, direction: str, part: str) -> None:
    grid, steps, times, T = norms(file.run, layer, direction, part, MAX_COLUMNS)
    labels = ["the graph ends" if t < 0 else str(t) for t in times]
    row = page_settings.value("your_network_step", int(steps[-1]), steps.tolist().__contains__)
    heatmap(
        encode(grid, first_uncut=int(times[0] < 0)),
        steps=steps,
        total_steps=int(steps[-1]),
        cursor=steps.tolist().index(row),
        symbol=part,
        labels=labels,
        important={0: labels[0] if times[0] < 0 else f"t = {labels[0]}", len(times) - 1: f"t = {labels[-1]}"},
        summary=f"Norm of dL/d{part} of {layer} over {T:,} time steps and {count(len(steps), 'training step')}.",
        height=HEATMAP,
        key="your_network_gradient",
        on_pick=lambda picked: page_settings.choose("your_network_step", int(steps[picked])),
    )
    thinned = f" {len(times):,} of {T:,} time steps are drawn." if len(times) < T else ""
    layout.caption(f"One row is one training step, one column one time step. A row is pressed to see it above.{thinned}")


def _lags(run: WatchRun, layer: str, direction: str) -> None:
    found = next((f for f in run.findings if (f.layer, f.direction) == (layer, direction)), None)  # of the first use
    st.markdown("**How far back dL/dW_rec looks**, at the last watched step")
    if found is None or not len(found.share_by_lag):
        st.info("This file has no split by lag of this layer.", icon=":material/info:")
        return
    split = LagSplit(found.share_by_lag[:MAX_BARS], None, 1, -1)
    spec = chart_view.spec(lag_split.lag_chart, len(split.last), *lag_split.lag_range(split), HEIGHT)
    chart_view.draw(spec, _lag_text(found), "your_network_lag", {"rows": lag_split.lag_table(split)})
    layout.caption(
        "dL/dW_rec is a sum of terms, one for every time step between a loss and an earlier state. A bar is the share of those "
        f"that are k steps apart; all add up to 1, and some can be negative.{_beyond(found)}"
    )


def _beyond(f: Finding) -> str:
    """Returns what looks back further than the bars do."""
    beyond = f.beyond + f.share_by_lag[MAX_BARS:].sum()
    bars = min(MAX_BARS, len(f.share_by_lag))
    return f" {beyond:.2g} of it looks back {bars:,} steps or more: no bar shows it." if beyond else ""


def _lag_text(f: Finding) -> str:
    shares = ", ".join(f"{share:.0%}" for share in f.share_by_lag[:5])
    return f"How far back dL/dW_rec of {f.layer} looks: shares at lags 0, 1, ...: {shares}."


# ---- the lab's run ----


def _beside() -> None:
    e = session.current()
    run = session.pool().get(e)
    session.watch(run, ROLE, low_priority=True)
    st.markdown(f"#### Beside it: the network of the lab, {markdown.plain(summary(e))}")
    study_view.polled(partial(_lab, e, run), partial(_interval, run))


def _interval(run: Run) -> float | None:
    return None if run.done or run.error else 1.0


def _lab(e: Experiment, run: Run) -> None:
    h, n = run.history, run.history.n
    part, task = h.parts.index(CELLS[e.cell].memory_name), e.bound_task
    if run.error:
        st.warning(f"It cannot be trained here: {markdown.plain(run.error)}.", icon=":material/warning:")
    heatmap(
        h.codes(n, part),
        steps=h.steps[:n],
        total_steps=e.steps,
        cursor=n,
        symbol=h.parts[part],
        labels=session.example(e),
        aligned=task.time_axis if task.padded else "",
        important={task.evidence_step(e.length): task.evidence_name, e.length - 1: task.end_name},
        summary=f"Norm of dL/d{h.parts[part]} of the lab's run over {e.length} time steps.",
        height=HEATMAP,
        key="your_network_lab",
        on_pick=lambda row: None,
    )
    layout.caption("The median network. The same colours mean the same norms.")
    layout.open_in_lab("Open in the lab", e, "your_network_open")


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
