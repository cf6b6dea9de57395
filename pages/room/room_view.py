"""The room of a class on every page, below the header: the lecturer's part, a member's, or that the room has closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.room import lecturer_view, member_view, room_state
from pages.server.streamlit_private import resolve

STYLE = resolve(Path(__file__).with_suffix(".css").read_text("utf-8"))


def draw(tour: Callable[[], bool]) -> bool:
    """Draws the room, and with `tour` the tour below it, which may take the page away. Returns whether the page is shown."""
    with st.container(key="lesson", gap="small"):
        place = st.container(key="room_place", gap=None)  # also without a room, or the page would move
        uncovered = tour()
        room = room_state.present()
        if room is None and not room_state.closed():
            return uncovered
        with place:
            st.html(f"<style>{STYLE}</style>")
            with st.container(key="room_panel", gap="xsmall"):
                if room is None:
                    _closed(room_state.closed())
                elif room_state.teaches(room):
                    lecturer_view.draw(room)
                else:
                    member_view.draw(room)
        covered = room is not None and room_state.covered(room)
        with st.container(key="room_cover"):
            if covered:
                st.markdown("# ?\n\nWhat do you expect?")
        return uncovered and not covered


def _closed(name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"The room **{name}** is closed. The dashboard works on without it.", width="stretch")
        st.button("All right", key="room_noticed", on_click=room_state.take_notice)
