"""The lecturer's menu "Deal": everybody in the room trains one of these."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.room import grid, room_state
from pages.state import session
from pages.ui.markdown import plain
from rnnkit.experiment import FIELDS
from rnnkit.fields import ChoiceField

FIRST = {"length": "10, 20, 50, 100", "cell": ["tanh", "lstm", "gru"]}  # that the menu begins with
MAX_MESSAGES = 4


def menu() -> None:
    """Draws the menu."""
    about = "Everybody trains one of these: a grid of experiments, one for each member"
    with st.popover("Deal", icon=":material/grid_view:", help=about, key=room_state.menu("room_deal")):
        st.markdown("**Everybody trains one of these**: the present experiment, with these values of two settings.")
        e = session.current()
        names = [name for name in grid.NAMES if FIELDS[name].fits(e)]
        first = st.selectbox("Setting", names, names.index("length"), key="room_first", format_func=_label)
        left = _values(first)
        others = [name for name in names if name != first]
        at = others.index("cell") if "cell" in others else 0
        second = st.selectbox("And", others, at, key="room_second", format_func=_label)
        right = _values(second)
        if left is None or right is None:
            return
        if e.given:
            st.info("These sentences or weights are yours alone. Choose another task, or draw the weights.")
            return
        dealt, messages = grid.experiments(e, (first, left), (second, right), session.limits())
        for message in messages[:MAX_MESSAGES]:
            st.warning(plain(message))
        options: dict[str, Any] = {"disabled": not dealt, "type": "primary", "on_click": room_state.deal, "args": (dealt,)}
        st.button(f"Deal out {len(dealt)} experiments", key="room_deal_out", **options)
        st.button("Take them back", key="room_deal_back", on_click=room_state.deal, args=([],))


def _label(name: str) -> str:
    return FIELDS[name].label


def _values(name: str) -> list[Any] | None:
    """Draws the values of a field. Returns them, None where they are invalid."""
    spec, key = FIELDS[name], f"room_values_{name}"
    if isinstance(spec, ChoiceField):
        chosen = [value for value in FIRST.get(name, []) if value in spec.choices]
        return st.multiselect("Its values", list(spec.choices), chosen, key=key, format_func=spec.words)
    now = str(FIRST.get(name) or spec.show(getattr(session.current(), name)))
    text = st.text_input("Its values, separated by commas", now, key=key, max_chars=200)
    try:
        return grid.parse(name, text)
    except ValueError as error:
        st.warning(plain(str(error)))
        return None
