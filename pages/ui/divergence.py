"""Networks train until they are NaN, the page stops there, and one click rewinds and continues with clipping."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st

from pages.components.heatmap import heatmap
from pages.state import page_settings, session, view_options, viewer_state
from pages.state.viewer_state import Explosion
from pages.ui import chart_view, layout, live_charts, study_view
from pages.ui.markdown import symbols
from rnnkit.analysis.gradient_summary import remaining_text
from rnnkit.analysis.nan_record import (
    DIVERGING,
    RUNS,
    NanRecord,
    clipping,
    finding,
    last_steps,
    nan_records,
    recovery,
    rewound,
    rise,
    spectral_radius,
    steps_table,
)
from rnnkit.charts.exploding import curve_chart
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.rounding import amount
from rnnkit.serving.run_pool import Run
from rnnkit.tasks import TASKS
from rnnkit.thinning import evenly

MAX_STEPS = 30  # training steps within which a network has to diverge
STEPS_PER_SECOND = 1.5  # that are shown before the divergence
MAX_SECONDS = 8.0  # in which it is reached, however many steps it takes
CURVES, HEATMAP = 320, "330px"  # heights with which all fits on a laptop's first screen
MIN_RECOVERY_SECONDS = 5.0  # in which the whole run after the rewind is shown
TITLES = {"grows": "grows first", "at-once": "NaN at once"}
LINKED = {
    "exploding_run": page_settings.Choice(tuple(RUNS)),
    "exploding_gain": page_settings.Number(0.1, 3.0),
    "exploding_lr": page_settings.Number(0.001, 10.0),
    "exploding_threshold": page_settings.Number(0.001, 1e6),
    "exploding_seed": page_settings.Number(0, 100_000),
    "exploding_network": page_settings.Number(0, DIVERGING.replicas - 1),
    "exploding_step": page_settings.Number(0, MAX_STEPS),
    "exploding_rewound": page_settings.Number(0, MAX_STEPS),  # the step that the run was rewound to
}


def section(plain: bool) -> None:
    """Draws the networks that become NaN. `plain`: nothing on the page has been chosen, so that it begins with its own run."""
    if plain:
        page_settings.choose("exploding_run", "grows")
    e, threshold = _controls()
    refused = session.limits().check(e)
    if refused:
        st.warning(f"This server refuses it: {'; '.join(refused.values())}.", icon=":material/block:")
        return
    clipped = _explosion(e, threshold).clipped
    if clipped and clipping(clipped).threshold != threshold:
        _change(clipped=None, clipped_shown=False)
        page_settings.forget(["exploding_rewound"])
    study_view.polled(partial(_draw, e, threshold), lambda: _interval(_explosion(e, threshold)))


def _controls() -> tuple[Experiment, float]:
    with st.sidebar:
        st.markdown("**The networks that explode**")
        options: dict[str, Any] = {"format_func": TITLES.__getitem__, "help": "Which settings the controls below begin with."}
        run = page_settings.segmented("Their gradient", list(RUNS), "exploding_run", "at-once", **options)
        usual, clip = RUNS[run]
        gain = page_settings.number(
            "Gain of the recurrent weights", 0.1, 3.0, "exploding_gain", usual.gain, 0.05, run, format="%g"
        )
        lr = page_settings.number("Learning rate", 0.001, 10.0, "exploding_lr", usual.lr, usual.lr / 10, run, format="%g")
        left, right = st.columns(2)
        with left:
            threshold = page_settings.number("Clip at", 0.001, 1e6, "exploding_threshold", clip, clip / 3, run, format="%g")
        with right:
            seed = page_settings.number("Seed", 0, 100_000, "exploding_seed", usual.seed, 8, run)
    return replace(usual, gain=gain, lr=lr, seed=int(seed)), threshold


# ---- how far this viewer has seen it: a clock, and the rewind ----


def _explosion(e: Experiment, threshold: float) -> Explosion:
    """Returns how far this viewer has been shown this Experiment: nothing after a change, or what a link's rewind shows."""
    viewer, step = viewer_state.current(), page_settings.value("exploding_rewound", None, context=e.key)
    if viewer.explosion is None or viewer.explosion.e != e:
        _unwatch(viewer.explosion)
        clipped = None if step is None else rewound(e, step, threshold)
        viewer.explosion = Explosion(e, clipped, frozen=step is not None)
    return viewer.explosion


def _change(**changes: Any) -> Explosion:
    viewer = viewer_state.current()
    assert viewer.explosion
    viewer.explosion = replace(viewer.explosion, **changes)
    return viewer.explosion


def _unwatch(explosion: Explosion | None) -> None:
    for e in (explosion.e, explosion.clipped) if explosion else ():
        if e:
            session.unwatch(e.key, "exploding")


def _replay() -> None:
    """Callback: shows the training from its beginning again."""
    page_settings.forget(["exploding_rewound"])
    viewer = viewer_state.current()
    if viewer.explosion:
        _unwatch(viewer.explosion)
        viewer.explosion = Explosion(viewer.explosion.e)


def _rewind(e: Experiment, step: int, threshold: float) -> None:
    """Callback: continues from this training step with clipping at the threshold."""
    page_settings.choose("exploding_rewound", step, e.key)
    if viewer_state.current().explosion:
        _change(clipped=rewound(e, step, threshold), shown_since=None, clipped_shown=False)


def _interval(now: Explosion) -> float | None:
    """Returns seconds to the next poll, None where nothing will change by itself."""
    finished = now.clipped_shown if now.clipped else now.frozen
    return None if finished and now.record_complete else 0.25


def _watched(e: Experiment, rows: int) -> tuple[Run, int]:
    """Asks for the first `rows` rows of a run. Returns the run and how many of them are trained."""
    run = session.pool().get(e)
    session.watch(run, "exploding", rows=rows)
    return run, min(run.history.n, rows)


def _revealed(now: Explosion, known: int, pace: float) -> int:
    """Returns how many of the known rows are shown, at `pace` rows a second since the first one was known."""
    if not known:
        return 0
    since = now.shown_since or time.monotonic()
    _change(shown_since=since)
    return min(known, 1 + int(pace * (time.monotonic() - since)))


# ---- what is drawn ----


def _draw(e: Experiment, threshold: float) -> None:
    now = _explosion(e, threshold)
    run, known = _watched(e, MAX_STEPS + 1)
    buttons, message = st.container(horizontal=True, vertical_alignment="bottom"), st.container(key="exploding_said")
    pictures = st.container()
    found = nan_records(run.history, known) if known > MAX_STEPS else []
    if run.error:
        message.error(f"The training stopped: {run.error}.", icon=":material/error:")
        message.button("Run again", key="exploding_retry", on_click=session.pool().retry, args=(run,), icon=":material/refresh:")
    elif known <= MAX_STEPS:
        message.info("The networks are being trained ...", icon=":material/hourglass_top:")
    elif not found:
        _change(frozen=True, record_complete=True)
        message.info(_no_divergence(run.history), icon=":material/check:")
    else:
        with buttons:
            a = found[_choose_network(e, found)]
            _transport(e, a, threshold, now.frozen)
        if now.clipped and clipping(now.clipped).start_step >= a.nan_step:  # a link that rewinds another network
            page_settings.forget(["exploding_rewound"])
            now = _change(clipped=None)
        _live_and_after(now, run.history, a, len(found), message, pictures)


def _no_divergence(h: History) -> str:
    worst = np.nanmax(h.loss[: MAX_STEPS + 1])
    return (
        f"None of the {h.e.replicas} networks became NaN within {MAX_STEPS} steps; the highest loss was {amount(worst)}. "
        "A larger gain or learning rate will do it."
    )


def _choose_network(e: Experiment, found: list[NanRecord]) -> int:
    names = [f"network {a.network + 1}: NaN at step {a.nan_step}" for a in found]
    options: dict[str, Any] = {"format_func": names.__getitem__, "width": view_options.size(270)}
    which = range(len(found))
    return page_settings.selectbox("Network that became NaN", which, "exploding_network", 0, e.key, _replay, **options)


def _transport(e: Experiment, a: NanRecord, threshold: float, frozen: bool) -> None:
    st.button("Once more", key="exploding_replay", on_click=_replay, icon=":material/replay:", help="From the untrained weights")
    if not a.nan_step:
        return
    names = {step: f"step {step}: loss {amount(a.loss[step])}" for step in range(a.jump_step, a.nan_step)}
    options: dict[str, Any] = {"format_func": lambda step: names[step], "width": view_options.size(210)}
    step = page_settings.selectbox("Rewind to", list(names), "exploding_step", a.jump_step, (e.key, a.network), **options)
    label = f"Rewind to step {step} and continue with clipping"
    options = {"type": "primary", "disabled": not frozen, "icon": ":material/fast_rewind:"}
    st.button(label, key="exploding_rewind", on_click=_rewind, args=(e, step, threshold), **options)


def _live_and_after(now: Explosion, h: History, a: NanRecord, diverged: int, message: Any, pictures: Any) -> None:
    """Draws the training up to the divergence and, after the rewind, the training with clipping."""
    clipped, shown, n = None, a.nan_step + 1, 0
    if now.clipped:
        run, known = _watched(now.clipped, h.e.steps + 1)
        clipped, n = run.history, _revealed(now, known, run.rows / MIN_RECOVERY_SECONDS)
        _change(clipped_shown=n == run.rows or bool(run.error))
        if run.error:
            message.error(f"The training stopped: {run.error}.", icon=":material/error:")
    else:
        shown = shown if now.frozen else _revealed(now, shown, max(STEPS_PER_SECOND, shown / MAX_SECONDS))
        now = _change(frozen=shown > a.nan_step)
    if n and clipped is not None:
        word, sentence = recovery(h.e, a, clipped, n)
        good = word.startswith("Saved")
        box = message.success if good else message.info if n < len(clipped.steps) else message.warning
        box(f"**{word}** {sentence}", icon=":material/check:" if good else ":material/show_chart:")
    elif now.frozen:
        message.error(
            f"**Frozen at step {a.nan_step}**: {diverged} of {h.e.replicas} networks {'is' if diverged == 1 else 'are'} NaN. "
            f"{_growth(a)}",
            icon=":material/error:",
        )
    else:
        message.info(f"Training: step {shown - 1}, loss {amount(a.loss[shown - 1])} ...", icon=":material/show_chart:")
    radii = _radii(h.e, a) if now.frozen else None
    with pictures:
        _pictures(h, a, shown, clipped, n, radii)


def _growth(a: NanRecord) -> str:
    """Returns in words how the gradient's norm grew up to the update that moved the weights too far."""
    first = rise(a)
    if first == a.jump_step:
        return ""
    grew = f"{amount(a.norm[first])} to {amount(a.norm[a.jump_step])}"
    return f"From step {first} to step {a.jump_step} its gradient norm grew from {grew}."


def _pictures(h: History, a: NanRecord, shown: int, clipped: History | None, n: int, radii: dict[int, float] | None) -> None:
    loss, norm, heat = st.columns([1, 1, 1.25], gap="medium")
    with loss:
        st.markdown("**Loss** while training")
        _curves("loss", h, h.loss, a, shown, clipped, clipped and clipped.loss, n)
    with norm:
        st.markdown("**Gradient norm**, not clipped")
        _curves("norm", h, h.norm_raw, a, shown, clipped, clipped and clipped.norm_raw, n)
    with heat:
        st.markdown("**Its gradient through time**")
        words = f"Gradient norms of network {a.network + 1} over {h.e.length} time steps, training steps 0 to {shown - 1}. "
        _heatmap(h, a, shown, shown - 1, max(a.nan_step + 1, 4), words, "exploding_heat", HEATMAP)
    layout.caption(
        "Orange: the network looked at; grey: the others. Logarithmic axes; what is past an end stands at the edge, and what is "
        "NaN is crimson. Teal: the same network after the rewind (dashed line), on an axis that spreads the first steps."
    )
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, key="exploding_record"):
        st.markdown(f"**Record of network {a.network + 1}**, seed {h.e.seed + a.network}")
        st.markdown(
            "All its numbers are finite so far."
            if radii is None
            else symbols(f"{finding(h.e, a)}\n\n{steps_table(h.e, a, radii)}")
        )
    with right:
        st.markdown("**After the rewind**, clipped: its gradient through time")
        if clipped is None or not n:
            st.caption("Press Rewind once the network is NaN.")
            return
        words = f"Gradient norms of the same network, clipped, over training steps 0 to {clipped.steps[n - 1]}. "
        _heatmap(clipped, a, n, n - 1, clipped.e.steps, words, "exploding_heat_saved", "400px")


def _heatmap(h: History, a: NanRecord, rows: int, cursor: int, total: int, words: str, key: str, height: str) -> None:
    e, task = h.e, TASKS[h.e.task]
    heatmap(
        h.codes(rows, 0, a.network),
        steps=h.steps[:rows],
        total_steps=total,
        cursor=cursor,
        summary=words + _arrives(h, rows - 1, a.network),
        labels=session.example(e),
        important={task.evidence_step(e.length): task.evidence_name, e.length - 1: task.end_name},
        height=height,
        key=key,
    )


def _radii(e: Experiment, a: NanRecord) -> dict[int, float]:
    """Returns step -> spectral radius of W_rec at the last steps. A worker trains the network again up to each."""
    answers = {step: session.ask("weights", e, step=step, replica=a.network) for step in last_steps(a)}
    _change(record_complete=all(answer.ended.is_set() for answer in answers.values()))
    return {step: _radius(e.key, a.network, step, answer.parts[-1]) for step, answer in answers.items() if answer.done}


@st.cache_data(max_entries=256, show_spinner=False)
def _radius(key: str, network: int, step: int, _weights: dict[str, np.ndarray]) -> float:
    return spectral_radius(_weights["W_rec"])


@lru_cache(maxsize=16)
def _spec(steps: int, wide: bool) -> dict[str, Any]:
    return curve_chart(steps=steps, wide=wide, height=CURVES).to_dict()


def _curves(
    name: str, h: History, values: np.ndarray, a: NanRecord, shown: int, clipped: History | None, after: Any, n: int
) -> None:
    spec = _spec(clipped.e.steps, True) if clipped else _spec(max(a.nan_step + 2, 6), False)
    tables = [_lines(h, values[:shown], 0, a.network, "selected", others=not clipped)]
    if clipped is not None and n:
        since = clipping(clipped.e).start_step
        tables.append(_lines(clipped, after[since:n], since, a.network, "clipped", others=True))
    rows = {column: np.concatenate([table[column] for table in tables]) for column in tables[0]}
    is_nan = np.flatnonzero((h.diverged[shown - 1] >= 0) & ((np.arange(h.e.replicas) == a.network) | (clipped is None)))
    data = {
        "rows": live_charts.arrow(rows),
        "nan": live_charts.arrow(
            {
                "step": h.diverged[shown - 1][is_nan],
                "role": np.where(is_nan == a.network, "selected", "other"),
                "text": np.array([f"network {r + 1} is NaN: {h.causes[shown - 1][r]}" for r in is_nan], dtype=object),
            }
        ),
        "rewind": live_charts.arrow(
            {"step": np.array([clipping(clipped.e).start_step] if clipped is not None else [], dtype=int)}
        ),
    }
    text = _text(name, values[:shown, a.network], a, clipped, None if clipped is None else after[:n, a.network])
    chart_view.draw(view_options.chart(spec), text, f"exploding_{name}{'_rewound' if clipped else ''}", data)


def _text(name: str, values: np.ndarray, a: NanRecord, clipped: History | None, after: np.ndarray | None) -> str:
    """Returns the chart's text. It states the numbers only when they no longer change: a new text mounts the chart again."""
    if len(values) <= a.nan_step or (clipped is not None and (after is None or len(after) < len(clipped.steps))):
        return f"{'Loss' if name == 'loss' else 'Gradient norm'} of network {a.network + 1}, while it trains"
    sound = np.flatnonzero(np.isfinite(values))
    text = f"{'Loss' if name == 'loss' else 'Gradient norm'} of network {a.network + 1}: {amount(values[0])} at step 0"
    text += f", {amount(values[sound[-1]])} at step {sound[-1]}" if sound[-1:] > 0 else ""
    text += f", NaN at step {a.nan_step}." if len(values) > a.nan_step else "."
    if clipped is not None and after is not None and len(after):
        text += f" Rewound to step {clipping(clipped.e).start_step} and clipped: "
        text += f"{amount(after[-1])} at step {clipped.steps[len(after) - 1]}."
    return text


def _lines(h: History, values: np.ndarray, first: int, network: int, role: str, others: bool) -> dict[str, np.ndarray]:
    """Returns one row for each step and network. `role` is that of `network`. Of the others at most 60 steps are drawn."""
    R, n = h.e.replicas, len(values)
    which = np.arange(R) if others else np.array([network])
    some = np.isin(np.arange(n), evenly(n, 60))
    step, net = np.repeat(np.arange(n), len(which)), np.tile(which, n)
    value = values[:, which].ravel().astype(float)
    keep = np.isfinite(value) & ((net == network) | np.repeat(some, len(which)))
    return {
        "step": step[keep] + first,
        "line": np.array([f"network {r + 1}{' clipped' * (role == 'clipped')}" for r in net[keep]], dtype=object),
        "role": np.where(net[keep] == network, role, "other").astype(object),
        "value": value[keep],
    }


def _arrives(h: History, row: int, network: int) -> str:
    task, share = h.e.bound_task, remaining_text(h, row, 0, network)
    if share == "none":
        return f"Now there is no gradient at the {task.end_name}."
    if share in ("NaN", "infinite"):
        return f"Now it is {share}."
    return f"Now {share} of the gradient is left at the {task.evidence_name}."
