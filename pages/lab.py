"""The lab: train the network of the sidebar live, and watch its loss, its accuracy, and its gradient through time."""

from __future__ import annotations

import re

import streamlit as st

from pages.state import session
from pages.ui import live_run
from rnnkit import glossary
from rnnkit.analysis.describe import summary
from rnnkit.experiment import FIELDS, Experiment, diff
from rnnkit.stories.presets import PRESETS, named

TITLE = "Lab"
CONTROLS = None
LINKED = live_run.LINKED
TOUR_TARGETS = live_run.TOUR_TARGETS
SHOWS_RUN = True
READY = (".heatmap[data-rows]", "Training loss")
STYLE = """<style>
.st-key-headline { flex-wrap: nowrap; }
.st-key-headline > :first-child { min-width: 0; flex-shrink: 1; }
@media (min-width: 641px) { .st-key-headline > :first-child { flex: none; max-width: 60%; } }
.st-key-headline_text { min-width: 0; }
.st-key-headline_text p { overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; margin: 0;
  line-height: 1.15; }
@media (max-width: 640px) { .st-key-headline_text { display: none; } }
</style>"""
FIRST_SENTENCE = re.compile(r"(?<=[.!?]) ")
DRAWING = (".heatmap", "Home", "aria-valuetext")


def page() -> None:
    e = session.current()
    _headline(e)
    live_run.live(e, alone=True)


def _headline(e: Experiment) -> None:
    """Draws the title and, beside it, the first sentence of its text. The whole text unfolds."""
    st.html(STYLE)
    if name := named(e):
        title, text = PRESETS[name].title, PRESETS[name].text
    else:
        changed = ", ".join(FIELDS[name].label for name in diff(session.default(), e))
        title, text = summary(e), f"{e.bound_task.about} Your own settings; other than in the first story: {changed}."
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="headline"):
        st.subheader(title, anchor=False, width="content")
        with st.container(key="headline_text", width="stretch"):
            st.markdown(FIRST_SENTENCE.split(text)[0])
        with st.popover("", icon=":material/more_horiz:", help="The whole text"):
            st.markdown(glossary.marked(text))


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
