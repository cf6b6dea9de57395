"""What the browser's Back brings back: the settings from before an experiment was opened on another page.

What opens one (stories, pairs, remedies, suggestions, the shelf) begins a new chapter. Within a chapter Back and Forward change
the page alone. Back across its beginning brings back the settings and the place in the run of the chapter before. frame.js keeps
a chapter's name with each entry of the browser's history.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from pages.state import session
from pages.state.playback import Playback
from rnnkit.experiment import Experiment

MAX_CHAPTERS = 30  # that a session keeps


@dataclass(frozen=True)
class Settings:
    """All that a viewer has set, and the place in the run."""

    experiment: Experiment
    pinned: Experiment | None
    memory: dict[str, Any]  # of the sidebar's controls
    playback: Playback
    chosen: dict[str, Any]  # of the pages' own settings (page_settings.py)


def number() -> int:
    return st.session_state.get("chapter", 0)


def name(chapter: int) -> str:
    """In the browser's history, which can hold entries of sessions before."""
    return f"{st.session_state.viewer[:8]}-{chapter}"


def set_out(e: Experiment, pinned: Experiment | None = None) -> None:
    """Callback: loads an Experiment that is then looked at on another page."""
    before = _settings()
    if session.load(e, pinned=pinned):
        st.session_state.left_behind = before


def leaving() -> bool:
    """Whether something was loaded that is looked at on another page."""
    return "left_behind" in st.session_state


def arrive() -> None:
    """Just before the page is switched: a new chapter begins, where something was loaded."""
    state = st.session_state
    if before := state.pop("left_behind", None):
        _keep(before)
        state.chapter = max(_kept()) + 1


def turn_back(called: str) -> None:
    """The browser went back or forward into another chapter; one that is not known any more changes nothing."""
    state = st.session_state
    to = next((chapter for chapter in _kept() if name(chapter) == called), number())
    if to == number():
        return
    there = _kept()[to]
    _keep(_settings())
    session.pin(None)
    if session.load(there.experiment, play=False, pinned=there.pinned):
        state.chapter, state.memory, state.chosen = to, copy.deepcopy(there.memory), dict(there.chosen)
        state.playback = replace(there.playback, clock=None, moves=there.playback.moves + 1)


def _settings() -> Settings:
    state, pinned = st.session_state, session.pinned()
    return Settings(session.current(), pinned, copy.deepcopy(state.memory), replace(state.playback), dict(state.chosen))


def _kept() -> dict[int, Settings]:
    return st.session_state.setdefault("chapters", {})


def _keep(settings: Settings) -> None:
    """As those of the present chapter."""
    chapters = _kept()
    chapters[number()] = settings
    while len(chapters) > MAX_CHAPTERS:
        del chapters[min(chapters)]
