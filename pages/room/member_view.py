"""What a member of a room sees above every page: the question, their answer, the result, and a button to follow the lecturer."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.room import room_state
from pages.room.page_fragment import page_fragment
from pages.room.questions import RIGHT, WRONG, score, words
from pages.server import polling
from pages.state import session, viewer_state
from rnnkit.analysis.describe import summary
from rnnkit.serving.room import Ballot, Room, Stage


def draw(room: Room) -> None:
    """Draws the member's part. It polls the room by itself."""
    page_fragment(_member)(room.name)


def _member(name: str) -> None:
    """Draws the fragment. It reruns the whole page where the lecturer has gone on or the room has closed."""
    room = room_state.present()
    if room is None or room.name != name or room_state.behind(room):
        st.rerun()
    polls = polling.room_polls()
    with polls.frame(viewer_state.current().id):
        if room_state.look(room):
            _head(room)
            if ballot := room.ballot:
                _question(ballot, room.vote_of(room_state.me()))
            _dealt(room)
        else:
            st.markdown(f"The room **{room.name}** is full. The dashboard works without it.")
            st.button("Leave the room", key="room_leave", on_click=room_state.leave)
    polling.poll_again_after(room_state.interval(), polls)


def _head(room: Room) -> None:
    following, (_, scene) = room_state.follows(room), room.shown()
    text = f"**Room {room.name}**"
    if following and room_state.refused():
        text += " · the lecturer's run cannot be shown here"
    elif following:
        text += " · you follow the lecturer" + (f": *{scene.title}*" if scene and scene.title else "")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="room_head"):
        st.markdown(text, width="stretch")
        label = "Look around" if following else "Follow the lecturer"
        icon = ":material/explore:" if following else ":material/co_present:"
        st.button(label, key="room_follow", icon=icon, on_click=room_state.follow, args=(not following,))
        st.button("Leave", key="room_leave", help="Leave the room; its link brings you back", on_click=room_state.leave)


def _question(ballot: Ballot, mine: int | None) -> None:
    question = ballot.question
    with st.container(key="room_question"):
        st.markdown(words(question, question.text))
    if ballot.stage is Stage.SHOWN:
        st.markdown(_result(ballot, mine))
        if question.notice:
            st.markdown(words(question, question.notice))
        return
    with st.container(horizontal=True, gap="small", key="room_answers"):
        for k, answer in enumerate(question.answers):
            options: dict[str, Any] = {"type": "primary", "icon": ":material/check:"} if k == mine else {"type": "secondary"}
            options |= {"disabled": ballot.stage is Stage.CLOSED, "args": (ballot.number, k)}
            st.button(words(question, answer), key=f"room_vote_{ballot.number}_{k}", on_click=room_state.vote, **options)
    if ballot.stage is Stage.CLOSED:
        st.markdown("The voting is over. Watch what happens.")
    elif mine is not None:
        st.markdown("Your answer counts. You can change it until the result is shown.")


def _result(ballot: Ballot, mine: int | None) -> str:
    question = ballot.question
    yours = "" if mine is None else f"Your answer: **{words(question, question.answers[mine])}**"
    if question.right is None:
        return ". ".join(filter(None, (yours, score(ballot)))) + "."
    right = f"Right: **{words(question, question.answers[question.right])}**"
    if mine is not None:
        yours = f"{RIGHT if mine == question.right else WRONG} {yours}"
    return ". ".join(filter(None, (yours, "" if mine == question.right else right, score(ballot)))) + "."


def _dealt(room: Room) -> None:
    e = room.dealt_to(room_state.me())
    if e is None or e == session.current():
        return
    refused = session.refusal(e)
    options: dict[str, Any] = {"disabled": bool(refused), "help": refused or None, "icon": ":material/model_training:"}
    st.button(f"Train yours: {summary(e)}", key="room_train", on_click=room_state.train_dealt, type="primary", **options)
