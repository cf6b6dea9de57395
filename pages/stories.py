"""The stories: every preset, what it shows, and a way to open it in the lab."""

from __future__ import annotations

import streamlit as st

from pages.state import session
from pages.ui import layout
from rnnkit.stories.presets import Preset

TITLE = "Stories"
CONTROLS = None


def page() -> None:
    presets = list(session.presets().items())
    st.subheader(f"{len(presets)} experiments, each with one thing to see", anchor=False)
    st.markdown("Each trains live in a few seconds. What its text says is checked on fresh seeds by the project's tests.")
    for i in range(0, len(presets), 2):
        for column, (name, preset) in zip(st.columns(2, gap="medium"), presets[i : i + 2], strict=False):
            with column.container(border=True, key=f"story_{name}", height="stretch"):
                _card(name, preset)


def _card(name: str, preset: Preset) -> None:
    st.markdown(f"**{preset.title}**")
    st.markdown(preset.text)
    layout.open_in_lab("Open in the lab", preset.experiment, key=f"open_{name}")


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
