"""The map of the class on the lecturer's screen: every run that a member has trained, as a dot that opens it in the lab."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.room import room_state
from pages.room.page_fragment import page_fragment
from pages.state import session, widgets
from pages.ui import chart_view
from rnnkit.charts import class_map
from rnnkit.charts.class_map import AXES, NOT_TRAINED, Dot
from rnnkit.experiment import FIELDS
from rnnkit.serving.room import Room

POLL_SECONDS = 2.0
TEXT = "The runs of the class by sequence length and by {}: each dot is a run, its colour and shape say what came out"


def draw(room: Room) -> None:
    """Draws the map. It polls the room by itself."""
    with st.container(key="room_map_place"):
        page_fragment(_map, run_every=POLL_SECONDS)(room.name)


def _map(name: str) -> None:
    room = room_state.present()
    if room is None or room.name != name:
        st.rerun()
    dots = [Dot(run.experiment, run.outcome or NOT_TRAINED, len(run.members)) for run in room_state.note_outcomes(room)]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        said = ", ".join(f"{n} {outcome}" for outcome, n in class_map.counts(dots).items())
        st.markdown(
            f"**{len(dots)} {'run' if len(dots) == 1 else 'runs'} of the class**"
            + (f": {said}. Press a dot to open its run." if dots else "")
        )
        axis = st.selectbox(
            "Rows", list(AXES), key="room_axis", format_func=AXES.__getitem__, label_visibility="collapsed", width=220
        )
        if dots:
            st.button("Empty it", key="room_map_clear", on_click=room_state.clear_map)
    if not dots:
        st.markdown("A run comes here by itself when somebody in the room has trained it beyond its first step.")
        return
    low, high = FIELDS["length"].low, session.limits().max_length  # type: ignore[attr-defined]
    table, key = class_map.map_table(dots, axis), room_state.menu(f"room_map_{axis}")
    spec = chart_view.spec(class_map.class_map, low, max(high, low + 1), AXES[axis], table["row"].nunique())
    chart_view.draw(spec, TEXT.format(AXES[axis]), key, {"dots": table}, on_select=partial(_open, key))


def _open(key: str) -> None:
    """Callback of the chart. It gets a new key, so that the same dot can be pressed again."""
    chosen = widgets.value(key, {}).get("selection", {}).get("run") or [{}]
    if run_id := chosen[0].get("id"):
        room_state.open_dot(str(run_id))
