"""A live run with all that can be done with it: transport, verdict, heatmap, curves, downloads. Beside the pinned one, if any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from pages.components.heatmap import heatmap
from pages.server import polling
from pages.state import page_settings, session, transport, uploads, view_options
from pages.state.playback import PACES
from pages.ui import downloads, errors, live_charts
from pages.ui.markdown import symbols
from pages.ui.registry import CHART
from rnnkit.analysis.describe import difference, summary
from rnnkit.analysis.summary import Verdict, verdict
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.export.figures import CURVES, NAN_IN_MEDIAN, reading
from rnnkit.serving.run_pool import Run

LOSSES = {"last": "of the last loss", "all": "of all losses together"}  # whose gradient, where every step has a loss
LINKED = {  # of every page with a live run
    "lab_step": page_settings.Number(0, 1_000_000),  # the training step looked at: kept by the session's playback
    "lab_losses": page_settings.Choice(tuple(LOSSES)),
    "lab_state": page_settings.Choice(tuple(dict.fromkeys(part for cell in CELLS.values() for part in cell.parts))),
    "lab_network": page_settings.Number(0, 4096),
}
POINTS = {  # what a tour can point at
    "train": "transport",
    "pace": "pace",
    "seek": "seek",
    "heatmap": "heatmap",
    "state": "lab_state",
    "loss": CHART + "Training loss",
    "accuracy": CHART + "Accuracy",
    "norms": CHART + "Norm of the gradient",
}


def live(e: Experiment, alone: bool = False) -> None:
    """The run of e with all that can be done with it, beside the pinned one where there is one; also on other pages.

    alone: nothing else on the page changes when the run begins or ends to move; else the whole page is then drawn again, and
    a class would be drawn again in the same moment.
    """
    run = transport.run()
    session.pinned_run()
    transport.tick(run)
    errors.fragment(_lab)(e, None if alone else transport.interval(run) is not None)
    if not uploads.refusal(e.data):
        downloads.draw(run)


def _lab(e: Experiment, moved: bool | None) -> None:
    """moved: whether the run moved when the page was drawn; None where no other part of the page depends on it."""
    with polling.polls().frame(st.session_state.viewer):
        _draw(e)
    every = transport.interval(transport.run())
    if moved is not None and moved != (every is not None):
        st.rerun()
    polling.look_again_after(every)


def _draw(e: Experiment) -> None:
    if refusal := uploads.refusal(e.data):
        st.error(f"This run cannot go on: {refusal}.", icon=":material/error:")
        return
    run, pinned = transport.run(), session.pinned_run()
    transport.tick(run)
    _transport(e, run)
    # Each part has a place of its own, whether it is there or not: a late message to a place that meanwhile holds
    # something else takes the whole page down.
    trouble, said, gradient, curves = (st.container() for _ in range(4))
    if run.error:
        with trouble:
            _failure(run)
    n = transport.playback().shown(run.history.n)
    if n:
        downloads.prepare()
        with said:
            if pinned is None:
                _say(_verdict(run, transport.playback().row(run.history.n)))
        with gradient:
            _gradient(e, run, n, pinned)
        with curves:
            _curves(run, n, pinned)
    elif not run.error:
        with said:
            st.info(_waiting(run), icon=":material/hourglass_top:")


def _waiting(run: Run) -> str:
    place = str(session.pool().place(run))
    return f"Waiting for a free training process: {place}." if place else "The training process is starting ..."


def _failure(run: Run) -> None:
    st.error(f"The training stopped: {run.error}. What was trained so far is kept.", icon=":material/error:")
    st.button("Run again", on_click=transport.retry, args=(run,), icon=":material/refresh:")


# ---- transport ----


def _transport(e: Experiment, run: Run) -> None:
    p = transport.playback()

    def button(label: str, action: str, icon: str, control: str = "", **look: Any) -> None:
        control = control or action
        if not view_options.hidden(control):
            look |= {"key": action, "icon": f":material/{icon}:", "disabled": view_options.locked(control)}
            st.button(label, on_click=transport.press, args=(action,), **look)

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="transport"):
        look: dict[str, Any] = {"type": "primary", "width": view_options.size(112)}
        if p.playing:
            button("Pause", "pause", "pause", "train", **look)
        else:
            button("Train", "train", "play_arrow", **look)
        button("Step", "step", "skip_next", help="One record further")
        button("Reset", "reset", "replay", help="Back to the same initial weights")
        button("Stop", "stop", "stop", help="End the training; what is drawn stays")
        if not view_options.hidden("pace"):
            _pace(p.pace)
        with st.container(key="seek", width="stretch", height=view_options.size(72), border=False, vertical_alignment="center"):
            _seek_bar(e, run)


def _pace(now: str) -> None:
    st.selectbox(
        "Pace",
        list(PACES),
        index=list(PACES).index(now),
        key="c_pace",
        on_change=transport.set_pace,
        label_visibility="collapsed",
        format_func=lambda pace: f"{pace} pace",
        disabled=view_options.locked("pace"),
        width=view_options.size(160),
    )


def _seek_bar(e: Experiment, run: Run) -> None:
    """While it plays, how far it is; else a bar to go back to any training step."""
    p, n = transport.playback(), run.history.n
    steps = e.recorded_steps
    if p.playing or not n or view_options.hidden("seek"):
        st.progress(p.shown(n) / run.rows, text=_progress(e, run))
        return
    key = transport.seek_bar()
    st.select_slider(
        _progress(e, run),
        steps,
        value=steps[p.row(n)],
        key=key,
        on_change=transport.seek,
        args=(key, steps),
        format_func=lambda step: f"{step:,}",
        disabled=view_options.locked("seek"),
    )


def _progress(e: Experiment, run: Run) -> str:
    p, history = transport.playback(), run.history
    n = p.shown(history.n)
    step = history.steps[n - 1] if n else 0
    told = [f"step {step:,} of {e.steps:,}"]
    if run.status == "queued" and p.playing:
        told.append(_waiting(run))
    elif p.playing:
        told += transport.time_left(run)
    elif p.stopped:
        told.append("stopped")
    elif not run.done or n < history.n:
        told.append("paused" if n > 1 else "ready: press Train")
    if history.n > 1 and run.seconds > 0:
        speed = history.steps[history.n - 1] / run.seconds
        told.append(
            f"trained {run.seconds:.1f} s at {speed:,.2g} steps/s"
            if speed < 10
            else f"trained {run.seconds:.1f} s at {speed:,.0f} steps/s"
        )
    if len(run.viewers) > 1:
        told.append(f"{len(run.viewers)} viewers")
    return " · ".join(told)


# ---- what happened ----


def _verdict(run: Run, row: int) -> Verdict:
    return run.history.once(("verdict", row), lambda: verdict(run.history, row))


def _say(v: Verdict) -> None:
    box = {"good": st.success, "bad": st.error, "neutral": st.info}[v.tone]
    box(symbols(f"**{v.gradient}** {v.cause} {v.outcome}"))


def _gradient(e: Experiment, run: Run, n: int, pinned: Run | None) -> None:
    h = run.history
    part, replica, all_losses = 0, None, False
    with st.container(horizontal=True, vertical_alignment="center", key="heatmap_controls"):
        st.markdown("**Gradient of the loss with respect to the state, at every time step**", width="stretch")
        if e.several_losses:
            all_losses = _choose("Loss", list(LOSSES), "lab_losses", LOSSES.__getitem__) == "all"
        if len(h.parts) > 1:
            part = h.parts.index(_choose("State", h.parts[::-1], "lab_state", "dL/d{}".format))
        if e.replicas > 1:
            median = f"median of {e.replicas} networks"
            which = _choose("Network", range(e.replicas + 1), "lab_network", lambda r: f"network {r}" if r else median)
            replica = which - 1 if which else None
    row = transport.playback().row(h.n)
    if pinned is None:
        _heatmap(run, n, row, part, replica, all_losses)
    else:
        _side_by_side(run, n, row, part, replica, all_losses, pinned)
    st.caption(reading(e, h.parts[part], all_losses))


def _side_by_side(run: Run, n: int, row: int, part: int, replica: int | None, all_losses: bool, pinned: Run) -> None:
    """The pinned run at the left, looked at at the same training step; this one at the right, named by what is different."""
    then, h = pinned.experiment, pinned.history
    left, right = st.columns(2, gap="medium")
    with right:
        st.markdown(f":green[**Now** ━━] {difference(then, run.experiment)}")
        _heatmap(run, n, row, part, replica, all_losses)
        _say(_verdict(run, row))
    with left:
        st.markdown(f":orange[**Pinned** ╍╍] {summary(then)}")
        if not h.n:
            st.info(_waiting(pinned), icon=":material/hourglass_top:")
            return
        last = max(0, int((h.steps[: h.n] <= run.history.steps[row]).sum()) - 1)
        which = replica if replica is not None and replica < then.replicas else None
        _heatmap(pinned, h.n, last, min(part, len(h.parts) - 1), which, all_losses, key="heatmap_pinned")
        _say(_verdict(pinned, last))


def _heatmap(run: Run, n: int, row: int, part: int, replica: int | None, all_losses: bool, key: str = "heatmap") -> None:
    e, h = run.experiment, run.history
    said = _verdict(run, row).gradient
    source = e.bound_task.source(e.length)
    of = f" {LOSSES['all' if all_losses else 'last']}" if e.several_losses else ""
    heatmap(
        h.codes(n, part, replica, all_losses),
        steps=h.steps[:n],
        total_steps=e.steps,
        cursor=row,
        symbol=h.parts[part],
        labels=session.example(e),
        aligned=e.bound_task.padded,
        important=(source, e.length - 1),
        summary=f"Gradient norms{of} over {e.length} time steps and {n} recorded training steps. {said}",
        height=480,
        key=key,
        on_pick=lambda picked: transport.pick(h.steps[picked]),
    )


def _choose(label: str, options: Sequence[Any], key: str, form: Callable[[Any], str]) -> Any:
    look: dict[str, Any] = {"format_func": form, "label_visibility": "collapsed", "width": view_options.size(190)}
    return page_settings.selectbox(label, options, key, options[0], **look)


def _curves(run: Run, n: int, pinned: Run | None) -> None:
    p, other = transport.playback(), pinned.history if pinned else None
    _curves_once(
        h=run.history,
        n=n,
        row=p.row(run.history.n),
        pinned=other,
        upto=other.n if other else 0,
        resting=not p.playing,
        presenting=view_options.presenting(),
    )


@st.cache_resource(max_entries=24, show_spinner=False, hash_funcs={History: lambda h: h.e.key})
def _curves_once(*, h: History, n: int, row: int, pinned: History | None, upto: int, resting: bool, presenting: bool) -> None:
    """A third of what a frame costs, and the same for all viewers who are at this row: Streamlit sends again what it keeps."""
    e = h.e
    columns = st.columns(2 if CELLS[e.cell].reservoir else 3, gap="medium")
    with columns[0]:
        st.markdown("**Loss** while training")
        live_charts.draw("loss", h, n, row, pinned, upto, resting=resting)
    with columns[1]:
        st.markdown(f"**Accuracy** on new {e.bound_task.samples}")
        live_charts.draw("accuracy", h, n, row, pinned, upto, resting=resting)
    if len(columns) > 2:
        with columns[2]:
            st.markdown("**Gradient norm** of all weights")
            live_charts.draw("norms", h, n, row, pinned, upto, resting=resting)
    ghost = " Dashed: the median of the pinned run." if pinned else ""
    lost = f" {NAN_IN_MEDIAN}" if e.replicas > 1 and (h.diverged[n - 1] >= 0).any() else ""
    st.caption(f"{CURVES} Grey: the step looked at.{ghost}{lost}")
