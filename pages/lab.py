"""The lab: train the network of the sidebar live, and watch its loss, its accuracy, and its gradient through time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages import _data, _live, _polls, _session, _take_home, _trouble, _view
from pages._heatmap import heatmap
from pages._playback import PACES
from rnnkit.cells import CELLS
from rnnkit.experiment import Experiment, diff
from rnnkit.export.figures import reading
from rnnkit.presets import PRESETS, named
from rnnkit.runs import Run
from rnnkit.verdict import Verdict, verdict
from rnnkit.words import LABELS, difference, summary

TITLE = "Lab"
CONTROLS = None


def page() -> None:
    e = _session.current()
    _headline(e)
    live(e)


def live(e: Experiment) -> None:
    """The run of e with all that can be done with it, beside the pinned one where there is one; also on the page Compare."""
    _trouble.fragment(_lab, key="lab")(e)
    if not _data.refusal(e.data):
        _take_home.draw(_session.run())


def _headline(e: Experiment) -> None:
    name = named(e)
    if name:
        st.subheader(PRESETS[name].title, anchor=False)
        st.markdown(PRESETS[name].text)
        return
    st.subheader(summary(e), anchor=False)
    changed = ", ".join(LABELS[name] for name in diff(_session.default(), e))
    st.markdown(f"{e.bound_task.about} Your own settings; other than in the first story: {changed}.")


@dataclass(frozen=True)
class Places:
    """Where the frames of a run are drawn: among what only changes when a viewer acts, and is therefore not drawn again.

    All are st.container: Streamlit 1.67 loses an st.empty of one fragment that another one within it draws into.
    """

    around: tuple[Any, ...]  # see _around
    seek: DeltaGenerator | None  # None where the bar can be moved
    heatmap: DeltaGenerator | None = None  # None before the first record
    pinned: DeltaGenerator | None = None
    curves: dict[str, DeltaGenerator] = field(default_factory=dict)  # name in _live.CURVES -> place
    part: int = 0  # of the state, in History.parts
    replica: int | None = None  # None: the median network


def _lab(e: Experiment) -> None:
    with _polls.polls().turn():
        if refusal := _data.refusal(e.data):
            st.error(f"This run cannot go on: {refusal}.", icon=":material/error:")
            return
        run, pinned = _looked_at()
        around, every = _around(run), _session.interval(run)
        places = Places(around, _transport(e, run))
        trouble, frame = st.container(), st.container()  # at the same place whatever comes: a late look asks for it by its place
        if run.error:
            with trouble:
                _failure(run)
        if _session.playback().shown(run.history.n):
            _take_home.prepare()
            places = _set_up(e, run, pinned, places)
        with frame:
            _trouble.fragment(_look, run_every=every)(e, places)
        st.session_state.lab_drawn = time.monotonic()


def _looked_at() -> tuple[Run, Run | None]:
    run, pinned = _session.run(), _session.pinned_run()
    _session.tick(run)
    return run, pinned


def _around(run: Run) -> tuple[Any, ...]:
    """What changes by itself, seldom, and stands around the frames."""
    p, n = _session.playback(), run.history.n
    bar = None if p.playing else p.row(n)
    refusal = _data.refusal(run.experiment.data)
    return p.playing, bar, p.shown(n) > 0, run.error, _session.moves(run), refusal, _session.pinned()


def _look(e: Experiment, places: Places) -> None:
    """A frame, again and again while something moves."""
    with _polls.polls().frame(st.session_state.viewer):
        run, pinned = _looked_at()
        if _around(run) != places.around or _polls.stray(st.session_state.get("lab_drawn", 0.0)):
            _polls.draw_around("lab")
        if places.seek:
            places.seek.progress(_session.playback().shown(run.history.n) / run.rows, text=_progress(e, run))
        if places.heatmap:
            _frame(e, run, pinned, places)
        elif not run.error:
            st.info(_waiting(run), icon=":material/hourglass_top:")
    _polls.look_again_after(_session.interval(run))


def _frame(e: Experiment, run: Run, pinned: Run | None, places: Places) -> None:
    p = _session.playback()
    n, row = p.shown(run.history.n), p.row(run.history.n)
    if pinned is None:
        _say(_verdict(run, row))
    with places.heatmap:
        _heatmap(run, n, row, places.part, places.replica)
        if pinned:
            _say(_verdict(run, row))
    if pinned:
        with places.pinned:
            _pinned(pinned, int(run.history.steps[row]), places)
    for name, place in places.curves.items():
        with place:
            _live.draw(name, run.history, n, row, pinned.history if pinned else None, resting=not p.playing)


def _waiting(run: Run) -> str:
    place = str(_session.pool().place(run))
    return f"Waiting for a free training process: {place}." if place else "The training process is starting ..."


def _failure(run: Run) -> None:
    st.error(f"The training stopped: {run.error}. What was trained so far is kept.", icon=":material/error:")
    st.button("Run again", on_click=_session.retry, args=(run,), icon=":material/refresh:")


# ---- transport ----


def _transport(e: Experiment, run: Run) -> DeltaGenerator | None:
    """Returns the place of the progress bar, where there is one."""
    p = _session.playback()

    def button(label: str, action: str, icon: str, control: str = "", **look: Any) -> None:
        control = control or action
        if not _view.hidden(control):
            look |= {"key": action, "icon": f":material/{icon}:", "disabled": _view.locked(control)}
            st.button(label, on_click=_session.press, args=(action,), **look)

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="transport"):
        look = {"type": "primary", "width": "stretch"}
        with st.container(key="play", width=_view.size(112)):
            if p.playing:
                button("Pause", "pause", "pause", "train", **look)
            else:
                button("Train", "train", "play_arrow", **look)
        button("Step", "step", "skip_next", help="One record further")
        button("Reset", "reset", "replay", help="Back to the same initial weights")
        button("Stop", "stop", "stop", help="End the training; what is drawn stays")
        if not _view.hidden("pace"):
            _pace(p.pace)
        with st.container(key="seek", width="stretch", height=_view.size(72), border=False, vertical_alignment="center"):
            return _seek_bar(e, run)


def _pace(now: str) -> None:
    with st.container(key="pace", width=_view.size(160)):
        st.selectbox(
            "Pace",
            list(PACES),
            index=list(PACES).index(now),
            key="c_pace",
            on_change=_session.set_pace,
            label_visibility="collapsed",
            format_func=lambda pace: f"{pace} pace",
            disabled=_view.locked("pace"),
        )


def _seek_bar(e: Experiment, run: Run) -> DeltaGenerator | None:
    """A bar to go back to any training step; while it plays a place for how far it is."""
    p, n = _session.playback(), run.history.n
    steps = e.recorded_steps
    if p.playing or not n or _view.hidden("seek"):
        return st.container()
    key = _session.seek_bar()
    st.select_slider(
        _progress(e, run),
        steps,
        value=steps[p.row(n)],
        key=key,
        on_change=_session.seek,
        args=(key, steps),
        format_func=lambda step: f"{step:,}",
        disabled=_view.locked("seek"),
    )
    return None


def _progress(e: Experiment, run: Run) -> str:
    p, history = _session.playback(), run.history
    n = p.shown(history.n)
    step = history.steps[n - 1] if n else 0
    told = [f"step {step:,} of {e.steps:,}"]
    if run.status == "queued" and p.playing:
        told.append(_waiting(run))
    elif p.playing:
        told.append(f"about {_session.seconds_left(run):.0f} s left")
    elif p.stopped:
        told.append("stopped")
    elif not run.done or n < history.n:
        told.append("paused" if n > 1 else "ready: press Train")
    if history.n:
        speed = history.steps[history.n - 1] / run.seconds if run.seconds > 0 else 0
        told.append(f"trained {run.seconds:.1f} s at {speed:,.0f} steps/s")
    if len(run.viewers) > 1:
        told.append(f"{len(run.viewers)} viewers")
    return " · ".join(told)


# ---- what happened ----


def _verdict(run: Run, row: int) -> Verdict:
    h, to = run.history, row + 1
    return h.once(
        ("verdict", row),
        lambda: verdict(run.experiment, h.steps[:to], h.accuracy[:to], h.state_grad[row], h.diverged[row], h.causes[row]),
    )


def _say(v: Verdict) -> None:
    box = {"good": st.success, "bad": st.error, "neutral": st.info}[v.tone]
    box(f"**{v.gradient}** {v.outcome}")


def _set_up(e: Experiment, run: Run, pinned: Run | None, places: Places) -> Places:
    """The headings, menus and captions below the verdict, and the places between them."""
    part, replica = _heading(e, run.history.parts)
    if pinned:
        heatmap, ghost = _side_by_side(e, pinned.experiment)
    else:
        heatmap, ghost = st.container(), None
    st.caption(reading(e, run.history.parts[part]))
    return replace(places, heatmap=heatmap, pinned=ghost, curves=_curves(e, pinned), part=part, replica=replica)


def _heading(e: Experiment, parts: Sequence[str]) -> tuple[int, int | None]:
    """Returns which part of the state, and which network, is chosen."""
    part, replica = 0, None
    with st.container(horizontal=True, vertical_alignment="center", key="heatmap_controls"):
        st.markdown("**Gradient of the loss with respect to the state, at every time step**", width="stretch")
        if len(parts) > 1:
            part = parts.index(_choose("State", parts[::-1], "part", "dL/d{}".format))
        if e.replicas > 1:
            median = f"median of {e.replicas} networks"
            which = _choose("Network", [0, *range(1, e.replicas + 1)], "network", lambda r: f"network {r}" if r else median)
            replica = which - 1 if which else None
    return part, replica


def _side_by_side(e: Experiment, then: Experiment) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The pinned run at the left, this one at the right, named by what is different."""
    left, right = st.columns(2, gap="medium")
    right.markdown(f":green[**Now** ━━] {difference(then, e)}")
    left.markdown(f":orange[**Pinned** ╍╍] {summary(then)}")
    return right, left


def _pinned(run: Run, step: int, places: Places) -> None:
    """The pinned run, looked at at the same training step."""
    e, h = run.experiment, run.history
    if not h.n:
        st.info(_waiting(run), icon=":material/hourglass_top:")
        return
    row = max(0, int((h.steps[: h.n] <= step).sum()) - 1)
    replica = places.replica if places.replica is not None and places.replica < e.replicas else None
    _heatmap(run, h.n, row, min(places.part, len(h.parts) - 1), replica, key="heatmap_pinned")
    _say(_verdict(run, row))


def _heatmap(run: Run, n: int, row: int, part: int, replica: int | None, key: str = "heatmap") -> None:
    e, h = run.experiment, run.history
    said = _verdict(run, row).gradient
    source = e.bound_task.source(e.length)
    heatmap(
        h.codes(n, part, replica),
        steps=h.steps[:n],
        total_steps=e.steps,
        cursor=row,
        symbol=h.parts[part],
        labels=_session.example(e),
        aligned=e.bound_task.padded,
        important=(source, e.length - 1),
        summary=f"Gradient norms over {e.length} time steps and {n} recorded training steps. {said}",
        height=480,
        key=key,
        on_pick=lambda picked: _pick(int(h.steps[picked])),
    )


def _pick(step: int) -> None:
    """Callback of the heatmaps: the bar moves with them."""
    _session.playback().seek(_session.nearest(step))
    st.rerun("lab")


def _choose(label: str, options: Sequence[Any], key: str, form: Callable[[Any], str]) -> Any:
    return st.selectbox(label, options, key=f"v_{key}", format_func=form, label_visibility="collapsed", width=_view.size(190))


def _curves(e: Experiment, pinned: Run | None) -> dict[str, DeltaGenerator]:
    """The headings of the curves; returns the place of each."""
    titles = {"loss": "**Loss** while training", "accuracy": f"**Accuracy** on new {e.bound_task.samples}"}
    if not CELLS[e.cell].reservoir:
        titles["norms"] = "**Gradient norm** of all weights"
    places = dict(zip(titles, st.columns(len(titles), gap="medium"), strict=True))
    for name, place in places.items():
        place.markdown(titles[name])
    ghost = " Dashed: the median of the pinned run." if pinned else ""
    st.caption(
        f"Thick: the median network; thin: each network; band: from the lowest to the highest. Grey: the step looked at.{ghost}"
    )
    return places


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
