"""The stories: every preset, what it shows, and a way to open it in the lab."""

from __future__ import annotations

import streamlit as st

from pages import _session, lab
from rnnkit.presets import PRESETS


def page() -> None:
    st.subheader("Sixteen experiments, each with one thing to see", anchor=False)
    st.markdown("Each trains live in a few seconds. What its text says is checked on fresh seeds by the project's tests.")
    columns = st.columns(2, gap="medium")
    for i, (name, preset) in enumerate(PRESETS.items()):
        with columns[i % 2].container(border=True, key=f"story_{name}"):
            st.markdown(f"**{preset.title}**")
            st.markdown(preset.text)
            if st.button("Open in the lab", key=f"open_{name}", icon=":material/science:"):
                _session.open_preset(name)
                st.switch_page(st.Page(lab.page, title="Lab", default=True))


if __name__ == "__main__":  # see lab.py
    import dashboard

    dashboard.main()
