"""Compare two runs: pin one, change one thing, and see both on the same scales."""

from __future__ import annotations

import streamlit as st

from pages import _layout, _session, lab
from rnnkit.presets import PAIRS, PRESETS, pair
from rnnkit.words import difference

TITLE = "Compare"
CONTROLS = None


def page() -> None:
    e, pinned = _session.current(), _session.pinned()
    _layout.opening(
        "What did one change do?",
        "Pin a run, change one thing in the sidebar: both are trained on the same seeds and the same sentences, and drawn on the "
        "same scales. Or take a ready pair:",
    )
    st.session_state.compare_pair = next((title for title in PAIRS if pair(title) == (pinned, e)), None)
    st.pills("Ready pairs", list(PAIRS), key="compare_pair", on_change=_open_pair, label_visibility="collapsed")
    if pinned is None:
        st.info("Nothing is pinned yet: press **Pin this run** in the sidebar, or choose a pair.", icon=":material/keep:")
    elif pinned == e:
        st.info("This run is pinned. Now change one thing in the sidebar.", icon=":material/keep:")
    else:
        st.markdown(f"#### {difference(pinned, e)}")
    lab.live(e)
    forgets, omega = PRESETS["forgets"].experiment, pair("Omega")
    _layout.try_next(
        _layout.Try("**The penalty that helps**: 30 words, with and without Omega.", omega[1], "Compare these two", omega[0]),
        _layout.Try(
            "**The same weights, shorter sentences**: pin it, then change the sequence length word by word.",
            forgets,
            pinned=forgets,
        ),
    )


def _open_pair() -> None:
    title = st.session_state.compare_pair
    if title:
        before, after = pair(title)
        _session.load(after, pinned=before)


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
