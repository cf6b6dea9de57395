"""The lab: train the network of the sidebar live, and watch its loss, its accuracy, and its gradient through time."""

from __future__ import annotations

import streamlit as st

from pages.state import session
from pages.ui import live_run
from rnnkit.analysis.describe import LABELS, summary
from rnnkit.experiment import Experiment, diff
from rnnkit.stories.presets import PRESETS, named

TITLE = "Lab"
CONTROLS = None
LINKED = live_run.LINKED
POINTS = live_run.POINTS
SHOWS_RUN = True


def page() -> None:
    e = session.current()
    _headline(e)
    live_run.live(e, alone=True)


def _headline(e: Experiment) -> None:
    name = named(e)
    if name:
        st.subheader(PRESETS[name].title, anchor=False)
        st.markdown(PRESETS[name].text)
        return
    st.subheader(summary(e), anchor=False)
    changed = ", ".join(LABELS[name] for name in diff(session.default(), e))
    st.markdown(f"{e.bound_task.about} Your own settings; other than in the first story: {changed}.")


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
