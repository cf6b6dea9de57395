"""The stories: every preset as a card with its small picture, which opens it in the lab, under the question that it answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

import streamlit as st

from pages.components.cards import Card, cards
from pages.state import browser_history, page_settings, session
from rnnkit.engine.cells import CELLS
from rnnkit.engine.fixes import FIXES
from rnnkit.stories import pictures
from rnnkit.stories.courses import COURSES, MISCONCEPTIONS, TASKS
from rnnkit.stories.presets import PRESETS, Preset

TITLE = "Stories"
CONTROLS = None
ANY, NONE = "any", "none"


def _remedies(preset: Preset) -> set[str]:
    """Returns the names of its remedies, NONE where it has none."""
    return {fix.name for fix in preset.experiment.fixes} or {NONE}


OFFERED = {  # what the filters offer: what at least one story has
    "cell": [ANY, *(name for name in CELLS if name in {preset.experiment.cell for preset in PRESETS.values()})],
    "remedy": [ANY, *(name for name in (*FIXES, NONE) if name in set().union(*map(_remedies, PRESETS.values())))],
}
LINKED = {f"stories_{what}": page_settings.Choice(options) for what, options in OFFERED.items()}
READY = (".cards[data-cards]",)


def page() -> None:
    presets = session.presets()
    heading = st.container()
    st.markdown(
        "Press one to train it live in the lab. Small: the gradient over time (→) and training (↓), and the accuracy. What the "
        "texts say is checked on fresh seeds by the project's tests."
    )
    shown = _filtered(presets)
    some = "" if len(shown) == len(presets) else f"{len(shown)} of "
    heading.subheader(f"{some}{len(presets)} experiments, each with one thing to see", anchor=False)
    if not shown:
        st.info("No story has this cell and this remedy.", icon=":material/search_off:")
    for i, (question, group) in enumerate(groupby(shown, lambda name: presets[name].question)):
        st.markdown(f"#### {question}")
        items = [_card(name, presets[name]) for name in group]
        cards(items, key=f"stories_{i}", on_open=lambda name: browser_history.begin_chapter(presets[name].experiment))
    st.caption(f"Pictures recorded on {pictures.origin()}.")
    _lectures()


def _lectures() -> None:
    """Draws the lessons of each lecture, folded, and the misconceptions."""
    st.subheader("Lessons for a lecture", anchor=False)
    st.markdown("Links in order, each with a question and what is seen; an assignment and its answer. A link opens a new tab.")
    for course in COURSES:
        with st.expander(course.title):
            rows: list[tuple[str, ...]] = [(_link(it.link, it.ask), it.do, _linked(it.seen)) for it in course.lessons]
            st.markdown(_table(("ask, and open", "do", "what is seen"), rows))
            st.markdown(f"**Assignment.** {_linked(course.assignment)}")
            st.markdown(f"**Answer.** {_linked(course.answer)}")
    with st.expander("Tasks, their sources and the score of a guesser"):
        rows = [(_link(task.link, task.asked), task.source, task.score) for task in TASKS]
        st.markdown(_table(("asked", "source", "score of a guesser, and of the best rule that reads one input"), rows))
    with st.expander("Misconceptions"):
        rows = [(_link(m.link, f"“{m.said}”"), m.true) for m in MISCONCEPTIONS]
        st.markdown(_table(("said", "what is true"), rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _link(address: str, text: str) -> str:
    """Returns a link to a page of this dashboard, also where it does not stand at the root of its server."""
    return f"[{text}]({address.removeprefix('/')})"


def _linked(text: str) -> str:
    """Turns the addresses in a text into links."""
    return re.sub(r"`(/[^`]+)`", lambda match: _link(match[1], match[1].partition("=")[2] or match[1]), text)


def _filtered(presets: dict[str, Preset]) -> list[str]:
    """Draws the filters. Returns the names of the stories that pass both."""
    with st.container(horizontal=True, key="stories_filters"):
        cell = page_settings.selectbox("Cell", OFFERED["cell"], "stories_cell", ANY, format_func=_cell_title, width=220)
        remedy = page_settings.selectbox("Remedy", OFFERED["remedy"], "stories_remedy", ANY, format_func=_remedy_title, width=220)
    return [
        name for name, preset in presets.items() if cell in (ANY, preset.experiment.cell) and remedy in {ANY, *_remedies(preset)}
    ]


def _cell_title(name: str) -> str:
    return CELLS[name].title if name in CELLS else name


def _remedy_title(name: str) -> str:
    return FIXES[name].title if name in FIXES else name


def _card(name: str, preset: Preset) -> Card:
    e = preset.experiment
    picture = pictures.recorded(e)
    shown = [("", picture, e.bound_task.chance)] if picture else []
    return Card(name, preset.title, preset.text, shown, session.refusal(e))


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
