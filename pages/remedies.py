"""What repairs it? Every remedy beside a plain network, on the same task, sentences and seeds, all trained live."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from pages.components.small_multiples import ORDERS, multiples, pressed
from pages.state import browser_history, page_settings, session
from pages.ui import errors, layout
from rnnkit.analysis.describe import difference, titles
from rnnkit.analysis.gradient_summary import remaining
from rnnkit.engine.cells import CELLS
from rnnkit.engine.history import History
from rnnkit.experiment import Experiment
from rnnkit.serving.limits import gigaflops
from rnnkit.serving.run_pool import Run
from rnnkit.stories.presets import PRESETS, pair
from rnnkit.stories.remedies import LEVELS, PANELS, Outcome, Panel, Remedy, Result, lessons, measure

TITLE = "Remedies"
CONTROLS = ()
LINKED = {
    "remedies_panel": page_settings.Choice(tuple(PANELS)),
    "remedies_order": page_settings.Choice(ORDERS),
    "remedies_open": page_settings.Several(
        page_settings.Choice(tuple({name: 0 for p in PANELS.values() for name in p.remedies})), 50
    ),
}
POINTS = {
    "panel": "remedies_panel",
    "outcome": "remedies_said",
    "table": "remedies_table",
}
HEAT_ROWS = 36  # training steps that a small heatmap shows
ACTIONS = {"open": "Open in the lab", "compare": "Compare with the plain network"}
STYLE = """<style>
.st-key-remedies_said { min-height: 9rem; }
@media (max-width: 640px) { .st-key-remedies_said { min-height: 19rem; } }
</style>"""

Runs = Mapping[str, Run]


def page() -> None:
    if st.session_state.pop("remedies_left", False):
        layout.to_lab()
    st.html(STYLE)
    layout.opening(
        "What repairs it?",
        "Every remedy gets the same task, sentences and seeds as a plain network, and all of them are trained now, side by side.",
    )
    titles = {kind: panel.title for kind, panel in PANELS.items()}
    with st.sidebar:
        first = next(iter(PANELS))
        kind = page_settings.segmented(
            "The plain network's trouble", list(PANELS), "remedies_panel", first, format_func=titles.get
        )
    panel = _welcome(PANELS[kind])
    _leave_others(kind)
    if panel.remedies:
        st.markdown(f"{panel.text} {_same(panel.plain)}")
        every = _interval(_runs(panel))
        errors.fragment(_panel, run_every=every)(kind, panel, every)
        _mathematics(panel)
    _try_next()


def _welcome(panel: Panel) -> Panel:
    """The panel without what this server's limits refuse."""
    fit = {name: r for name, r in panel.remedies.items() if not session.limits().check(r.experiment)}
    if len(fit) < len(panel.remedies):
        missing = ", ".join(r.idea.title for name, r in panel.remedies.items() if name not in fit)
        st.warning(f"Too large for this server, and left out: {missing}.", icon=":material/block:")
    return Panel(panel.title, panel.text, fit)


def _same(e: Experiment) -> str:
    task = e.bound_task
    rows = f"The same in all rows: {task.title}, {e.length} time steps, {e.batch} {task.samples} a training step"
    return f"{rows}, {e.replicas} networks with seeds {e.seed} to {e.seed + e.replicas - 1}."


# ---- the runs: shared with everybody who looks at the page ----


def _runs(panel: Panel) -> Runs:
    """Asks for all of them to be trained to the end."""
    pool, runs = session.pool(), {}
    for name, remedy in panel.remedies.items():
        runs[name] = pool.get(remedy.experiment)
        pool.watch(runs[name], session.viewer("remedies"), runs[name].rows, patient=True)
    return runs


def leave() -> None:
    """Another page was opened."""
    _leave_others("")


def _leave_others(kind: str) -> None:
    """The workers are for the panel that is looked at."""
    pool = session.pool()
    for panel in (panel for name, panel in PANELS.items() if name != kind):
        for remedy in panel.remedies.values():
            if run := pool.runs.get(remedy.experiment.key):
                pool.leave(run, session.viewer("remedies"))


def _interval(runs: Runs) -> float | None:
    """Seconds to the next look, longer with more viewers; None when nothing will change by itself."""
    if all(run.done or run.error for run in runs.values()):
        return None
    viewers = max(len(run.viewers) for run in runs.values())
    return next((seconds for seconds in (0.5, 1.0, 2.0) if viewers / 40 <= seconds), 3.0)


def _seconds_left(runs: Runs) -> float | None:
    """From what the runs have taken so far for their arithmetic; None where none has begun."""
    done = sum(gigaflops(run.experiment) * run.history.n / run.rows for run in runs.values() if not _blown(run))
    seconds = sum(run.seconds for run in runs.values() if not _blown(run))
    if not done or not seconds:
        return None
    todo = sum(gigaflops(run.experiment) * (1 - run.history.n / run.rows) for run in runs.values() if not run.error)
    return todo * seconds / done / session.limits().workers


def _blown(run: Run) -> bool:
    """All its networks are NaN: what is left takes no time."""
    n = run.history.n
    return n > 0 and bool((run.history.diverged[n - 1] >= 0).all())


# ---- what is shown ----


def _panel(kind: str, panel: Panel, every: float | None) -> None:
    if pressed(f"remedies_{kind}", ACTIONS):  # before anything is drawn, which would arrive after the page has gone
        st.session_state.remedies_left = browser_history.leaving()
        st.rerun()
    runs = _runs(panel)
    seen = {name: _seen(name, panel, run) for name, run in runs.items()}
    with st.container(key="remedies_said"):
        _said(panel, runs, {name: result for name, (result, _) in seen.items() if result})
    with st.container(key="remedies_table"):
        _table(kind, panel, runs, [row for _, row in seen.values()])
    _failures(panel, runs)
    if _interval(runs) != every:
        st.rerun()


def _said(panel: Panel, runs: Runs, results: Mapping[str, Result]) -> None:
    """How far it is; at last what came out."""
    finished = sum(run.done for run in runs.values())
    told = "  \n".join(lessons(panel, results))
    if finished == len(runs):
        st.success(told)
        return
    left = _seconds_left(runs)
    patience = f"{finished} of {len(runs)} trained" + (f", about {max(1, round(left))} s left" if left is not None else "")
    share = sum(run.history.n / run.rows for run in runs.values()) / len(runs)
    st.progress(share, text=patience)
    st.markdown(told)


def _table(kind: str, panel: Panel, runs: Runs, rows: list[dict[str, Any]]) -> None:
    task = panel.plain.bound_task
    heads = {
        "heat": "time →  training ↓",
        "curve": f"new {task.samples}",
        "ratio": f"at the {task.source_name}, of that at the {task.end_name}",
    }
    codes = [_codes(panel.remedies[name], run, row["n"]) for (name, run), row in zip(runs.items(), rows, strict=True)]

    def load(name: str) -> None:
        browser_history.set_out(panel.remedies[name].experiment)

    def compare(name: str) -> None:
        browser_history.set_out(panel.remedies[name].experiment, panel.plain)

    does = dict(zip(ACTIONS, (load, compare), strict=True))
    multiples(rows, codes, heads=heads, key=f"remedies_{kind}", actions=does)


def _codes(remedy: Remedy, run: Run, n: int) -> np.ndarray:
    """The first n rows of the small heatmap."""
    if not n:
        return np.empty((0, remedy.experiment.length), np.uint16)
    rows = _grid(run)[:n]
    return run.history.codes(int(rows[-1]) + 1, run.history.parts.index(remedy.claim.part))[rows]


def _grid(run: Run) -> np.ndarray:
    """The rows of a run that its small heatmap shows, now or later."""
    return np.unique(np.linspace(0, run.rows - 1, min(run.rows, HEAT_ROWS)).round().astype(int))


def _seen(name: str, panel: Panel, run: Run) -> tuple[Result | None, dict[str, Any]]:
    """What the run has shown up to now, and its row of the table as pages/components/small_multiples.py describes it."""
    place = str(session.pool().place(run))
    known = (run.experiment.key, panel.plain.key, run.history.n, run.status, place)
    return _look(known, name, panel.remedies[name], panel.plain, run)


@st.cache_data(max_entries=256, show_spinner=False)
def _look(
    known: tuple[str, str, int, str, str], name: str, _remedy: Remedy, _plain: Experiment, _run: Run
) -> tuple[Result | None, dict[str, Any]]:
    """Once for all viewers: `known` holds all that it depends on."""
    *_, n, status, place = known
    e, history, grid = _remedy.experiment, _run.history, _grid(_run)
    result = measure(_remedy, history, n) if n else None
    exams = np.flatnonzero(~np.isnan(history.accuracy[:n]).all(1))
    return result, {
        "key": name,
        "heading": LEVELS[_remedy.idea.level],
        "symbol": _remedy.claim.part,
        "outcome": str(result.outcome) if result else "",
        "status": status,
        "share": n / _run.rows,
        "networks": _networks(result) if result else ["open"] * e.replicas,
        "n": int((grid < n).sum()),
        "grid": history.steps[grid].tolist(),
        "exams": history.steps[exams].tolist(),
        "accuracy": [[None if np.isnan(a) else round(float(a), 4) for a in of] for of in history.accuracy[exams].T],
        "chance": e.bound_task.chance,
        "solved": int((result.solved >= 0).sum()) if result else 0,
        "after": None if result is None or np.isnan(result.steps) else result.steps,
        "arrives": result.after if result and np.isfinite(result.after) else None,
        "details": _details(_remedy, history, n, _plain),
        "actions": [list(action) for action in ACTIONS.items()][: 1 if e == _plain else 2],
        "text": {
            "title": _remedy.idea.title,
            "differs": _differs(_plain, e),
            "tag": _state(result, status, n / _run.rows, place),
            **(_numbers(result, _remedy, history, n, _run.seconds) if result else {}),
        },
    }


def _networks(result: Result) -> list[str]:
    """One word a network: dead (NaN), solved, lost (solved once, but not at the end) or open."""
    states = np.where(result.knows, "solved", np.where(result.solved >= 0, "lost", "open"))
    return np.where(result.diverged >= 0, "dead", states).tolist()


def _numbers(result: Result, remedy: Remedy, h: History, n: int, seconds: float) -> dict[str, str]:
    e, R = remedy.experiment, len(result.solved)
    solved, knows = int((result.solved >= 0).sum()), int(result.knows.sum())
    part = f"about {seconds * result.steps / e.steps:.1f} of " if solved and result.done else ""
    return {
        "count": f"{solved} of {R}" + (f", {knows} at the end" if knows < solved and result.done else ""),
        "steps": f"{result.steps:,.0f} training steps" if solved else "–",
        "time": f"{part}{seconds:.1f} s",
        "arrives": _before_after(h, n, h.parts.index(remedy.claim.part)),
        "symbol": f"of dL/d{remedy.claim.part}",
    }


def _state(result: Result | None, status: str, share: float, place: str) -> str:
    """What became of it, or how far it is."""
    if status == "failed":
        return "failed"
    dead = (result.diverged >= 0).sum() if result else 0
    told = [str(result.outcome)] if result and result.outcome not in (Outcome.OPEN, Outcome.BROKEN) else []
    told += [f"NaN: {dead} of {len(result.diverged)}"] if result and dead else []
    if told:
        return ", ".join(told)
    return f"training {share:.0%}" if status == "training" else place or "waiting"


def _differs(plain: Experiment, e: Experiment) -> str:
    if e == plain:
        return f"{CELLS[e.cell].title}, {titles('init')[e.init]} × {e.gain:g}, {titles('optimizer')[e.optimizer]} {e.lr:g}"
    return re.sub(r" \(was [^()]*(\([^()]*\))?\)", "", difference(plain, e))


def _before_after(h: History, n: int, part: int) -> str:
    """What is left of the gradient before training and after its first n rows."""
    return " → ".join(remaining(h, row, part) for row in (0, n - 1)) if n else "– → –"


def _details(remedy: Remedy, h: History, n: int, plain: Experiment) -> list[list[str]]:
    e, idea = remedy.experiment, remedy.idea
    told = [["Helps", idea.helps], ["Does not help", idea.fails]]
    if e != plain:
        told.append(["Differs", difference(plain, e)])
    if len(h.parts) > 1:
        shares = [f"of dL/d{part} {_before_after(h, n, i)}" for i, part in enumerate(h.parts)]
        told.append(["Arrives", "; ".join(shares) + f". The heatmap shows dL/d{remedy.claim.part}."])
    return [*told, ["Source", idea.source]]


def _failures(panel: Panel, runs: Runs) -> None:
    for name, run in runs.items():
        if run.error:
            st.error(f"{panel.remedies[name].idea.title}: the training stopped: {run.error}.", icon=":material/error:")
            again: dict[str, Any] = {"on_click": session.pool().retry, "args": (run,), "icon": ":material/refresh:"}
            st.button("Run again", key=f"remedies_again_{name}", **again)


# ---- the rest ----


def _mathematics(panel: Panel) -> None:
    head = "Row vectors; dh, dc, da and dW are derivatives of the loss, g stands for all weights' derivatives together.\n\n"
    ideas = [remedy.idea for remedy in panel.remedies.values()]
    layout.mathematics(head + "\n".join(f"- **{idea.title}**: {idea.formula}. *{idea.source}*" for idea in ideas))


def _try_next() -> None:
    small, large = pair("Input scale")
    forget, chrono = pair("Gate bias")
    layout.try_next(
        layout.Try(
            "**A remedy with a condition**: orthogonal weights help while the inputs are small. Ten times larger inputs, beside "
            "the small ones:",
            large,
            "Compare these two",
            small,
        ),
        layout.Try(
            "**One number decides**: the LSTM with steps ten times as long as here, its forget gates at 1 and with chrono.",
            chrono,
            "Compare these two",
            forget,
        ),
        layout.Try(
            "**Harder sentences**: the subject moves, and half of the nouns in between have a number too. Does the GRU hold?",
            PRESETS["attractors"].experiment,
        ),
    )


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
