"""Two parts of the page Sentence about many sentences: which unit remembers the subject, and where the network breaks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from pages.state import page_settings
from pages.ui import chart_view, layout, study_view
from rnnkit.charts import agreement as charts
from rnnkit.charts.style import BLUE, GREY, INK, VIOLET, WARM
from rnnkit.engine.cells import CELLS
from rnnkit.experiment import Experiment
from rnnkit.results.ablation import Ablation
from rnnkit.results.generalization import Generalization
from rnnkit.rounding import percent
from rnnkit.tasks import require
from rnnkit.tasks.agreement import Agreement

MIN_UNIT_ACCURACY = 0.95  # from which a unit counts as one that tells the number
MIN_NETWORK_ACCURACY = 0.6  # below which the network guesses
LINKED = {"sentence_off": page_settings.Several(page_settings.Number(0, 2047), 256)}


def one(e: Experiment) -> Experiment:
    """Returns the Experiment in the form in which all viewers of its network 0 at the same training step share one answer."""
    return e.of_any_length


# ---- which unit remembers ----


def off(e: Experiment) -> list[int]:
    """Returns the units of this network that are switched off."""
    return [unit for unit in page_settings.value("sentence_off", []) if unit < e.hidden]


def units(e: Experiment, step: int) -> None:
    """Draws how much each unit tells about the number, and the accuracy without the units that are switched off."""
    st.markdown("#### Which unit remembers?")
    page_settings.multiselect(
        "Switched off",
        range(e.hidden),
        "sentence_off",
        format_func=lambda unit: f"unit {unit}",
        max_selections=LINKED["sentence_off"].max_values,
        placeholder="none; choose units, or switch off the best one below",
        help="Nobody reads such a unit any more: its rows of $W_{rec}$ and $W_{out}$ are 0. The rest is the network without it.",
    )
    study_view.computed("ablation", one(e), partial(_ranking, e, off(e)), step=step, off=off(e))


def _ranking(e: Experiment, gone: list[int], parts: list[Ablation], done: bool) -> None:
    f = parts[-1]
    left, right = st.columns([3, 2], gap="large")
    with left:
        chart_view.legend(
            ("bar", INK, "what this unit tells alone, by one threshold"), ("dot", WARM, "the network without this unit")
        )
        table = charts.units_table(f, gone)
        chart_view.draw(chart_view.spec(charts.units_chart, None), charts.units_text(table), "sentence_units", {"rows": table})
        state = " or ".join(f.parts)
        st.caption(
            f"The best {len(f.best)} of {e.hidden} units. Alone: plural if {state} at the last word is above (or below) a "
            f"threshold, fitted on {f.sentences} held-out sentences and scored on {f.sentences} others."
        )
    with right:
        st.metric("Accuracy with all units", percent(f.accuracy, 1), border=True)
        change = f"{100 * (f.without - f.accuracy):+.1f} points" if gone else None
        st.metric(f"Accuracy with {len(gone) or 'none'} switched off", percent(f.without, 1), change, border=True)
        _switches(f, gone)
        st.caption(_shared(f))


def _switches(f: Ablation, gone: list[int]) -> None:
    rest = [int(unit) for unit in f.best if unit not in gone]
    with st.container(horizontal=True):
        label = f"Switch off unit {rest[0]}" if rest else "All of these are off"
        options: dict[str, Any] = {
            "icon": ":material/power_settings_new:",
            "help": "The best one that is still on.",
            "disabled": not rest,
        }
        best = st.button(
            label, key="sentence_best", on_click=page_settings.choose, args=("sentence_off", [*gone, *rest[:1]]), **options
        )
        all_on = st.button(
            "All on", key="sentence_all_on", on_click=page_settings.choose, args=("sentence_off", []), disabled=not gone
        )
    if best or all_on:
        st.rerun()  # the whole page, which reads the sentence again


def _shared(f: Ablation) -> str:
    """Returns in words how many units hold the number."""
    if f.accuracy < MIN_NETWORK_ACCURACY:
        return "The network guesses: there is nothing to lose."
    good = int((np.asarray(f.alone).max(0) >= MIN_UNIT_ACCURACY).sum())
    units_text = "1 unit tells" if good == 1 else f"{good} units tell"
    return (
        f"{units_text} the number alone in {percent(MIN_UNIT_ACCURACY)} of the sentences or more. "
        f"Whichever of those shown is switched off alone, the network is right in at least {percent(float(np.min(f.lost)), 1)}."
    )


# ---- where it breaks ----


def breaks(e: Experiment, step: int) -> None:
    """Draws the accuracy by distance, attractors and place of the subject, and the gradient at the subject."""
    st.markdown("#### Where does it break?")
    chart_view.legend(
        ("line", INK, "network"),
        ("dotted", INK, "network, attractors of the same number"),
        ("dashed", WARM, "last noun"),
        ("dashed", VIOLET, "opposite of the last noun"),
        ("dashed", BLUE, "any plural seen"),
        ("dashed", GREY, "chance"),
    )
    study_view.computed("generalization", one(e), partial(_curves, e), step=step)


def _curves(e: Experiment, parts: list[Generalization], done: bool) -> None:
    f, task = parts[-1], require(Agreement, e.task)
    distance, trained = "words between subject and verb", None if task.varying else e.length - 3
    name = CELLS[e.cell].memory_name
    shown: list[tuple[str, Callable[[], None]]] = [
        ("Accuracy by distance", lambda: _accuracy(f, "distance", distance, trained, done)),
        (f"‖dL/d{name}‖ that reaches the subject, as a share of the last word's", lambda: _reach(f, distance, trained, done)),
        ("Accuracy by attractors", lambda: _accuracy(f, "attractors", "attractors in the clause", None, done)),
    ]
    if task.varying:
        before = "words before the subject"
        shown.append(("Accuracy by place of the subject", lambda: _accuracy(f, "place", before, None, done)))
    for pair in (shown[:2], shown[2:]):
        for column, (title, draw) in zip(st.columns(2, gap="large"), pair, strict=False):
            with column:
                st.markdown(f"**{title}**")
                draw()
    custom = "half of the nouns in the clause have a number" if task.attractors else "no noun in the clause has a number"
    second = " and the subject is the second word" if task.varying else ""
    layout.caption(
        f"About {max(f.sentences)} new sentences a point, with the 95 % interval (Wilson). By distance and place: {custom}, "
        f"as in training{second}. By attractors: sentences of {e.length} words in which exactly so many nouns have a "
        "number, all the opposite of the subject's (line) or all the subject's own (dotted); simple rules are drawn for the "
        "opposite. The last noun is the last one that has a number: without attractors, the subject itself."
    )


def _accuracy(f: Generalization, kind: str, title: str, trained: float | None, done: bool) -> None:
    spec, table = chart_view.spec(charts.accuracy_chart, None, kind, title, trained), charts.breaks_table(f, kind)
    _points(spec, table, charts.accuracy_text, f"Accuracy by {title}", title, f"sentence_by_{kind}", done)


def _reach(f: Generalization, title: str, trained: float | None, done: bool) -> None:
    spec, table = chart_view.spec(charts.reach_chart, None, title, trained), charts.reach_table(f)
    _points(spec, table, charts.reach_text, f"Gradient at the subject by {title}", title, "sentence_reach", done)


def _points(spec: dict[str, Any], table: Any, text: Callable[..., str], about: str, title: str, key: str, done: bool) -> None:
    """Draws the points found so far. Without any it leaves an empty place of the chart's height, as the axis has no domain."""
    if table.empty:
        st.container(height=spec["height"], border=False).caption("There is no number to draw." if done else "Being computed")
        return
    chart_view.draw(spec, text(table, title) if done else f"{about}: being computed", key, {"rows": table})
