"""The ticked runs of the run list, drawn together: accuracy, loss, and how much of the gradient is left, on common axes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import accumulate, pairwise
from typing import Any

import streamlit as st

from pages.state import page_settings
from pages.state.run_list import RunList
from pages.ui import chart_view
from rnnkit.analysis.gradient_summary import remaining_text
from rnnkit.analysis.learnt import levels
from rnnkit.charts.run_list import COLOURS, DASHES, profile_chart, profile_table, training_chart, training_table
from rnnkit.experiment import Experiment
from rnnkit.export.run_list import Entry
from rnnkit.rounding import amount, percent
from rnnkit.serving.run_pool import Run

LAST, FIRST = "after training", "before training"
WHEN = (LAST, FIRST)
STYLE = """<style>
.shelf-key { display: flex; flex-wrap: wrap; gap: 0.1rem 1.8rem; line-height: 1.5; }
.shelf-key span { display: flex; align-items: center; gap: 0.5rem; overflow-wrap: anywhere; }
.shelf-line { flex: none; display: block; width: 56px; height: 4px; }
</style>"""


def line(place: int | None) -> str:
    """Returns HTML of a run's line as the charts draw it, empty where it is not drawn. Streamlit removes SVG."""
    if place is None:
        return '<i class="shelf-line"></i>'
    ends = [0, *accumulate(DASHES[place])]
    inks = [COLOURS[place], "transparent"] * (len(ends) // 2)
    stops = ", ".join(f"{ink} {start}px {end}px" for ink, (start, end) in zip(inks, pairwise(ends), strict=True))
    return f'<i class="shelf-line" style="background: repeating-linear-gradient(90deg, {stops})"></i>'


def drawing(mine: RunList, runs: Mapping[str, Run]) -> None:
    """Draws the ticked runs together: their key, their curves and their gradient profiles."""
    shown = [(entry, runs[entry.key]) for entry in mine.drawn() if entry.key in runs]
    if not shown:
        if mine.entries:
            st.info("Nothing is drawn: tick **Draw** at a run.", icon=":material/show_chart:")
        return
    key = "".join(f"<span>{line(entry.place)}{escape(entry.name)}{_dead(mine, entry)}</span>" for entry, _ in shown)
    busy = [run for _, run in shown if not run.done and not run.error]
    with st.container(key="shelf_progress", height=56, border=False, vertical_alignment="center"):
        if busy:
            done = sum(run.history.n / run.rows for _, run in shown) / len(shown)
            st.progress(done, text=f"{len(shown) - len(busy)} of {len(shown)} trained to the end")
        else:
            st.markdown(f"**Drawn together**: {len(shown)} of {len(mine.entries)} runs, the median network of each")
    st.html(f'{STYLE}<div class="shelf-key">{key}</div>')
    histories = {entry.place: (entry.name, run.history) for entry, run in shown if entry.place is not None}
    experiments = [run.experiment for _, run in shown]
    with st.container(key="shelf_charts"):
        _curves(histories, experiments)
        _profiles(histories, experiments)


def _dead(mine: RunList, entry: Entry) -> str:
    """Returns " (NaN)" for a run of which most networks are NaN: it has no line."""
    known = mine.outcomes.get(entry.key)
    return " (NaN)" if known and 2 * known.n_diverged > known.networks else ""


def _curves(histories: dict[int, Any], experiments: list[Experiment]) -> None:
    steps = max(e.steps for e in experiments)
    chances = tuple(sorted({level for e in experiments for level in levels(e)}))
    guesses = tuple(("guesser", loss) for loss in sorted({e.guess_loss for e in experiments}))
    charts = {
        "accuracy": ("**Accuracy** on new sequences", chart_view.spec(training_chart, None, "accuracy", steps, chances)),
        "loss": (
            "**Loss** while training",
            chart_view.spec(training_chart, None, "loss", steps, guesses, 2 * max(loss for _, loss in guesses)),
        ),
    }
    for column, (name, (title, spec)) in zip(st.columns(2, gap="medium"), charts.items(), strict=True):
        with column:
            st.markdown(title)
            rows = training_table(histories, name)
            text = f"{name.capitalize()} over {steps} training steps, the last medians: {_last(rows, name)}"
            chart_view.draw(spec, text, f"shelf_{name}", {"rows": rows})
    st.caption(_about_training(experiments))


def _last(rows: Any, name: str) -> str:
    """Returns the newest median of every run in words."""
    form = percent if name == "accuracy" else amount
    newest = rows.drop_duplicates("place", keep="last")
    return ", ".join(f"{run} {form(value)}" for run, value in zip(newest["name"], newest["value"], strict=True))


def _about_training(experiments: list[Experiment]) -> str:
    words = ["Point at a line for its numbers and for the range of its networks."]
    lasting = sorted({e.steps for e in experiments})
    if len(lasting) > 1:
        words.append(f"The runs last {lasting[0]:,} to {lasting[-1]:,} training steps, on one axis.")
    if len({e.task for e in experiments}) > 1:
        words.append("The tasks differ: each run is examined in its own.")
    if len({e.loss for e in experiments}) > 1:
        words.append("The kinds of loss differ: compare their shapes, not their values.")
    if len({e.batch for e in experiments}) > 1:
        words.append("A step does not look at as many sequences in every run.")
    return " ".join(words)


def _profiles(histories: dict[int, Any], experiments: list[Experiment]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**How much of the gradient is left** on its way back from the end", width="content")
        when = page_settings.segmented("When", WHEN, "compare_when", LAST, label_visibility="collapsed")
    rows = profile_table(histories, last=when != FIRST)
    longest = max(e.length for e in experiments)
    arrives = {name: _arrives(h, when) for name, h in histories.values() if h.n}
    remaining = ", ".join(f"{name} {text}" for name, text in arrives.items())
    spec = chart_view.spec(profile_chart, None, longest)
    text = f"Share of the gradient that is left where the answer stands, {when}: {remaining}"
    chart_view.draw(spec, text, "shelf_profile", {"rows": rows})
    about = f"‖dL/dh_t‖, {when}, as a share of what it is at the end: the median network. A triangle: there it leaves the scale."
    lengths = sorted({e.length for e in experiments})
    if len(lengths) > 1:
        about += f" The sequences have {lengths[0]} to {lengths[-1]} steps and end together at the right."
    st.caption(about.replace("_t", r"\_t"))


def _arrives(h: Any, when: str) -> str:
    return remaining_text(h, h.n - 1 if when != FIRST else 0)
