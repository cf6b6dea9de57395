"""What repairs it? Every remedy beside a plain network, on the same task, sentences and seeds, all trained live."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.components.cards import Card, cards
from pages.components.small_multiples import ORDERS, multiples, on_screen
from pages.state import browser_history, page_settings, session
from pages.ui import layout, study_view
from rnnkit import glossary
from rnnkit.analysis.describe import difference
from rnnkit.analysis.gradient_summary import remaining_text
from rnnkit.engine.history import History
from rnnkit.experiment import FIELDS, Experiment
from rnnkit.serving.limits import gigaflops
from rnnkit.serving.run_pool import Run
from rnnkit.stories import pictures
from rnnkit.stories.grid import GRID, Comparison
from rnnkit.stories.presets import PRESETS, pair
from rnnkit.stories.remedies import LEVELS, PANELS, Outcome, Panel, Remedy, Result, lessons, measure
from rnnkit.thinning import evenly

TITLE = "Remedies"
CONTROLS = ()
LINKED = {
    "remedies_panel": page_settings.Choice(tuple(PANELS)),
    "remedies_order": page_settings.Choice(ORDERS),
    "remedies_open": page_settings.Several(
        page_settings.Choice(tuple({name: 0 for p in PANELS.values() for name in p.remedies})), 50
    ),
}
TOUR_TARGETS = {
    "panel": "remedies_panel",
    "outcome": "remedies_said",
    "table": "remedies_table",
}
READY = (".multiples[data-rows]",)
DRAWING = (".multiples .name", "Enter", "aria-expanded")
HEAT_ROWS = 36  # training steps that a small heatmap shows
ACTIONS = {"open": "Open in the lab", "compare": "Compare with the plain network"}
STYLE = """<style>
.st-key-remedies_said { min-height: 9rem; }
@media (max-width: 640px) { .st-key-remedies_said { min-height: 19rem; } }
</style>"""

Runs = Mapping[str, Run]


def page() -> None:
    st.html(STYLE)
    layout.opening(
        "What repairs it?",
        "Six remedies, each as two trainings: without it and with it. Press one to train both in the lab, beside each other.",
    )
    _grid_of_remedies()
    st.subheader("All remedies on one plain network", anchor=False)
    st.markdown(
        "Every remedy gets the plain network's task, sentences and seeds. All are trained now, the rows on your screen first."
    )
    titles = {kind: panel.title for kind, panel in PANELS.items()}
    with st.sidebar:
        first = next(iter(PANELS))
        kind = page_settings.segmented(
            "The plain network's trouble", list(PANELS), "remedies_panel", first, format_func=titles.get
        )
    panel = _allowed(PANELS[kind])
    _leave_others(kind)
    if panel.remedies:
        st.markdown(f"{glossary.marked(panel.text)} {_same(panel.plain)}")
        study_view.polled(partial(_panel, kind, panel), lambda: _interval(_runs(kind, panel)))
        _mathematics(panel)
    _try_next()


def _grid_of_remedies() -> None:
    """Draws the remedies of GRID from their recorded pictures."""
    for row, (heading, comparisons) in enumerate(GRID.items()):
        st.markdown(f"**{heading}**")
        items = [_comparison(it) for it in comparisons]
        cards(items, key=f"remedies_grid_{row}", on_open=partial(_compare, {it.title: it for it in comparisons}), curves=False)
    st.caption(f"Gradient over time (→) and training (↓). Recorded on {pictures.origin()}.")


def _comparison(it: Comparison) -> Card:
    shown = []
    for label, e in (("without", it.without.experiment), ("with", it.repaired.experiment)):
        if picture := pictures.recorded(e):
            shown.append((label, picture, e.bound_task.chance))
    return Card(it.title, it.title, it.text, shown, session.refusal(it.repaired.experiment))


def _compare(comparisons: Mapping[str, Comparison], title: str) -> None:
    browser_history.begin_chapter(comparisons[title].repaired.experiment, comparisons[title].without.experiment)


def _allowed(panel: Panel) -> Panel:
    """Returns the panel without the rows that this server's limits refuse."""
    fit = {name: r for name, r in panel.remedies.items() if not session.limits().check(r.experiment)}
    if len(fit) < len(panel.remedies):
        missing = ", ".join(r.idea.title for name, r in panel.remedies.items() if name not in fit)
        st.warning(f"Too large for this server, and left out: {missing}.", icon=":material/block:")
    return Panel(panel.title, panel.text, fit)


def _same(e: Experiment) -> str:
    task = e.bound_task
    rows = f"The same in all rows: {task.title}, {e.length} time steps, {e.batch} {task.samples} a training step"
    return f"{rows}, {e.replicas} networks with seeds {e.seed} to {e.seed + e.replicas - 1}."


# ---- the runs, shared with all viewers of the page ----


def _runs(kind: str, panel: Panel) -> Runs:
    """Asks for all runs of the panel to be trained to the end, those on the viewer's screen before the others."""
    pool, runs, seen = session.pool(), {}, on_screen(_table_key(kind))
    for name, remedy in panel.remedies.items():
        runs[name] = pool.get(remedy.experiment)
        session.watch(runs[name], "remedies", low_priority=name not in seen)
    return runs


def _leave_others(kind: str) -> None:
    """Ends the requests for the runs of the other panels."""
    for panel in (panel for name, panel in PANELS.items() if name != kind):
        for remedy in panel.remedies.values():
            session.unwatch(remedy.experiment.key, "remedies")


def _interval(runs: Runs) -> float | None:
    """Returns seconds to the next poll, more with more viewers. None when nothing will change by itself."""
    if all(run.done or run.error for run in runs.values()):
        return None
    viewers = max(len(run.viewers) for run in runs.values())
    return next((seconds for seconds in (0.5, 1.0, 2.0) if viewers / 40 <= seconds), 3.0)


def _seconds_left(runs: Runs) -> float | None:
    """Estimates the seconds left from the time for the arithmetic so far. None where no run has begun."""
    done = sum(gigaflops(run.experiment) * run.history.n / run.rows for run in runs.values() if not _all_nan(run))
    seconds = sum(run.seconds for run in runs.values() if not _all_nan(run))
    if not done or not seconds:
        return None
    todo = sum(gigaflops(run.experiment) * (1 - run.history.n / run.rows) for run in runs.values() if not run.error)
    return todo * seconds / done / session.limits().workers


def _all_nan(run: Run) -> bool:
    """Returns whether all networks are NaN. The remaining steps then take no time."""
    n = run.history.n
    return n > 0 and bool((run.history.diverged[n - 1] >= 0).all())


# ---- what is shown ----


def _panel(kind: str, panel: Panel) -> None:
    runs = _runs(kind, panel)
    seen = {name: _seen(name, panel, run) for name, run in runs.items()}
    with st.container(key="remedies_said"):
        _outcome(panel, runs, {name: result for name, (result, _) in seen.items() if result})
    with st.container(key="remedies_table"):
        _table(kind, panel, runs, [row for _, row in seen.values()])
    _failures(panel, runs)


def _outcome(panel: Panel, runs: Runs, results: Mapping[str, Result]) -> None:
    """Draws the progress and the lessons so far, in the end the lessons alone."""
    finished = sum(run.done for run in runs.values())
    text = glossary.marked("  \n".join(lessons(panel, results)))
    if finished == len(runs):
        st.success(text)
        return
    left = _seconds_left(runs)
    progress = f"{finished} of {len(runs)} trained" + (f", about {max(1, round(left))} s left" if left is not None else "")
    now = [f"{panel.remedies[name].idea.title} {_share(run):.0%}" for name, run in runs.items() if run.status == "training"]
    progress += f". Now: {' · '.join(now)}" if now else ""
    share = sum(map(_share, runs.values())) / len(runs)
    st.progress(share, text=progress)
    st.markdown(text)


def _table(kind: str, panel: Panel, runs: Runs, rows: list[dict[str, Any]]) -> None:
    task = panel.plain.bound_task
    heads = {
        "heat": "time →  training ↓",
        "curve": f"new {task.samples}",
        "ratio": f"at the {task.evidence_name}, of that at the {task.end_name}",
    }
    codes = [_codes(panel.remedies[name], run, row["n"]) for (name, run), row in zip(runs.items(), rows, strict=True)]

    def load(name: str) -> None:
        browser_history.begin_chapter(panel.remedies[name].experiment)

    def compare(name: str) -> None:
        browser_history.begin_chapter(panel.remedies[name].experiment, panel.plain)

    does = dict(zip(ACTIONS, (load, compare), strict=True))
    multiples(rows, codes, heads=heads, key=_table_key(kind), actions=does)


def _table_key(kind: str) -> str:
    return f"remedies_{kind}"


def _share(run: Run) -> float:
    """Returns how much of the run is trained, 0 to 1."""
    return run.history.n / run.rows


def _codes(remedy: Remedy, run: Run, n: int) -> np.ndarray:
    """Returns the first n rows of the small heatmap."""
    if not n:
        return np.empty((0, remedy.experiment.length), np.uint16)
    rows = _grid(run)[:n]
    return run.history.codes(int(rows[-1]) + 1, run.history.parts.index(remedy.claim.part))[rows]


def _grid(run: Run) -> np.ndarray:
    """Returns the rows of a whole run that its small heatmap shows."""
    return evenly(run.rows, HEAT_ROWS)


def _seen(name: str, panel: Panel, run: Run) -> tuple[Result | None, dict[str, Any]]:
    """Returns the run's result so far and its row of the table (pages/components/small_multiples.py)."""
    position = str(session.pool().queue_position(run))
    known = (run.experiment.key, panel.plain.key, run.history.n, run.status, position)
    return _row(known, name, panel.remedies[name], panel.plain, run)


@st.cache_data(max_entries=256, show_spinner=False)
def _row(
    known: tuple[str, str, int, str, str], name: str, _remedy: Remedy, _plain: Experiment, _run: Run
) -> tuple[Result | None, dict[str, Any]]:
    """Returns the result and the row, cached for all viewers. `known` is the key: all that they depend on."""
    *_, n, status, position = known
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
            "tag": _state(result, status, n / _run.rows, position),
            **(_numbers(result, _remedy, history, n, _run.seconds) if result else {}),
        },
    }


def _networks(result: Result) -> list[str]:
    """Returns one word for each network: dead (NaN), solved, lost (solved once, but not at the end) or open."""
    states = np.where(result.solved_at_end, "solved", np.where(result.solved >= 0, "lost", "open"))
    return np.where(result.diverged >= 0, "dead", states).tolist()


def _numbers(result: Result, remedy: Remedy, h: History, n: int, seconds: float) -> dict[str, str]:
    e, R = remedy.experiment, len(result.solved)
    solved, solved_at_end = int((result.solved >= 0).sum()), int(result.solved_at_end.sum())
    part = f"about {seconds * result.steps / e.steps:.1f} of " if solved and result.done else ""
    return {
        "count": f"{solved} of {R}" + (f", {solved_at_end} at the end" if solved_at_end < solved and result.done else ""),
        "steps": f"{result.steps:,.0f} training steps" if solved else "–",
        "time": f"{part}{seconds:.1f} s",
        "arrives": _before_after(h, n, h.parts.index(remedy.claim.part)),
        "symbol": f"of dL/d{remedy.claim.part}",
    }


def _state(result: Result | None, status: str, share: float, position: str) -> str:
    """Returns the outcome in words, or the progress of the training."""
    if status == "failed":
        return "failed"
    dead = (result.diverged >= 0).sum() if result else 0
    parts = [str(result.outcome)] if result and result.outcome not in (Outcome.OPEN, Outcome.BROKEN) else []
    parts += [f"NaN: {dead} of {len(result.diverged)}"] if result and dead else []
    if parts:
        return ", ".join(parts)
    return f"training {share:.0%}" if status == "training" else position or "waiting"


def _differs(plain: Experiment, e: Experiment) -> str:
    if e == plain:
        cell, init, gain, optimizer, lr = (
            FIELDS[name].words(getattr(e, name)) for name in ("cell", "init", "gain", "optimizer", "lr")
        )
        return f"{cell}, {init} × {gain}, {optimizer} {lr}"
    return re.sub(r" \(was [^()]*(\([^()]*\))?\)", "", difference(plain, e))


def _before_after(h: History, n: int, part: int) -> str:
    """Returns how much of the gradient is left, before training and at the last of the first n rows."""
    return " → ".join(remaining_text(h, row, part) for row in (0, n - 1)) if n else "– → –"


def _details(remedy: Remedy, h: History, n: int, plain: Experiment) -> list[list[str]]:
    e, idea = remedy.experiment, remedy.idea
    details = [["Helps", idea.helps], ["Does not help", idea.fails]]
    if e != plain:
        details.append(["Differs", difference(plain, e)])
    if len(h.parts) > 1:
        shares = [f"of dL/d{part} {_before_after(h, n, i)}" for i, part in enumerate(h.parts)]
        details.append(["Arrives", "; ".join(shares) + f". The heatmap shows dL/d{remedy.claim.part}."])
    return [*details, ["Source", idea.source]]


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


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
