"""The NaN autopsy: networks train until they explode, the page stops there, and one click rewinds and goes on with clipping."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from pages.components.heatmap import heatmap
from pages.state import page_settings, session, view_options
from pages.ui import chart_view, errors, live_charts
from pages.ui.markdown import symbols
from rnnkit.analysis.autopsy import (
    DOOMED,
    THRESHOLD,
    Autopsy,
    autopsies,
    chart,
    clipping,
    finding,
    last_steps,
    recovery,
    rewound,
    spectral_radius,
)
from rnnkit.analysis.describe import amount
from rnnkit.analysis.gradient_summary import remaining
from rnnkit.charts.exploding import curve_chart
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.serving.run_pool import Run
from rnnkit.tasks import TASKS

LOOK = 30  # training steps within which a network has to explode
PACE = 1.5  # training steps a second on the way to the explosion ...
RECOVERY = 5.0  # ... and seconds that the whole run after the rewind takes at least
STATE = "exploding_scene"
LINKED = {
    "exploding_gain": page_settings.Number(0.1, 3.0),
    "exploding_lr": page_settings.Number(0.001, 10.0),
    "exploding_threshold": page_settings.Number(0.001, 1e6),
    "exploding_seed": page_settings.Number(0, 100_000),
    "exploding_patient": page_settings.Number(0, DOOMED.replicas - 1),
    "exploding_step": page_settings.Number(0, LOOK),
    "exploding_rewound": page_settings.Number(0, LOOK),  # the step that the run was rewound to
}


def section() -> None:
    e, threshold = _controls()
    refused = session.limits().check(e)
    if refused:
        st.warning(f"This server refuses it: {'; '.join(refused.values())}.", icon=":material/block:")
        return
    scene = _scene(e, threshold)
    if scene["saved"] and clipping(scene["saved"]).threshold != threshold:
        scene |= {"saved": None, "settled": False}
        page_settings.forget(["exploding_rewound"])
    every = _interval(scene)
    errors.fragment(_theatre, run_every=every)(e, threshold, every)


def _controls() -> tuple[Experiment, float]:
    with st.sidebar:
        st.markdown("**The networks that explode**")
        gain = page_settings.number("Gain of the recurrent weights", 0.1, 3.0, "exploding_gain", DOOMED.gain, 0.05, format="%g")
        lr = page_settings.number("Learning rate", 0.001, 10.0, "exploding_lr", DOOMED.lr, 0.1, format="%g")
        left, right = st.columns(2)
        with left:
            threshold = page_settings.number("Clip at", 0.001, 1e6, "exploding_threshold", THRESHOLD, 0.01, format="%g")
        with right:
            seed = page_settings.number("Seed", 0, 100_000, "exploding_seed", DOOMED.seed, 8)
    return replace(DOOMED, gain=gain, lr=lr, seed=int(seed)), threshold


# ---- what this viewer sees of it: the clock since it began, and the rewind ----


def _scene(e: Experiment, threshold: float) -> dict[str, Any]:
    """Of this Experiment; begun anew where a control was changed. A link can begin with the rewind."""
    scene, step = st.session_state.get(STATE), page_settings.value("exploding_rewound", None, context=e.key)
    if scene is None or scene["e"] != e:
        _leave(scene)
        scene = st.session_state[STATE] = {
            "e": e,
            "since": None,
            "saved": None if step is None else rewound(e, step, threshold),
            "frozen": step is not None,
            "filed": False,
            "settled": False,
        }
    return scene


def _leave(scene: dict[str, Any] | None) -> None:
    for e in (scene["e"], scene["saved"]) if scene else ():
        if e and (run := session.pool().runs.get(e.key)):
            session.pool().leave(run, session.viewer("exploding"))


def _replay() -> None:
    page_settings.forget(["exploding_rewound"])
    _leave(st.session_state[STATE])
    st.session_state[STATE] |= {"since": None, "saved": None, "frozen": False, "filed": False, "settled": False}


def _rewind(e: Experiment, step: int, threshold: float) -> None:
    page_settings.choose("exploding_rewound", step, e.key)
    st.session_state[STATE] |= {"saved": rewound(e, step, threshold), "since": None, "settled": False}


def _interval(scene: dict[str, Any]) -> float | None:
    """Seconds to the next look; None where nothing will change by itself."""
    resting = scene["settled"] if scene["saved"] else scene["frozen"]
    return None if resting and scene["filed"] else 0.25


def _watched(e: Experiment, rows: int) -> tuple[Run, int]:
    """The run, trained at least so far, and how many of these rows are there."""
    run = session.pool().get(e)
    session.pool().watch(run, session.viewer("exploding"), rows)
    return run, min(run.history.n, rows)


def _revealed(scene: dict[str, Any], known: int, pace: float) -> int:
    """Rows shown since the first one was there."""
    if not known:
        return 0
    scene["since"] = scene["since"] or time.monotonic()
    return min(known, 1 + int(pace * (time.monotonic() - scene["since"])))


# ---- what is drawn ----


def _theatre(e: Experiment, threshold: float, every: float | None) -> None:
    scene = _scene(e, threshold)
    run, known = _watched(e, LOOK + 1)
    buttons, said = st.container(horizontal=True, vertical_alignment="bottom"), st.container(key="exploding_said")
    pictures = st.container()
    found = autopsies(run.history, known) if known > LOOK else []
    if run.error:
        said.error(f"The training stopped: {run.error}.", icon=":material/error:")
        said.button("Run again", key="exploding_retry", on_click=session.pool().retry, args=(run,), icon=":material/refresh:")
    elif known <= LOOK:
        said.info("The networks are being trained ...", icon=":material/hourglass_top:")
    elif not found:
        scene["frozen"] = scene["filed"] = True
        said.info(_peaceful(run.history), icon=":material/check:")
    else:
        with buttons:
            a = found[_patient(e, found)]
            _transport(e, a, threshold, scene)
        if scene["saved"] and clipping(scene["saved"]).start_step >= a.fatal:  # a link that rewinds another network
            page_settings.forget(["exploding_rewound"])
            scene["saved"] = None
        _live_and_after(scene, run.history, a, len(found), said, pictures)
    if _interval(scene) != every:
        st.rerun()


def _peaceful(h: History) -> str:
    worst = np.nanmax(h.loss[: LOOK + 1])
    return (
        f"None of the {h.e.replicas} networks became NaN within {LOOK} steps; the highest loss was {amount(worst)}. "
        "A larger gain or learning rate will do it."
    )


def _patient(e: Experiment, found: list[Autopsy]) -> int:
    names = [f"network {a.network + 1}: NaN at step {a.fatal}" for a in found]
    look: dict[str, Any] = {"format_func": names.__getitem__, "width": view_options.size(270)}
    return page_settings.selectbox("Patient", range(len(found)), "exploding_patient", 0, e.key, _replay, **look)


def _transport(e: Experiment, a: Autopsy, threshold: float, scene: dict[str, Any]) -> None:
    st.button("Once more", key="exploding_replay", on_click=_replay, icon=":material/replay:", help="From the untrained weights")
    if not a.fatal:
        return
    names = {step: f"step {step}: loss {amount(a.loss[step])}" for step in range(a.blow, a.fatal)}
    look: dict[str, Any] = {"format_func": lambda step: names[step], "width": view_options.size(210)}
    step = page_settings.selectbox("Rewind to", list(names), "exploding_step", a.blow, (e.key, a.network), **look)
    label = f"Rewind to step {step} and continue with clipping"
    on, icon = bool(scene["frozen"]), ":material/fast_rewind:"
    args = (e, step, threshold)
    st.button(label, key="exploding_rewind", on_click=_rewind, args=args, type="primary", disabled=not on, icon=icon)


def _live_and_after(scene: dict[str, Any], h: History, a: Autopsy, dead: int, said: Any, pictures: Any) -> None:
    """The way to the explosion, or after the rewind both ways."""
    saved, shown, n = None, a.fatal + 1, 0
    if scene["saved"]:
        run, known = _watched(scene["saved"], h.e.steps + 1)
        saved, n = run.history, _revealed(scene, known, run.rows / RECOVERY)
        scene["settled"] = n == run.rows or bool(run.error)
        if run.error:
            said.error(f"The training stopped: {run.error}.", icon=":material/error:")
    else:
        shown = shown if scene["frozen"] else _revealed(scene, shown, PACE)
        scene["frozen"] = shown > a.fatal
    if n and saved is not None:
        word, sentence = recovery(h.e, a, saved, n)
        good = word.startswith("Saved")
        box = said.success if good else said.info if n < len(saved.steps) else said.warning
        box(f"**{word}** {sentence}", icon=":material/healing:" if good else ":material/monitor_heart:")
    elif scene["frozen"]:
        said.error(
            f"**Frozen at step {a.fatal}**: {dead} of {h.e.replicas} networks {'is' if dead == 1 else 'are'} NaN.",
            icon=":material/emergency:",
        )
    else:
        said.info(f"Training: step {shown - 1}, loss {amount(a.loss[shown - 1])} ...", icon=":material/monitor_heart:")
    radii = _radii(scene, h.e, a) if scene["frozen"] else None
    with pictures:
        _pictures(h, a, shown, saved, n, radii)


def _pictures(h: History, a: Autopsy, shown: int, saved: History | None, n: int, radii: dict[int, float] | None) -> None:
    loss, norm, file = st.columns([1, 1, 1.5], gap="medium")
    with loss:
        st.markdown("**Loss** while training")
        _curves("loss", h, h.loss, a, shown, saved, saved and saved.loss, n)
    with norm:
        st.markdown("**Gradient norm** of all weights, before clipping")
        _curves("norm", h, h.norm_raw, a, shown, saved, saved and saved.norm_raw, n)
    with file.container(border=True, key="exploding_file"):
        st.markdown(f"**The file of network {a.network + 1}**, seed {h.e.seed + a.network}")
        st.markdown("Still alive." if radii is None else symbols(f"{finding(h.e, a)}\n\n{chart(h.e, a, radii)}"))
    st.caption(
        "Orange: the network looked at; grey: the others. Logarithmic axes; what is past an end stands at the edge, and what is "
        "NaN is crimson. Teal: the same network after the rewind (dashed line), on an axis that spreads the first steps."
    )
    _heatmaps(h, a, shown, saved, n)


def _radii(scene: dict[str, Any], e: Experiment, a: Autopsy) -> dict[int, float]:
    """Of W_rec at the last steps; for each of them a worker trains the network once more up to there."""
    answers = {step: session.ask("weights", e, step=step, replica=a.network) for step in last_steps(a)}
    scene["filed"] = all(answer.ended.is_set() for answer in answers.values())
    return {step: _radius(e.key, a.network, step, answer.parts[-1]) for step, answer in answers.items() if answer.done}


@st.cache_data(max_entries=256, show_spinner=False)
def _radius(key: str, network: int, step: int, _weights: dict[str, np.ndarray]) -> float:
    return spectral_radius(_weights["W_rec"])


@lru_cache(maxsize=16)
def _spec(steps: int, wide: bool) -> dict[str, Any]:
    return curve_chart(steps=steps, wide=wide).to_dict()


def _curves(name: str, h: History, doomed: np.ndarray, a: Autopsy, shown: int, saved: History | None, after: Any, n: int) -> None:
    spec = _spec(saved.e.steps, True) if saved else _spec(max(a.fatal + 2, 6), False)
    tables = [_lines(h, doomed[:shown], 0, a.network, "patient", others=not saved)]
    if saved is not None and n:
        since = clipping(saved.e).start_step
        tables.append(_lines(saved, after[since:n], since, a.network, "saved", others=True))
    rows = {column: np.concatenate([table[column] for table in tables]) for column in tables[0]}
    dead = np.flatnonzero((h.diverged[shown - 1] >= 0) & ((np.arange(h.e.replicas) == a.network) | (saved is None)))
    data = {
        "rows": live_charts._arrow(rows),
        "dead": live_charts._arrow(
            {
                "step": h.diverged[shown - 1][dead],
                "role": np.where(dead == a.network, "patient", "other"),
                "text": np.array([f"network {r + 1} is NaN: {h.causes[shown - 1][r]}" for r in dead], dtype=object),
            }
        ),
        "rewind": live_charts._arrow({"step": np.array([clipping(saved.e).start_step] if saved is not None else [], dtype=int)}),
    }
    text = _text(name, doomed[:shown, a.network], a, saved, None if saved is None else after[:n, a.network])
    chart_view.draw(view_options.chart(spec), text, f"exploding_{name}{'_rewound' if saved else ''}", data)


def _text(name: str, doomed: np.ndarray, a: Autopsy, saved: History | None, after: np.ndarray | None) -> str:
    """What the curves of the network looked at show, once nothing moves: with another text they are mounted anew."""
    if len(doomed) <= a.fatal or (saved is not None and (after is None or len(after) < len(saved.steps))):
        return f"{'Loss' if name == 'loss' else 'Gradient norm'} of network {a.network + 1}, while it trains"
    sound = np.flatnonzero(np.isfinite(doomed))
    told = f"{'Loss' if name == 'loss' else 'Gradient norm'} of network {a.network + 1}: {amount(doomed[0])} at step 0"
    told += f", {amount(doomed[sound[-1]])} at step {sound[-1]}" if sound[-1:] > 0 else ""
    told += f", NaN at step {a.fatal}." if len(doomed) > a.fatal else "."
    if saved is not None and after is not None and len(after):
        told += f" Rewound to step {clipping(saved.e).start_step} and clipped: "
        told += f"{amount(after[-1])} at step {saved.steps[len(after) - 1]}."
    return told


def _lines(h: History, values: np.ndarray, first: int, network: int, role: str, others: bool) -> dict[str, np.ndarray]:
    """One row a step and network; `role` is that of the one looked at, and of the others at most 60 steps are drawn."""
    R, n = h.e.replicas, len(values)
    which = np.arange(R) if others else np.array([network])
    some = np.isin(np.arange(n), np.unique(np.linspace(0, max(n - 1, 0), min(n, 60)).round()))
    step, net = np.repeat(np.arange(n), len(which)), np.tile(which, n)
    value = values[:, which].ravel().astype(float)
    keep = np.isfinite(value) & ((net == network) | np.repeat(some, len(which)))
    return {
        "step": step[keep] + first,
        "line": np.array([f"network {r + 1}{' clipped' * (role == 'saved')}" for r in net[keep]], dtype=object),
        "role": np.where(net[keep] == network, role, "other").astype(object),
        "value": value[keep],
    }


def _arrives(h: History, row: int, network: int) -> str:
    task, share = h.e.bound_task, remaining(h, row, 0, network)
    if share == "none":
        return f"Now there is no gradient at the {task.end_name}."
    if share in ("NaN", "infinite"):
        return f"Now it is {share}."
    return f"Now {share} of the gradient is left at the {task.source_name}."


def _heatmaps(h: History, a: Autopsy, shown: int, saved: History | None, n: int) -> None:
    e, task = h.e, TASKS[h.e.task]
    look: dict[str, Any] = {
        "labels": session.example(e),
        "important": (task.source(e.length), e.length - 1),
        "height": 400,
    }
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Its gradient through time**, until it died")
        words = f"Gradient norms of network {a.network + 1} over {e.length} time steps, training steps 0 to {shown - 1}. "
        words += _arrives(h, shown - 1, a.network)
        total = max(a.fatal + 1, 4)
        codes = h.codes(shown, 0, a.network)
        heatmap(codes, steps=h.steps[:shown], total_steps=total, cursor=shown - 1, summary=words, key="exploding_heat", **look)
    with right:
        st.markdown("**After the rewind**, clipped")
        if saved is None or not n:
            st.caption("Press Rewind once the network is dead.")
            return
        words = f"Gradient norms of the same network, clipped, over training steps 0 to {saved.steps[n - 1]}. "
        words += _arrives(saved, n - 1, a.network)
        codes = saved.codes(n, 0, a.network)
        heatmap(
            codes, steps=saved.steps[:n], total_steps=e.steps, cursor=n - 1, summary=words, key="exploding_heat_saved", **look
        )
