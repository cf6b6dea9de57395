"""What the lecturer of a room sees above every page: the link, the question, how many have voted, and the result."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components.qr_code import qr_code
from pages.room import grid_view, map_view, room_state
from pages.room.page_fragment import page_fragment
from pages.room.questions import RIGHT, score, share, words
from pages.state import view_options, widgets
from pages.ui import share as sharing
from pages.ui.markdown import plain
from rnnkit.serving.room import MAX_ANSWER_CHARS, MAX_ANSWERS, MAX_QUESTION_CHARS, Ballot, Room, Stage

POLL_SECONDS = 1.0  # of the lecturer's screen alone


def draw(room: Room) -> None:
    """Draws the lecturer's part. What the class does is polled."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="room_row"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="room_bar", width="content"):
            st.markdown(f"**Room {room.name}**", width="content")
            _join(room)
            _ask()
            grid_view.menu()
            shown = st.toggle("Map", key="room_map_on", help="The runs of the class, each as a dot")
            about = "Everybody is told that the room is closed; nothing of it is kept."
            st.button("Close", key="room_close", icon=":material/close:", help=about, on_click=room_state.close)
        with st.container(key="room_class", gap="xsmall"):
            page_fragment(_class, run_every=POLL_SECONDS)(room.name, [])
    if shown:
        map_view.draw(room)


def _join(room: Room) -> None:
    link = sharing.reachable(room_state.address(room))
    with st.popover("Join", icon=":material/qr_code_2:", help="The link of the room and its QR code", key="room_join"):
        with st.container(key="room_code"):
            st.markdown(f"**{room.name}**")
            qr_code(link, key="room_qr_code")
        st.code(link, language=None, wrap_lines=True)
        sharing.say_where(link)
        st.caption("No names, no sign-in. To see what a phone shows, open the link in a private window.")


def _ask() -> None:
    with st.popover("Ask", icon=":material/contact_support:", help="A question of your own", key=room_state.menu("room_ask")):
        with st.form("room_form", border=False, enter_to_submit=False):
            st.text_input("Question", key="room_text", max_chars=MAX_QUESTION_CHARS)
            longest = MAX_ANSWERS * (MAX_ANSWER_CHARS + 1)
            st.text_area(f"Answers, one a line, 2 to {MAX_ANSWERS}", key="room_lines", max_chars=longest)
            numbers: list[int | None] = [None, *range(1, MAX_ANSWERS + 1)]
            st.selectbox("Right answer", numbers, key="room_right", format_func=lambda n: str(n or "none is marked"))
            st.form_submit_button("Ask the class", on_click=_submit, type="primary")
        if trouble := room_state.trouble():
            st.warning(plain(trouble))


def _submit() -> None:
    right = widgets.value("room_right")
    room_state.ask(widgets.value("room_text", ""), widgets.value("room_lines", ""), None if right is None else right - 1)


# ---- what the class does ----


def _class(name: str, drawn: list[bool]) -> None:
    """Draws the fragment. drawn: empty in the full rerun, which publishes once the page has been drawn."""
    room = room_state.present()
    if room is None or room.name != name:
        st.rerun()
    room_state.look(room)
    room_state.take_station(room)
    if drawn:
        room_state.publish(room)
    drawn.append(True)
    here, following = room.present()
    if ballot := room.ballot:
        _ballot(ballot, here)
    else:
        st.markdown(f"**{here}** here, **{following}** follow your screen")


def _ballot(ballot: Ballot, here: int) -> None:
    question = ballot.question
    shown = ballot.stage is Stage.SHOWN
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="room_asked"):
        asked = "" if question.station else f"{words(question, question.text)} · "  # the tour's panel shows its own
        count = f"**{score(ballot)}**" if shown else f"**{ballot.total}** of {here} have voted"
        st.markdown(asked + count, width="stretch")
        if not question.station:
            _buttons(shown)
    if shown:
        columns = st.columns(2 if view_options.presenting() else min(3, len(question.answers)), gap="medium")
        for k, answer in enumerate(question.answers):
            mark = f"{RIGHT} " if k == question.right else ""
            text = f"{mark}{words(question, answer)} · {ballot.counts[k]} ({share(ballot, k):.0%})"
            columns[k % len(columns)].progress(share(ballot, k), text=text)


def _buttons(shown: bool) -> None:
    options: dict[str, Any] = {"key": "room_done", "on_click": room_state.end_question}
    if shown:
        st.button("Take it away", **options)
    else:
        st.button("Show the result", key="room_show", on_click=room_state.show_result, type="primary")
