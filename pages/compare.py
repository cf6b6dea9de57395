"""Compare runs: pin one, change one thing, and see both on the same scales; below, the run list of this session."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.run_list import overlay_charts, table
from pages.state import page_settings, session, widgets
from pages.ui import layout, live_run
from rnnkit.analysis.describe import difference
from rnnkit.stories.presets import PAIRS, PRESETS, pair

TITLE = "Compare"
CONTROLS = None
LINKED = {**live_run.LINKED, "compare_when": page_settings.Choice(overlay_charts.WHEN)}
TOUR_TARGETS = {
    **live_run.TOUR_TARGETS,
    "pairs": "compare_pair",
}
SHOWS_RUN = True
READY = (".heatmap[data-rows]", "Training loss")
DRAWING = (".heatmap", "Home", "aria-valuetext")


def page() -> None:
    e, pinned = session.current(), session.pinned()
    layout.opening(
        "What did one change do?",
        "Pin a run, change one thing in the sidebar: both are trained on the same seeds and the same sentences, and drawn on the "
        "same scales. Or take a ready pair:",
    )
    key = _key()
    options: dict[str, Any] = {"default": _shown(), "label_visibility": "collapsed"}
    fit = [title for title in PAIRS if not session.refusal(pair(title)[1])]
    if len(fit) < len(PAIRS):
        st.caption("Some pairs are left out: they would change what this lesson keeps, or are too large for this server.")
    st.pills("Ready pairs", fit, key=key, on_change=_open_pair, args=(key,), **options)
    if pinned is None:
        st.info("Nothing is pinned yet: press **Pin this run** in the sidebar, or choose a pair.", icon=":material/keep:")
    elif pinned == e:
        st.info("This run is pinned. Now change one thing in the sidebar.", icon=":material/keep:")
    else:
        st.markdown(f"#### {difference(pinned, e)}")
    live_run.live(e)
    table.section()
    forgets, omega = PRESETS["forgets"].experiment, pair("Omega")
    layout.try_next(
        layout.Try("**The penalty that helps**: 30 words, with and without Omega.", omega[1], "Compare these two", omega[0]),
        layout.Try(
            "**The same weights, shorter sentences**: pin it, then change the sequence length word by word.",
            forgets,
            pinned=forgets,
        ),
    )


def _shown() -> str | None:
    """Returns the title of the ready pair that is shown, None where it is none."""
    return next((title for title in PAIRS if pair(title) == (session.pinned(), session.current())), None)


def _key() -> str:
    return f"compare_pair~{_shown()}"


def _open_pair(key: str) -> None:
    """Callback of the pairs. Ignores a menu that is no longer shown, as `choose_preset` in session.py explains."""
    title = widgets.value(key)
    if title and key == _key():
        before, after = pair(title)
        session.load(after, pinned=before)


if __name__ == "__main__":  # Streamlit runs this file alone when a deep link is a fresh server's first request
    import dashboard

    dashboard.main()
