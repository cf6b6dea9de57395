"""The browser's Back restores the settings from before an experiment was opened on another page.

Opening one (story, pair, remedy, suggestion, run list) begins a new chapter. Within a chapter Back and Forward change the page
alone. Back across its beginning restores the settings and the place in the run of the previous chapter. frame.js stores a
chapter's name with each entry of the browser's history.
"""

from __future__ import annotations

from pages.state import navigation, session, snapshots, viewer_state
from pages.state.viewer_state import Chapters, Snapshot
from rnnkit.experiment import Experiment

MAX_CHAPTERS = 30  # of a session


def _state() -> Chapters:
    return viewer_state.current().chapters


def number() -> int:
    """Returns the number of the present chapter."""
    return _state().present


def name(chapter: int) -> str:
    """Returns a chapter's name in the browser's history, which can hold entries of earlier sessions."""
    return f"{viewer_state.current().id[:8]}-{chapter}"


def begin_chapter(e: Experiment, pinned: Experiment | None = None) -> None:
    """Callback: loads an Experiment, opens the lab and begins a new chapter."""
    before = snapshots.take()
    if not session.load(e, pinned=pinned):
        navigation.go_to(navigation.page())  # it shows why (session.notice)
        return
    _store(before)
    _state().present = max(_state().left) + 1
    navigation.go_to("lab")


def restore_chapter(called: str) -> None:
    """Restores the chapter that the browser went back or forward to. An unknown name changes nothing."""
    state = _state()
    to = next((chapter for chapter in state.left if name(chapter) == called), state.present)
    if to == state.present:
        return
    there = state.left[to]
    _store(snapshots.take())
    if snapshots.restore(there):
        state.present = to


def _store(snapshot: Snapshot) -> None:
    """Stores a snapshot as that of the present chapter."""
    state = _state()
    state.left[state.present] = snapshot
    while len(state.left) > MAX_CHAPTERS:
        del state.left[min(state.left)]
