"""A live run: transport, verdict, heatmap, curves and downloads, beside the pinned run where there is one.

Transport, verdict, heatmap, accuracy and loss fill one screen together: the heatmap takes the height that they leave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from pages.components.heatmap import heatmap
from pages.server import polling
from pages.server.streamlit_private import resolve
from pages.state import page_settings, session, transport, uploads, view_options, viewer_state
from pages.state.playback import PACES
from pages.ui import downloads, errors, layout, live_charts
from pages.ui.markdown import symbols
from pages.ui.registry import CHART
from rnnkit import glossary
from rnnkit.analysis.describe import difference, summary
from rnnkit.analysis.lags import lags
from rnnkit.analysis.summary import Verdict, verdict
from rnnkit.charts.training import CURVES, curves
from rnnkit.charts.training.base import BARS, LINES, nan_in_median
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.export.figures import reading
from rnnkit.serving.run_pool import Run

HEIGHT = "var(--first-screen)"  # of the heatmap
STYLE = resolve(f"<style>{Path(__file__).with_suffix('.css').read_text('utf-8')}</style>")

LOSSES = {"last": "of the last loss", "all": "of all losses together"}  # whose gradient, where every step has a loss
ARROW = "Arrow: the gradient's way back. It is lost where less than 6e-8 of it is left: float32 cannot add that to what it was."
FIRST_CURVES = ("accuracy", "loss")  # beside the heatmap
MEASURES = ("share", "norm")  # of the gradient at a time step: over that of the last one, and as it is
LINKED = {  # of every page with a live run
    "lab_step": page_settings.Number(0, 1_000_000),  # the training step shown; the playback holds it
    "lab_losses": page_settings.Choice(tuple(LOSSES)),
    "lab_state": page_settings.Choice(tuple(dict.fromkeys(part for cell in CELLS.values() for part in cell.parts))),
    "lab_measure": page_settings.Choice(MEASURES),
    "lab_network": page_settings.Number(0, 4096),
}
TOUR_TARGETS = {  # what a tour can point at
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
    """Draws the run of e, beside the pinned one where there is one.

    alone: no other part of the page depends on whether the run plays. Otherwise the whole page is rerun when the run starts or
    stops, for a whole class at the same moment.
    """
    run = transport.run()
    session.pinned_run()
    transport.tick(run)
    st.html(STYLE)  # not with every frame
    errors.fragment(_lab)(e, None if alone else transport.interval(run) is not None)
    if not uploads.refusal(*e.given):
        downloads.draw(run)


def _lab(e: Experiment, moved: bool | None) -> None:
    """Draws the fragment. moved: whether the run was polled at the last full rerun, None where that does not matter."""
    with polling.polls().frame(viewer_state.current().id):
        _draw(e)
    every = transport.interval(transport.run())
    if moved is not None and moved != (every is not None):
        st.rerun()
    polling.poll_again_after(every)


def compact(e: Experiment, labels: Sequence[str]) -> None:
    """Draws heatmap and accuracy of the run of e, one beside the other. To be called by a fragment.

    labels: the T words under the heatmap.

    The session's own run is drawn at the viewer's place in it, as in the lab; another one as far as it is trained.
    """
    own = session.current() == e
    run = transport.run() if own else session.pool().get(e)
    with polling.polls().frame(viewer_state.current().id):
        transport.tick(run) if own else session.watch(run, "start")
        p = transport.playback()
        n, row = (p.shown(run.history.n), p.row(run.history.n)) if own else (run.history.n, run.history.n - 1)
        st.html(STYLE)
        if run.error:
            _failure(run)
        left, right = st.columns((2, 1), gap="medium")
        with left:
            _heatmap(run, n, row, Shown(0, None, False, True), labels=labels, on_pick=None if own else lambda row: None)
        with right, st.container(key="beside"):
            _curves(("accuracy",), run, n, None, row, not p.playing if own else run.done)
    trains = transport.interval(run) if own else None if run.done or run.error else polling.polls().seconds()
    polling.poll_again_after(trains)


def _draw(e: Experiment) -> None:
    if refusal := uploads.refusal(*e.given):
        st.error(f"This run cannot go on: {refusal}.", icon=":material/error:")
        return
    run, pinned = transport.run(), session.pinned_run()
    transport.tick(run)
    with st.container(gap="xsmall"):
        _transport(e, run)
        # Fixed places, also for parts that are not drawn: a late message to a place that meanwhile holds something else breaks
        # the whole page.
        trouble, message, first, below = st.container(), st.container(key="message"), st.container(), st.container()
    if run.error:
        with trouble:
            _failure(run)
    n = transport.playback().shown(run.history.n)
    if n:
        downloads.prepare()
    if n or not run.error:
        with first:
            shown = _first_screen(e, run, n, pinned, message)
        with below:
            _below(run, n, pinned, shown)


def _waiting(run: Run) -> str:
    position = str(session.pool().queue_position(run))
    return f"Waiting for a free training process: {position}." if position else "The training process is starting ..."


def _failure(run: Run) -> None:
    st.error(f"The training stopped: {run.error}. What was trained so far is kept.", icon=":material/error:")
    st.button("Run again", on_click=transport.retry, args=(run,), icon=":material/refresh:")


# ---- transport ----


def _transport(e: Experiment, run: Run) -> None:
    p = transport.playback()

    def button(label: str, action: str, icon: str, control: str = "", **options: Any) -> None:
        control = control or action
        if not view_options.hidden(control):
            options |= {"key": action, "icon": f":material/{icon}:", "disabled": view_options.locked(control)}
            st.button(label, on_click=transport.press, args=(action,), **options)

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="transport"):
        options: dict[str, Any] = {"type": "primary", "width": view_options.size(112)}
        if p.playing:
            button("Pause", "pause", "pause", "train", **options)
        else:
            button("Train", "train", "play_arrow", **options)
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
    """Draws the progress while the run plays, else a slider over its training steps."""
    p, n = transport.playback(), run.history.n
    steps = e.recorded_steps
    if p.playing or not n or view_options.hidden("seek"):
        st.progress(p.shown(n) / run.rows, text=_progress(e, run))
        return
    key = transport.seek_bar().key
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
    parts = [f"step {step:,} of {e.steps:,}"]
    if run.status == "queued" and p.playing:
        parts.append(_waiting(run))
    elif p.playing:
        parts += transport.time_left(run)
    elif p.stopped:
        parts.append("stopped")
    elif not run.done or n < history.n:
        parts.append("paused" if n > 1 else "ready: press Train")
    if history.n > 1 and run.seconds > 0 and not run.trained:
        speed = history.steps[history.n - 1] / run.seconds
        parts.append(f"trained {run.seconds:.1f} s at {speed:{',.2g' if speed < 10 else ',.0f'}} steps/s")
    if run.origin:
        parts.append(run.origin)
    if len(run.viewers) > 1:
        parts.append(f"{len(run.viewers)} viewers")
    return " · ".join(parts)


# ---- what happened ----


def _verdict(run: Run, row: int) -> Verdict:
    return run.history.once(("verdict", row), lambda: verdict(run.history, row))


def _say(v: Verdict) -> None:
    box = {"good": st.success, "bad": st.error, "neutral": st.info}[v.tone]
    box(symbols(f"**{v.gradient}** {v.outcome}"))


class Shown(NamedTuple):
    """What the heatmap shows."""

    part: int  # index of a part of the state
    network: int | None  # index, None for the median
    all_losses: bool  # the gradient of the losses of all time steps, not of the last one alone
    share: bool  # each norm over that of the last time step


def _first_screen(e: Experiment, run: Run, n: int, pinned: Run | None, message: Any) -> Shown:
    """Draws what happened, and below it the heatmap, the pinned run's at its left where there is one, accuracy and loss."""
    row = transport.playback().row(run.history.n)
    pinned_row = _row_at(pinned, run, row) if pinned else 0
    with message:
        _sentences(e, run, n, row, pinned, pinned_row)
    left, right = st.columns((2, 1), gap="medium")
    with left:
        shown = _choices(e, run.history)
        columns = st.columns(2, gap="small") if pinned else [st.container()]
        with columns[-1]:
            _heatmap(run, n, row, shown)
        if pinned:
            with columns[0]:
                _pinned(pinned, pinned_row, shown)
    with right, st.container(key="beside"):
        _curves(FIRST_CURVES, run, n, pinned, row, not transport.playback().playing)
    return shown


def _sentences(e: Experiment, run: Run, n: int, row: int, pinned: Run | None, pinned_row: int) -> None:
    """Draws what happened in the run, beside what happened in the pinned one."""
    places = [place.container(gap="xsmall") for place in st.columns(2, gap="small")] if pinned else [st.container(gap="xsmall")]
    if pinned:
        with places[0]:
            _title("pinned_title", f":orange[**Pinned** ╍╍] {summary(pinned.experiment)}")
            _say(_verdict(pinned, pinned_row)) if pinned.history.n else st.info(_waiting(pinned), icon=":material/hourglass_top:")
    with places[-1]:
        if pinned:
            changed = difference(pinned.experiment, e) if e != pinned.experiment else "the same run. Change one thing."
            _title("title", f":green[**Now** ━━] {changed}")
        if n:
            _say(_verdict(run, row))
        elif not run.error:
            st.info(_waiting(run), icon=":material/hourglass_top:")


def _title(key: str, text: str) -> None:
    with st.container(key=key):
        st.markdown(text)


def _choices(e: Experiment, h: History) -> Shown:
    part, network, all_losses = 0, None, False
    measures = {"share": f"relative to the {e.bound_task.end_name}", "norm": "absolute"}
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="heatmap_controls"):
        st.markdown("**Gradient**", width="stretch", help=glossary.explained("dL/dh"))
        if e.several_losses:
            all_losses = _choose("Loss", list(LOSSES), "lab_losses", LOSSES.__getitem__, 165) == "all"
        if len(h.parts) > 1:
            part = h.parts.index(_choose("State", CELLS[e.cell].parts_in_menus, "lab_state", "dL/d{}".format, 105))
        first = 0 if h.has_last_gradient(part) else 1  # without a gradient to divide by, only as it is
        share = _choose("Measure", MEASURES[first:], "lab_measure", measures.__getitem__, 165) == "share"
        if e.replicas > 1:
            names = [f"median of {e.replicas}", *(f"network {r + 1}" for r in range(e.replicas))]
            which = _choose("Network", range(e.replicas + 1), "lab_network", names.__getitem__, 135)
            network = which - 1 if which else None
    return Shown(part, network, all_losses, share)


def _row_at(pinned: Run, run: Run, row: int) -> int:
    """Returns the row of the pinned run at the training step of the run's row."""
    h = pinned.history
    return max(0, int((h.steps[: h.n] <= run.history.steps[max(0, row)]).sum()) - 1)


def _pinned(pinned: Run, row: int, shown: Shown) -> None:
    """Draws the heatmap of the pinned run."""
    h = pinned.history
    network = shown.network if shown.network is not None and shown.network < pinned.experiment.replicas else None
    _heatmap(pinned, h.n, row, shown._replace(part=min(shown.part, len(h.parts) - 1), network=network), key="heatmap_pinned")


def _heatmap(
    run: Run,
    n: int,
    row: int,
    shown: Shown,
    key: str = "heatmap",
    labels: Sequence[str] = (),
    on_pick: Callable[[int], None] | None = None,
) -> None:
    e, h = run.experiment, run.history
    verdict_text = _verdict(run, row).gradient if n else "Nothing is trained yet."
    task, labels = e.bound_task, labels or session.example(e)
    of = f" {LOSSES['all' if shown.all_losses else 'last']}" if e.several_losses else ""
    heatmap(
        h.codes(n, shown.part, shown.network, shown.all_losses),
        steps=h.steps[:n],
        total_steps=e.steps,
        cursor=row,
        symbol=h.parts[shown.part],
        labels=labels,
        aligned=task.time_axis if task.padded else "",
        important={
            t: f"{name}: {word}" if (word := labels[t].rpartition("→")[2].strip()) else name
            for t, name in ((task.evidence_step(e.length), task.evidence_name), (e.length - 1, task.end_name))
        },
        share=shown.share,
        lags=h.once(("lags", row, shown.network), lambda: lags(h, row, shown.network)) if n else None,
        summary=f"Gradient norms{of} over {e.length} time steps and {n} recorded training steps. {verdict_text}",
        height=HEIGHT,
        key=key,
        on_pick=on_pick or (lambda picked: transport.pick(h.steps[picked])),
    )


def _choose(label: str, options: Sequence[Any], key: str, form: Callable[[Any], str], width: int) -> Any:
    kwargs: dict[str, Any] = {"format_func": form, "label_visibility": "collapsed", "width": view_options.size(width)}
    return page_settings.selectbox(label, options, key, options[0], **kwargs)


def _curves(names: tuple[str, ...], run: Run, n: int, pinned: Run | None, row: int, resting: bool) -> None:
    other = pinned.history if pinned else None
    _curves_once(
        names=names,
        h=run.history,
        n=n,
        row=row,
        pinned=other,
        upto=other.n if other else 0,
        resting=resting,
        presenting=view_options.presenting(),
    )


@st.cache_resource(max_entries=48, show_spinner=False, hash_funcs={History: lambda h: h.e.key})
def _curves_once(
    *, names: tuple[str, ...], h: History, n: int, row: int, pinned: History | None, upto: int, resting: bool, presenting: bool
) -> None:
    """Draws these curves. Streamlit replays the cached elements to every viewer at this row, which saves a third of a frame."""
    for name in names:
        st.markdown(CURVES[name].title(h.e))
        live_charts.draw(name, h, n, row, pinned, upto, resting=resting, fill=name in FIRST_CURVES)


def _below(run: Run, n: int, pinned: Run | None, shown: Shown) -> None:
    """Draws how to read the first screen, and the other curves."""
    h, p = run.history, transport.playback()
    row, other = p.row(h.n), " Dashed: the median of the pinned run." if pinned else ""
    left, right = st.columns((2, 1), gap="medium")
    with left:
        if n and (cause := _verdict(run, row).cause):
            st.markdown(symbols(cause))
        relative = f" Each norm is shown over that at the {h.e.bound_task.end_name}." if shown.share else ""
        layout.caption(f"{reading(h.e, h.parts[shown.part], shown.all_losses)}{relative} {ARROW} {BARS}")
    with right:
        layout.caption(f"{LINES} Grey: the step looked at.{other}{nan_in_median(h, n) if n else ''}")
    if others := tuple(name for name in curves(h.e) if name not in FIRST_CURVES):
        _curves(others, run, n, pinned, row, not p.playing)
